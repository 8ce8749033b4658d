"""Dated code sets and other tables, read once from the packs' files into dictionaries."""

import csv
import lzma
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from peers.equal import texts

type Row = dict[str, Any]
ISSUES = {  # the folder whose data each table has
    "icd-10-cm": "icd-10-cm-2026-04",
    "hcpcs": "hcpcs-2019",
    "frequency": "frequency-medicare",
}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows by their key, valid from one day to another; a table without rows answers nothing."""

    rows: dict[str, Row] = field(default_factory=dict)
    first: date = date.min
    last: date = date.max
    dotless: bool = False

    def knows(self, key: str, on: date | None) -> bool | None:
        """Tell whether a key is in the table on a day, None where the table does not cover the day."""
        if on is None or not self.rows or not self.first <= on <= self.last:
            return None
        return self._normal(key) in self.rows

    def row(self, key: str, on: date | None) -> Row | None:
        """Return the row of a key on a day."""
        if on is None or not self.first <= on <= self.last:
            return None
        return self.rows.get(self._normal(key))

    def _normal(self, key: str) -> str:
        return (key.replace(".", "") if self.dotless else key).strip().upper()


class Tables:
    """All tables by name; those that only customers have are empty."""

    def __init__(self, tables: dict[str, Table]) -> None:
        self._tables = tables

    def __getitem__(self, name: str) -> Table:
        """Return a table, an empty one where there is none."""
        return self._tables.get(name, EMPTY)

    def under(self, own: dict[str, Table]) -> "Tables":
        """Return these tables with a customer's own in place of theirs."""
        return Tables(self._tables | own)


EMPTY = Table()


def load(packs: Path = texts.PACKS) -> Tables:
    """Return the tables that have data."""
    return Tables({name: _table(packs / "code-sets" / folder) for name, folder in ISSUES.items()})


def _table(folder: Path) -> Table:
    head = yaml.safe_load((folder / "table.yaml").read_text())
    columns, data = head.get("columns", {}), folder / head["data"]
    rows = {_key(row): _typed(row, columns) for row in _rows(data)}
    return Table(rows, head["from"], head.get("to", date.max), head.get("dotless", False))


def _rows(file: Path) -> Iterable[Row]:
    if file.suffix == ".yaml":
        yield from yaml.safe_load(file.read_text())
        return
    with lzma.open(file, "rt") as opened:
        yield from csv.DictReader(opened)


def _key(row: Row) -> str:
    return (f"{row['system']}|{row['code']}" if "system" in row else str(row["code"])).upper()


def _typed(row: Row, columns: dict[str, str]) -> Row:
    return {
        name: value == "1" if columns.get(name) == "boolean" else value
        for name, value in row.items()
        if name not in {"system", "code"}
    }
