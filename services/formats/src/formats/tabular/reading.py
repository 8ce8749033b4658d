"""Reading one claim from its CSV rows, as `framing` cuts them.

Room: formats.tabular. Violations carry the canonical path (`lines[2].net` is the third row of the claim).
"""

from collections import Counter
from typing import Any

import msgspec

from chassis import errors
from formats import model, shapes, violations
from formats.tabular import columns, records

SOURCE = model.Source(format="csv")
MAX_COLUMNS = 2_000  # more than twice the columns there are; a wider table is not one of claims


def read(body: bytes) -> model.Claim:
    """Return the claim of a header line and its rows; raise Invalid `claim.unreadable` with violations."""
    raw = plain(_text(body))
    try:
        return msgspec.convert(raw, model.Claim)
    except msgspec.ValidationError as cause:
        raise violations.refusal(raw) from cause


def plain(text: str) -> dict[str, Any]:
    """Return the rows as plain claim data; raise Invalid for unknown or contradicting columns."""
    header, *rows = _records(text)
    delimiter = records.delimiter_of(header)
    chosen = _chosen(records.cells(header, delimiter))
    table = [records.cells(row, delimiter) for row in rows]
    _same_width(table, len(chosen))
    head = _head(chosen, table)
    raw: dict[str, Any] = {}
    for column, cell in zip(chosen, head, strict=True):
        if not column.of_line and cell:
            columns.put(raw, column.fields, _value(column, cell, delimiter))
    raw["lines"] = [_line(chosen, row, delimiter) for row in table]
    columns.number_entries(shapes.of(model.Claim), raw)
    raw["source"] = {"format": SOURCE.format}
    raw.setdefault("provider", {})
    raw.setdefault("patient", {})
    return raw


def _line(chosen: list[columns.Column], row: list[str], delimiter: str) -> dict[str, Any]:
    line: dict[str, Any] = {}
    for column, cell in zip(chosen, row, strict=True):
        if column.of_line and cell:
            columns.put(line, column.fields, _value(column, cell, delimiter))
    return line


def _value(column: columns.Column, cell: str, delimiter: str) -> str:
    return columns.decimal_point(column.fields[-1].kind, cell) if delimiter == ";" else cell


def _text(body: bytes) -> str:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        raise _refused("$", "text.encoding", "The text is not UTF-8.") from cause
    if "\0" in text:
        raise _refused("$", "text.nul", "The text holds the NUL character.")
    return text


def _records(text: str) -> list[str]:
    found: list[str] = []
    pending: list[str] = []
    opened = False
    delimiter = ","
    for line in text.split("\n"):
        pending.append(line.removesuffix("\r"))
        opened = records.stays_open(line, delimiter, opened=opened)
        if opened:
            continue
        record = "\n".join(pending)
        pending = []
        if record.strip():
            found.append(record)
            delimiter = records.delimiter_of(found[0])
    if pending:
        raise _refused("$", "csv.malformed", "A quoted field is not closed.")
    return found or [""]


def _chosen(names: list[str]) -> list[columns.Column]:
    known = columns.known()
    if len(names) > MAX_COLUMNS:
        raise _refused("$", "column.too_many", f"A table has at most {MAX_COLUMNS:,} columns.")
    found = [
        errors.Violation(violations.printable(name), "field.unknown", "The claim format has no such column.")
        for name in names
        if name not in known
    ]
    found += [
        errors.Violation(name, "column.repeated", "The column occurs more than once.")
        for name, count in (Counter(names).items() if len(set(names)) < len(names) else ())
        if count > 1 and name in known
    ]
    if found:
        raise _collected(found)
    return [known[name] for name in names]


def _same_width(table: list[list[str]], width: int) -> None:
    found = [
        errors.Violation(f"lines[{index}]", "csv.width", f"The row has {len(row)} cells, the header {width}.")
        for index, row in enumerate(table)
        if len(row) != width
    ]
    if found:
        raise _collected(found)


def _head(chosen: list[columns.Column], table: list[list[str]]) -> list[str]:
    if not table:
        return [""] * len(chosen)
    first = table[0]
    found = [
        errors.Violation(
            column.name, "column.contradiction", f"Row {number} of the claim differs from its first row."
        )
        for number, row in enumerate(table, start=1)
        for column, cell, expected in zip(chosen, row, first, strict=True)
        if not column.of_line and cell not in {"", expected}
    ]
    if found:
        raise _collected(found)
    return first


def _refused(path: str, code: str, message: str) -> errors.Invalid:
    return _collected([errors.Violation(path, code, message)])


def _collected(found: list[errors.Violation]) -> errors.Invalid:
    bounded = tuple(found[: violations.MAX_VIOLATIONS])
    return errors.Invalid("claim.unreadable", "The rows cannot be read as a claim.", violations=bounded)
