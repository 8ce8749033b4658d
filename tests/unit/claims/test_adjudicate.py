"""Payers' answers at the door: joined to their claims, told when they cannot be, the same when sent again."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

import claims_support as support
from chassis import errors
from chassis import testing as chassis_testing
from claims.domain import documents
from ultrathink.claims.v1 import claims_pb2


def answer(number: int = 1, outcome: str = "rejected", **changes: Any) -> dict[str, Any]:
    """Return the answer to an ordinary claim of one line."""
    said = {"approved": "approved", "rejected": "denied", "partial": "partial"}[outcome]
    told: dict[str, Any] = {
        "claim_id": f"CLM-{number:06d}",
        "outcome": outcome,
        "decided_at": "2026-08-20",
        "lines": [{"sequence": 1, "outcome": said, "nphies": "MN-1-1", "carc": "50"}],
    }
    return told | changes


async def submitted(made: support.World, *numbers: int, chance: float = 0.1, **claim: Any) -> list[str]:
    """Record ordinary claims; return their ids."""
    made.scorer.chance = lambda _: chance
    results = await support.submit(made, support.batch([support.body(n, **claim) for n in numbers]))
    return [one.claim_id for one in results]


async def remit(
    made: support.World, *answers: Any, media_type: str = "application/x-ndjson", **context: Any
) -> list[Any]:
    """Send answers as one file in small chunks; return the results."""
    body = b"".join((one if isinstance(one, bytes) else msgspec.json.encode(one)) + b"\n" for one in answers)

    async def chunks() -> AsyncIterator[claims_pb2.FileChunk]:
        yield claims_pb2.FileChunk(context=support.wire(**context), media_type=media_type)
        for start in range(0, len(body), 100):
            yield claims_pb2.FileChunk(data=body[start : start + 100])

    async with support.desk(made) as stub:
        return [result async for message in stub.Remit(chunks()) for result in message.results]


def told(result: Any) -> dict[str, Any]:
    """Return what was joined."""
    assert result.HasField("rendered"), result.error
    joined: dict[str, Any] = msgspec.json.decode(result.rendered.body)
    return joined


async def test_an_answer_finds_its_claim_and_moves_it() -> None:
    """Status, revision, decision and the word on each line are there; the wire status stays as it was."""
    async with support.world() as made:
        (identifier,) = await submitted(made, 1)
        (result,) = await remit(made, answer(1, "partial"))
        assert (result.position, result.claim_id, result.replayed) == (1, identifier, False)
        joined = told(result)
        assert (joined["id"], joined["outcome"], joined["lines"], joined["revision"]) == (
            identifier, "partial", 1, 2,
        )  # fmt: skip
        assert joined["status"] == {"wire": "received", "business": "partial", "review": "none"}
        assert joined["sent_outside"]
        (found,) = await made.store.find(chassis_testing.context(), ["CLM-000001"])
        decision = documents.decode(found.stored.decision)
        assert decision.adjudication is not None
        assert decision.adjudication.lines[0].carc == "50"
        assert decision.adjudication.sent_outside
        assert found.said is not None
        assert [line.outcome for line in found.said.lines] == ["partial"]
        assert made.store.audit[-1]["event"] == "adjudication.received"


async def test_a_claim_in_review_leaves_the_queue() -> None:
    """The payer has spoken: nobody here is asked any more, and a reviewer comes too late."""
    async with support.world() as made:
        await submitted(made, 1, chance=0.9)
        (result,) = await remit(made, answer(1, "approved"))
        assert told(result)["status"]["review"] == "none"


async def test_the_same_file_again_changes_nothing() -> None:
    """Each answer is known: no revision, no audit entry, and it says so."""
    async with support.world() as made:
        await submitted(made, 1, 2)
        answers = [answer(1), answer(2, "approved")]
        first = await remit(made, *answers)
        entries = len(made.store.audit)
        second = await remit(made, *answers)
        assert [one.replayed for one in first + second] == [False, False, True, True]
        assert [told(one)["revision"] for one in second] == [2, 2]
        assert len(made.store.audit) == entries


async def test_a_later_answer_stands_in_the_place_of_the_first() -> None:
    """A payer may say it again otherwise; what is older than the latest word is told and left."""
    async with support.world() as made:
        await submitted(made, 1)
        later = answer(1, "approved", decided_at="2026-09-01")
        results = await remit(made, answer(1), later, answer(1, decided_at="2026-08-25"), later)
        assert [told(one)["outcome"] for one in results[:2]] == ["rejected", "approved"]
        assert results[2].error.reason == "adjudication.superseded"
        assert told(results[3])["replayed"]
        assert told(results[3])["status"]["business"] == "approved"


async def test_what_cannot_be_joined_is_told_line_by_line_and_alone() -> None:
    """Unknown claims, unreadable text and answers about other lines fail alone, at their place."""
    async with support.world() as made:
        await submitted(made, 1)
        twice = [{"sequence": 1, "outcome": "denied"}, {"sequence": 7, "outcome": "denied"}]
        results = await remit(
            made, answer(9), b"{oops", b"", answer(1, lines=twice), answer(1, "approved"), {"claim_id": "x"}
        )
        assert [(one.position, one.error.reason) for one in results] == [
            (1, "claim.not_found"),
            (2, "json.malformed"),
            (4, "adjudication.lines"),
            (5, ""),
            (6, "adjudication.unreadable"),
        ]
        assert "no line 7" in results[2].error.violations[0].message
        assert told(results[3])["status"]["business"] == "approved"


async def test_an_answer_must_be_about_every_line() -> None:
    """A line without an answer is named: half an answer would be half a truth."""
    async with support.world() as made:
        lines = [support.LINE | {"sequence": number} for number in (1, 2)]
        await submitted(made, 1, lines=lines, total=300.0)
        (result,) = await remit(made, answer(1))
        assert result.error.reason == "adjudication.lines"
        assert "Line 2" in result.error.violations[0].message


async def test_a_claim_that_was_refused_here_takes_no_answer() -> None:
    """What the rules kept back no payer has seen: told in a biller's words, nothing written."""
    async with support.world() as made:
        made.rules.judge = lambda _: [support.finding("error")]
        await submitted(made, 1)
        entries = len(made.store.audit)
        (result,) = await remit(made, answer(1))
        assert result.error.reason == "lifecycle.not_allowed"
        assert "refused before it left" in result.error.message
        assert len(made.store.audit) == entries


async def test_claims_of_one_id_are_told_apart_by_their_provider() -> None:
    """Two providers may number alike; an answer that fits both is not guessed at."""
    async with support.world() as made:
        await submitted(made, 1)
        other = {"id": "P-2", "type": "clinic"}
        (second,) = await submitted(made, 1, provider=other)
        ambiguous, named, wrong = await remit(
            made, answer(1), answer(1, provider="P-2"), answer(1, payer="SOMEBODY")
        )
        assert ambiguous.error.reason == "claim.ambiguous"
        assert named.claim_id == second
        assert wrong.error.reason == "claim.not_found"
        (mine,) = await remit(made, answer(1, id=second, decided_at="2026-09-02"))
        assert mine.claim_id == second


async def test_a_preauthorization_is_not_adjudicated_for_payment() -> None:
    """Only a claim asks for money."""
    async with support.world() as made:
        await submitted(made, 1, use="preauthorization")
        (result,) = await remit(made, answer(1))
        assert result.error.reason == "adjudication.use"


async def test_another_tenants_claim_is_unknown() -> None:
    """Answers are joined within the caller's tenant."""
    async with support.world() as made:
        made.tenants.known["other"] = msgspec.structs.replace(made.tenants.known["demo"], name="other")
        await submitted(made, 1)
        (result,) = await remit(made, answer(1), tenant="other")
        assert result.error.reason == "claim.not_found"


@pytest.mark.parametrize("role", ["reviewer", "scientist", "auditor", ""])
async def test_who_may_not_remit_is_denied(role: str) -> None:
    """Billers, managers, integrators and payers may."""
    async with support.world() as made:
        with pytest.raises(errors.Denied, match=r"role\.not_allowed"):
            await remit(made, answer(1), roles=[role])


async def test_another_media_type_is_refused() -> None:
    """Before anything is read."""
    async with support.world() as made:
        with pytest.raises(errors.Invalid, match=r"media_type\.unsupported"):
            await remit(made, answer(1), media_type="text/csv")


async def test_a_storage_that_is_away_is_told_for_each_answer() -> None:
    """Sending the file again is safe; nothing was lost meanwhile."""
    async with support.world() as made:
        await submitted(made, 1)
        made.store.fault = errors.Unavailable("stream.broken", "x")
        results = await remit(made, answer(1), answer(2))
        assert [one.error.reason for one in results] == ["stream.broken"] * 2


async def test_many_answers_are_joined_in_order() -> None:
    """More than a group, with one claim answered thrice: results keep the order of the file."""
    async with support.world() as made:
        numbers = list(range(1, 151))
        await submitted(made, *numbers)
        days = [answer(7, decided_at=f"2026-08-2{day}") for day in (1, 2)]
        results = await remit(made, *(answer(n) for n in numbers), *days)
        assert [one.position for one in results] == list(range(1, 153))
        assert [told(one)["claim_id"] for one in results[:150]] == [f"CLM-{n:06d}" for n in numbers]
        assert told(results[-1])["revision"] == 4
