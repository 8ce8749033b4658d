"""Dated tables that rules look into: code sets and whatever else is a big fact with a validity window.

Room: domain. A table answers only inside its window: outside it a code is neither valid nor invalid, and the
answer is None. Keys of ICD tables compare without dots; every key compares without regard to case. The parts
of a key of several columns are joined by `|`.
"""

import datetime as dt
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

import msgspec

from claims.domain import decisions
from claims.domain.rules import tree

EPOCH = dt.date(1970, 1, 1).toordinal()
JOINT = "|"  # between the parts of a key
_REMEMBERED = 8_192  # answers of one reader: codes of a few days come again and again
_KINDS = {
    "boolean": tree.Kind.BOOL,
    "text": tree.Kind.TEXT,
    "integer": tree.Kind.INT,
    "number": tree.Kind.NUMBER,
    "money": tree.Kind.MONEY,
    "date": tree.Kind.DATE,
}

type Row = tuple[object, ...]
type Found = Row | Literal[False] | None  # a row; no row; no issue for the day
type Find = Callable[[str, int], Found]


def normal(code: str, *, dotless: bool) -> str:
    """Return the form in which codes of a table compare; blanks around each part do not count."""
    text = code.replace(".", "") if dotless else code
    if JOINT in text:
        text = JOINT.join(part.strip() for part in text.split(JOINT))
    return text.strip().upper()


def number(text: str) -> Decimal:
    """Return an exact, finite number; raise ValueError for any other text."""
    found = Decimal(text)
    if not found.is_finite():
        raise ValueError("not a number")
    return found


class Span(msgspec.Struct, frozen=True, gc=False):
    """A row that is valid in a part of its issue only: day numbers, both included."""

    first: int
    last: int
    row: Row


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """One issue of a table: its rows are valid from `first` to `last`, both days included.

    `spans` are the rows of those keys whose rows have windows of their own. An issue that `extends` leaves
    keys it lacks to the issue below it; any other says "not in the table" of them.
    """

    first: dt.date
    last: dt.date | None
    revision: str
    rows: Mapping[str, Row]
    spans: Mapping[str, tuple[Span, ...]] = {}
    extends: bool = False
    sha256: str = ""
    title: str = ""
    source: str = ""
    licence: str = ""

    @property
    def size(self) -> int:
        """The number of rows."""
        return len(self.rows) + sum(map(len, self.spans.values()))

    def at(self, key: str, day: int) -> Row | None:
        """Return the row of a normal key on a day inside the issue, None where there is none."""
        row = self.rows.get(key)
        if row is None and self.spans:
            for span in self.spans.get(key, ()):
                if span.first <= day <= span.last:
                    return span.row
        return row


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A named table with its issues, those that answer first in front.

    `fields` are the columns beside the key, `key` the columns that make it, `dotless` ignores dots. A table
    without issues is declared only: it is known to rules and answers nothing.
    """

    name: str
    fields: Mapping[str, str]
    dotless: bool
    periods: tuple[Period, ...]
    key: tuple[str, ...] = ("code",)
    title: str = ""

    def kind(self, field: str) -> tree.Kind | None:
        """Return the kind of a column, None where there is no such column."""
        return _KINDS.get(self.fields.get(field, ""))

    def look(self, code: str, day: int) -> tuple[Period, Row | None] | None:
        """Return the issue that answers for a key on a day, and its row; None where no issue covers it."""
        key, answer = normal(code, dotless=self.dotless), None
        for first, last, period in self.windows():
            if first <= day <= last:
                row = period.at(key, day)
                answer = (period, row)
                if row is not None or not period.extends:
                    break
        return answer

    def finder(self) -> Find:
        """Return a function (key, day number) → the row; False without row, None where no issue covers it."""
        windows = self.windows()
        dotless = self.dotless
        if len(windows) == 1 and not windows[0][2].spans:
            return _plain(*windows[0], dotless=dotless)

        def search(code: str, day: int) -> Found:
            key = ""
            found: Found = None
            for first, last, period in windows:
                if first <= day <= last:
                    row = period.rows.get(code)  # a key as it is written is its own normal form
                    if row is None:
                        key = key or (code if code in period.spans else normal(code, dotless=dotless))
                        row = period.at(key, day)
                    if row is not None:
                        return row
                    if not period.extends:
                        return False
                    found = False
            return found

        return functools.lru_cache(maxsize=_REMEMBERED)(search)

    def membership(self) -> Callable[[str, int], bool | None]:
        """Return a function (key, day number) → is it in the table; None where no issue covers the day."""
        windows = self.windows()
        if len(windows) == 1 and not windows[0][2].spans:
            return _plain_membership(*windows[0], dotless=self.dotless)
        find = self.finder()

        def contains(code: str, day: int) -> bool | None:
            found = find(code, day)
            return None if found is None else found is not False

        return contains

    def reader(self, field: str) -> Callable[[str, int], object]:
        """Return a function (key, day number) → the column's value; None without row, value or issue."""
        find = self.finder()
        at = list(self.fields).index(field)

        def read(code: str, day: int) -> object:
            found = find(code, day)
            return found[at] if found else None

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

    def windows(self) -> list[tuple[int, int, Period]]:
        """Return first and last day number of each issue, those that answer first in front."""
        return [
            (period.first.toordinal() - EPOCH, (period.last or dt.date.max).toordinal() - EPOCH, period)
            for period in self.periods
        ]


def _plain(first: int, last: int, period: Period, *, dotless: bool) -> Find:
    """Return the finder of a table of one issue whose rows are valid on all its days."""
    get, by_normal = period.rows.get, _by_normal(period.rows, dotless=dotless)

    def find(code: str, day: int) -> Found:
        if not first <= day <= last:
            return None
        row = get(code)
        return by_normal(code) if row is None else row

    return find


def _plain_membership(
    first: int, last: int, period: Period, *, dotless: bool
) -> Callable[[str, int], bool | None]:
    """Return what `_plain` would find as a yes or no: one call less for what every diagnosis asks."""
    rows, by_normal = period.rows, _by_normal(period.rows, dotless=dotless)

    def contains(code: str, day: int) -> bool | None:
        if not first <= day <= last:
            return None
        return code in rows or by_normal(code) is not False

    return contains


def _by_normal(rows: Mapping[str, Row], *, dotless: bool) -> Callable[[str], Found]:
    """Return a function from a key as it is written to its row, False where there is none."""

    @functools.lru_cache(maxsize=_REMEMBERED)
    def by_normal(code: str) -> Found:
        row = rows.get(normal(code, dotless=dotless))
        return False if row is None else row

    return by_normal


class Tables:
    """All tables, by name; two issues of one name are one table with two periods.

    An issue without a last day ends the day before the next one begins.
    """

    def __init__(self, tables: Sequence[Table] = ()) -> None:
        gathered: dict[str, list[Table]] = {}
        for table in tables:
            gathered.setdefault(table.name, []).append(table)
        self._by_name = {name: _joined(parts) for name, parts in gathered.items()}
        self._derived: dict[tuple[str, object], object] = {}

    def find(self, name: str) -> Table | None:
        """Return the table of this name, None where there is none."""
        return self._by_name.get(name)

    def answers(self, name: str) -> bool:
        """Tell whether the table of this name has any issue."""
        found = self.find(name)
        return found is not None and bool(found.periods)

    def derived[T](self, name: str, make: Callable[[Table], T]) -> T:
        """Return what `make` makes of a table, made once; raise KeyError where there is none."""
        if (name, make) not in self._derived:
            self._derived[name, make] = make(self._by_name[name])
        found: Any = self._derived[name, make]
        return found  # type: ignore[no-any-return]  # by the key

    def names(self) -> list[str]:
        """Return the names, sorted."""
        return sorted(self._by_name)

    def every(self) -> list[Table]:
        """Return the tables, sorted by name."""
        return [self._by_name[name] for name in self.names()]

    def under(self, upper: "Tables") -> "Tables":
        """Return these tables with others laid over them.

        On a day that an upper issue covers it answers; the lower one only where the upper `extends` it.
        """
        laid = Tables()
        laid._by_name = dict(self._by_name)
        for over in upper.every():
            below = self.find(over.name)
            if below is not None:
                whole = (*over.periods, *below.periods)
                over = msgspec.structs.replace(over, periods=whole, title=below.title)  # noqa: PLW2901 - the same table
            laid._by_name[over.name] = over
        return laid


def _joined(parts: Sequence[Table]) -> Table:
    periods = sorted((period for part in parts for period in part.periods), key=lambda period: period.first)
    ended = [_ended(period, later.first) for period, later in itertools.pairwise(periods)]
    return msgspec.structs.replace(parts[0], periods=(*ended, *periods[-1:]))


def _ended(period: Period, successor: dt.date) -> Period:
    if period.last is not None or successor <= period.first:
        return period
    return msgspec.structs.replace(period, last=successor - dt.timedelta(days=1))
