"""Score claims a second time by the shadow, after their answer has gone. Knows no transport and no file."""

import asyncio
from collections import deque
from concurrent import futures
from typing import NamedTuple, Never

import numpy as np

from chassis import errors
from scoring import ports
from scoring.domain import arms, calibration, features, models, pairs, rows
from scoring.usecases import crew

WAITING_ROWS = 20_000  # lines that may wait for the shadow: some 20 MB, seconds of its work
SLOW_SECONDS = 10.0  # for one batch: a hundred times what a full one takes


class _Work(NamedTuple):
    """A batch that was answered, with what the stable model said of it (NaN: no number)."""

    lineup: crew.Lineup
    seat: crew.Seat
    batch: rows.Rows
    stable: pairs.Doubles


class Shadow:
    """Takes answered batches and scores them when their turn comes; `worker` is a thread of its own."""

    def __init__(
        self, worker: futures.Executor, *, waiting_rows: int = WAITING_ROWS, seconds: float = SLOW_SECONDS
    ) -> None:
        self._worker, self._bound, self._seconds = worker, waiting_rows, seconds
        self._waiting: deque[_Work] = deque()
        self._rows = 0
        self._wake, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._pairs: dict[tuple[str, str], pairs.Pairs] = {}

    def offer(self, lineup: crew.Lineup, batch: rows.Rows, part: crew.Part) -> None:
        """Remember what the stable arm answered of a batch for later, at the cost of some microseconds.

        When too much waits, the batch is dropped and counted: the shadow never slows an answer.
        """
        seat = lineup.shadow
        if seat is None or seat.candidate.isolated:
            return
        if self._rows + batch.size > self._bound:
            seat.dropped(batch.items)
            return
        told = np.ones(len(part.scored), dtype=np.bool_)
        told[[*part.scored.faults]] = False
        if not told.any():
            return
        stable = part.scored.probability.copy()
        stable[[*part.scored.outside]] = np.nan
        kept = np.zeros(batch.items, dtype=np.bool_)
        kept[told if part.items is None else part.items[told]] = True
        chosen = batch if kept.all() else rows.subset(batch, kept)
        self._waiting.append(_Work(lineup, seat, chosen, stable[told]))
        self._rows += chosen.size
        self._idle.clear()
        self._wake.set()

    async def run(self) -> Never:
        """Score what waits, one batch after the other, until cancelled."""
        while True:
            await self._wake.wait()
            while self._waiting:
                work = self._waiting.popleft()
                await self._pair(work)
                self._rows -= work.batch.size
            self._wake.clear()
            self._idle.set()

    async def settled(self) -> None:
        """Return when nothing waits."""
        await self._idle.wait()

    def report(self, lineup: crew.Lineup) -> pairs.Report:
        """Return how the shadow differs from the stable model of now.

        Raises NotFound `arms.empty` when there is no shadow.
        """
        if lineup.shadow is None:
            raise errors.NotFound("arms.empty", "There is no shadow: name its bundle in the settings.")
        stable, shadow = lineup.stable.candidate.model, lineup.shadow.candidate.model
        found = self._pairs.get((stable.revision, shadow.revision)) or pairs.Pairs(1)
        return found.report(pairs.Thresholds(stable.flag_threshold, shadow.flag_threshold))

    async def _pair(self, work: _Work) -> None:
        """Score one batch and remember the pairs; whatever goes wrong is the shadow's matter alone."""
        candidate, loop = work.seat.candidate, asyncio.get_running_loop()
        if candidate.isolated:
            work.seat.dropped(work.batch.items)
            return
        try:
            async with asyncio.timeout(self._seconds):
                found = await loop.run_in_executor(
                    self._worker, probabilities, candidate.model, candidate.estimator, work.batch
                )
            self._remember(work, found)
        except TimeoutError:
            work.seat.failed(work.batch.items, "arm.slow")
            return
        except Exception as error:  # noqa: BLE001 - an arm on trial may raise anything
            work.seat.failed(work.batch.items, "arm.raised", error)
            return
        work.seat.succeeded(work.batch.items)

    def _remember(self, work: _Work, found: pairs.Doubles) -> None:
        """Add a batch's pairs to those of the same two models."""
        key = work.lineup.stable.candidate.model.revision, work.seat.candidate.model.revision
        if key not in self._pairs:
            self._pairs = {key: pairs.Pairs()}  # pairs of earlier models answer no question any more
        names = (_words(work.batch, column) for column in ("payer", "type"))
        self._pairs[key].add(work.stable, found, *names)


def probabilities(model: models.Model, estimator: ports.Estimator, batch: rows.Rows) -> pairs.Doubles:
    """Return the claims' probabilities, NaN where a claim is outside what the model's training saw."""
    found = features.matrices(model.features, batch)
    margins = estimator.claims(found.claims)
    if not np.isfinite(margins).all():
        message = f"the {arms.SHADOW} gave a margin that is no number"
        raise ValueError(message)
    answer = calibration.apply(model.claim_calibration, margins)
    answer[[*features.outside(model.features, batch.offsets, found)]] = np.nan
    return answer


def _words(batch: rows.Rows, column: str) -> list[str]:
    return [batch.dictionary[code] for code in batch.claims[column].tolist()]
