"""The shadow: asked after the answer, never waited for, bounded, and compared with what was answered."""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent import futures
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np
import pytest

import scoring_support as support
from chassis import errors
from chassis import testing as chassis_testing
from formats import model
from scoring import ports
from scoring.domain import calibration
from scoring.outbound import arm_files
from scoring.usecases import answer, crew, score, shadow

MODEL = support.bundle().model
HALF = MODEL._replace(revision="half", claim_calibration=calibration.Table(np.array([0.0]), np.array([0.5])))
CLAIMS = (support.claim(), support.costly(), support.claim(currency="EUR"))


class Gated:
    """An estimator that answers when a test lets it, or raises what a test plants."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.gate = threading.Event()
        self.fault = fault

    def lines(self, matrix: ports.Matrix) -> ports.Doubles:
        """Return the twin's."""
        return support.twin().lines(matrix)

    def claims(self, matrix: ports.Matrix) -> ports.Doubles:
        """Wait, then raise or return the twin's."""
        self.gate.wait(30)
        if self.fault:
            raise self.fault
        return support.twin().claims(matrix)

    def reasons(self, matrix: ports.Matrix) -> ports.Doubles:
        """Return the twin's."""
        return support.twin().reasons(matrix)


class Room:
    """A stable arm and a shadow."""

    def __init__(
        self, estimator: ports.Estimator, workers: futures.ThreadPoolExecutor, **bounds: Any
    ) -> None:
        self.clock = chassis_testing.ManualClock()
        named = {
            "stable": crew.Candidate(MODEL, support.twin(), self.clock),
            "shadow": crew.Candidate(HALF, estimator, self.clock),
        }
        self.crew = crew.Crew(
            named,
            {},
            seating=lambda arm, one: crew.Seat(
                arm, one, score.Score(one.model, one.estimator, worker=workers, clock=self.clock)
            ),
            store=arm_files.NoArmStore(),
            percent=0,
        )
        self.shadow = shadow.Shadow(workers, **bounds)
        self.answer = answer.Answer(self.crew, self.shadow, self.clock)

    async def ask(self, *claims: model.Claim, deadline: float = 60.0, **options: Any) -> answer.Answered:
        """Answer claims."""
        deadlines, keys = support.deadlines(len(claims), deadline), support.keys(len(claims))
        return await self.answer(deadlines, support.batch(*claims), keys=keys, **options)

    @property
    def candidate(self) -> crew.Candidate:
        """The shadow's model and counts."""
        seat = self.crew.lineup.shadow
        assert seat is not None
        return seat.candidate


@asynccontextmanager
async def _room(estimator: ports.Estimator, **bounds: Any) -> AsyncIterator[Room]:
    with futures.ThreadPoolExecutor(1) as workers:
        room = Room(estimator, workers, **bounds)
        running = asyncio.create_task(room.shadow.run())
        try:
            yield room
        finally:
            if isinstance(estimator, Gated):
                estimator.gate.set()
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


async def test_the_answer_goes_before_the_shadow_is_asked():
    """With the shadow at a closed gate the answer is there, and no pair is."""
    gated = Gated()
    async with _room(gated) as room:
        served = await room.ask(*CLAIMS)
        assert {one.arm for one in served} == {"stable"}
        assert room.shadow.report(room.crew.lineup).seen == 0
        gated.gate.set()
        await room.shadow.settled()
        assert room.shadow.report(room.crew.lineup).seen == 3


async def test_pairs_are_what_both_said_of_the_same_claims():
    """The difference is the shadow's probability minus the answered one, by payer and type."""
    async with _room(support.twin()) as room:
        served = await room.ask(*CLAIMS)
        await room.shadow.settled()
        found = room.shadow.report(room.crew.lineup)
    expected = [0.5 - one.answer.probability for one in served[:2]]  # type: ignore[union-attr]
    assert (found.all.pairs, found.all.unscored) == (2, 1)
    assert found.all.mean_difference == pytest.approx(np.mean(expected))
    assert [one.name for one in found.payers] == ["PAYER-03"]
    assert [one.name for one in found.types] == ["professional"]


async def test_explanations_are_not_shadowed():
    """Who asks why is no new claim."""
    async with _room(support.twin()) as room:
        await room.ask(*CLAIMS, depth="all")
        await room.shadow.settled()
        assert room.shadow.report(room.crew.lineup).seen == 0


async def test_too_much_waiting_is_dropped_and_counted():
    """Beyond the bound batches go unshadowed; the answers are the same."""
    gated = Gated()
    async with _room(gated, waiting_rows=4) as room:
        assert len(await room.ask(*CLAIMS)) == len(await room.ask(*CLAIMS)) == 3
        assert room.candidate.dropped == 3
        gated.gate.set()
        await room.shadow.settled()
        assert room.candidate.scored == 3


@pytest.mark.parametrize("fault", [RuntimeError("planted"), MemoryError(), errors.Internal("x", "y")])
async def test_a_shadow_that_raises_is_isolated(fault: Exception):
    """The stable arm goes on; the shadow is reported, left alone for a while, then asked again."""
    gated = Gated(fault)
    gated.gate.set()
    async with _room(gated) as room:
        assert len(await room.ask(*CLAIMS)) == 3
        await room.shadow.settled()
        standing = room.crew.standings()[1]
        assert (standing.arm, standing.state, standing.reason) == ("shadow", "isolated", "arm.raised")
        await room.ask(*CLAIMS)
        await room.shadow.settled()
        assert room.candidate.failed == 3
        room.clock.advance(crew.ISOLATION_SECONDS)
        gated.fault = None
        await room.ask(*CLAIMS, deadline=crew.ISOLATION_SECONDS + 60)
        await room.shadow.settled()
        assert room.crew.standings()[1].state == "serving"
        assert room.shadow.report(room.crew.lineup).seen == 3


async def test_a_batch_that_cannot_be_paired_ends_nothing():
    """Whatever goes wrong with one batch, the next one is paired: the shadow's task does not end."""
    async with _room(support.twin()) as room:
        batch = support.batch(*CLAIMS)
        (told,) = (await room.ask(*CLAIMS)).parts
        await room.shadow.settled()
        room.shadow.offer(room.crew.lineup, batch._replace(dictionary=[""]), told)
        await room.shadow.settled()
        assert room.crew.standings()[1].state == "isolated"
        room.clock.advance(crew.ISOLATION_SECONDS)
        room.shadow.offer(room.crew.lineup, batch, told)
        await room.shadow.settled()
        assert room.shadow.report(room.crew.lineup).seen == 6


async def test_a_shadow_that_hangs_is_isolated():
    """It is given up after its bound; what waits meanwhile is dropped, not asked."""
    gated = Gated()
    async with _room(gated, seconds=0.01) as room:
        await room.ask(*CLAIMS)
        await room.shadow.settled()
        assert room.crew.standings()[1].reason == "arm.slow"


async def test_a_shadow_of_nonsense_is_isolated():
    """NaN is no probability, and gives no pair."""

    class Nonsense(Gated):
        def claims(self, matrix: ports.Matrix) -> ports.Doubles:
            return np.full(len(matrix), np.nan)

    async with _room(Nonsense()) as room:
        await room.ask(*CLAIMS)
        await room.shadow.settled()
        assert room.crew.standings()[1].reason == "arm.raised"
        assert room.shadow.report(room.crew.lineup).seen == 0


async def test_without_a_shadow_there_is_nothing_to_report():
    """The report says which setting names one."""
    async with _room(support.twin()) as room:
        with pytest.raises(errors.NotFound, match="settings"):
            room.shadow.report(room.crew.lineup._replace(shadow=None))
