"""Answer a batch by the arms: the stable model, and the canary for its share. Knows no transport, no file."""

import asyncio
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chassis import clock as clocks
from chassis import contexts as callers
from chassis import errors
from scoring.domain import arms, models, rows, scores
from scoring.usecases import crew, score, shadow

CANARY_SECONDS = 0.05  # ten times what a batch of a hundred takes; all claims of the batch wait for it
PATIENCE = 0.5  # of the time that is left: enough remains for the stable arm to answer in its place

type Mask = npt.NDArray[np.bool_]


class Served(NamedTuple):
    """One answer, and which arm with which model gave it."""

    arm: str
    model: models.Model
    answer: score.Answer


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
        self,
        contexts: Sequence[callers.CallContext],
        batch: rows.Rows,
        *,
        keys: Sequence[int] = (),
        explain_all: bool = False,
    ) -> list[Served]:
        """Return one answer per context, in their order; `keys` are the claims' keys, none or one each.

        Raises what `score.Score` raises, and Invalid `rows.keys_mismatch`.
        """
        if keys and len(keys) != len(contexts):
            message = f"{len(keys)} claim keys came with {len(contexts)} contexts: send one each, or none."
            raise errors.Invalid("rows.keys_mismatch", message)
        lineup = self._crew.lineup
        tried = await self._canary(lineup, contexts, batch, keys, explain_all=explain_all)
        served = await self._stable(lineup, contexts, batch, tried, explain_all=explain_all)
        if lineup.shadow is not None and not explain_all:
            told = [one.answer if one.arm == arms.STABLE else None for one in served]
            self._shadow.offer(lineup, batch, told)
        return served

    async def _canary(
        self,
        lineup: crew.Lineup,
        contexts: Sequence[callers.CallContext],
        batch: rows.Rows,
        keys: Sequence[int],
        *,
        explain_all: bool,
    ) -> dict[int, Served]:
        """Return the canary's answers by item, none when no claim meets it or when it failed."""
        seat = lineup.canary
        if seat is None or not lineup.percent or seat.candidate.isolated:
            return {}
        score.check(lineup.stable.candidate.model, contexts, batch)
        keys = keys or [arms.of_identity(context.tenant, context.item_id) for context in contexts]
        chosen = arms.chosen(keys, lineup.percent)
        items = np.flatnonzero(chosen).tolist()
        if not items:
            return {}
        asked = [contexts[item] for item in items]
        answers = await self._attempt(seat, asked, rows.subset(batch, chosen), explain_all=explain_all)
        told = [Served(arms.CANARY, seat.candidate.model, answer) for answer in answers]
        return dict(zip(items, told, strict=True)) if told else {}

    async def _attempt(
        self,
        seat: crew.Seat,
        contexts: Sequence[callers.CallContext],
        batch: rows.Rows,
        *,
        explain_all: bool,
    ) -> list[score.Answer]:
        """Return the canary's answers, none when it failed; it is then isolated."""
        left = min(context.deadline for context in contexts) - self._clock.monotonic()
        try:
            async with asyncio.timeout(min(self._seconds, max(left, 0.0) * PATIENCE)):
                answers = await seat.scoring(contexts, batch, explain_all=explain_all)
        except TimeoutError:
            if left * PATIENCE >= self._seconds:  # else the caller was late, not the canary
                seat.failed(len(contexts), "arm.slow")
            return []
        except Exception as error:  # noqa: BLE001 - an arm on trial may raise anything
            seat.failed(len(contexts), "arm.raised", error)
            return []
        if not all(_sensible(answer) for answer in answers):
            seat.failed(len(contexts), "arm.nonsense")
            return []
        seat.succeeded(len(contexts))
        return answers

    async def _stable(
        self,
        lineup: crew.Lineup,
        contexts: Sequence[callers.CallContext],
        batch: rows.Rows,
        tried: dict[int, Served],
        *,
        explain_all: bool,
    ) -> list[Served]:
        """Return all answers: the canary's that are there, the stable arm's for the rest."""
        seat = lineup.stable
        if not tried:
            answers = await seat.scoring(contexts, batch, explain_all=explain_all)
            seat.succeeded(len(answers))
            return [Served(arms.STABLE, seat.candidate.model, answer) for answer in answers]
        rest = np.ones(batch.items, dtype=np.bool_)
        rest[list(tried)] = False
        items = np.flatnonzero(rest).tolist()
        served = dict(tried)
        if items:
            asked = [contexts[item] for item in items]
            answers = await seat.scoring(asked, rows.subset(batch, rest), explain_all=explain_all)
            seat.succeeded(len(answers))
            served |= {
                item: Served(arms.STABLE, seat.candidate.model, answer)
                for item, answer in zip(items, answers, strict=True)
            }
        return [served[item] for item in range(batch.items)]


def _sensible(answer: score.Answer) -> bool:
    """Return whether an answer can be one: a fault of the item, a refusal, or probabilities."""
    if not isinstance(answer, scores.ClaimScore) or answer.state != "scored":
        return True
    return all(math.isfinite(p) and 0 <= p <= 1 for p in (answer.probability, *answer.line_probabilities))
