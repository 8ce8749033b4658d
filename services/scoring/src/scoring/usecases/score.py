"""Score a batch of claims: probabilities for all, reasons for the flagged. Knows no transport and no file."""

import asyncio
from collections.abc import Sequence
from concurrent import futures

import numpy as np
import numpy.typing as npt

from chassis import clock as clocks
from chassis import contexts as callers
from chassis import errors
from scoring import ports
from scoring.domain import calibration, features, models, prints, rows, scores

# Up to here a batch costs less than half a millisecond: handing it to a thread would cost more than it frees.
INLINE_ROWS = 32

type Answer = scores.ClaimScore | errors.Fault


class Score:
    """Answers batches with one model; `worker` is a single thread for batches above `INLINE_ROWS` rows."""

    def __init__(
        self,
        model: models.Model,
        estimator: ports.Estimator,
        *,
        worker: futures.Executor,
        clock: clocks.Clock,
        inline_rows: int = INLINE_ROWS,
    ) -> None:
        self._model, self._estimator = model, estimator
        self._worker, self._clock, self._inline_rows = worker, clock, inline_rows

    async def __call__(
        self, contexts: Sequence[callers.CallContext], batch: rows.Rows, *, explain_all: bool = False
    ) -> list[Answer]:
        """Return one score or fault per context, in their order; a fault of one item leaves the others alone.

        Raises Invalid `rows.schema_mismatch` when the rows follow another schema than the model was trained
        with, `rows.empty` when there is no claim, `rows.contexts_mismatch` without one context each.
        """
        check(self._model, contexts, batch)
        infinite = dict(batch.infinite)
        faults = [
            self._refusal(context, lines, infinite.get(item, ""))
            for item, (context, lines) in enumerate(zip(contexts, np.diff(batch.offsets), strict=True))
        ]
        if all(faults):
            return [fault for fault in faults if fault]
        if batch.size <= self._inline_rows:
            answers = judge(self._model, self._estimator, batch, explain_all=explain_all)
        else:
            loop = asyncio.get_running_loop()
            answers = await loop.run_in_executor(
                self._worker, lambda: judge(self._model, self._estimator, batch, explain_all=explain_all)
            )
        return [fault or answer for fault, answer in zip(faults, answers, strict=True)]

    def _refusal(self, context: callers.CallContext, lines: int, infinite: str) -> errors.Fault | None:
        """Return why this item is not even looked at."""
        if context.deadline <= self._clock.monotonic():
            return errors.Unavailable("deadline.exceeded", "No time was left when the item arrived.")
        if not 0 < lines <= rows.MAX_LINES:
            return errors.Invalid(
                "rows.line_count", f"A claim has 1 to {rows.MAX_LINES} lines; here it has {lines}."
            )
        if infinite:
            return errors.Invalid(
                "rows.not_finite",
                f"The column {infinite} holds an infinite value: send a number, or NaN where it is missing.",
            )
        return None


def check(model: models.Model, contexts: Sequence[callers.CallContext], batch: rows.Rows) -> None:
    """Raise Invalid when the batch as a whole cannot be understood."""
    if batch.schema_hash != model.row_schema_hash:
        raise errors.Invalid(
            "rows.schema_mismatch",
            f"The model was trained on rows of schema {model.row_schema_hash[:12]}, these follow "
            f"{batch.schema_hash[:12] or 'none'}: the columns may mean something else.",
        )
    if not batch.items:
        raise errors.Invalid("rows.empty", "The batch holds no claim: send at least one.")
    if len(contexts) != batch.items:
        raise errors.Invalid(
            "rows.contexts_mismatch", f"{len(contexts)} contexts came with the rows of {batch.items} claims."
        )


def judge(
    model: models.Model, estimator: ports.Estimator, batch: rows.Rows, *, explain_all: bool
) -> list[scores.ClaimScore]:
    """Return one score per claim of a checked batch; claims without lines get a score without meaning."""
    found = features.matrices(model.features, batch)
    refused = features.outside(model.features, batch.offsets, found)
    line_margins = estimator.lines(found.lines)
    line_p = calibration.apply(model.line_calibration, line_margins)
    claim_p = calibration.apply(model.claim_calibration, estimator.claims(found.claims))
    accepted = np.array([not reason for reason in refused], dtype=np.bool_)
    item_of_row = np.repeat(np.arange(batch.items), np.diff(batch.offsets))
    flagged_rows = np.flatnonzero((explain_all | (line_p >= model.flag_threshold)) & accepted[item_of_row])
    flagged_items = np.flatnonzero((explain_all | (claim_p >= model.flag_threshold)) & accepted)
    reasons = _line_reasons(model, estimator, found.lines, flagged_rows, batch.offsets)
    shares = _claim_shares(model, found.claims, flagged_items)
    printed = prints.of(batch)
    return [
        scores.ClaimScore("out_of_range", reason, print=printed[item])
        if reason
        else scores.ClaimScore(
            state="scored",
            probability=float(claim_p[item]),
            line_probabilities=tuple(line_p[batch.offsets[item] : batch.offsets[item + 1]].tolist()),
            line_reasons=tuple(reasons.get(item, ())),
            contributions=shares.get(item),
            print=printed[item],
        )
        for item, reason in enumerate(refused)
    ]


def _line_reasons(
    model: models.Model,
    estimator: ports.Estimator,
    matrix: npt.NDArray[np.float32],
    flagged: npt.NDArray[np.intp],
    offsets: rows.Ints,
) -> dict[int, list[scores.LineReason]]:
    """Return the reasons of the flagged rows by item."""
    if not len(flagged):
        return {}
    chosen = matrix[flagged]
    found: dict[int, list[scores.LineReason]] = {}
    likely = models.guesses(model, estimator.reasons(chosen))
    shares = models.explain(model.line_explainer, chosen)
    for row, guesses, contributions in zip(flagged.tolist(), likely, shares, strict=True):
        item = int(np.searchsorted(offsets, row, side="right")) - 1
        found.setdefault(item, []).append(scores.LineReason(row - int(offsets[item]), guesses, contributions))
    return found


def _claim_shares(
    model: models.Model, matrix: npt.NDArray[np.float32], flagged: npt.NDArray[np.intp]
) -> dict[int, npt.NDArray[np.float64]]:
    """Return the contributions of the flagged claims by item."""
    if not len(flagged):
        return {}
    shares = models.explain(model.claim_explainer, matrix[flagged])
    return dict(zip(flagged.tolist(), shares, strict=True))
