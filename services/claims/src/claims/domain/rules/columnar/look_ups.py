"""Dated tables in columns: a key is found once for each distinct text, a value by the number of its row.

Room: domain; numpy. Rows are numbered over all issues; ABSENT stands where the issue of a day lacks the key,
UNCOVERED where no issue covers the day. Both are negative, so that they take the two NULLs that stand behind
the values of a column. Rows with days of their own are asked one by one.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from claims.domain.rules import tables, tree
from claims.domain.rules.columnar import batches, numbers, vectors, vocabularies, words

ABSENT, UNCOVERED, BY_DAY = -1, -2, -3
_DAYS = (
    2**32
)  # more than there are days between the first and the last of the calendar, on both sides of 1970

type Places = npt.NDArray[np.int32]
type Dated = tuple[int, int, int, int]  # code, first and last day, number of a row


class Columns:
    """The columnar form of a table, shared by all batches."""

    def __init__(self, table: tables.Table) -> None:
        self._table = table
        self._windows = table.windows()
        self._rows: list[tables.Row] = []
        self._numbers: dict[int, int] = {}  # of a row, by its identity: equal rows of a file are one object
        for period in table.periods:
            for row in period.rows.values():
                self._number(row)
            for spans in period.spans.values():
                for span in spans:
                    self._number(span.row)
        self._values: dict[str, vectors.Vector] = {}

    def contains(
        self, vocabulary: vocabularies.Vocabulary, keys: vectors.Words, days: vectors.Numbers
    ) -> vectors.Truths:
        """Return whether each key is in the table on its day; unknown where no issue covers it."""
        found = self.rows(vocabulary.words(), keys, days)
        return _decided(found >= 0, found == UNCOVERED)

    def read(
        self, vocabulary: vocabularies.Vocabulary, field: str, keys: vectors.Words, days: vectors.Numbers
    ) -> vectors.Vector:
        """Return the column's value for each key and day; NULL without row, value or issue."""
        found = self.rows(vocabulary.words(), keys, days)
        if self._table.kind(field) is tree.Kind.TEXT:  # codes belong to the batch
            at = list(self._table.fields).index(field)
            distinct, places = np.unique(found, return_inverse=True)
            texts = [self._rows[row][at] if row >= 0 else None for row in distinct.tolist()]
            return vectors.take(words.vector(vocabulary, tree.Kind.TEXT, texts), places.astype(np.int64))
        return vectors.take(self._column(field), found.astype(np.int64))

    def rows(self, texts: Sequence[str], keys: vectors.Words, days: vectors.Numbers) -> Places:
        """Return the number of the row of each key on its day; `texts` are the words of the keys' codes."""
        length = vectors.length([keys, days])
        codes = vectors.spread(keys.codes, length)
        day = vectors.spread(days.data, length)
        asked = codes != 0
        if days.null is not None:
            asked &= ~vectors.spread(days.null, length)
        used = np.flatnonzero(np.bincount(keys.codes, minlength=1))
        found = np.full(length, UNCOVERED, np.int32)
        for first, last, period in self._windows:
            inside = (day >= first) & (day <= last) & asked
            if inside.any():
                known, dated = self._places(period, texts, used)
                places = known[codes]
                if dated:
                    at = np.flatnonzero(inside & (places == BY_DAY))
                    places[at] = _by_day(dated, codes[at], day[at])
                np.copyto(found, places, where=inside)
                asked &= ~(inside & (places != ABSENT)) if period.extends else ~inside
        return found

    def _number(self, row: tables.Row) -> None:
        if self._numbers.setdefault(id(row), len(self._rows)) == len(self._rows):
            self._rows.append(row)

    def _places(
        self, period: tables.Period, texts: Sequence[str], used: vectors.Ints
    ) -> tuple[Places, list[Dated]]:
        """Return the number of the row of each used code in one issue, and rows with days of their own."""
        dated: list[Dated] = []
        places = np.full(int(used[-1]) + 1, ABSENT, np.int32)
        rows, spans, dotless = period.rows, period.spans, self._table.dotless
        for code in used.tolist():
            if code:
                text = texts[code]
                row = rows.get(text)
                if row is None:
                    text = tables.normal(text, dotless=dotless)
                    row = rows.get(text)
                if row is not None:
                    places[code] = self._numbers[id(row)]
                elif text in spans:
                    places[code] = BY_DAY
                    dated += [(code, one.first, one.last, self._numbers[id(one.row)]) for one in spans[text]]
        return places, dated

    def _column(self, field: str) -> vectors.Vector:
        """Return the values of a column by number of row, with two NULLs behind them."""
        found = self._values.get(field)
        if found is None:
            at, kind = list(self._table.fields).index(field), self._table.kind(field)
            values = [*(row[at] for row in self._rows), None, None]
            if kind is tree.Kind.BOOL:
                true, null = ([value is wanted for value in values] for wanted in (True, None))
                found = _decided(np.array(true, np.bool_), np.array(null, np.bool_))
            else:
                found = numbers.constants(values)  # type: ignore[arg-type]  # of a column of numbers
            self._values[field] = found
        return found


def _decided(true: vectors.Flags, unknown: vectors.Flags) -> vectors.Truths:
    return vectors.decided(true, unknown if unknown.any() else None)


def _by_day(dated: list[Dated], codes: vectors.Ints, day: vectors.Ints) -> Places:
    """Return the number of the row of each code on its day: the last begun by then, unless ended."""
    code, first, last, row = np.array(dated, np.int64).T  # in order of code, and of days within a code
    at = np.searchsorted(code * _DAYS + first, codes * _DAYS + day, side="right") - 1
    holds = (at >= 0) & (code[at] == codes) & (last[at] >= day)
    found: Places = np.where(holds, row[at], ABSENT).astype(np.int32)
    return found


def step(columns: Columns, field: str) -> Callable[..., vectors.Vector]:
    """Return a step of a plan: in_codeset without a field, else lookup of the field."""

    def look_up(batch: batches.Batch, keys: vectors.Words, days: vectors.Numbers) -> vectors.Vector:
        if field:
            return columns.read(batch.vocabulary, field, keys, days)
        return columns.contains(batch.vocabulary, keys, days)

    return look_up
