"""Columns: dotted names resolved against the claim model, and cells turned into plain claim data.

Room: formats.tabular. Knows the model's shapes; knows nothing of files and rows.
"""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from formats import model, shapes

SEPARATORS = "|+"  # of a list, and of a list within an entry of a list
LINES = "lines."
_TRUE = frozenset({"true", "1", "yes", "y"})
_FALSE = frozenset({"false", "0", "no", "n"})
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+")
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)


@dataclass(frozen=True)
class Column:
    """One column: its dotted name, the fields it passes through, and whether it belongs to the line."""

    name: str
    fields: tuple[shapes.Field, ...]
    of_line: bool


@functools.cache
def known() -> dict[str, Column]:
    """Return every column a CSV may have, by name, in the model's order."""
    head = _columns(shapes.of(model.Claim), "", (), 0)
    lines = _columns(shapes.of(model.Line), LINES, (), 0)
    columns = [Column(name, fields, of_line=False) for name, fields in head if not name.startswith(LINES)]
    columns += [Column(name, fields, of_line=True) for name, fields in lines]
    return {column.name: column for column in columns}


def put(into: dict[str, Any], fields: tuple[shapes.Field, ...], cell: str, *, depth: int = 0) -> None:
    """Write a cell into plain claim data; text that does not convert is kept, for the violations to name."""
    field, rest = fields[0], fields[1:]
    if field.many:
        entries = into.setdefault(field.wire, [])
        for index, part in enumerate(split(cell, SEPARATORS[depth])):
            if not rest:
                entries.append(convert(field.kind, unescape(part)))
                continue
            if len(entries) <= index:
                entries.append({})
            if part:
                put(entries[index], rest, part, depth=depth + 1)
    elif rest:
        put(into.setdefault(field.wire, {}), rest, cell, depth=depth)
    else:
        into[field.wire] = convert(field.kind, unescape(cell) if depth else cell)


def convert(kind: str, cell: str) -> object:
    """Return a cell as the kind of its field asks; dates, amounts and texts stay text."""
    if kind == "integer":
        return int(cell) if _WHOLE.fullmatch(cell) else cell
    if kind == "boolean":
        folded = cell.lower()
        return True if folded in _TRUE else False if folded in _FALSE else cell
    return cell


def decimal_point(kind: str, cell: str) -> str:
    """Return an amount with its decimal comma turned into a point, as semicolon-separated files write it."""
    if kind in {"money", "quantity", "decimal"} and _DECIMAL_COMMA.fullmatch(cell):
        return cell.replace(",", ".")
    return cell


def number_entries(shape: shapes.Shape, node: dict[str, Any]) -> None:
    """Give entries of lists that have a sequence, and none written, their position from 1."""
    for field in shape.fields:
        value = node.get(field.wire)
        if field.shape is None or value is None:
            continue
        entries = value if isinstance(value, list) else [value]
        counted = field.many and any(inner.name == "sequence" for inner in field.shape.fields)
        for position, entry in enumerate(entries, start=1):
            if counted:
                entry.setdefault("sequence", position)
            number_entries(field.shape, entry)


def split(cell: str, separator: str) -> list[str]:
    """Return the parts of a cell between separators that no backslash precedes; escapes stay in the parts."""
    if "\\" not in cell:
        return cell.split(separator)
    parts, start, index = [], 0, 0
    while index < len(cell):
        if cell[index] == "\\":
            index += 1
        elif cell[index] == separator:
            parts.append(cell[start:index])
            start = index + 1
        index += 1
    return [*parts, cell[start:]]


def escape(text: str) -> str:
    """Return a text that `split` leaves in one piece."""
    return re.sub(r"[\\|+]", r"\\\g<0>", text)


def unescape(part: str) -> str:
    """Return the text that `escape` was given."""
    return re.sub(r"\\([\\|+])", r"\1", part) if "\\" in part else part


def _columns(
    shape: shapes.Shape, prefix: str, above: tuple[shapes.Field, ...], depth: int
) -> Iterable[tuple[str, tuple[shapes.Field, ...]]]:
    for field in shape.fields:
        deeper = depth + field.many
        if deeper > len(SEPARATORS) or (field.shape and field.shape.struct is model.Extra):
            continue
        path = (*above, field)
        if field.shape is None:
            yield prefix + field.wire, path
        elif not any(step.shape is field.shape for step in above):
            yield from _columns(field.shape, f"{prefix}{field.wire}.", path, deeper)
