"""The arms of this process: who sits where, how each fares, and what operators decide about them."""

import asyncio
import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chassis import clock as clocks
from chassis import errors, logs, metrics
from scoring import ports
from scoring.domain import arms, models, scores
from scoring.usecases import score

ISOLATION_SECONDS = 30.0  # long enough that a failing arm costs nothing, short enough to see it recover


class Candidate:
    """One loaded model and how it fared since the process began."""

    def __init__(self, model: models.Model, estimator: ports.Estimator, clock: clocks.Clock) -> None:
        self.model, self.estimator = model, estimator
        self.scored = self.failed = self.dropped = 0
        self.reason = ""
        self._clock = clock
        self._until = -1.0

    @property
    def isolated(self) -> bool:
        """Whether it failed lately and is left alone."""
        return self._clock.monotonic() < self._until

    def isolate(self, reason: str) -> None:
        """Leave it alone for a while."""
        self.reason, self._until = reason, self._clock.monotonic() + ISOLATION_SECONDS


class Seat(NamedTuple):
    """A candidate in an arm, with the use case that asks it there."""

    arm: str
    candidate: Candidate
    scoring: score.Score

    def succeeded(self, claims: int) -> None:
        """Count claims that it scored."""
        self.candidate.scored += claims
        _count(self.arm, "scored", claims)

    def failed(self, claims: int, reason: str, cause: BaseException | None = None) -> None:
        """Count claims that it failed to score, isolate it and say so in log and metric."""
        self.candidate.failed += claims
        self.candidate.isolate(reason)
        _count(self.arm, "failed", claims)
        logs.get("scoring.arms").warning(
            "arm isolated",
            arm=self.arm,
            reason=reason,
            revision=self.candidate.model.revision,
            items=claims,
            exc_info=cause,
        )

    def dropped(self, claims: int) -> None:
        """Count claims that it was never asked about, because too many waited."""
        self.candidate.dropped += claims
        _count(self.arm, "dropped", claims)


class Part(NamedTuple):
    """What one arm answered of a batch: `items` are the places of its claims, None for all of them."""

    arm: str
    model: models.Model
    items: npt.NDArray[np.intp] | None
    scored: scores.Scored


class Lineup(NamedTuple):
    """Who answers now; replaced as a whole, so that a batch meets one line-up from its start to its end."""

    stable: Seat
    canary: Seat | None
    shadow: Seat | None
    percent: float
    """Share of claims that meet the canary: 0 when it was stopped."""


class Standing(NamedTuple):
    """One arm as told to an operator; `seat` is None when its bundle was refused."""

    arm: str
    state: str
    seat: Seat | None
    reason: str
    percent: float


type Seating = Callable[[str, Candidate], Seat]


class Crew:
    """Holds the line-up; `named` are candidates by the arm that settings give them, `refused` the rest.

    Raises Invalid `arms.missing` when the stored state names a model that is not there.
    """

    def __init__(
        self,
        named: Mapping[str, Candidate],
        refused: Mapping[str, errors.Fault],
        *,
        seating: Seating,
        store: ports.ArmStore,
        percent: float,
    ) -> None:
        self._candidates = dict(named)
        self._named = {arm: candidate.model.revision for arm, candidate in named.items()}
        self._refused, self._seating, self._store, self._percent = dict(refused), seating, store, percent
        self._deciding = asyncio.Lock()
        self._state = store.load()
        if self._state is not None and not arms.holds(self._state, self._named):
            logs.get("scoring.arms").warning(
                "earlier promotion set aside, settings name another stable model"
            )
        self.lineup = self._seated(self._state)

    @property
    def durable(self) -> bool:
        """Whether decisions outlive the process."""
        return self._store.durable

    def standings(self) -> list[Standing]:
        """Return every arm, the stable one first, those with refused bundles last."""
        lineup = self.lineup
        told = [self._standing(lineup.stable, 100.0 - lineup.percent)]
        if lineup.canary:
            told.append(self._standing(lineup.canary, lineup.percent))
        if lineup.shadow:
            told.append(self._standing(lineup.shadow, 0.0))
        broken = [Standing(arm, "broken", None, fault.reason, 0.0) for arm, fault in self._refused.items()]
        return told + broken

    def candidate(self, arm: str, revision: str) -> Candidate:
        """Return the candidate of an arm that may become stable; `revision` "" means whichever it is.

        Raises Invalid `arms.unknown`, NotFound `arms.empty`, Conflict `arms.broken`, `arms.isolated` or
        `arms.other_revision`.
        """
        if arm not in arms.CANDIDATES:
            listed = " or ".join(arms.CANDIDATES)
            raise errors.Invalid("arms.unknown", f"The arm to promote is {listed}.")
        seat = self.lineup.canary if arm == arms.CANARY else self.lineup.shadow
        if seat is None and arm in self._refused:
            raise errors.Conflict(
                "arms.broken", f"The bundle of the {arm} was refused: it cannot be promoted."
            )
        if seat is None:
            raise errors.NotFound("arms.empty", f"There is no {arm}: name its bundle in the settings.")
        if seat.candidate.isolated:
            message = (
                f"The {arm} failed lately ({seat.candidate.reason}): wait until it serves, then promote it."
            )
            raise errors.Conflict("arms.isolated", message)
        found = seat.candidate.model.revision
        if revision and revision != found:
            message = (
                f"The {arm} holds the model {found[:12]}, not {revision[:12]}: look again before promoting."
            )
            raise errors.Conflict("arms.other_revision", message)
        return seat.candidate

    async def decide(self, change: Callable[[Mapping[str, str], arms.State | None], arms.State]) -> None:
        """Store a decision, then seat the arms by it; nothing changes when it cannot be stored."""
        async with self._deciding:
            state = change(self._named, self._state)
            lineup = self._seated(state)
            await asyncio.get_running_loop().run_in_executor(None, self._store.save, state)
            self._state, self.lineup = state, lineup
            logs.get("scoring.arms").info("arms changed", revision=state.stable)

    def _seated(self, state: arms.State | None) -> Lineup:
        seats = arms.seats(self._named, state)
        found = {candidate.model.revision: candidate for candidate in reversed(self._candidates.values())}
        canary, shadow = (
            self._seating(arm, self._own(arm, revision, found)) if revision else None
            for arm, revision in ((arms.CANARY, seats.canary), (arms.SHADOW, seats.shadow))
        )
        percent = 0.0 if canary is None or seats.canary_stopped else self._percent
        return Lineup(self._seating(arms.STABLE, found[seats.stable]), canary, shadow, percent)

    def _own(self, arm: str, revision: str, found: Mapping[str, Candidate]) -> Candidate:
        """Return the arm's own copy of a model, so that two arms with one bundle do not share failures."""
        own = self._candidates.get(arm)
        return own if own is not None and own.model.revision == revision else found[revision]

    def _standing(self, seat: Seat, percent: float) -> Standing:
        if seat.arm != arms.STABLE and seat.candidate.isolated:
            return Standing(seat.arm, "isolated", seat, seat.candidate.reason, percent)
        off = seat.arm == arms.CANARY and not percent
        return Standing(seat.arm, "off" if off else "serving", seat, "", percent)


def _count(arm: str, outcome: str, claims: int) -> None:
    _counted(arm, outcome)(claims)


@functools.cache
def _counted(arm: str, outcome: str) -> Callable[[float], None]:
    """Return what adds to a counter; looking it up anew costs as much as a small batch's answer."""
    counted = metrics.counter("arm_claims", "Claims by scoring arm and their fate.", ("arm", "outcome"))
    return counted.labels(arm, outcome).inc
