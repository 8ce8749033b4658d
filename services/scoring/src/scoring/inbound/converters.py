"""Messages of scoring.proto to rows and scores back. Knows no model's inside and decides nothing."""

from collections.abc import Iterable, Sequence

import numpy as np

from chassis import contexts as callers
from chassis import errors, faults
from scoring.domain import columns, models, rows, scores
from scoring.usecases import score
from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import scoring_pb2

MAX_ROWS = 50_000  # what a 16 MiB message can hold of our columns, rounded down
MAX_ITEMS = 20_000
BIAS = ("bias", "Starting point: the average of all", "نقطة البداية: متوسط الجميع")

STATES = {
    "scored": scoring_pb2.SCORE_STATE_SCORED,
    "not_scored": scoring_pb2.SCORE_STATE_NOT_SCORED,
    "out_of_range": scoring_pb2.SCORE_STATE_OUT_OF_RANGE,
}


def to_rows(wire: scoring_pb2.Rows) -> rows.Rows:
    """Return the columns the features need; others are skipped.

    Raises Invalid `rows.offsets`, `rows.too_many`, `rows.missing_column`, `rows.column` (length, encoding) or
    `rows.dictionary` (a code beyond the dictionary, entry 0 not empty).
    """
    offsets = np.array(wire.line_offsets, dtype=np.int64)
    if len(offsets) < 1 or offsets[0] != 0 or (np.diff(offsets) < 0).any():
        raise errors.Invalid("rows.offsets", "Line offsets start at 0 and never fall.")
    if offsets[-1] > MAX_ROWS or len(offsets) > MAX_ITEMS + 1:
        raise errors.Invalid("rows.too_many", f"A batch has at most {MAX_ROWS} lines in {MAX_ITEMS} claims.")
    dictionary = list(wire.dictionary)
    if not dictionary or dictionary[0]:
        raise errors.Invalid("rows.dictionary", "Entry 0 of the dictionary is the empty string.")
    size = len(dictionary)
    return rows.Rows(
        schema_hash=wire.schema_hash,
        offsets=offsets,
        dictionary=dictionary,
        claims=_columns(wire.claim_columns, columns.CLAIM_KINDS, len(offsets) - 1, size),
        lines=_columns(wire.line_columns, columns.LINE_KINDS, int(offsets[-1]), size),
    )


def _columns(
    wire: Iterable[common_pb2.Column], needed: dict[str, str], count: int, words: int
) -> dict[str, rows.Column]:
    """Return the needed columns by name, each of `count` values."""
    found = {column.name: _column(column, count, words) for column in wire if column.name in needed}
    for name, kind in needed.items():
        if name not in found:
            raise errors.Invalid("rows.missing_column", f"The column {name} is missing.")
        if (kind == "codes") != (found[name].dtype == np.uint32):
            raise errors.Invalid("rows.column", f"The column {name} should hold {kind}.")
    return found


def _column(wire: common_pb2.Column, count: int, words: int) -> rows.Column:
    """Return one column's values; int64 become float64, missing becomes NaN."""
    kind = wire.WhichOneof("values")
    if kind is None or len(getattr(wire, kind)) != count * (4 if kind == "codes" else 8):
        raise errors.Invalid("rows.column", f"The column {wire.name} does not hold {count} values.")
    if kind == "f64":
        return np.frombuffer(wire.f64, dtype="<f8")
    if kind == "i64":
        return rows.numbers(np.frombuffer(wire.i64, dtype="<i8"))
    codes = np.frombuffer(wire.codes, dtype="<u4")
    if count and int(codes.max()) >= words:
        raise errors.Invalid("rows.dictionary", f"The column {wire.name} points beyond the dictionary.")
    return codes


def to_claims(
    model: models.Model, contexts: Sequence[callers.CallContext], answers: Sequence[score.Answer]
) -> list[scoring_pb2.ClaimScore]:
    """Return one message per context."""
    return [_claim(model, context.item_id, answer) for context, answer in zip(contexts, answers, strict=True)]


def refusals(items: Sequence[str], fault: errors.Fault) -> list[scoring_pb2.ClaimScore]:
    """Return the same fault for every item of a batch."""
    wire = faults.to_wire(fault)
    return [
        scoring_pb2.ClaimScore(item_id=item, state=scoring_pb2.SCORE_STATE_NOT_SCORED, error=wire)
        for item in items
    ]


def to_info(model: models.Model) -> scoring_pb2.ModelInfo:
    """Return which model answers."""
    return scoring_pb2.ModelInfo(
        name=model.name,
        revision=model.revision,
        simulated=model.simulated,
        row_schema_hash=model.row_schema_hash,
        flag_threshold=model.flag_threshold,
    )


def _claim(model: models.Model, item: str, answer: score.Answer) -> scoring_pb2.ClaimScore:
    """Return one claim's score or fault."""
    if isinstance(answer, errors.Fault):
        return refusals([item], answer)[0]
    return scoring_pb2.ClaimScore(
        item_id=item,
        state=STATES[answer.state],
        reason=answer.reason,
        probability=answer.probability,
        line_probabilities=answer.line_probabilities,
        line_reasons=[_line(model, line) for line in answer.line_reasons],
        contributions=_shares(model, answer.contributions),
    )


def _line(model: models.Model, line: scores.LineReason) -> scoring_pb2.LineReason:
    """Return why one line is flagged."""
    guesses = [
        scoring_pb2.ReasonGuess(**guess.reason._asdict(), probability=guess.probability)
        for guess in line.guesses
    ]
    return scoring_pb2.LineReason(
        row=line.row, guesses=guesses, contributions=_shares(model, line.contributions)
    )


def _shares(model: models.Model, shares: models.Doubles | None) -> list[scoring_pb2.Contribution]:
    """Return the human features that moved the score, strongest first, the bias last; they add up to it."""
    if shares is None:
        return []
    order = np.argsort(-np.abs(shares[:-1]), kind="stable")
    named = [
        (model.features.groups[group], float(shares[group])) for group in order.tolist() if shares[group]
    ]
    return [
        scoring_pb2.Contribution(feature=feature, label_en=english, label_ar=arabic, log_odds=share)
        for (feature, english, arabic), share in [*named, (BIAS, float(shares[-1]))]
    ]
