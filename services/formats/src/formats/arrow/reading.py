"""Reading claims from the rows of a record batch, as `framing` cuts them.

Room: formats.arrow. A null is a missing value, and so is an empty list. Numbers of floating point are taken
by the shortest decimal that stands for them, times as ISO 8601.
"""

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from chassis import errors
from formats import canonical, frames, model, violations
from formats.arrow import columns, rows


class _NulError(Exception):
    """A text holds the NUL character."""


_SOURCE = {"format": "arrow"}
MAX_ENTRIES = model.MAX_LINES  # of any list of a claim; no list of the model is longer than its lines may be


def read(frame: frames.Frame) -> list[model.Claim | errors.Invalid]:
    """Return one claim or refusal per row of the frame, in order.

    A batch that is not what its envelope promised is one refusal, `arrow.malformed`.
    """
    try:
        batch = _batch(frame.body, *(frame.rows or (0, 0)))
    except columns.FAILURES as cause:
        fault = errors.Invalid("arrow.malformed", "The record batch cannot be read.")
        fault.__cause__ = cause
        return [fault]
    try:
        found = rows.plain(batch) if all(map(_within, batch.columns)) else None
    except columns.FAILURES:  # of one row, an instant beyond the calendar: which one is found below
        found = None
    if found is None:
        return [_alone(batch.slice(at, 1)) for at in range(batch.num_rows)]
    return [_claim(row) or _alone(batch.slice(at, 1)) for at, row in enumerate(found)]


def _claim(row: dict[str, Any]) -> model.Claim | None:
    """Return the claim of a row, None where something is wrong with it: what, the slow way says."""
    row["source"] = _SOURCE
    try:
        return canonical.identified(canonical.validate(msgspec.convert(row, model.Claim)))
    except (msgspec.ValidationError, errors.Invalid):
        return None


def _batch(body: bytes, start: int, count: int) -> pa.RecordBatch:
    batch = pa.ipc.open_stream(pa.py_buffer(body)).read_next_batch().slice(start, count)
    batch.validate(full=True)
    if batch.num_rows != count:
        raise ValueError(count)
    return batch


def _alone(row: pa.RecordBatch) -> model.Claim | errors.Invalid:
    """Return what a batch of one row holds; refused is what is too long or is no Python value."""
    if not all(map(_within, row.columns)):
        return errors.Invalid("claim.too_large", f"A list of a claim has at most {MAX_ENTRIES:,} entries.")
    try:
        found: dict[str, Any] = row.to_pylist()[0]
    except columns.FAILURES as cause:
        fault = errors.Invalid("arrow.value", "A value of the record is beyond what a claim can hold.")
        fault.__cause__ = cause
        return fault
    return _read(found)


def _within(column: pa.Array) -> bool:
    """Tell whether no list in the column, or below it, has more entries than a claim may have."""
    if pa.types.is_struct(column.type):
        return all(_within(part) for part in column.flatten())
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        return True
    longest = pc.max(pc.list_value_length(column)).as_py()
    return longest is None or (longest <= MAX_ENTRIES and _within(column.flatten()))


def _read(row: dict[str, Any]) -> model.Claim | errors.Invalid:
    raw: dict[str, Any] = {}
    try:
        raw = _plain(row) | {"source": _SOURCE}
        return canonical.identified(canonical.validate(msgspec.convert(raw, model.Claim)))
    except msgspec.ValidationError:
        return violations.refusal(raw)
    except _NulError:
        try:
            violations.refuse_nul(row)
        except errors.Invalid as fault:
            return fault
        raise
    except errors.Invalid as fault:
        return fault


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return the values that are there, as canonical JSON would hold them."""
    found = {}
    for name, value in row.items():
        if value is not None and value != []:
            found[name] = _value(value)
    return found


def _value(value: Any) -> Any:  # noqa: PLR0911 - one return per kind of value
    match value:
        case str():
            if "\0" in value:
                raise _NulError
            return value
        case bool() | int() | Decimal() | None:
            return value
        case float():
            return Decimal(repr(value))
        case dict():
            return _plain(value)
        case list():
            return [_value(one) for one in value]
        case dt.date():  # and date-times
            return value.isoformat()
        case _:
            return str(value)
