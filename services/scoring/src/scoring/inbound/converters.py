"""Messages of scoring.proto to rows and scores back. Knows no model's inside and decides nothing."""

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from chassis import errors, faults
from scoring.domain import arms, columns, models, records, rows, scores
from scoring.inbound import record_converters
from scoring.usecases import answer
from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import scoring_pb2

MAX_ROWS = 50_000  # what a 16 MiB message can hold of our columns, rounded down
MAX_ITEMS = 20_000
LAYOUTS = 64  # orders of columns remembered, and models: a release has one, an arm the other
MAX_NAME = 40  # of a task, as repeated to who asked for it
CLAIM_REASONS, LINE_REASONS = 5, 3  # told with a score: what people read; Explain tells all of them
BIAS = ("bias", "Starting point: the average of all", "نقطة البداية: متوسط الجميع")

STATES = {
    "scored": scoring_pb2.SCORE_STATE_SCORED,
    "not_scored": scoring_pb2.SCORE_STATE_NOT_SCORED,
    "out_of_range": scoring_pb2.SCORE_STATE_OUT_OF_RANGE,
}


def to_rows(wire: scoring_pb2.Rows) -> rows.Rows:
    """Return the columns the features need, sent as columns or as records; others are skipped.

    Raises Invalid `rows.offsets`, `rows.too_many`, `rows.missing_column`, `rows.column` (length, encoding),
    `rows.dictionary` (a code beyond the dictionary, entry 0 not empty), `rows.records` (length, or records
    beside columns) or `rows.schema_mismatch` (records of a row schema whose layout is not known).
    """
    ends = [*wire.line_offsets]
    if not ends or ends[0] or ends != sorted(ends):
        raise errors.Invalid("rows.offsets", "Line offsets start at 0 and never fall.")
    items, count = len(ends) - 1, ends[-1]
    if count > MAX_ROWS or items > MAX_ITEMS:
        raise errors.Invalid(
            "rows.too_many",
            f"A batch has at most {MAX_ROWS:,} lines in {MAX_ITEMS:,} claims; here it has {count:,} in "
            f"{items:,}: send it in parts.",
        )
    dictionary = list(wire.dictionary)
    if not dictionary or dictionary[0]:
        raise errors.Invalid("rows.dictionary", "Entry 0 of the dictionary is the empty string.")
    offsets, words = np.array(ends, dtype=np.int64), len(dictionary)
    if wire.claim_records or wire.line_records:
        packed = record_converters.to_columns(wire, items, count)
        if count <= records.FEW and record_converters.sound(*packed, words):
            return rows.Rows(wire.schema_hash, offsets, dictionary, *packed)
        claims, lines = (_judged(found, words) for found in packed)
    else:
        claims = _columns(wire.claim_columns, columns.CLAIM_LEVEL, items, words)
        lines = _columns(wire.line_columns, columns.LINE_LEVEL, count, words)
    return rows.Rows(
        schema_hash=wire.schema_hash,
        offsets=offsets,
        dictionary=dictionary,
        claims=claims,
        lines=lines,
        infinite=(*_infinite(claims, np.arange(len(offsets))), *_infinite(lines, offsets)),
    )


def _infinite(found: rows.Columns, offsets: rows.Ints) -> Iterator[tuple[int, str]]:
    """Yield item and column of infinite values."""
    infinite = np.isinf(found.figures)
    if infinite.any():
        names = [*found][len(found.codes) :]
        for column, place in np.argwhere(infinite).tolist():
            yield int(np.searchsorted(offsets, place, side="right")) - 1, names[column]


class _Layout(NamedTuple):
    """Where the needed columns of a level stand among those sent."""

    codes: tuple[int, ...]
    floats: tuple[int, ...]
    whole: tuple[int, ...]


@functools.lru_cache(maxsize=LAYOUTS)
def _layout(sent: tuple[str, ...], level: rows.Level) -> _Layout:
    """Return where the columns of a level stand; senders use the same order again and again."""
    places = {name: place for place, name in enumerate(sent)}
    missing = next((name for names in level for name in names if name not in places), None)
    if missing is not None:
        raise errors.Invalid(
            "rows.missing_column", f"The column {missing} is missing: send every column of the row schema."
        )
    codes, figures = (tuple(places[name] for name in names) for names in level)
    split = sum(name in columns.LINE_FLOATS for name in level[1])
    return _Layout(codes, figures[:split], figures[split:])


def _columns(wire: Iterable[common_pb2.Column], level: rows.Level, count: int, words: int) -> rows.Columns:
    """Return the needed columns, each of `count` values."""
    sent = list(wire)
    layout = _layout(tuple([column.name for column in sent]), level)
    codes = _codes([sent[place] for place in layout.codes], count)
    floats, whole = ([sent[place] for place in places] for places in layout[1:])
    return _judged(rows.Columns(level, codes, _figures(floats, whole, count)), words)


def _judged(found: rows.Columns, words: int) -> rows.Columns:
    """Return the columns, or raise Invalid `rows.dictionary` when a code is not that of a word."""
    codes = found.codes
    if codes.size and int(codes.max()) >= words:
        name = [*found][int((codes >= words).any(axis=1).argmax())]
        raise errors.Invalid("rows.dictionary", f"The column {name} points beyond the dictionary.")
    return found


def _codes(found: Sequence[common_pb2.Column], count: int) -> rows.Codes:
    """Return columns × values of codes."""
    values = [column.codes for column in found]
    if not count or {*map(len, values)} != {4 * count}:
        for column in found:
            _judge(column, ("codes",), count)
    return np.frombuffer(b"".join(values), dtype="<u4").reshape(len(found), count)


def _figures(
    floats: Sequence[common_pb2.Column], whole: Sequence[common_pb2.Column], count: int
) -> rows.Doubles:
    """Return columns × values of numbers: floats as sent, integers as floats, missing as NaN."""
    values = [[column.f64 for column in floats], [column.i64 for column in whole]]
    answer = np.empty((len(floats) + len(whole), count))
    if not count or {*map(len, itertools.chain(*values))} != {8 * count}:
        for place, column in enumerate((*floats, *whole)):
            answer[place] = _figure(column, count)
        return answer
    if floats:
        answer[: len(floats)] = np.frombuffer(b"".join(values[0]), dtype="<f8").reshape(-1, count)
    answer[len(floats) :] = records.numbers(np.frombuffer(b"".join(values[1]), dtype="<i8")).reshape(
        -1, count
    )
    return answer


def _figure(wire: common_pb2.Column, count: int) -> rows.Doubles:
    """Return one column of numbers in whichever of both forms it was sent."""
    _judge(wire, ("f64", "i64"), count)
    if wire.HasField("f64"):
        return np.frombuffer(wire.f64, dtype="<f8")
    return records.numbers(np.frombuffer(wire.i64, dtype="<i8"))


def _judge(wire: common_pb2.Column, kinds: tuple[str, ...], count: int) -> None:
    """Raise Invalid `rows.column` when a column has another length or holds something else."""
    kind = wire.WhichOneof("values")
    if kind is None or len(getattr(wire, kind)) != count * (4 if kind == "codes" else 8):
        raise errors.Invalid("rows.column", f"The column {wire.name} does not hold {count} values.")
    if kind not in kinds:
        raise errors.Invalid("rows.column", f"The column {wire.name} should hold {' or '.join(kinds)}.")


def to_task(name: str) -> None:
    """Raise NotFound `task.unknown` for a task that is not served; empty means denial."""
    if name and name != rows.DENIAL:
        shown = name if len(name) <= MAX_NAME and name.isprintable() else "of this name"
        raise errors.NotFound("task.unknown", f"There is no task {shown} here; served is: {rows.DENIAL}.")


def to_claims(
    items: Iterable[str], served: Sequence[answer.Served], *, whole: bool = False
) -> list[scoring_pb2.ClaimScore]:
    """Return one message per item; with `whole` every contribution and the bias, else the strongest."""
    return [_claim(item, one, whole=whole) for item, one in zip(items, served, strict=True)]


def refusals(items: Sequence[str], fault: errors.Fault) -> list[scoring_pb2.ClaimScore]:
    """Return the same fault for every item of a batch."""
    wire = faults.to_wire(fault)
    return [
        scoring_pb2.ClaimScore(item_id=item, state=scoring_pb2.SCORE_STATE_NOT_SCORED, error=wire)
        for item in items
    ]


class _Info(NamedTuple):
    """What is told of a model, by the names of the contract."""

    arm: str
    name: str
    revision: str
    simulated: bool
    row_schema_hash: str
    flag_threshold: float


def to_info(model: models.Model, arm: str = arms.STABLE) -> scoring_pb2.ModelInfo:
    """Return which model answers in an arm; the same message each time, to be copied into another."""
    return _info(
        _Info(arm, model.name, model.revision, model.simulated, model.row_schema_hash, model.flag_threshold)
    )


@functools.lru_cache(maxsize=LAYOUTS)
def _info(told: _Info) -> scoring_pb2.ModelInfo:
    return scoring_pb2.ModelInfo(**told._asdict())


def _claim(item: str, served: answer.Served, *, whole: bool) -> scoring_pb2.ClaimScore:
    """Return one claim's score or fault."""
    arm, model, told = served
    if isinstance(told, errors.Fault):
        return refusals([item], told)[0]
    return scoring_pb2.ClaimScore(
        item_id=item,
        state=STATES[told.state],
        reason=told.reason,
        probability=told.probability,
        line_probabilities=told.line_probabilities,
        line_reasons=[_line(model, line, None if whole else LINE_REASONS) for line in told.line_reasons],
        contributions=_shares(model, told.contributions, None if whole else CLAIM_REASONS),
        arm=arm,
        model_revision=model.revision,
        feature_hash=told.print,
    )


def _line(model: models.Model, line: scores.LineReason, most: int | None) -> scoring_pb2.LineReason:
    """Return why one line is flagged."""
    guesses = [
        scoring_pb2.ReasonGuess(**guess.reason._asdict(), probability=guess.probability)
        for guess in line.guesses
    ]
    return scoring_pb2.LineReason(
        row=line.row, guesses=guesses, contributions=_shares(model, line.contributions, most)
    )


def _shares(
    model: models.Model, shares: models.Doubles | None, most: int | None
) -> list[scoring_pb2.Contribution]:
    """Return the human features that moved the score, strongest first: at most `most`.

    Without a bound they are all told, the bias last, and add up to the score.
    """
    if shares is None:
        return []
    order = np.argsort(-np.abs(shares[:-1]), kind="stable")
    named = [
        (model.features.groups[group], float(shares[group]))
        for group in order[:most].tolist()
        if shares[group]
    ]
    bias = [(BIAS, float(shares[-1]))] if most is None else []
    return [
        scoring_pb2.Contribution(feature=feature, label_en=english, label_ar=arabic, log_odds=share)
        for (feature, english, arabic), share in [*named, *bias]
    ]
