"""Late scores: appended when scoring is back, the first decision untouched."""

import asyncio
from typing import Any

import pytest

import claims_support as support
from chassis import errors
from chassis import testing as chassis_testing
from claims.domain import documents
from claims.usecases import rescore

AWAY = errors.Unavailable("stream.broken", "x")


def made_rescore(made: support.World) -> rescore.Rescore:
    """Return the use case over the twins of a world."""
    return rescore.Rescore(store=made.store, scorer=made.scorer, clock=made.clock, patient_key=support.KEY)


async def unscored(made: support.World, count: int = 1) -> list[str]:
    """Return the ids of claims recorded while scoring was away; it is back afterwards."""
    made.scorer.fault = AWAY
    results = await support.submit(made, support.batch([support.body(n) for n in range(count)]))
    made.scorer.fault = None
    return [result.claim_id for result in results]


async def test_a_late_score_is_appended_and_decides_nothing() -> None:
    """The claim stays in review with its first decision; the score and a revision are added."""
    async with support.world() as made:
        (identifier,) = await unscored(made)
        before = documents.decode((await made.store.claim(chassis_testing.context(), identifier)).decision)
        assert await made_rescore(made).page() == 1
        stored = await made.store.claim(chassis_testing.context(), identifier)
        after = documents.decode(stored.decision)
        assert (before.risk.state, after.risk.state, after.risk.probability) == (
            "not_scored",
            "scored",
            0.125,
        )
        assert after.risk.at_risk_minor == 1500
        assert (after.verdict, after.status, after.findings) == (
            before.verdict,
            before.status,
            before.findings,
        )
        assert (stored.revision, after.revision) == (2, 2)
        history = await made.store.history(chassis_testing.context(), identifier)
        assert [one["event"] for one in history.transitions] == ["claim.recorded", "score.appended"]
        assert history.transitions[-1]["subject"] == rescore.SUBJECT
        assert await made_rescore(made).page() == 0


async def test_while_scoring_is_away_claims_stay_in_the_list() -> None:
    """The room's trouble is not the claim's: nothing is put aside."""
    async with support.world() as made:
        await unscored(made, 2)
        late = made_rescore(made)
        made.scorer.fault = AWAY
        assert await late.page() == 0
        made.scorer.fault = None
        assert await late.page() == 2


async def test_a_claim_that_cannot_be_scored_does_not_block_the_others() -> None:
    """More hopeless claims than a page holds are put aside, and the ones behind them get their score."""
    async with support.world() as made:
        identifiers = await unscored(made, rescore.PAGE + 3)
        plain = made.scorer.score

        async def picky(cases: Any, *, deadline: float) -> Any:
            scores = await plain(cases, deadline=deadline)
            hopeless = errors.Invalid("rows.bad", "x")
            return [
                hopeless if case.context.item_id in identifiers[: rescore.PAGE] else score
                for case, score in zip(cases, scores, strict=True)
            ]

        made.scorer.score = picky  # type: ignore[method-assign]
        late = made_rescore(made)
        assert [await late.page(), await late.page(), await late.page()] == [0, 3, 0]


async def test_a_claim_decided_meanwhile_is_left_alone() -> None:
    """A conflict of revisions ends that claim's turn, not the page."""
    async with support.world() as made:
        identifiers = await unscored(made, 2)
        plain = made.store.append

        async def append(change: Any) -> int:
            if change.id == identifiers[0]:
                raise errors.Conflict("claim.revision_changed", "x")
            return await plain(change)

        made.store.append = append  # type: ignore[method-assign]
        assert await made_rescore(made).page() == 1


async def test_the_background_work_is_paced_and_survives_a_storage_that_is_away() -> None:
    """It pauses shortly after a page with scores, long when nothing was done or storage is away."""
    async with support.world() as made:
        await unscored(made)
        pauses: list[float] = []

        async def pause(seconds: float) -> None:
            pauses.append(seconds)
            made.store.fault = AWAY if len(pauses) == 1 else None
            if len(pauses) == 3:
                raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await made_rescore(made).run(pause)
        assert pauses == [rescore.PAUSE_SECONDS, rescore.IDLE_SECONDS, rescore.IDLE_SECONDS]


async def test_a_late_score_knows_its_history() -> None:
    """The model sees the same look-ups as at the first time."""
    async with support.world() as made:
        await unscored(made, 2)
        made.scorer.asked.clear()
        await made_rescore(made).page()
        assert all(case.known is not None for case in made.scorer.asked)
        assert {case.context.tenant for case in made.scorer.asked} == {"demo"}


async def test_what_is_put_aside_is_bounded() -> None:
    """A service that runs for years keeps no endless list of hopeless claims."""
    async with support.world() as made:
        late = made_rescore(made)
        for number in range(rescore.MAX_SET_ASIDE + 10):
            late._put_aside(str(number))
        assert len(late._set_aside) == rescore.MAX_SET_ASIDE
