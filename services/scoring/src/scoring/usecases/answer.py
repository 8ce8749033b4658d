"""Answer a batch by the arms: the stable model, and the canary for its share. Knows no transport, no file."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, overload

import numpy as np
import numpy.typing as npt

from chassis import clock as clocks
from scoring.domain import arms, models, rows, scores
from scoring.usecases import crew, score, shadow

CANARY_SECONDS = 0.05  # ten times what a batch of a hundred takes; all claims of the batch wait for it
PATIENCE = 0.5  # of the time that is left: enough remains for the stable arm to answer in its place

type Mask = npt.NDArray[np.bool_]
type Keys = Callable[[], Sequence[int]]  # the claims' keys, made only where some claims may meet a canary


class Served(NamedTuple):
    """One answer, and which arm with which model gave it."""

    arm: str
    model: models.Model
    answer: scores.Answer


class Answered(Sequence[Served]):
    """The answers to a batch by the arms that gave them, the stable one first; a sequence of one a claim."""

    __slots__ = ("_places", "parts")

    def __init__(self, parts: Sequence[crew.Part]) -> None:
        self.parts = parts
        self._places = {
            item: (part, place)
            for part in parts
            if part.items is not None
            for place, item in enumerate(part.items.tolist())
        }

    def __len__(self) -> int:
        return sum(len(part.scored) for part in self.parts)

    @overload
    def __getitem__(self, item: int) -> Served: ...
    @overload
    def __getitem__(self, item: slice) -> list[Served]: ...
    def __getitem__(self, item: int | slice) -> Served | list[Served]:
        if isinstance(item, slice):
            return [self[one] for one in range(*item.indices(len(self)))]
        item = range(len(self))[item]
        part, place = self._places.get(item, (self.parts[0], item))
        return Served(part.arm, part.model, part.scored[place])

    def between(self, start: int, end: int) -> "Answered":
        """Return the answers of the claims from `start` up to `end`, as if they had been asked alone."""
        return Answered([part for part in (_between(one, start, end) for one in self.parts) if part])


def _between(part: crew.Part, start: int, end: int) -> crew.Part | None:
    """Return what of a part lies between two claims of the batch, None when nothing does."""
    if part.items is None:
        return part._replace(scored=part.scored.part(start, end))
    first, last = part.items.searchsorted([start, end]).tolist()
    if first == last:
        return None
    return part._replace(items=part.items[first:last] - start, scored=part.scored.part(first, last))


class Answer:
    """Scores claims by the arm that each one meets.

    A canary that raises, is late or answers nonsense is isolated, and its claims are answered by the stable
    arm, which each of them says. The shadow is told of what was answered, never waited for.
    """

    def __init__(
        self,
        crew_: crew.Crew,
        shadowing: shadow.Shadow,
        clock: clocks.Clock,
        *,
        canary_seconds: float = CANARY_SECONDS,
    ) -> None:
        self._crew, self._shadow, self._clock = crew_, shadowing, clock
        self._seconds = canary_seconds

    async def __call__(
        self, deadlines: Sequence[float], batch: rows.Rows, *, keys: Keys, depth: scores.Depth = "flagged"
    ) -> Answered:
        """Return one answer per claim, in their order; `keys` gives one number each.

        Raises what `score.Score` raises.
        """
        lineup = self._crew.lineup
        tried = await self._canary(lineup, deadlines, batch, keys, depth=depth)
        served = await self._stable(lineup, deadlines, batch, tried, depth=depth)
        if lineup.shadow is not None and depth != "all" and served.parts[0].arm == arms.STABLE:
            self._shadow.offer(lineup, batch, served.parts[0])
        return served

    async def _canary(
        self,
        lineup: crew.Lineup,
        deadlines: Sequence[float],
        batch: rows.Rows,
        keys: Keys,
        *,
        depth: scores.Depth,
    ) -> crew.Part | None:
        """Return the canary's part, None when no claim meets it or when it failed."""
        seat = lineup.canary
        if seat is None or not lineup.percent or seat.candidate.isolated:
            return None
        score.check(lineup.stable.candidate.model, len(deadlines), batch)
        chosen = arms.chosen(keys(), lineup.percent)
        items = np.flatnonzero(chosen)
        if not len(items):
            return None
        asked = [deadlines[item] for item in items.tolist()]
        answers = await self._attempt(seat, asked, rows.subset(batch, chosen), depth=depth)
        return None if answers is None else crew.Part(arms.CANARY, seat.candidate.model, items, answers)

    async def _attempt(
        self, seat: crew.Seat, deadlines: Sequence[float], batch: rows.Rows, *, depth: scores.Depth
    ) -> scores.Scored | None:
        """Return the canary's answers, None when it failed; it is then isolated."""
        left = min(deadlines) - self._clock.monotonic()
        try:
            async with asyncio.timeout(min(self._seconds, max(left, 0.0) * PATIENCE)):
                answers = await seat.scoring(deadlines, batch, depth=depth)
        except TimeoutError:
            if left * PATIENCE >= self._seconds:  # else the caller was late, not the canary
                seat.failed(len(deadlines), "arm.slow")
            return None
        except Exception as error:  # noqa: BLE001 - an arm on trial may raise anything
            seat.failed(len(deadlines), "arm.raised", error)
            return None
        if not _sensible(answers):
            seat.failed(len(deadlines), "arm.nonsense")
            return None
        seat.succeeded(len(deadlines))
        return answers

    async def _stable(
        self,
        lineup: crew.Lineup,
        deadlines: Sequence[float],
        batch: rows.Rows,
        tried: crew.Part | None,
        *,
        depth: scores.Depth,
    ) -> Answered:
        """Return all answers: the canary's that are there, the stable arm's for the rest."""
        seat = lineup.stable
        if tried is None or tried.items is None:
            answers = await seat.scoring(deadlines, batch, depth=depth)
            seat.succeeded(len(answers))
            return Answered([crew.Part(arms.STABLE, seat.candidate.model, None, answers)])
        rest = np.ones(batch.items, dtype=np.bool_)
        rest[tried.items] = False
        items = np.flatnonzero(rest)
        if not len(items):
            return Answered([tried])
        asked = [deadlines[item] for item in items.tolist()]
        answers = await seat.scoring(asked, rows.subset(batch, rest), depth=depth)
        seat.succeeded(len(answers))
        return Answered([crew.Part(arms.STABLE, seat.candidate.model, items, answers), tried])


def _sensible(answers: scores.Scored) -> bool:
    """Return whether answers can be some: chances are numbers between 0 and 1 wherever one is told."""
    without = [*answers.faults, *answers.outside]
    told = np.ones(len(answers), dtype=np.bool_)
    told[without] = False
    chances = (answers.probability[told], answers.lines[told.repeat(answers.counts)])
    return all(bool(((one >= 0) & (one <= 1)).all()) for one in chances)
