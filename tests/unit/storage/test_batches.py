"""A batch as arguments of the schema: what is chained, what is picked, how columns travel."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import storage_support as support
from chassis import testing as chassis_testing
from storage.domain import chains, records, traces
from storage.inbound import converters
from storage.outbound import batches

GENESIS = (0, bytes(32))
ITEM = 19  # the texts of an item


def batch_of(*tenants: str, keys: tuple[str, ...] = ()) -> records.Batch:
    """Return a batch of one claim per tenant, each with a body of its own."""
    built = support.Batch()
    for number, tenant in enumerate(tenants):
        history = ((number.to_bytes(12), 20_000 + number, 10_000, b"m" * 12 if number % 2 else b""),)
        key = keys[number] if keys else ""
        built.add(f"C-{number}", tenant=tenant, key=key, lines=2, history=history)
    submission = converters.submission(built.request, chassis_testing.ManualClock())
    names = [f"00000000-0000-7000-8000-{number:012}" for number in range(len(tenants))]
    bodies = [
        records.Body(name.replace("-8000-", "-9000-"), tenant, [b"x"])
        for name, tenant in zip(names, tenants, strict=True)
    ]
    return records.Batch(
        chain="s0.0",
        ids=names,
        at_ms=[1_000 + number for number in range(len(tenants))],
        submission=submission,
        document_hashes=[bytes([number]) * 32 for number in range(len(tenants))],
        entries=[f"entry {number}".encode() for number in range(len(tenants))],
        places=[records.Place(body.id, None, 0, 3, 4, 5, "application/json") for body in bodies],
        bodies=bodies,
    )


def contents_of(batch: records.Batch) -> dict[str, bytes]:
    """Return contents for the bodies of a batch."""
    return {body.id: body.id.encode() for body in batch.bodies}


def test_each_tenants_entries_follow_its_own_head():
    """Sequences count per tenant, each hash binds the one before, and the last ones are the new heads."""
    batch = batch_of("demo", "other", "demo")
    heads = {"demo": (7, b"d" * 32), "other": GENESIS}
    arguments, after = batches.arguments(batch, contents_of(batch), heads)
    first = chains.link_hash(b"d" * 32, 8, b"entry 0")
    second = chains.link_hash(first, 9, b"entry 2")
    other = chains.link_hash(bytes(32), 1, b"entry 1")
    assert after == {"demo": (9, second), "other": (1, other)}
    assert arguments[:4] == [
        '{"demo","other"}', "s0.0", "{7, 0, 9, 1}", b"d" * 32 + second + bytes(32) + other,
    ]  # fmt: skip
    assert heads == {"demo": (7, b"d" * 32), "other": GENESIS}


def test_prints_hold_key_hashes_and_links_of_each_item():
    """Key, content, document, previous hash and hash follow each other without a gap."""
    batch = batch_of("demo", "demo")
    prints = batches.arguments(batch, contents_of(batch), {"demo": GENESIS})[0][5]
    assert len(prints) == 144 * 2
    item = batch.submission.items[1]
    assert prints[144:160] == item.key
    assert prints[160:192] == item.content_hash
    assert prints[192:224] == batch.document_hashes[1]
    assert prints[224:256] == prints[112:144] == chains.link_hash(bytes(32), 1, b"entry 0")
    assert prints[256:] == chains.link_hash(prints[224:256], 2, b"entry 1")


def test_numbers_come_column_after_column_and_texts_row_after_row():
    """Tenants and bodies are named by their numbers, an item by its place from 1."""
    batch = batch_of("other", "demo")
    arguments, _ = batches.arguments(batch, contents_of(batch), {"demo": GENESIS, "other": GENESIS})
    numbers = [int(number) for number in arguments[6].strip("{}").split(", ")]
    assert len(numbers) == 22 * 2
    assert numbers[:16] == [2, 1, 1_000, 1_001, 1, 2, 0, 0, 3, 3, 4, 4, 5, 5, 1, 1]
    rows = [row.split(batches.VALUE) for row in arguments[8].split(batches.ROW)]
    assert [len(row) for row in rows] == [ITEM, ITEM]
    assert [row[:4] for row in rows] == [
        ["biller@example.org", "application/json", "", f"C-{number}"] for number in range(2)
    ]
    lines = [int(number) for number in arguments[9].strip("{}").split(", ")]
    assert lines[:8] == [1, 1, 2, 2, 1, 2, 1, 2]
    assert arguments[18:20] == ["{2, 1}", list(contents_of(batch).values())]


def test_what_a_lone_claim_has_one_of_goes_out_as_it_is() -> None:
    """Its body and what it leaves are arguments by themselves; of several claims they are lists."""
    one, two = batch_of("demo"), batch_of("demo", "other")
    alone, _ = batches.arguments(one, contents_of(one), {"demo": GENESIS})
    many, _ = batches.arguments(two, contents_of(two), {"demo": GENESIS, "other": GENESIS})
    assert batches.statement(one) == batches.ALONE
    assert batches.statement(two) == batches.RECORD
    assert (alone[19], alone[21]) == (many[19][0], many[21][0])
    place = msgspec.structs.replace(one.places[0], body=None, object=bytes(32))
    apart = msgspec.structs.replace(one, bodies=[], places=[place])
    assert batches.statement(apart) == batches.RECORD
    assert batches.arguments(apart, {}, {"demo": GENESIS})[0][19] == []


def test_a_missing_mark_is_told_apart_from_one_of_zeros():
    """History's last column says which rows have a mark; the others are filled up."""
    batch = batch_of("demo", "demo")
    arguments, _ = batches.arguments(batch, contents_of(batch), {"demo": GENESIS})
    assert [int(number) for number in arguments[15].strip("{}").split(", ")][-2:] == [0, 1]
    assert arguments[16] == bytes(12) + bytes(12) + (1).to_bytes(12) + b"m" * 12


def test_what_is_left_for_patients_goes_item_by_item_and_for_others_row_by_row():
    """An item without a patient leaves NULL; days stand in the last columns, NULL where there are none."""
    built = support.Batch()
    built.add("C-0", history=((b"k" * 12, 7, 1, b"", b""), (b"a" * 12, 9, 1, b"", b"p" * 12)))
    built.add("C-1", patient_key="").add("C-2")
    submission = converters.submission(built.request, chassis_testing.ManualClock())
    batch = msgspec.structs.replace(batch_of("demo", "demo", "demo"), submission=submission)
    arguments, _ = batches.arguments(batch, contents_of(batch), {"demo": GENESIS})
    named = traces.name("demo", "a2b4c6d8e0f2")
    assert arguments[20] == f"{{{named},NULL,{named}}}"
    assert [told is None for told in arguments[21]] == [False, True, False]
    none = records.NO_INT
    numbers = [int(number) for number in arguments[6].strip("{}").split(", ")]
    assert numbers[-6:] == [7, none, none, 7, none, none]
    assert arguments[22:24] == ["{1, 9, 9}", f"{{{traces.name('demo', traces.other(b'p' * 12))}}}"]
    [left] = arguments[24]
    assert left.endswith((1).to_bytes(8) + (9).to_bytes(4) + (2).to_bytes(4))
    assert (arguments[15], arguments[16]) == ("{}", b"")


def test_a_picked_batch_keeps_what_its_items_need():
    """Bodies without an item are left out, and everything of an item stays with it."""
    picked = batch_of("demo", "other", "demo").pick([2])
    assert [item.tenant for item in picked.submission.items] == ["demo"]
    assert (picked.entries, picked.at_ms) == ([b"entry 2"], [1_002])
    assert [body.id for body in picked.bodies] == [picked.places[0].body]


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=8))
def test_every_item_is_a_first_or_a_repeat_of_one(keys: list[str]):
    """Firsts are distinct and in order; a repeat names the earliest item with its key."""
    items = batch_of(*["demo"] * len(keys), keys=tuple(keys)).submission.items
    firsts, repeats = records.firsts(items)
    assert sorted([*firsts, *repeats]) == list(range(len(items)))
    assert [keys[first] for first in firsts] == list(dict.fromkeys(keys))
    assert all(keys[place] == keys[first] and first < place for place, first in repeats.items())


@pytest.mark.parametrize("tenants", [("demo", "other"), ("other", "demo")])
def test_the_same_key_of_two_tenants_is_no_repeat(tenants: tuple[str, str]):
    """Keys are a tenant's own."""
    items = batch_of(*tenants, keys=("same", "same")).submission.items
    assert records.firsts(items) == ([0, 1], {})
