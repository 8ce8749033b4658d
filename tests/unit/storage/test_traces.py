"""What claims leave for the parties of later ones, packed and read again."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import storage_support as support
from chassis import testing as chassis_testing
from storage.domain import ids, records, traces
from storage.inbound import converters

CLAIM = "01890000-0000-7000-8000-000000000001"
KEYS = [bytes([number]) * 12 for number in range(4)]
ENTRIES = st.tuples(
    st.sampled_from(KEYS),
    st.integers(-records.DAY_MAX, records.DAY_MAX),
    st.one_of(st.integers(-records.QUANTITY_MAX, records.QUANTITY_MAX), st.just(records.NO_INT)),
    st.sampled_from([b"", b"m" * 12, bytes(12)]),
    st.just(b""),
)


def submitted(*history: tuple[object, ...], **columns: Any) -> records.Submission:
    """Return the submission of one claim of patient a2b4c6d8e0f2."""
    batch = support.Batch().add("C-1", history=history, **columns)
    return converters.submission(batch.request, chassis_testing.ManualClock())


def asked(*keys: bytes, claim_id: str = "NEW") -> records.Question:
    """Return a question about keys of the patient on any day."""
    return records.Question(
        tenant="demo", claim_id=claim_id, use="claim", provider_id="P1", patient_key="a2b4c6d8e0f2",
        past=[records.Past(key, -records.DAY_MAX, records.DAY_MAX, 9, b"") for key in keys],
    )  # fmt: skip


def row(trace: traces.Trace, state: int = 1) -> bytes:
    """Return a trace as the schema tells it."""
    name = bytes.fromhex(CLAIM.replace("-", ""))
    return name + state.to_bytes(2) + len(trace.told).to_bytes(4) + trace.told


@given(st.lists(ENTRIES, max_size=8), st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"])))
def test_what_is_left_is_found_again(history: list[tuple[bytes, int, int, bytes, bytes]], payer: str):
    """Every row comes back under its key with day, line, quantity, mark and the claim's texts."""
    [trace], others = traces.left(submitted(*history, payer_id=payer))
    assert trace is not None
    assert others == []
    found = traces.remembered(asked(*KEYS), KEYS, row(trace))
    lines = [line for key in KEYS for line, _ in found.get(key, [])]
    kept = sorted((line.line, line.day, line.quantity_e4, line.mark) for line in lines)
    assert kept == [(n, day, much, mark) for n, (_, day, much, mark, _) in enumerate(history, start=1)]
    assert {(line.id, line.claim_id, line.provider_id, line.payer_id) for line in lines} <= {
        (CLAIM, "C-1", "P1", payer)
    }
    for key in KEYS:
        assert len(found.get(key, [])) == [one[0] for one in history].count(key)
    days = [one[1] for one in history] or [records.NO_INT]
    assert (trace.first_day, trace.last_day) == (min(days), max(days))


@given(st.lists(st.sampled_from([1, 1 | traces.DENIED, 1 | traces.GONE]), max_size=6))
def test_rows_of_a_party_are_read_one_after_another(states: list[int]):
    """Each row that stands tells its line, and whether it was denied; nothing of one gets into the next."""
    [trace], _ = traces.left(submitted((KEYS[0], 5, 10, b"", b"")))
    assert trace is not None
    left = b"".join(row(trace, state) for state in states)
    found = traces.remembered(asked(KEYS[0]), KEYS[:1], left).get(KEYS[0], [])
    standing = [state for state in states if not state & traces.GONE]
    assert [denied for _, denied in found] == [bool(state & traces.DENIED) for state in standing]
    assert {line.quantity_e4 for line, _ in found} <= {10}


def test_a_claim_that_is_gone_left_nothing_and_a_denied_one_is_told():
    """What became of a claim is its row's state."""
    [trace], _ = traces.left(submitted((KEYS[0], 5, 10, b"", b"")))
    assert trace is not None
    assert not traces.remembered(asked(KEYS[0]), KEYS[:1], row(trace, 1 | traces.GONE))
    [(_, denied)] = traces.remembered(asked(KEYS[0]), KEYS[:1], row(trace, 1 | traces.DENIED))[KEYS[0]]
    assert denied


def test_the_asking_claims_own_row_is_not_its_past():
    """The same sender's id of the same provider is the claim itself."""
    [trace], _ = traces.left(submitted((KEYS[0], 5, 10, b"", b"")))
    assert trace is not None
    assert not traces.remembered(asked(KEYS[0], claim_id="C-1"), KEYS[:1], row(trace))


def test_a_key_that_straddles_two_entries_is_none():
    """Bytes that only look like a key because two entries touch are not taken for it."""
    [trace], _ = traces.left(submitted((b"a" * 12, 5, 10, b"b" * 12, b""), (b"c" * 12, 5, 10, b"", b"")))
    assert trace is not None
    straddling = b"a" * 6 + b"b" * 6
    assert straddling in trace.told
    assert not traces.remembered(asked(straddling), [straddling], row(trace))


def test_parties_get_a_trace_each_and_a_claim_without_one_leaves_none():
    """Rows of one other party are kept together; without a patient only those are left."""
    rows = ((KEYS[0], 5, 1, b"", b"p" * 12), (KEYS[1], 3, 1, b"", b"p" * 12), (KEYS[2], 9, 1, b"", b"q" * 12))
    own, others = traces.left(submitted(*rows, patient_key=""))
    assert own == [None]
    assert [(one.first_day, one.last_day) for one in others] == [(3, 5), (9, 9)]
    assert [KEYS[1] in one.told for one in others] == [True, False]
    assert len({one.party for one in others}) == len(others)


def test_only_rows_without_a_party_are_found_by_their_key_alone():
    """A caller that knows no parties, and a patient's key without a patient."""
    history = ((KEYS[0], 5, 1, b"", b""), (KEYS[1], 5, 1, b"", b"p" * 12))
    assert traces.without_party(submitted(*history)).key == []
    assert traces.without_party(submitted(*history, patient_key="")).key == [KEYS[0]]
    assert traces.without_party(submitted((KEYS[2], 5, 1, b""))).key == [KEYS[2]]


def test_names_tell_tenants_and_kinds_of_parties_apart():
    """The same key of two tenants, and a patient's key that reads like another party, never meet."""
    assert len({traces.name("a", "k"), traces.name("b", "k"), traces.name("a", traces.other(b"k"))}) == 3
    assert ids.text(bytes.fromhex(traces.name("a", "k"))).replace("-", "") == traces.name("a", "k")


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 99), st.booleans()), max_size=9), st.integers(0, 5)
)
def test_an_answer_holds_the_newest_rows_and_sums_what_was_not_denied(
    found: list[tuple[int, int, bool]], most: int
):
    """Days outside the range do not count; as many rows as are wanted are told."""
    lines = [
        (records.PastLine(CLAIM, "C", number, day, much, b"", "", ""), denied)
        for number, (day, much, denied) in enumerate(found)
    ]
    answer = traces.answer(records.Past(KEYS[0], 2, 7, most, b""), lines)
    inside = [(line, denied) for line, denied in lines if 2 <= line.day <= 7]
    assert answer.quantity_e4 == sum(line.quantity_e4 for line, denied in inside if not denied)
    newest = sorted((line for line, _ in inside), key=traces.newest, reverse=True)
    assert answer.lines == newest[:most]
