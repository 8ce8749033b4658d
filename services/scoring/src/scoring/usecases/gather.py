"""Answer calls that are in flight at the same moment as one batch. Knows no transport and no file."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

from chassis import clock as clocks
from chassis import coalescing, errors, metrics
from scoring.domain import rows, scores
from scoring.usecases import answer, crew, score

GATHERED_ROWS = 256  # lines of a gathered batch; a call with as many gains nothing by company and goes alone
WAITING_ROWS = 16 * GATHERED_ROWS  # beyond it callers are told to come again
WAITING_CALLS = 4_096
DEPTHS: tuple[scores.Depth, ...] = ("probabilities", "flagged")  # calls of one depth share a batch
QUIET_TURNS = 8  # some 50 us: gRPC hands over calls that wait for this process a few turns after one another


class _Asked(NamedTuple):
    """One call."""

    deadlines: Sequence[float]
    batch: rows.Rows
    making_keys: answer.Keys


class Gather:
    """The same answers as `answer.Answer`; nothing waits for a timer, and no call's fault is another's."""

    def __init__(self, answering: answer.Answer, crew_: crew.Crew, clock: clocks.Clock) -> None:
        self._answering, self._crew, self._clock = answering, crew_, clock
        self._coalescers = {depth: self._coalescer(depth) for depth in DEPTHS}

    def _coalescer(self, depth: scores.Depth) -> coalescing.Coalescer[_Asked, answer.Answered]:
        return coalescing.Coalescer(
            functools.partial(self._exchange, depth),
            max_rows=GATHERED_ROWS,
            max_bytes=GATHERED_ROWS,
            max_queue=WAITING_CALLS,
            max_queue_bytes=WAITING_ROWS,
            size_of=lambda asked: asked.batch.size,
            clock=self._clock,
            in_flight=1,
            quiet_turns=QUIET_TURNS,
            observe=metrics.batches("score_calls"),
        )

    async def __call__(
        self,
        deadlines: Sequence[float],
        batch: rows.Rows,
        *,
        keys: answer.Keys,
        depth: scores.Depth = "flagged",
    ) -> answer.Answered:
        """Return one answer per claim of this call; raises what `answer.Answer` raises.

        Raises Exhausted `queue.full` when too much waits.
        """
        score.check(self._crew.lineup.stable.candidate.model, len(deadlines), batch)
        latest = max(deadlines)
        if batch.size >= GATHERED_ROWS or latest <= self._clock.monotonic():
            return await self._answering(deadlines, batch, keys=keys, depth=depth)
        return await self._coalescers[depth].submit(_Asked(deadlines, batch, keys), deadline=latest)

    async def aclose(self) -> None:
        """Wait for what is in flight."""
        for coalescer in self._coalescers.values():
            await coalescer.aclose()

    async def _exchange(
        self, depth: scores.Depth, asked: list[_Asked]
    ) -> Sequence[answer.Answered | errors.Fault]:
        if len(asked) == 1:
            (only,) = asked
            return [await self._answering(only.deadlines, only.batch, keys=only.making_keys, depth=depth)]
        served = await self._answering(
            [deadline for one in asked for deadline in one.deadlines],
            rows.joined([one.batch for one in asked]),
            keys=lambda: [key for one in asked for key in one.making_keys()],
            depth=depth,
        )
        answers, start = [], 0
        for one in asked:
            answers.append(served.between(start, start + one.batch.items))
            start += one.batch.items
        return answers
