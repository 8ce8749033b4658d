"""What scores were given for, and outcomes by line, whether PostgreSQL or the twin stands behind storage."""

import math
from typing import Any

import pytest

import storage_support as support
from ultrathink.storage.v1 import storage_pb2

INPUTS: dict[str, Any] = {
    "feature_hash": -7, "provider_claims": 12, "provider_denied": 3, "provider_net_minor": 90_000,
    "patient_claims": 2, "patient_denied": 1, "patient_net_minor": 15_000,
}  # fmt: skip
UNKNOWN = "01890000-0000-7000-8000-00000000beef"
AT_MS = 1_754_000_000_000


def said(source: str = "payer", **changes: object) -> storage_pb2.Outcomes:
    """Return a word on the lines of an ordinary claim: paid, cut, denied."""
    values: dict[str, object] = {
        "source": source,
        "at_ms": AT_MS,
        "line": [1, 2, 3],
        "outcome": ["approved", "partial", "denied"],
        "nphies": ["", "BE-1-6", "MN-1-1"],
        "carc": ["", "45", "50"],
        "allowed_minor": [5_000, support.NO_INT, support.NO_INT],
        "paid_minor": [5_000, 2_500, 0],
    }
    return storage_pb2.Outcomes(**(values | changes))  # type: ignore[arg-type]  # names of the contract


async def exported(storage: support.Stubs, tenant: str = "demo") -> list[storage_pb2.ExportRow]:
    """Return all rows of a tenant."""
    request = storage_pb2.ExportRequest(context=support.context(tenant=tenant))
    return [row async for page in storage.reader.Export(request) for row in page.rows]


async def change(storage: support.Stubs, identifier: str, **fields: object) -> int:
    """Append a revision that says nothing but what is given; return its number."""
    quiet: dict[str, object] = {"event": "adjudication.received", "verdict": "", "review_status": ""}
    answer = await storage.store.RecordChange(support.changed(identifier, **(quiet | fields)))
    return answer.revision


async def refused(storage: support.Stubs, identifier: str, **fields: object) -> str:
    """Return why a change was refused."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - a fault or an RPC error, told by reason_of
        await change(storage, identifier, **fields)
    return support.reason_of(caught.value)


async def test_what_a_score_was_given_for_is_kept(storage: support.Stubs):
    """Print and history come back as they were sent, with the scores of claim and line."""
    await support.recorded(storage, "C-1", **INPUTS)
    rows = await exported(storage)
    assert {name: getattr(rows[0].inputs, name) for name in INPUTS} == INPUTS
    assert (rows[0].probability, rows[0].score_state, rows[0].model_revision) == (0.125, "scored", "demo-1")
    assert math.isnan(rows[0].line_probability)


async def test_a_sender_that_knows_no_inputs_is_still_heard(storage: support.Stubs):
    """An older program sends none of the columns: they are absent, not nought."""
    await support.recorded(storage, "C-1")
    [row, *_] = await exported(storage)
    assert {getattr(row.inputs, name) for name in INPUTS} == {support.NO_INT}


async def test_half_of_the_columns_is_refused(storage: support.Stubs):
    """Columns that do not fit the items are a defect of the sender, told as such."""
    batch = support.Batch().add("C-1", feature_hash=1)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - a fault or an RPC error
        await support.record(storage, batch)
    assert support.reason_of(caught.value) == "batch.columns"


async def test_a_count_beyond_its_column_is_that_items_fault(storage: support.Stubs):
    """What does not fit 32 bits is refused by name; the claim beside it is recorded."""
    batch = support.Batch().add("C-1", **{**INPUTS, "patient_claims": 2**31}).add("C-2", **INPUTS)
    bad, good = await support.record(storage, batch)
    assert bad.error.reason == "column.unstorable"
    assert good.recorded.id


async def test_a_late_score_brings_its_inputs(storage: support.Stubs):
    """A score appended later replaces what the claim was not scored for."""
    [identifier] = await support.recorded(storage, "C-1", score_state="not_scored", model_revision="")
    fields = {"event": "score.appended", "score_state": "scored", "probability": 0.5, "model_revision": "m"}
    await change(storage, identifier, inputs=storage_pb2.Inputs(**INPUTS), **fields)
    [row, *_] = await exported(storage)
    assert {name: getattr(row.inputs, name) for name in INPUTS} == INPUTS
    assert row.probability == 0.5


async def test_outcomes_join_by_line(storage: support.Stubs):
    """What the payer said of each line stands beside its score, and nobody else has spoken."""
    [identifier] = await support.recorded(storage, "C-1")
    assert await change(storage, identifier, business_status="partial", outcomes=said()) == 2
    rows = await exported(storage)
    assert [(row.payer.outcome, row.payer.nphies, row.payer.carc) for row in rows] == [
        ("approved", "", ""),
        ("partial", "BE-1-6", "45"),
        ("denied", "MN-1-1", "50"),
    ]
    assert [row.payer.paid_minor for row in rows] == [5_000, 2_500, 0]
    assert [row.payer.allowed_minor for row in rows] == [5_000, support.NO_INT, support.NO_INT]
    assert {row.payer.at_ms for row in rows} == {AT_MS}
    assert not any(row.HasField("reviewer") for row in rows)
    assert {row.business_status for row in rows} == {"partial"}


async def test_the_latest_word_of_each_source_counts(storage: support.Stubs):
    """A second answer of the payer stands in the place of the first; the reviewer's stays beside it."""
    [identifier] = await support.recorded(storage, "C-1")
    await change(storage, identifier, event="review.decided", outcomes=said("reviewer"))
    await change(storage, identifier, expected_revision=2, outcomes=said(outcome=["denied"] * 3))
    await change(storage, identifier, expected_revision=3, outcomes=said(outcome=["approved"] * 3))
    rows = await exported(storage)
    assert [row.payer.outcome for row in rows] == ["approved"] * 3
    assert [row.reviewer.outcome for row in rows] == ["approved", "partial", "denied"]


async def test_a_stale_revision_leaves_no_outcome(storage: support.Stubs):
    """Status, audit entry and outcomes are one transaction: refused together."""
    [identifier] = await support.recorded(storage, "C-1")
    assert await refused(storage, identifier, expected_revision=9, outcomes=said()) == "revision.stale"
    assert not any(row.HasField("payer") for row in await exported(storage))
    assert (await support.verified(storage)).done


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "nobody"},
        {"source": ""},
        {"at_ms": 0},
        {"at_ms": 2**62},
        {"line": [1, 1, 2]},
        {"line": [0, 1, 2]},
        {"line": [1, 2]},
        {"line": [2**31, 1, 2]},
        {"outcome": ["approved", "partial", "maybe"]},
        {"carc": ["", "", "c" * 65]},
        {"nphies": ["", "", "a\x1fb"]},
        {"paid_minor": [1, 2]},
    ],
)
async def test_outcomes_that_cannot_be_are_refused(storage: support.Stubs, changes: dict[str, Any]):
    """An unknown source or word, lines twice or none, columns of unequal length: nothing is written."""
    [identifier] = await support.recorded(storage, "C-1")
    assert await refused(storage, identifier, outcomes=said(**changes)) == "change.invalid"
    assert not any(row.HasField("payer") for row in await exported(storage))


async def test_another_tenant_sees_no_outcome(two_tenants: support.Stubs):
    """Outcomes are a tenant's own, and nobody adds to another's claim."""
    [identifier] = await support.recorded(two_tenants, "C-1")
    await change(two_tenants, identifier, outcomes=said())
    assert await exported(two_tenants, "other") == []
    fields = {"expected_revision": 2, "outcomes": said(), "context": support.context(tenant="other")}
    assert await refused(two_tenants, identifier, **fields) == "claim.unknown"


async def find(storage: support.Stubs, *claim_ids: str, tenant: str = "demo") -> list[storage_pb2.FoundClaim]:
    """Return the claims with these senders' ids."""
    request = storage_pb2.FindClaimsRequest(context=support.context(tenant=tenant), claim_ids=claim_ids)
    return list((await storage.reader.FindClaims(request)).claims)


async def test_claims_are_found_by_their_senders_ids(storage: support.Stubs):
    """With documents, statuses and parties; an id of several providers finds each, an unknown one nothing."""
    one, two = await support.recorded(storage, "C-1", "C-2")
    [same] = await support.recorded(storage, "C-1", provider_id="P9", key="another")
    found = await find(storage, "C-1", "C-9", "C-2", "C-1")
    assert [(found_.claim.id, found_.provider_id, found_.use) for found_ in found] == [
        (one, "P1", "claim"), (two, "P1", "claim"), (same, "P9", "claim"),
    ]  # fmt: skip
    assert found[0].claim.claim_json == support.claim_document("C-1")
    first = found[0].claim
    assert (first.revision, first.business_status, found[0].payer_id) == (1, "draft", "7001571327")
    assert not found[0].HasField("payer")
    assert await find(storage) == await find(storage, "C-1", tenant="other") == []


async def test_the_payers_latest_word_is_found_with_its_claim(storage: support.Stubs):
    """A reviewer's word is not the payer's."""
    [identifier] = await support.recorded(storage, "C-1")
    await change(storage, identifier, event="review.decided", outcomes=said("reviewer"))
    [found] = await find(storage, "C-1")
    assert not found.HasField("payer")
    await change(storage, identifier, expected_revision=2, outcomes=said(), decision_json=b'{"new":1}')
    [found] = await find(storage, "C-1")
    assert found.payer == said()
    assert (found.claim.revision, found.claim.decision_json) == (3, b'{"new":1}')


@pytest.mark.parametrize("claim_ids", [["x"] * 501, [""], ["a\nb"], ["c" * 256]])
async def test_what_cannot_be_a_senders_id_is_refused(storage: support.Stubs, claim_ids: list[str]):
    """Too many, empty, with control characters or too long."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - a fault or an RPC error
        await find(storage, *claim_ids)
    assert support.reason_of(caught.value) in {"find.too_many", "find.claim_id"}


async def test_changes_of_one_call_succeed_or_fail_alone(storage: support.Stubs):
    """A stale, an unknown and a malformed one leave the others alone; answers keep the order."""
    one, two = await support.recorded(storage, "C-1", "C-2")
    quiet = {"event": "adjudication.received", "verdict": "", "review_status": ""}

    def made(item: str, identifier: str, **fields: object) -> storage_pb2.Change:
        values = quiet | {"context": support.context(item), "outcomes": said()} | fields
        return support.changed(identifier, **values).change

    changes = [
        made("a", one), made("b", two, expected_revision=5), made("c", UNKNOWN),
        made("d", two, outcomes=said("nobody")), made("e", two), made("f", one),
    ]  # fmt: skip
    answer = await storage.store.RecordOutcomes(storage_pb2.RecordOutcomesRequest(changes=changes))
    assert [(one.item_id, one.revision, one.error.reason) for one in answer.results] == [
        ("a", 2, ""), ("b", 0, "revision.stale"), ("c", 0, "claim.unknown"), ("d", 0, "change.invalid"),
        ("e", 2, ""), ("f", 0, "revision.stale"),
    ]  # fmt: skip
    assert (await support.verified(storage)).done


async def test_too_many_changes_at_once_are_refused(storage: support.Stubs):
    """A bound that the sender can keep."""
    many = storage_pb2.RecordOutcomesRequest(changes=[storage_pb2.Change()] * 501)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - a fault or an RPC error
        await storage.store.RecordOutcomes(many)
    assert support.reason_of(caught.value) == "change.too_many"
