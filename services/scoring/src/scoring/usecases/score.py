"""Score a batch of claims: probabilities for all, reasons for the flagged. Knows no transport and no file."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent import futures

import numpy as np
import numpy.typing as npt

from chassis import clock as clocks
from chassis import errors
from scoring import ports
from scoring.domain import calibration, features, few, models, prints, rows, scores

# Up to here a batch costs less than a millisecond: handing it to a thread would cost more than it frees.
INLINE_ROWS = 32

type Mask = npt.NDArray[np.bool_]


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
        self, deadlines: Sequence[float], batch: rows.Rows, *, explain_all: bool = False
    ) -> scores.Scored:
        """Return one score or fault per claim, in their order; a fault of one leaves the others alone.

        `deadlines` are in monotonic seconds, one per claim. Raises Invalid `rows.schema_mismatch` when the
        rows follow another schema than the model was trained with, `rows.empty` when there is no claim,
        `rows.contexts_mismatch` without one deadline each.
        """
        check(self._model, len(deadlines), batch)
        faults = _refusals(np.asarray(deadlines) <= self._clock.monotonic(), batch)
        if len(faults) == batch.items:
            return scores.refused(batch.offsets, faults)
        if batch.size <= self._inline_rows:
            return judge(self._model, self._estimator, batch, faults=faults, explain_all=explain_all)
        return await asyncio.get_running_loop().run_in_executor(
            self._worker,
            lambda: judge(self._model, self._estimator, batch, faults=faults, explain_all=explain_all),
        )


def _refusals(late: Mask, batch: rows.Rows) -> dict[int, errors.Fault]:
    """Return which claims are not even looked at, and why."""
    counts = batch.counts
    strange = (counts < 1) | (counts > rows.MAX_LINES)
    if not (strange.any() or late.any() or batch.infinite):
        return {}
    infinite: dict[int, errors.Fault] = {item: _infinite(name) for item, name in batch.infinite}
    return (
        infinite
        | {item: _miscounted(int(counts[item])) for item in np.flatnonzero(strange).tolist()}
        | {item: _late() for item in np.flatnonzero(late).tolist()}
    )


def _late() -> errors.Fault:
    return errors.Unavailable("deadline.exceeded", "No time was left when the item arrived.")


def _miscounted(lines: int) -> errors.Fault:
    return errors.Invalid("rows.line_count", f"A claim has 1 to {rows.MAX_LINES} lines; here it has {lines}.")


def _infinite(column: str) -> errors.Fault:
    message = f"The column {column} holds an infinite value: send a number, or NaN where it is missing."
    return errors.Invalid("rows.not_finite", message)


def check(model: models.Model, contexts: int, batch: rows.Rows) -> None:
    """Raise Invalid when the batch as a whole cannot be understood."""
    if batch.schema_hash != model.row_schema_hash:
        raise errors.Invalid(
            "rows.schema_mismatch",
            f"The model was trained on rows of schema {model.row_schema_hash[:12]}, these follow "
            f"{batch.schema_hash[:12] or 'none'}: the columns may mean something else.",
        )
    if not batch.items:
        raise errors.Invalid("rows.empty", "The batch holds no claim: send at least one.")
    if contexts != batch.items:
        raise errors.Invalid(
            "rows.contexts_mismatch", f"{contexts} contexts came with the rows of {batch.items} claims."
        )


def judge(
    model: models.Model,
    estimator: ports.Estimator,
    batch: rows.Rows,
    *,
    explain_all: bool,
    faults: Mapping[int, errors.Fault] | None = None,
) -> scores.Scored:
    """Return the scores of a checked batch; claims with `faults` get none, nor do those without lines."""
    faults = faults or {}
    found = (few.matrices if batch.few else features.matrices)(model.features, batch)
    outside = features.outside(model.features, batch.offsets, found)
    line_p = calibration.apply(model.line_calibration, estimator.lines(found.lines))
    claim_p = calibration.apply(model.claim_calibration, estimator.claims(found.claims))
    accepted = np.ones(batch.items, dtype=np.bool_)
    accepted[[*outside, *faults]] = False
    flagged_lines = (explain_all | (line_p >= model.flag_threshold)) & accepted.repeat(batch.counts)
    flagged_claims = (explain_all | (claim_p >= model.flag_threshold)) & accepted
    return scores.Scored(
        offsets=batch.offsets,
        probability=claim_p,
        lines=line_p,
        faults=faults,
        outside=outside,
        prints=prints.of(batch),
        flagged_lines=_lines(model, estimator, found.lines, flagged_lines),
        flagged_claims=_claims(model, found.claims, flagged_claims),
        reasons=model.reasons,
    )


def _lines(
    model: models.Model, estimator: ports.Estimator, matrix: ports.Matrix, flagged: Mask
) -> scores.Lines:
    """Return why the flagged lines are flagged."""
    (places,) = flagged.nonzero()
    if not len(places):
        return scores.NO_LINES
    chosen = matrix[places]
    likely = models.guesses(estimator.reasons(chosen))
    return scores.Lines(places, models.explain(model.line_explainer, chosen), *likely)


def _claims(model: models.Model, matrix: ports.Matrix, flagged: Mask) -> scores.Claims:
    """Return why the flagged claims are flagged."""
    (places,) = flagged.nonzero()
    if not len(places):
        return scores.NO_CLAIMS
    return scores.Claims(places, models.explain(model.claim_explainer, matrix[places]))
