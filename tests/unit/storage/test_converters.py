"""Between messages and storage's shapes: nothing lost, absent values told as the contract tells them."""

import hashlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import errors, faults
from chassis import testing as chassis_testing
from storage.domain import chains, ids, records, views
from storage.inbound import converters
from storage_support import Batch, context
from ultrathink.storage.v1 import storage_pb2

ID = "0190a5c4-7b1e-7c3a-9f00-000000000000"
TEXT = st.text(max_size=8)


def key_of(chosen: str, own: str) -> bytes:
    """Return the key of an item with a chosen key and its claim's own identity."""
    request = Batch().add("C-1", key=chosen).request
    request.items[0].natural_key = own
    return converters.submission(request, chassis_testing.ManualClock()).items[0].key


@given(TEXT, TEXT, TEXT)
def test_a_chosen_key_wins_and_never_meets_an_own_identity(chosen: str, own: str, other: str) -> None:
    """What a sender chose decides alone; without it the claim's identity does; the two live apart."""
    if chosen:
        assert key_of(chosen, own) == key_of(chosen, other)
        assert key_of(chosen, "") != key_of("", chosen)
    elif own:
        assert (key_of("", own) == key_of("", other)) is (own == other)
    else:
        assert key_of("", "") == b""


def test_every_column_of_the_contract_is_taken() -> None:
    """A column added to the contract cannot be forgotten here without this failing."""
    for message, kind in (
        (storage_pb2.ClaimColumns, records.Claims),
        (storage_pb2.LineColumns, records.Lines),
        (storage_pb2.FindingColumns, records.Findings),
    ):
        assert {field.name for field in message.DESCRIPTOR.fields} == set(kind.__struct_fields__)


@given(st.integers(0, 2**31 - 1))
def test_a_deadline_counts_from_the_moment_of_arrival(remaining_ms: int) -> None:
    """Milliseconds left on the wire become an instant of this process's own clock."""
    clock = chassis_testing.ManualClock()
    clock.advance(100)
    request = Batch().add("C-1").request
    request.items[0].context.remaining_ms = remaining_ms
    assert converters.submission(request, clock).items[0].deadline == 100 + remaining_ms / 1000
    assert converters.deadline(context(remaining_ms=remaining_ms), clock) == 100 + remaining_ms / 1000


def test_answers_keep_the_order_of_their_items() -> None:
    """A fault stands in the place of its item, and the others carry their id and instant."""
    request = Batch().add("A", item_id="a").add("B", item_id="b").add("C", item_id="c").request
    fault = errors.Conflict("idempotency.key_reused", "Another claim came with this key.")
    outcomes: list[records.Outcome] = [
        records.Recorded(ID, 5),
        fault,
        records.Recorded(ID, 6, replayed=True, decision_json=b"{}"),
    ]
    items = converters.submission(request, chassis_testing.ManualClock()).items
    answer = converters.record_response(9, items, outcomes)
    assert answer.batch_id == 9
    assert [result.item_id for result in answer.results] == ["a", "b", "c"]
    assert faults.from_wire(answer.results[1].error).reason == "idempotency.key_reused"
    last = answer.results[2].recorded
    assert (last.id, last.recorded_at_ms, last.replayed, last.decision_json) == (ID, 6, True, b"{}")


def test_an_answer_too_few_is_an_error_of_ours() -> None:
    """Answers are never shifted onto the wrong items in silence."""
    request = Batch().add("A").add("B").request
    items = converters.submission(request, chassis_testing.ManualClock()).items
    with pytest.raises(ValueError, match="zip"):
        converters.record_response(1, items, [records.Recorded(ID, 5)])


def row(**changes: object) -> views.ClaimRow:
    """Return a list's row in which everything that may be absent is."""
    whole = dict.fromkeys(("claim_id", "use", "type", "verdict", "wire_status", "business_status"), "x")
    absent = dict.fromkeys(("provider_id", "payer_id", "currency", "submitted_minor", "score_state"))
    rest = {"id": ID, "review_status": "none", "probability": None, "at_risk_minor": None, "revision": 3}
    return views.ClaimRow(**(whole | absent | rest | changes))  # type: ignore[arg-type]  # by name


def test_absent_values_of_a_row_are_told_as_the_contract_does() -> None:
    """Absent texts are empty, absent integers the smallest, absent numbers NaN; nought is not absent."""
    told = converters.claim_row(row())
    assert (told.provider_id, told.currency, told.score_state) == ("", "", "")
    assert (told.submitted_minor, told.at_risk_minor) == (records.NO_INT, records.NO_INT)
    assert math.isnan(told.probability)
    assert told.received_at_ms == ids.ms_of(ID)
    nought = converters.claim_row(row(submitted_minor=0, at_risk_minor=0, probability=0.0))
    assert (nought.submitted_minor, nought.at_risk_minor, nought.probability) == (0, 0, 0.0)


@pytest.mark.parametrize("present", [True, False])
def test_a_row_of_an_export_is_told_the_same_way(*, present: bool) -> None:
    """An export is read by programs: absent and nought must not be the same there either."""
    texts: dict[str, Any] = dict.fromkeys(views.ExportRow.__struct_fields__, "t" if present else None)
    names = ("service_day", "net_minor", "probability", "line_probability")
    numbers = dict.fromkeys(names, 0 if present else None)
    said = views.LineOutcome(
        outcome="denied", nphies=None, carc=None, allowed_minor=None, paid_minor=0, at_ms=7
    )
    rest = {"id": ID, "line": 4, "inputs": (0 if present else None,) * 7, "payer": said, "reviewer": None}
    told = converters.export_row(views.ExportRow(**(texts | numbers | rest)))
    assert told.inputs.feature_hash == told.inputs.patient_net_minor == (0 if present else records.NO_INT)
    assert (told.payer.paid_minor, told.payer.allowed_minor, told.payer.carc) == (0, records.NO_INT, "")
    assert not told.HasField("reviewer")
    assert told.line == 4
    assert told.code == ("t" if present else "")
    assert told.net_minor == told.service_day == (0 if present else records.NO_INT)
    assert math.isnan(told.probability) is not present


@given(st.binary(max_size=40))
def test_an_objects_name_is_sixty_four_digits(digest: bytes) -> None:
    """A name of another length is refused; one of the right length is read in either case of letters."""
    if len(digest) == 32:
        assert converters.sha256(digest.hex()) == converters.sha256(digest.hex().upper()) == digest
    else:
        with pytest.raises(errors.Invalid, match=r"object\.name"):
            converters.sha256(digest.hex())


def test_a_whole_name_of_an_object_is_read() -> None:
    """The sha256 that any tool prints is the name."""
    digest = hashlib.sha256(b"data")
    assert converters.sha256(digest.hexdigest()) == digest.digest()


@given(st.text(max_size=70))
def test_no_text_breaks_the_reading_of_names(text: str) -> None:
    """Whatever stands where a name should, it is a digest or refused by name."""
    try:
        assert len(converters.sha256(text)) == 32
    except errors.Invalid as refused:
        assert refused.reason == "object.name"  # noqa: PT017 - both ends are right, nothing else is


def test_a_change_takes_its_person_from_the_context() -> None:
    """Who changed a claim is who was let in, and missing numbers stay missing."""
    message = storage_pb2.Change(
        context=context(subject="reviewer@example.org"),
        id=ID,
        expected_revision=2,
        event="review.decided",
        note="seen",
        probability=math.nan,
        at_risk_minor=records.NO_INT,
    )
    asked = converters.change(message)
    assert (asked.tenant, asked.subject, asked.id) == ("demo", "reviewer@example.org", ID)
    assert (asked.expected_revision, asked.event, asked.note) == (2, "review.decided", "seen")
    assert math.isnan(asked.probability)
    assert asked.at_risk_minor == records.NO_INT


def test_history_is_told_with_each_lines_place() -> None:
    """A hit names the line asked about, and both aggregates arrive under their own names."""
    hit = records.Duplicate(index=2, id=ID, claim_id="C-9", line=4)
    answer = records.Answer([hit], records.Aggregate(5, 2, 700), records.Aggregate(1, 0, 90))
    fault = errors.Invalid("lookup.too_many", "Too many.")
    request = storage_pb2.LookupRequest(batch_id=7)
    for item in ("1", "2"):
        request.items.add().context.item_id = item
    response = converters.lookup_response(request, [answer, fault])
    told, refused = response.results
    assert (response.batch_id, told.item_id, refused.item_id) == (7, "1", "2")
    found = told.duplicates[0]
    assert (found.index, found.id, found.claim_id, found.line) == (2, ID, "C-9", 4)
    assert (told.provider.claims, told.provider.denied, told.provider.net_minor) == (5, 2, 700)
    assert (told.patient.claims, told.patient.denied, told.patient.net_minor) == (1, 0, 90)
    assert faults.from_wire(refused.error).reason == "lookup.too_many"


def test_an_audit_entry_shows_its_binding() -> None:
    """A reader of the audit can check the chain from what is told."""
    entry = chains.Entry(tenant="demo", chain="s0.0", event="claim.read", subject="s", id=ID, at_ms=7)
    told = converters.audit_entry(chains.Link(entry=entry, sequence=3, previous_hash=b"p", hash=b"h"))
    assert (told.chain, told.sequence, told.event, told.subject, told.at_ms) == (
        "s0.0",
        3,
        "claim.read",
        "s",
        7,
    )
    assert (told.previous_hash, told.hash) == (b"p", b"h")
