"""From cells of a table's file to typed rows: every cell that does not fit is told with line and column.

Room: domain; knows texts in columns, not files. An empty cell is a missing value. Days are ISO days, numbers
exact decimals with a point: what a spreadsheet made of them in a local form is refused, with the remedy.
"""

import dataclasses
import datetime as dt
import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from claims.domain.rules import shapes, tables

MAX_PROBLEMS = 50  # told of one file; who has more mends the cause, not the cells
MAX_CELL = 1_000  # characters of a text
MAX_KEY = 200  # characters of a key's part
_WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,6})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FLAGS = {
    "1": True,
    "0": False,
    "true": True,
    "false": False,
    "yes": True,
    "no": False,
    "نعم": True,
    "لا": False,
}

type Cells = Sequence[str]
type Record = tuple[int, Cells]  # line of the file, cells
type Note = Callable[[int, str, str, str], None]  # line, column, message, remedy


class Problem(Exception):  # noqa: N818 - caught here; the caller sees notes
    """A cell does not fit its column."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message, self.remedy = message, remedy


class TooMany(Exception):  # noqa: N818 - ends the reading of a file
    """A file holds more problems than are told."""


def boolean(text: str) -> bool:
    """Return yes or no; raise Problem for another word."""
    found = _FLAGS.get(text.casefold())
    if found is None:
        raise Problem(f"`{_shown(text)}` is neither yes nor no.", "Write 1 or 0, yes or no.")
    return found


def integer(text: str) -> int:
    """Return a whole number; raise Problem for another text."""
    if not _WHOLE.fullmatch(text):
        raise Problem(f"`{_shown(text)}` is no whole number.", "Write digits only, as 14.")
    return int(text)


def number(text: str) -> Decimal:
    """Return an exact number; raise Problem for another text."""
    if not _NUMBER.fullmatch(text):
        raise Problem(
            f"`{_shown(text)}` is no number.",
            "Write a point before at most six decimals and no other sign, as 1250.50.",
        )
    return Decimal(text)


def day(text: str) -> int:
    """Return the day number of an ISO day; raise Problem for another text."""
    try:
        found = dt.date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:  # the 31st of a month of thirty days
        found = None
    if found is None:
        raise Problem(f"`{_shown(text)}` is no day.", "Write year-month-day, as 2026-01-31.")
    return found.toordinal() - tables.EPOCH


def words(text: str) -> str:
    """Return a text; raise Problem for one that is too long."""
    if len(text) > MAX_CELL:
        raise Problem(f"The text has more than {MAX_CELL} characters.", "Shorten it.")
    return text


_KINDS: Mapping[str, Callable[[str], object]] = {
    "boolean": boolean, "text": words, "integer": integer, "number": number, "money": number,
    "date": day,
}  # fmt: skip


def read(kind: str, text: str) -> object:
    """Return the value of a text in a column of this kind; raise Problem for one that does not fit."""
    return _KINDS[kind](text)


class _Column(dict[str, object]):
    """Values of one column by their text, read once each; an empty text is a missing value."""

    def __init__(self, name: str, kind: str, *, required: bool) -> None:
        super().__init__()
        self.name, self._read, self._required = name, _KINDS[kind], required

    def __missing__(self, text: str) -> object:
        bare = text.strip()
        if bare:
            value = self._read(bare)
        elif self._required:
            raise Problem("The cell is empty.", "Fill it in.")
        else:
            value = None
        self[text] = value
        return value


@dataclasses.dataclass(slots=True)
class Gathered:
    """Rows of one issue by key; `spans` for keys whose rows have windows of their own."""

    rows: dict[str, tables.Row] = dataclasses.field(default_factory=dict)
    spans: dict[str, tuple[tables.Span, ...]] = dataclasses.field(default_factory=dict)


def gather(
    shape: shapes.Shape, header: Cells, records: Iterable[Record], window: tuple[int, int], note: Note
) -> Gathered:
    """Return the typed rows of a file; `header` are column names, `window` the issue's days.

    Cells that do not fit, doubled keys and rows that are never valid go to `note`; raises TooMany.
    """
    reader = _Reader(shape, header, window, note)
    for line, cells in records:
        if len(cells) == len(header):
            reader.add(line, cells)
        elif any(cell.strip() for cell in cells):
            reader.note(
                line, "", f"The line has {len(cells)} cells, the header {len(header)}.",
                "Put texts that hold the separator into quotation marks.",
            )  # fmt: skip
    return reader.close()


class _Reader:
    def __init__(self, shape: shapes.Shape, header: Cells, window: tuple[int, int], note: Note) -> None:
        self._shape, self._window, self._note = shape, window, note
        self._problems = 0
        places = {name: at for at, name in enumerate(header)}
        self._key = [self._place(name, places) for name in shape.key]
        self._code = self._key[0] if len(self._key) == 1 and isinstance(self._key[0], int) else None
        self._values = [
            (self._place(name, places), _Column(name, kind, required=name in shape.required))
            for name, kind in shape.columns.items()
        ]
        self._first, self._last = (places.get(name) for name in shapes.WINDOW)
        self._days = {name: _Column(name, "date", required=False) for name in shapes.WINDOW}
        self._shared: dict[tables.Row, tables.Row] = {}  # few distinct rows stand for many keys
        self._found = Gathered()
        self._lines: dict[str, int] = {}
        self._dated: dict[str, list[tuple[tables.Span, int]]] = {}

    def _place(self, name: str, places: Mapping[str, int]) -> int | str:
        """Return where a column stands in a line, or its value where the file has no such column."""
        return places[name] if name in places else self._shape.defaults.get(name, "")

    def note(self, line: int, column: str, message: str, remedy: str) -> None:
        self._note(line, column, message, remedy)
        self._problems += 1
        if self._problems >= MAX_PROBLEMS:
            raise TooMany

    def add(self, line: int, cells: Cells) -> None:
        """Take one line; a line of empty cells is none."""
        if not "".join(cells).strip():
            return
        before = self._problems
        key = self._read_key(line, cells)
        row = self._read_row(line, cells)
        span = self._read_window(line, cells)
        if self._problems == before:
            self._keep(line, key, self._shared.setdefault(row, row), span)

    def _read_key(self, line: int, cells: Cells) -> str:
        """Return a line's key; nearly all tables have one column for it, and nearly all lines a good one."""
        if self._code is not None and 0 < len(code := cells[self._code].strip()) <= MAX_KEY:
            return tables.normal(code, dotless=self._shape.dotless)
        parts = [cells[at].strip() if isinstance(at, int) else at for at in self._key]
        for name, part in zip(self._shape.key, parts, strict=True):
            if not part:
                self.note(line, name, "The cell is empty.", "Fill it in: it is part of the key.")
            elif len(part) > MAX_KEY:
                self.note(line, name, f"The key has more than {MAX_KEY} characters.", "Shorten it.")
            elif tables.JOINT in part and len(parts) > 1:
                self.note(line, name, f"`{tables.JOINT}` joins parts of a key.", "Leave it out.")
        return tables.normal(tables.JOINT.join(parts), dotless=self._shape.dotless)

    def _read_row(self, line: int, cells: Cells) -> tables.Row:
        row: list[object] = []
        for at, column in self._values:
            try:
                row.append(column[cells[at] if isinstance(at, int) else at])
            except Problem as problem:
                self.note(line, column.name, problem.message, problem.remedy)
        return tuple(row)

    def _read_window(self, line: int, cells: Cells) -> tuple[int, int] | None:
        """Return the days on which a line is valid, None for all of its issue's."""
        if self._first is None and self._last is None:
            return None
        ends: list[int] = []
        for name, at, otherwise in zip(shapes.WINDOW, (self._first, self._last), self._window, strict=True):
            try:
                value = None if at is None else self._days[name][cells[at]]
                ends.append(value if isinstance(value, int) else otherwise)
            except Problem as problem:
                self.note(line, name, problem.message, problem.remedy)
                return None
        first, last = ends
        if first > self._window[1] or last < self._window[0]:
            self.note(line, "from", "The line is not valid on any day of its issue.", "Correct its days.")
        elif first > last:
            self.note(line, "to", "The last day is before the first.", "Exchange them, or correct one.")
        return None if (first, last) == self._window else (first, last)

    def _keep(self, line: int, key: str, row: tables.Row, span: tuple[int, int] | None) -> None:
        earlier = self._lines.get(key)
        if span is None and earlier is None:
            self._lines[key] = line
            self._found.rows[key] = row
            return
        whole = key in self._found.rows
        if span is None or whole:
            self._double(line, earlier)
            return
        self._lines.setdefault(key, line)
        self._dated.setdefault(key, []).append((tables.Span(*span, row), line))

    def _double(self, line: int, earlier: int | None) -> None:
        self.note(
            line, self._shape.key[-1], f"Line {earlier} has this key on the same days.",
            "Remove one of the lines, or give both days in `from` and `to`.",
        )  # fmt: skip

    def close(self) -> Gathered:
        for key, dated in self._dated.items():
            dated.sort(key=lambda entry: entry[0].first)
            for (span, earlier), (later, line) in itertools.pairwise(dated):
                if later.first <= span.last:
                    self._double(line, earlier)
            self._found.spans[key] = tuple(span for span, _ in dated)
        return self._found


def _shown(text: str) -> str:
    """Return as much of a cell as a message shows."""
    most = 40
    return text if len(text) <= most else text[:most] + "…"
