"""Score a batch of claims: probabilities for all, reasons for the flagged. Knows no transport and no file."""

import asyncio
import operator
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chassis import clock as clocks
from chassis import errors
from scoring import ports
from scoring.domain import calibration, explaining, features, few, models, prints, rows, scores

# Up to here a batch costs some milliseconds: handing it to a thread would cost more than it frees.
INLINE_ROWS = 256

type Mask = npt.NDArray[np.bool_]
type Outside = dict[int, str]


class Seen(NamedTuple):
    """Rows of a model with their margins; `places` are theirs in the tables of reasons, where known."""

    explainer: explaining.Explainer
    matrix: ports.Matrix
    places: explaining.Seen | None
    margins: ports.Doubles

    def explained(self, rows_: scores.Places) -> ports.Doubles:
        """Return why some rows have their margins."""
        if self.places is None:
            return models.explain(self.explainer, self.matrix.take(rows_, axis=0))
        return models.with_bias(
            self.explainer, explaining.shares(self.explainer, self.places.take(rows_, axis=0))
        )


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
        self, deadlines: Sequence[float], batch: rows.Rows, *, depth: scores.Depth = "flagged"
    ) -> scores.Scored:
        """Return one score or fault per claim, in their order; a fault of one leaves the others alone.

        `deadlines` are in monotonic seconds, one per claim. Raises Invalid `rows.schema_mismatch` when the
        rows follow another schema than the model was trained with, `rows.empty` when there is no claim,
        `rows.contexts_mismatch` without one deadline each.
        """
        check(self._model, len(deadlines), batch)
        faults = _refusals(deadlines, self._clock.monotonic(), batch)
        if len(faults) == batch.items:
            return scores.refused(batch.offsets, faults)
        if batch.size <= self._inline_rows:
            return judge(self._model, self._estimator, batch, faults=faults, depth=depth)
        return await asyncio.get_running_loop().run_in_executor(
            self._worker,
            lambda: judge(self._model, self._estimator, batch, faults=faults, depth=depth),
        )


def _refusals(deadlines: Sequence[float], now: float, batch: rows.Rows) -> dict[int, errors.Fault]:
    """Return which claims are not even looked at, and why."""
    ends = batch.offsets.tolist()
    sizes = [*map(operator.sub, ends[1:], ends)]
    if min(deadlines) > now and min(sizes) >= 1 and max(sizes) <= rows.MAX_LINES and not batch.infinite:
        return {}
    counts = batch.counts
    strange, late = (counts < 1) | (counts > rows.MAX_LINES), np.asarray(deadlines) <= now
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
    depth: scores.Depth,
    faults: Mapping[int, errors.Fault] | None = None,
) -> scores.Scored:
    """Return the scores of a checked batch; claims with `faults` get none, nor do those without lines."""
    faults = faults or {}
    lines, claims, outside = (met if batch.few else seen)(model, estimator, batch)
    line_p = calibration.apply(model.line_calibration, lines.margins)
    claim_p = calibration.apply(model.claim_calibration, claims.margins)
    if depth == "probabilities":
        return scores.Scored(
            offsets=batch.offsets,
            probability=claim_p,
            lines=line_p,
            faults=faults,
            outside=outside,
            prints=[0] * batch.items,
        )
    flagged_lines, flagged_claims = line_p >= model.flag_threshold, claim_p >= model.flag_threshold
    if depth == "all":
        flagged_lines[:] = flagged_claims[:] = True
    if outside or faults:
        accepted = np.ones(batch.items, dtype=np.bool_)
        accepted[[*outside, *faults]] = False
        flagged_lines &= accepted.repeat(batch.counts)
        flagged_claims &= accepted
    return scores.Scored(
        offsets=batch.offsets,
        probability=claim_p,
        lines=line_p,
        faults=faults,
        outside=outside,
        prints=prints.of(batch),
        flagged_lines=_lines(estimator, lines, flagged_lines),
        flagged_claims=_claims(claims, flagged_claims),
        reasons=model.reasons,
    )


def seen(model: models.Model, estimator: ports.Estimator, batch: rows.Rows) -> tuple[Seen, Seen, Outside]:
    """Return lines and claims with their margins, and which claims are outside what training saw, and why."""
    found = features.matrices(model.features, batch)
    return (
        Seen(model.line_explainer, found.lines, None, _margins(estimator.lines, found.lines)),
        Seen(model.claim_explainer, found.claims, None, _margins(estimator.claims, found.claims)),
        features.outside(model.features, batch.offsets, found),
    )


def met(model: models.Model, _: ports.Estimator, batch: rows.Rows) -> tuple[Seen, Seen, Outside]:
    """Return the same of few, with margins from the tables of their reasons, which are needed anyway."""
    values = few.values(model.features, batch)
    told, found = model.few.meet(values.flat, values.sizes), values.matrices()
    inside = told.inside and bool(found.meaning.all())
    return (
        _met(model.line_explainer, found.lines, told.lines),
        _met(model.claim_explainer, found.claims, told.claims),
        {} if inside else features.outside(model.features, batch.offsets, found),
    )


def _margins(ask: Callable[[ports.Matrix], ports.Doubles], matrix: ports.Matrix) -> ports.Doubles:
    told = ask(matrix)
    if told.shape != (len(matrix),):
        message = f"an estimator answered {told.shape} margins for {len(matrix)} rows"
        raise ValueError(message)
    return told


def _met(explainer: explaining.Explainer, matrix: ports.Matrix, found: explaining.Seen) -> Seen:
    return Seen(explainer, matrix, found, explaining.margins(explainer, found))


def _lines(estimator: ports.Estimator, lines: Seen, flagged: Mask) -> scores.Lines:
    """Return why the flagged lines are flagged."""
    (places,) = flagged.nonzero()
    if not len(places):
        return scores.NO_LINES
    likely = models.guesses(estimator.reasons(lines.matrix.take(places, axis=0)))
    return scores.Lines(places, lines.explained(places), *likely)


def _claims(claims: Seen, flagged: Mask) -> scores.Claims:
    """Return why the flagged claims are flagged."""
    (places,) = flagged.nonzero()
    return scores.Claims(places, claims.explained(places)) if len(places) else scores.NO_CLAIMS
