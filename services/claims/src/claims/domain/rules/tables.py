"""Dated tables that rules look into: code sets and whatever else is a big fact with a validity window.

Room: domain. A table answers only inside its window: outside it a code is neither valid nor invalid, and the
answer is None. Keys of ICD tables compare without dots; every key compares without regard to case.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import msgspec

from claims.domain import decisions
from claims.domain.rules import tree

_EPOCH = dt.date(1970, 1, 1).toordinal()
_KINDS = {
    "boolean": tree.Kind.BOOL,
    "text": tree.Kind.TEXT,
    "integer": tree.Kind.INT,
    "number": tree.Kind.NUMBER,
}

type Row = tuple[object, ...]


def normal(code: str, *, dotless: bool) -> str:
    """Return the form in which codes of a table compare."""
    return (code.replace(".", "") if dotless else code).strip().upper()


def number(text: str) -> Decimal:
    """Return an exact, finite number; raise ValueError for any other text."""
    found = Decimal(text)
    if not found.is_finite():
        raise ValueError("not a number")
    return found


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """One issue of a table: its rows are valid from `first` to `last`, both days included."""

    first: dt.date
    last: dt.date | None
    revision: str
    rows: Mapping[str, Row]


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A named table with its issues; `fields` are the columns beside the key, `dotless` ignores dots."""

    name: str
    fields: Mapping[str, str]
    dotless: bool
    periods: tuple[Period, ...]

    def kind(self, field: str) -> tree.Kind | None:
        """Return the kind of a column, None where there is no such column."""
        return _KINDS.get(self.fields.get(field, ""))

    def membership(self) -> Callable[[str, int], bool | None]:
        """Return a function (code, day number) → is it in the table; None where no issue covers the day."""
        windows = self._windows()
        dotless = self.dotless

        def contains(code: str, day: int) -> bool | None:
            for first, last, rows in windows:
                if first <= day <= last:
                    return code in rows or normal(code, dotless=dotless) in rows
            return None

        return contains

    def reader(self, field: str) -> Callable[[str, int], object]:
        """Return a function (code, day number) → the column's value; None without row or issue."""
        windows = self._windows()
        dotless = self.dotless
        at = list(self.fields).index(field)

        def read(code: str, day: int) -> object:
            for first, last, rows in windows:
                if first <= day <= last:
                    row = rows.get(normal(code, dotless=dotless))
                    return None if row is None else row[at]
            return None

        return read

    def revisions(self) -> list[decisions.CodeSetRevision]:
        """Return name, revision and window of each issue."""
        return [
            decisions.CodeSetRevision(
                name=self.name,
                revision=period.revision,
                from_=period.first.isoformat(),
                to=None if period.last is None else period.last.isoformat(),
            )
            for period in self.periods
        ]

    def _windows(self) -> list[tuple[int, int, Mapping[str, Row]]]:
        return [
            (
                period.first.toordinal() - _EPOCH,
                (period.last or dt.date.max).toordinal() - _EPOCH,
                period.rows,
            )
            for period in self.periods
        ]


class Tables:
    """All tables, by name; two issues of one name are one table with two periods."""

    def __init__(self, tables: Sequence[Table] = ()) -> None:
        self._by_name: dict[str, Table] = {}
        for table in tables:
            known = self._by_name.get(table.name)
            periods = table.periods if known is None else (*known.periods, *table.periods)
            self._by_name[table.name] = msgspec.structs.replace(table, periods=periods)

    def find(self, name: str) -> Table | None:
        """Return the table of this name, None where there is none."""
        return self._by_name.get(name)

    def names(self) -> list[str]:
        """Return the names, sorted."""
        return sorted(self._by_name)
