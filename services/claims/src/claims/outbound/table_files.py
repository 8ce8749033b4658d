"""Dated tables from a directory: `<directory>/<folder>/table.yaml` with its data file.

Room: outbound. A folder without data declares a table; each other is one issue of a table. Everything that is
wrong in all of them is told at once, with file, line, column and remedy.
"""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from pathlib import Path

from chassis import errors
from claims.domain.rules import cells, documents, packs, shapes, tables
from claims.outbound import table_rows, yaml_files

FOLDER = "code-sets"
HEAD = "table.yaml"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The tables of a directory, and the shape of each, for those who lay their own over them."""

    tables: tables.Tables
    shapes: Mapping[str, shapes.Shape]


@dataclasses.dataclass(frozen=True, slots=True)
class _Head:
    """A read table.yaml: `name` is the file as messages call it."""

    file: Path
    name: str
    text: bytes
    found: documents.TableHead


def load(root: Path, declared: Mapping[str, shapes.Shape] | None = None, label: str = "") -> Loaded:
    """Return the tables under `root`/code-sets; `declared` are shapes that these tables must agree with.

    Names of files in messages begin with `label`.

    Raises Invalid `pack.invalid` with one violation per problem.
    """
    report = packs.Report()
    heads = _heads(report, root, label)
    known = _Known(report, declared or {})
    for head in sorted(heads, key=lambda head: head.found.data is not None):  # declarations first
        known.add(head)
    report.close()
    return known.loaded()


def _heads(report: packs.Report, root: Path, label: str) -> list[_Head]:
    heads: list[_Head] = []
    for file in sorted((root / FOLDER).glob(f"*/{HEAD}")):
        name = f"{label}{FOLDER}/{file.parent.name}/{HEAD}"
        try:
            text = yaml_files.content(file, yaml_files.MAX_TEXT_BYTES)
            found = report.read(name, yaml_files.parsed(name, text), documents.TableHead)
        except errors.Invalid as fault:
            report.extend(fault.violations)
            continue
        if found is not None:
            heads.append(_Head(file, name, text, found))
    return heads


class _Known:
    """Tables as they are read, one folder after the other."""

    def __init__(self, report: packs.Report, declared: Mapping[str, shapes.Shape]) -> None:
        self._report = report
        self._shapes = dict(declared)
        self._outer = frozenset(declared)
        self._found: dict[str, list[tuple[_Head, tables.Table]]] = {}
        self._declarations: dict[str, str] = {}

    def add(self, head: _Head) -> None:
        """Take one folder."""
        found = head.found
        shape = shapes.resolve(found, self._shapes.get(found.name), self._noting(head.name))
        self._shapes.setdefault(found.name, dataclasses.replace(shape, defaults={}))
        if found.data is None:
            self._declare(head, shape)
            return
        window = self._window(head)
        if window is None:
            return
        period = self._period(head, found.data, shape, window)
        if period is not None:
            self._keep(head, shape, (period,))

    def loaded(self) -> Loaded:
        """Return everything; to be called once nothing is wrong."""
        whole = [table for entries in self._found.values() for _, table in entries]
        return Loaded(tables=tables.Tables(whole), shapes=self._shapes)

    def _noting(self, name: str) -> shapes.Note:
        def note(field: str, message: str, remedy: str) -> None:
            self._report.add(f"{name}: {field}", "table.invalid", message, remedy)

        return note

    def _declare(self, head: _Head, shape: shapes.Shape) -> None:
        other = self._declarations.setdefault(head.found.name, head.name)
        if other != head.name or head.found.name in self._outer:
            self._report.add(
                f"{head.name}: data", "table.declared", "The table is declared already.",
                "Name a data file, or remove this folder.",
            )  # fmt: skip
            return
        self._keep(head, shape, ())

    def _window(self, head: _Head) -> tuple[dt.date, dt.date | None] | None:
        found = head.found
        for field, value in (("revision", found.revision), ("from", found.from_)):
            if value is None:
                self._report.add(
                    f"{head.name}: {field}", "table.invalid", f"A table with data has a `{field}`.",
                    "Say which issue it is, and its first day.",
                )  # fmt: skip
        if found.revision is None or found.from_ is None:
            return None
        if found.to is not None and found.to < found.from_:
            self._report.add(
                f"{head.name}: to", "table.invalid", "The last day is before the first.", "Correct one."
            )
            return None
        return found.from_, found.to

    def _period(
        self, head: _Head, data: str, shape: shapes.Shape, window: tuple[dt.date, dt.date | None]
    ) -> tables.Period | None:
        name = f"{head.name.removesuffix(HEAD)}{data}"
        try:
            content = yaml_files.content(head.file.parent / data, table_rows.MAX_DATA_BYTES)
        except errors.Invalid as fault:
            self._report.extend(fault.violations)
            return None
        found = rows(name, content, shape, window, self._report)
        if found is None:
            return None
        digest = yaml_files.digest([(HEAD, head.text), (data, content)])
        return tables.Period(
            first=window[0], last=window[1], revision=packs.revision(head.found.revision or "", digest),
            rows=found.rows, spans=found.spans, extends=shape.extends, sha256=digest,
            title=head.found.title, source=head.found.source, licence=head.found.licence,
        )  # fmt: skip

    def _keep(self, head: _Head, shape: shapes.Shape, periods: tuple[tables.Period, ...]) -> None:
        entries = self._found.setdefault(head.found.name, [])
        for other, table in entries:
            for period in periods:
                if any(_overlap(period, earlier) for earlier in table.periods):
                    self._report.add(
                        f"{head.name}: from", "table.overlap",
                        f"Its days overlap with those of {other.name}.",
                        "End the earlier issue, or leave its `to` open: then the later one ends it.",
                    )  # fmt: skip
        table = tables.Table(
            name=head.found.name, fields=dict(shape.columns), dotless=shape.dotless, key=shape.key,
            title=head.found.title, periods=periods,
        )  # fmt: skip
        entries.append((head, table))


def rows(
    name: str,
    content: bytes,
    shape: shapes.Shape,
    window: tuple[dt.date, dt.date | None],
    report: packs.Report,
) -> cells.Gathered | None:
    """Return the rows of a data file; None, with what is wrong in `report`, where there is no table."""

    def note(line: int, column: str, message: str, remedy: str) -> None:
        place = f"{name}: line {line}" + (f", column `{column}`" if column else "")
        report.add(place, "table.row", message, remedy)

    days = (window[0].toordinal() - tables.EPOCH, (window[1] or dt.date.max).toordinal() - tables.EPOCH)
    try:
        header, records = table_rows.read(name, content, shape)
        return cells.gather(shape, header, records, days, note)
    except table_rows.Broken as cause:
        place = f"{name}: line {cause.line}" if cause.line else name
        report.add(place, "table.file", cause.message, cause.remedy)
    except errors.Invalid as fault:
        report.extend(fault.violations)
    except cells.TooMany:
        report.add(
            name, "table.file", f"{cells.MAX_PROBLEMS} problems are told.", "Mend them, then look again."
        )
    return None


def _overlap(one: tables.Period, other: tables.Period) -> bool:
    """Tell whether two issues claim a day both; an open one ends where a later one begins."""
    earlier, later = sorted((one, other), key=lambda period: period.first)
    return earlier.first == later.first or (earlier.last is not None and earlier.last >= later.first)
