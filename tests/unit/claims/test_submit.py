"""Submitting: verdicts, missing rooms, time, and the forms of an answer, through the whole service."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

import claims_support as support
from chassis import errors
from chassis import testing as chassis_testing
from claims import ports, testing
from claims.domain import decisions, histories, tenants
from claims.usecases import assess
from formats import model, protobuf, readers
from ultrathink.claims.v1 import claims_pb2
from ultrathink.common.v1 import common_pb2


async def test_errors_reject_and_doubts_are_reviewed() -> None:
    """The verdict follows rules and risk, and the status follows the verdict."""
    async with support.world() as made:
        made.rules.judge = lambda claim: [support.finding()] if claim.claim_id == "CLM-000001" else []
        made.scorer.chance = lambda claim: 0.75 if claim.claim_id == "CLM-000002" else 0.1
        results = await support.submit(made, support.batch([support.body(n) for n in (1, 2, 3)]))
        assert [result.verdict for result in results] == [
            claims_pb2.VERDICT_REJECT, claims_pb2.VERDICT_REVIEW, claims_pb2.VERDICT_ACCEPT,
        ]  # fmt: skip
        assert [support.document(result)["status"] for result in results] == [
            {"wire": "refused", "business": "draft", "review": "none"},
            {"wire": "received", "business": "draft", "review": "open"},
            {"wire": "received", "business": "draft", "review": "none"},
        ]


async def test_the_tenants_threshold_decides_about_review() -> None:
    """A careful tenant reviews what another accepts."""
    async with support.world() as made:
        made.tenants.known["careful"] = tenants.Tenant(name="careful", review_threshold=0.1)
        (careful,) = await support.submit(made, support.batch([support.body()], tenant="careful"))
        (usual,) = await support.submit(made, support.batch([support.body()]))
        assert (careful.verdict, usual.verdict) == (claims_pb2.VERDICT_REVIEW, claims_pb2.VERDICT_ACCEPT)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (errors.Unavailable("stream.broken", "x"), "scoring.unavailable"),
        (errors.Exhausted("queue.full", "x"), "scoring.exhausted"),
        (errors.Internal("boom", "x"), "scoring.internal"),
    ],
)
async def test_without_a_score_a_person_is_asked(fault: errors.Fault, reason: str) -> None:
    """A model that is away, full or broken makes a claim not scored and open for review, never low risk."""
    async with support.world() as made:
        made.scorer.fault = fault
        (result,) = await support.submit(made, support.batch([support.body()]))
        told = support.document(result)
        assert told["risk"] == {"state": "not_scored", "reason": reason}
        assert (told["verdict"], told["status"]["review"]) == ("review", "open")


async def test_what_cannot_be_laid_out_beforehand_is_scored_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Making the question ready early is a matter of time, never of the answer; the defect is in the log."""

    def fail(asked: Sequence[object]) -> None:
        raise ValueError(asked)

    async with support.world() as made:
        made.scorer.lay_out = fail  # type: ignore[method-assign]  # a twin that fails as a defect would
        (result,) = await support.submit(made, support.batch([support.body()]))
        assert support.document(result)["risk"]["state"] == "scored"
        assert "could not be laid out beforehand" in capsys.readouterr().err


async def test_nothing_is_acknowledged_that_is_not_recorded() -> None:
    """When storage is away the item is refused, with a time to come back, and may be sent again."""
    async with support.world() as made:
        made.store.fault = errors.Unavailable("stream.broken", "x")
        error = await support.refused(made, support.body())
        assert (error.kind, error.reason) == (common_pb2.ERROR_KIND_UNAVAILABLE, "storage.unavailable")
        assert error.retry_after_ms > 0
        made.store.fault = None
        (result,) = await support.submit(made, support.batch([support.body()]))
        assert not result.replayed


async def test_a_full_storage_is_told_as_exhausted() -> None:
    """Overload behind us reaches the sender as overload, with its own time to come back."""
    async with support.world() as made:
        made.store.fault = errors.Exhausted("queue.full", "x", retry_after_ms=70)
        error = await support.refused(made, support.body())
        assert (error.kind, error.retry_after_ms) == (common_pb2.ERROR_KIND_EXHAUSTED, 70)


async def test_without_history_the_rest_is_decided_and_said() -> None:
    """When look-ups fail the claim is scored without history, and the rules are told that they have none."""
    async with support.world() as made:

        async def away(*_: Any, **__: Any) -> Any:
            raise errors.Unavailable("stream.broken", "x")

        made.store.lookup = away  # type: ignore[method-assign]
        (result,) = await support.submit(made, support.batch([support.body()]))
        told = support.document(result)
        assert made.rules.histories == [None]
        assert "duplicates" not in told
        assert told["risk"]["state"] == "scored"
        assert made.scorer.asked[0].known is None


async def test_the_same_service_in_another_claim_is_shown() -> None:
    """The decision names the other claim, how sure it is, and by what; what follows is the rules' affair."""
    async with support.world() as made:
        await support.submit(made, support.batch([support.body()]))
        (result,) = await support.submit(made, support.batch([support.body(claim_id="OTHER")]))
        told = support.document(result)
        assert told["duplicates"] == [
            {"claim_id": "CLM-000001", "line": 1, "kind": "exact", "matched_on": histories.MATCHED["exact"]}
        ]
        assert told["verdict"] == "accept"


async def test_rules_hear_what_was_found_about_each_line() -> None:
    """The second sending of a service counts the first; without an answer the history is unknown."""
    async with support.world() as made:
        await support.submit(made, support.batch([support.body()]))
        await support.submit(made, support.batch([support.body(claim_id="OTHER")]))
        first, second = made.rules.histories
        assert first is not None
        assert second is not None
        assert ([line.exact for line in first], [line.exact for line in second]) == ([0], [1])

        async def away(*_: Any, **__: Any) -> Any:
            raise errors.Unavailable("stream.broken", "x")

        made.store.lookup = away  # type: ignore[method-assign]
        await support.submit(made, support.batch([support.body(claim_id="THIRD")]))
        assert made.rules.histories[-1] is None


async def test_a_rule_over_earlier_claims_that_breaks_is_its_claim_s_own() -> None:
    """A defect in the second phase is told as a fault of one item; its neighbour is decided."""
    async with support.world() as made:

        def broken(claim: model.Claim, **_: Any) -> Any:
            if claim.claim_id == "BAD":
                raise ZeroDivisionError
            return testing.FakeOutcome()

        made.rules.evaluate_past = broken  # type: ignore[method-assign]
        results = await support.submit(made, support.batch([support.body(claim_id="BAD"), support.body(2)]))
        assert [result.WhichOneof("outcome") for result in results] == ["error", "rendered"]
        assert results[0].error.reason == "rules.failed"


async def test_the_tenants_regime_is_used_and_is_no_content() -> None:
    """A claim without a regime gets the tenant's, and stays the same content when that changes."""
    whole = support.claim()
    del whole["regime"]
    sent = msgspec.json.encode(whole)
    async with support.world() as made:
        made.tenants.known["demo"] = tenants.Tenant(name="demo", default_regime="nphies")
        (first,) = await support.submit(made, support.batch([sent]))
        assert support.document(first)["regime"] == "nphies"
        made.tenants.known["demo"] = tenants.Tenant(name="demo", default_regime="base")
        (again,) = await support.submit(made, support.batch([sent]))
        assert again.replayed


async def test_an_item_without_time_is_refused_alone() -> None:
    """Nothing left is nothing done; the neighbour in the batch is answered."""
    request = support.batch([support.body(1), support.body(2)])
    request.items[0].context.remaining_ms = 0
    async with support.world() as made:
        late, well = await support.submit(made, request)
        assert (late.error.kind, late.error.reason) == (
            common_pb2.ERROR_KIND_UNAVAILABLE, "deadline.exceeded",
        )  # fmt: skip
        assert not well.HasField("error")
        assert len(made.store._entries) == 1


async def test_time_that_runs_out_on_the_way_records_nothing() -> None:
    """A claim whose time ended while it was scored is refused, not recorded late."""
    async with support.world() as made:
        clock = made.clock
        assert isinstance(clock, chassis_testing.ManualClock)

        def slow(_: Any) -> float:
            clock.advance(11)
            return 0.1

        made.scorer.chance = slow
        error = await support.refused(made, support.body())
        assert error.reason == "deadline.exceeded"


async def test_a_fhir_claim_is_answered_as_fhir() -> None:
    """The receipt of an accepted claim is a queued ClaimResponse, never complete."""
    request = claims_pb2.SubmitRequest(
        items=[support.item(support.body(), accept="application/fhir+json; fhirVersion=4.0")]
    )
    async with support.world() as made:
        (result,) = await support.submit(made, request)
        told = support.document(result)
        assert result.rendered.media_type == "application/fhir+json"
        assert (told["resourceType"], told["outcome"]) == ("ClaimResponse", "queued")


async def test_a_typed_claim_has_a_typed_answer() -> None:
    """The protobuf door takes the typed claim and gives the typed decision with the document beside it."""
    read = readers.read(support.body(), "application/json")[0]
    assert isinstance(read, readers.Read)
    typed = protobuf.encode(read.claim)
    item = claims_pb2.SubmitItem(context=support.wire(), typed=typed, accept="application/protobuf")
    async with support.world() as made:
        made.rules.judge = lambda _: [support.finding("warning")]
        (result,) = await support.submit(made, claims_pb2.SubmitRequest(items=[item]))
        told = result.decision
        assert (told.id, told.verdict) == (result.claim_id, claims_pb2.VERDICT_ACCEPT)
        assert (told.probability, told.at_risk_minor, told.currency) == (0.125, 1500, "SAR")
        assert [(found.rule, found.line, found.message_en) for found in told.findings] == [
            ("T-1", 1, "Wrong.")
        ]
        assert msgspec.json.decode(told.document)["id"] == result.claim_id


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"accept": "text/plain"}, "accept.unsupported"),
        ({"media_type": "text/csv"}, "media_type.unsupported"),
        ({"media_type": "image/png"}, "media_type.unsupported"),
    ],
)
async def test_forms_we_do_not_know_are_refused_before_anything_happens(
    options: dict[str, Any], reason: str
) -> None:
    """An answer that could not be written is not recorded first."""
    async with support.world() as made:
        error = await support.refused(made, support.body(), **options)
        assert error.reason == reason


async def test_an_item_without_a_claim_is_refused() -> None:
    """An empty item is unreadable, not a crash."""
    item = claims_pb2.SubmitItem(context=support.wire())
    async with support.world() as made:
        (result,) = await support.submit(made, claims_pb2.SubmitRequest(items=[item]))
        assert result.error.kind == common_pb2.ERROR_KIND_INVALID


async def test_many_claims_keep_their_own_answers() -> None:
    """In a batch of two hundred nobody gets a neighbour's decision."""
    async with support.world() as made:
        results = await support.submit(made, support.batch([support.body(n) for n in range(200)]))
        assert [support.document(result)["claim_id"] for result in results] == [
            f"CLM-{n:06d}" for n in range(200)
        ]


async def test_rules_and_look_ups_run_side_by_side() -> None:
    """The question is at storage before the rules are done: a storage that waits for the rules answers."""
    async with support.world() as made:
        asked = asyncio.Event()
        plain = made.store.lookup

        async def lookup(questions: Any, *, deadline: float) -> Any:
            asked.set()
            return await plain(questions, deadline=deadline)

        def judge(_: Any) -> list[decisions.Finding]:
            assert asked.is_set()
            return []

        made.store.lookup, made.rules.judge = lookup, judge  # type: ignore[method-assign]
        (result,) = await support.submit(made, support.batch([support.body()]))
        assert not result.HasField("error")


def test_part_of_the_time_is_kept_for_the_record() -> None:
    """A slow model may not use up what recording needs."""
    assert 0 < assess.RECORD_SECONDS < 0.5


async def test_a_defect_met_by_one_claim_fails_that_claim_alone() -> None:
    """When the rules break on a claim its neighbours are decided, and it is told as ours, not recorded."""
    async with support.world() as made:

        def judge(claim: Any) -> list[decisions.Finding]:
            if claim.claim_id == "CLM-000002":
                raise ZeroDivisionError
            return []

        made.rules.judge = judge
        results = await support.submit(made, support.batch([support.body(n) for n in (1, 2, 3)]))
        assert [result.error.reason for result in results] == ["", "rules.failed", ""]
        assert results[1].error.kind == common_pb2.ERROR_KIND_INTERNAL
        assert len(made.store._entries) == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (errors.Unavailable("stream.broken", "x"), "storage.unavailable"),
        (errors.Unavailable("deadline.exceeded", "x"), "deadline.exceeded"),
        (errors.Invalid("column.unstorable", "x"), "column.unstorable"),
    ],
)
async def test_a_fault_of_one_record_is_told_to_its_sender_alone(fault: errors.Fault, reason: str) -> None:
    """Storage that is away is told as such with a time to come back, whichever item it was away for."""
    async with support.world() as made:
        plain = made.store.record

        async def record(submissions: Sequence[ports.Submission]) -> Sequence[ports.Recorded | errors.Fault]:
            made_of = await plain(submissions)
            return [fault, *made_of[1:]]

        made.store.record = record  # type: ignore[method-assign]
        first, second = await support.submit(made, support.batch([support.body(1), support.body(2)]))
        assert first.error.reason == reason
        assert bool(first.error.retry_after_ms) == (reason == "storage.unavailable")
        assert second.claim_id
