"""The audit chain and the tree over its heads: nothing can be changed, moved or cut unnoticed."""

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.domain import anchors, chains, merkle

TEXT = st.text(max_size=12)
DIGEST = st.binary(min_size=32, max_size=32)
ENTRIES = st.builds(
    chains.Entry,
    tenant=TEXT,
    chain=TEXT,
    event=TEXT,
    subject=TEXT,
    id=TEXT,
    revision=st.integers(0, 2**31),
    at_ms=st.integers(0, 2**47),
    content_hash=st.one_of(st.just(b""), DIGEST),
    document_hash=st.one_of(st.just(b""), DIGEST),
)
HEADS = st.builds(chains.Head, tenant=TEXT, chain=TEXT, sequence=st.integers(0, 2**62), hash=DIGEST)
START = chains.Head(tenant="demo", chain="s0.0", sequence=0, hash=chains.GENESIS)


def chain_of(entries: list[chains.Entry]) -> list[chains.Link]:
    """Return the entries as a sound chain."""
    links: list[chains.Link] = []
    previous = chains.GENESIS
    for sequence, entry in enumerate(entries, 1):
        digest = chains.link_hash(previous, sequence, chains.canonical(entry))
        links.append(chains.Link(entry=entry, sequence=sequence, previous_hash=previous, hash=digest))
        previous = digest
    return links


def first_break(links: list[chains.Link]) -> tuple[int, chains.Break] | None:
    """Return the place and kind of the first break of a walk, None when there is none."""
    at = START
    for place, link in enumerate(links):
        found = chains.check(at, link)
        if found is not None:
            return place, found
        at = chains.Head(tenant=at.tenant, chain=at.chain, sequence=link.sequence, hash=link.hash)
    return None


@given(st.lists(ENTRIES, max_size=8))
def test_a_chain_built_by_the_rule_has_no_break(entries: list[chains.Entry]) -> None:
    """Whatever the entries say, a chain linked as documented is walked to its end."""
    assert first_break(chain_of(entries)) is None


@given(st.lists(ENTRIES, min_size=1, max_size=6), st.data())
def test_changing_any_field_of_any_entry_breaks_its_own_link(
    entries: list[chains.Entry], data: st.DataObject
) -> None:
    """A rewritten entry is found where it stands, whichever of its fields was touched."""
    links = chain_of(entries)
    place = data.draw(st.integers(0, len(links) - 1))
    field = data.draw(st.sampled_from(chains.Entry.__struct_fields__))
    old = getattr(links[place].entry, field)
    new = {int: lambda: old + 1, str: lambda: old + "x", bytes: lambda: hashlib.sha256(old).digest()}[
        type(old)
    ]()
    forged = msgspec.structs.replace(links[place].entry, **{field: new})
    links[place] = msgspec.structs.replace(links[place], entry=forged)
    assert first_break(links) == (place, "hash")


@given(st.lists(ENTRIES, min_size=2, max_size=6, unique_by=chains.canonical), st.data())
def test_a_link_taken_out_is_a_gap_where_it_was(entries: list[chains.Entry], data: st.DataObject) -> None:
    """Deleting an entry from the middle or the beginning shows as a gap at that place."""
    links = chain_of(entries)
    place = data.draw(st.integers(0, len(links) - 2))
    del links[place]
    assert first_break(links) == (place, "gap")


@given(st.lists(ENTRIES, min_size=2, max_size=6), ENTRIES)
def test_a_rehashed_link_breaks_the_next(entries: list[chains.Entry], other: chains.Entry) -> None:
    """Someone who also recomputes an entry's hash is caught by the entry behind it."""
    links = chain_of(entries)
    digest = chains.link_hash(chains.GENESIS, 1, chains.canonical(other))
    links[0] = msgspec.structs.replace(links[0], entry=other, hash=digest)
    same = chains.canonical(other) == chains.canonical(entries[0])
    assert first_break(links) == (None if same else (1, "previous_hash"))


def test_canonical_bytes_are_those_documented() -> None:
    """Anyone can recompute a chain from the documentation alone: the bytes never change."""
    entry = chains.Entry(
        tenant="demo",
        chain="s0.0",
        event="claim.recorded",
        subject="فاحص",
        id="i",
        revision=1,
        at_ms=5,
        content_hash=b"\x01",
    )
    expected = '["demo","s0.0","claim.recorded","فاحص","i",1,5,"01",""]'.encode()
    assert chains.canonical(entry) == expected
    digest = hashlib.sha256(bytes(32) + bytes(7) + b"\x01" + expected).digest()
    assert chains.link_hash(chains.GENESIS, 1, expected) == digest


@given(st.binary(max_size=20), st.binary(max_size=20), st.binary(max_size=20), st.integers(1, 5))
def test_bytes_cannot_shift_between_documents(
    claim: bytes, decision: bytes, received: bytes, by: int
) -> None:
    """Moving the border between two documents gives another digest although the bytes are the same."""
    told = chains.document_hash(claim, decision, received)
    joined = claim + decision
    moved = min(len(claim) + by, len(joined))
    if moved != len(claim):
        assert chains.document_hash(joined[:moved], joined[moved:], received) != told
    assert chains.document_hash(claim, decision, received + b"x") != told


@given(st.lists(HEADS, max_size=9, unique_by=lambda head: (head.tenant, head.chain)), st.randoms())
def test_the_root_does_not_depend_on_the_order_heads_come_in(
    heads: list[chains.Head], random: object
) -> None:
    """Two processes that list the same heads differently agree on the root."""
    shuffled = list(heads)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert merkle.root_of(shuffled) == merkle.root_of(heads)


@given(st.lists(HEADS, min_size=1, max_size=9, unique_by=lambda head: (head.tenant, head.chain)), st.data())
def test_the_root_changes_with_any_head(heads: list[chains.Head], data: st.DataObject) -> None:
    """One chain grown, forged or left out changes the one value that stands for them all."""
    root = merkle.root_of(heads)
    place = data.draw(st.integers(0, len(heads) - 1))
    grown = msgspec.structs.replace(heads[place], sequence=heads[place].sequence + 1)
    forged = msgspec.structs.replace(heads[place], hash=hashlib.sha256(heads[place].hash).digest())
    for other in ([grown], [forged], []):
        assert merkle.root_of([*heads[:place], *other, *heads[place + 1 :]]) != root


def test_names_of_tenant_and_chain_cannot_run_into_each_other() -> None:
    """Tenant `ab` with chain `c` is not tenant `a` with chain `bc`."""
    one = chains.Head(tenant="ab", chain="c", sequence=1, hash=chains.GENESIS)
    two = chains.Head(tenant="a", chain="bc", sequence=1, hash=chains.GENESIS)
    assert merkle.leaf(one) != merkle.leaf(two)


def sha(data: bytes) -> bytes:
    """Return a SHA-256 digest."""
    return hashlib.sha256(data).digest()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5])
def test_the_tree_is_that_of_rfc_6962(count: int) -> None:
    """Roots of small trees, written out by hand, split at the largest power of two below the count."""
    a, b, c, d, e = (sha(bytes([number])) for number in range(5))
    ab, cd = sha(b"\x01" + a + b), sha(b"\x01" + c + d)
    five = sha(b"\x01" + sha(b"\x01" + ab + cd) + e)
    roots = {0: sha(b""), 1: a, 2: ab, 3: sha(b"\x01" + ab + c), 5: five}
    assert merkle.root([a, b, c, d, e][:count]) == roots[count]


@given(st.lists(HEADS, max_size=6, unique_by=lambda head: (head.tenant, head.chain)), st.integers(0, 2**47))
def test_an_anchor_gives_back_the_heads_it_was_made_of(heads: list[chains.Head], at_ms: int) -> None:
    """What is kept outside the database is enough to hold the chains against later."""
    document = anchors.encode(at_ms, heads)
    tenants = {head.tenant for head in heads}
    assert anchors.by_chain(document, tenants) == {(head.tenant, head.chain): head for head in heads}
    assert anchors.by_chain(document, ()) == {}


def test_without_an_anchor_nothing_is_anchored() -> None:
    """A platform that has just begun has no anchored head to be held against."""
    assert anchors.by_chain(None, {"demo"}) == {}
