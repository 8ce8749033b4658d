"""A batch of claims as columns: each column is gathered when a rule first reads it, and once.

Room: domain. Columns come by the same text of the schema that the scalar form reads one claim with. A claim
with a number that this form does not hold exactly is marked odd: what is said about it here is not used.
"""

import itertools
from collections.abc import Callable, Sequence
from decimal import Decimal, DecimalException
from typing import Any

import numpy as np

from claims.domain.rules import runtime, schema, tree
from claims.domain.rules.columnar import numbers, vectors, vocabularies
from formats import model, money

SCALE = 4  # decimals of a quantity; no currency has more
MAX_AMOUNT = 2**50  # at that scale: 10**11 in major units; what is larger is rare enough for the scalar form
MAX_KNOWN = 65_536  # numbers remembered in their scaled form
_NULL, _ODD = -(2**63), -(2**63) + 1
_KIND = tree.Kind
_DAY, _ZONE = "_day(", ", zone)"
_BOOLS = {None: 0, True: 1, False: 2}

type Gather = Callable[[Sequence[Any], str], list[Any]]


class Scaled(dict[Decimal | None, int]):
    """Decimals as whole numbers at SCALE, remembered; one that does not fit is _ODD."""

    def __missing__(self, value: Decimal | None) -> int:
        """Return and keep the number for a value met for the first time."""
        if len(self) >= MAX_KNOWN:
            self.clear()
        self[value] = found = _NULL if value is None else _scaled(value)
        return found


class Days(dict[str | None, int]):
    """Texts of days and moments as day numbers in a zone, remembered; _NULL for one that is none."""

    def __init__(self, zone: str) -> None:
        super().__init__()
        self._zone = zone

    def __missing__(self, text: str | None) -> int:
        """Return and keep the number for a text met for the first time."""
        if len(self) >= MAX_KNOWN:
            self.clear()
        day = runtime.day_number(text, self._zone)
        self[text] = found = _NULL if day is None else day
        return found


class Gatherers:
    """Compiled readers of columns and row sets, numbers and words seen before; shared by all batches."""

    def __init__(self) -> None:
        self._columns: dict[str, Gather] = {}
        self._vocabulary = vocabularies.Vocabulary()
        self._days: dict[str, Days] = {}
        self.scaled = Scaled()

    def vocabulary(self) -> vocabularies.Vocabulary:
        """Return the vocabulary for a batch, a new one where the old has grown too long."""
        if self._vocabulary.full:
            self._vocabulary = vocabularies.Vocabulary()
        return self._vocabulary

    def days(self, zone: str) -> Days:
        """Return the day numbers of a zone."""
        return self._days.setdefault(zone, Days(zone))

    def column(self, source: str) -> Gather:
        """Return a function (structs, zone) → values of a column, by its text in the schema."""
        return self._compiled(f"lambda found, zone: [{source} for x in found]")

    def items(self, source: str) -> Gather:
        """Return a function (claims, zone) → one list of row structs per claim."""
        return self._compiled(f"lambda found, zone: [{source} for claim in found]")

    def _compiled(self, text: str) -> Gather:
        if text not in self._columns:
            found: Gather = eval(compile(text, "<columns>", "eval"), dict(runtime.NAMESPACE))  # noqa: S307 - the schema's own text
            self._columns[text] = found
        return self._columns[text]


class Rows:
    """The rows of one kind in a batch: their structs, the claim of each, where each claim's rows begin."""

    def __init__(self, lists: Sequence[Sequence[Any]]) -> None:
        self.structs: list[Any] = list(itertools.chain.from_iterable(lists))
        counts = np.fromiter(map(len, lists), np.int64, len(lists))
        self.starts: vectors.Ints = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        self.owner: vectors.Ints = np.repeat(np.arange(len(lists)), counts)


class Batch:
    """Claims of one zone, judged as of a day each."""

    def __init__(
        self, claims: Sequence[model.Claim], today: Sequence[int], zone: str, gatherers: Gatherers
    ) -> None:
        self.claims, self.zone = claims, zone
        self.vocabulary = gatherers.vocabulary()
        self.odd: vectors.Flags = np.zeros(len(claims), np.bool_)
        self._today, self._gatherers = today, gatherers
        self._rows: dict[str, Rows] = {}

    def rows(self, name: str) -> Rows:
        """Return a row set; the empty name is the claims themselves."""
        if name not in self._rows:
            if name:
                lists = self._gatherers.items(schema.ROWS[name].items)(self.claims, self.zone)
                self._rows[name] = Rows(lists)
            else:
                self._rows[name] = Rows([[claim] for claim in self.claims])
        return self._rows[name]

    def column(self, rows: str, name: str) -> vectors.Vector:
        """Return a column of a row set; the empty name of rows is the claims."""
        field = schema.ROWS[rows].fields[name] if rows else schema.CLAIM[name]
        found = self.rows(rows)
        dated = field.kind is _KIND.DATE and field.source.startswith(_DAY)
        source = field.source.removeprefix(_DAY).removesuffix(_ZONE) if dated else field.source
        values = _distinct(self._gatherers.column(source)(found.structs, self.zone))
        if dated:
            return self._days(values)
        match field.kind:
            case _KIND.NUMBER | _KIND.MONEY:
                return self._numbers(values, found)
            case _KIND.BOOL:
                codes = np.fromiter(map(_BOOLS.__getitem__, values), np.int8, len(values))
                absent = codes == _BOOLS[None]
                return vectors.decided(codes == _BOOLS[True], absent if absent.any() else None)
            case _KIND.TEXT:
                return self.vocabulary.coded(values, len(values))
            case _KIND.TEXTS | _KIND.INTS:
                return self.vocabulary.coded(map(tuple, values), len(values))
            case _:
                return numbers.whole(values)

    def today(self) -> vectors.Numbers:
        """Return the as-of day of each claim."""
        return _single(numbers.whole(self._today))

    def minor_digits(self) -> vectors.Numbers:
        """Return the decimals of each claim's currency."""
        digits = {name: money.minor_digits(name) for name in {claim.currency for claim in self.claims}}
        return _single(numbers.whole([digits[claim.currency] for claim in self.claims]))

    def _days(self, texts: Sequence[str | None]) -> vectors.Numbers:
        days = self._gatherers.days(self.zone)
        return _hidden(np.fromiter(map(days.__getitem__, texts), np.int64, len(texts)))

    def _numbers(self, values: Sequence[Decimal | None], rows: Rows) -> vectors.Numbers:
        data = np.fromiter(map(self._gatherers.scaled.__getitem__, values), np.int64, len(values))
        odd = data == _ODD
        if odd.any():
            self.odd[rows.owner[vectors.spread(odd, len(rows.owner))]] = True
            data[odd] = _NULL
        found = _hidden(data)
        return numbers.trimmed(vectors.Numbers(found.data, found.null, SCALE))


def _distinct(values: list[Any]) -> list[Any]:
    """Return the values, or one that stands for all where they are equal, as much of a claim is."""
    if not values:
        return [None]
    return values[:1] if values[0] == values[-1] and values.count(values[0]) == len(values) else values


def _scaled(value: Decimal) -> int:
    try:
        moved = runtime.EXACT.multiply(value, Decimal(10**SCALE))
        found = int(moved)
    except (DecimalException, ValueError, OverflowError):
        return _ODD
    return found if moved == found and abs(found) < MAX_AMOUNT else _ODD


def _hidden(data: vectors.Ints) -> vectors.Numbers:
    null = data == _NULL
    if not null.any():
        return numbers.tightened(vectors.Numbers(data))
    data[null] = 0
    return numbers.tightened(vectors.Numbers(data, null))


def _single(found: vectors.Numbers) -> vectors.Numbers:
    """Return one entry for all rows where all are equal."""
    if len(found.data) and (found.data == found.data[0]).all() and found.null is None:
        return vectors.Numbers(found.data[:1], None, found.scale, found.bound)
    return found
