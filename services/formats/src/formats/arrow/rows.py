"""Rows of a record batch as plain data, taken column by column: a cell at a time costs several times as much.

Room: formats.arrow. Values are those that canonical JSON would hold, decimals as text; what is null, and what
is an empty list, is left out.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import lib


def plain(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Return one row after the other.

    Raises what pyarrow raises of a value that Python does not have, and ValueError for a text with the NUL
    character: which row it is has to be found out row by row.
    """
    return _rows(batch.schema.names, batch.columns, batch.num_rows)


def _rows(names: Iterable[str], columns: Iterable[pa.Array], count: int) -> list[dict[str, Any]]:
    """Return so many rows of columns; what all rows have is put together first, in one go for each."""
    whole: dict[str, list[Any]] = {}
    partly: dict[str, list[Any]] = {}
    for name, column in zip(names, columns, strict=True):
        values = _values(column)
        (partly if None in values else whole)[name] = values
    rows: list[dict[str, Any]]
    if whole:
        named = tuple(whole)
        rows = [dict(zip(named, row, strict=True)) for row in zip(*whole.values(), strict=True)]
    else:
        rows = [{} for _ in range(count)]
    for name, values in partly.items():
        for row, value in zip(rows, values, strict=True):
            if value is not None:
                row[name] = value
    return rows


def _values(column: pa.Array) -> list[Any]:
    """Return the values of a column, None for one that is left out."""
    read = _READERS.get(column.type.id)
    found: list[Any] = column.to_pylist() if read is None else read(column)
    return found


def _structs(column: pa.Array) -> list[dict[str, Any] | None]:
    kind = column.type
    names = [kind.field(at).name for at in range(kind.num_fields)]
    rows = _rows(names, column.flatten(), len(column))
    if not column.null_count:
        return list(rows)
    return [row if there else None for row, there in zip(rows, column.is_valid().to_pylist(), strict=True)]


def _lists(column: pa.Array) -> list[list[Any] | None]:
    entries = _values(column.flatten())
    if not column.null_count:
        ends: list[int] = column.offsets.to_pylist()
        first = ends[0]
        return [entries[at - first : end - first] or None for at, end in itertools.pairwise(ends)]
    found: list[list[Any] | None] = []
    at = 0
    for length in pc.list_value_length(column).to_pylist():
        found.append(entries[at : at + length] if length else None)
        at += length or 0
    return found


def _coded(column: pa.Array) -> list[Any]:
    return _values(column.dictionary_decode())


def _texts(column: pa.Array) -> list[str | None]:
    found: list[str | None] = column.to_pylist()
    if "\0" in "".join([text for text in found if text]):
        raise ValueError("NUL")
    return found


def _decimals(column: pa.Array) -> list[str | None]:
    found: list[str | None] = column.cast(pa.string()).to_pylist()  # a twentieth of a Decimal's cost
    return found


def _floats(column: pa.Array) -> list[Decimal | None]:
    return [None if value is None else Decimal(repr(value)) for value in column.to_pylist()]


def _times(column: pa.Array) -> list[str | None]:
    return [None if value is None else value.isoformat() for value in column.to_pylist()]


_READERS: Mapping[int, Callable[[pa.Array], list[Any]]] = {
    kind: read
    for read, kinds in (
        (_texts, (lib.Type_STRING, lib.Type_LARGE_STRING)),
        (_coded, (lib.Type_DICTIONARY,)),
        (_decimals, (lib.Type_DECIMAL32, lib.Type_DECIMAL64, lib.Type_DECIMAL128, lib.Type_DECIMAL256)),
        (_lists, (lib.Type_LIST, lib.Type_LARGE_LIST)),
        (_structs, (lib.Type_STRUCT,)),
        (_floats, (lib.Type_HALF_FLOAT, lib.Type_FLOAT, lib.Type_DOUBLE)),
        (_times, (lib.Type_DATE32, lib.Type_TIMESTAMP)),
    )
    for kind in kinds
}  # what is not among them (whole numbers, yes and no, nothing at all) is taken as it is
