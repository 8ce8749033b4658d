"""The columns of a batch as this room holds them. Knows no transport and no claim.

A row is a line; rows of a claim are adjacent; claim columns have one value per claim, line columns one per
row.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.domain import columns, records

DENIAL = "denial"  # the task whose rows these are
MAX_LINES = 1_000  # more lines are no claim but a file

type Doubles = npt.NDArray[np.float64]
type Ints = npt.NDArray[np.int64]
type Codes = npt.NDArray[np.uint32]
type Column = npt.NDArray[Any]  # float64 with NaN for missing, or uint32 codes
type Level = records.Level  # names of the columns of codes, and of numbers


class Columns(Mapping[str, Column]):
    """The columns of claims, or of lines, as two blocks with a row per column; by name, each is a column.

    A few operations over a block cost less than one per column, which small batches would mostly consist of.
    """

    __slots__ = ("_level", "codes", "figures")

    def __init__(self, level: Level, codes: Codes, figures: Doubles) -> None:
        self._level, self.codes, self.figures = level, codes, figures

    def __getitem__(self, name: str) -> Column:
        codes, figures = self._level
        if name in codes:
            coded: Column = self.codes[codes.index(name)]
            return coded
        if name not in figures:
            raise KeyError(name)
        counted: Column = self.figures[figures.index(name)]
        return counted

    def __iter__(self) -> Iterator[str]:
        return iter((*self._level[0], *self._level[1]))

    def __len__(self) -> int:
        return len(self._level[0]) + len(self._level[1])


class Packed(Columns):
    """Columns that lie in records: their blocks are made when first asked for, and few rows need none."""

    __slots__ = ("_counted", "_layout", "_made", "_read", "content")

    def __init__(self, level: Level, layout: records.Layout, content: bytes) -> None:
        self._level, self._layout, self.content = level, layout, content
        self._made: tuple[Codes, Doubles] | None = None
        self._read: list[records.Record] | None = None
        self._counted: list[records.Numbers] | None = None

    @property
    def few(self) -> bool:
        """Whether reading the records one by one is cheaper than making blocks of them."""
        return len(self.content) <= records.FEW * self._layout.packed.size

    @property
    def codes(self) -> Codes:  # type: ignore[override]
        """A row per column of codes."""
        return self._blocks()[0]

    @property
    def figures(self) -> Doubles:  # type: ignore[override]
        """A row per column of numbers."""
        return self._blocks()[1]

    def read(self) -> list[records.Record]:
        """Return the records as tuples of values, in the order of the row schema."""
        if self._read is None:
            self._read = [*self._layout.packed.iter_unpack(self.content)]
        return self._read

    def counted(self) -> list[records.Numbers]:
        """Return the numbers of each record, in the order of the row schema, NaN where one is missing."""
        if self._counted is None:
            one = records.read_claim if self._layout is records.CLAIM else records.read_line
            self._counted = [*map(one, self.read())]
        return self._counted

    def beside(self, others: Sequence["Packed"]) -> "Packed":
        """Return these records and those of others; codes stay numbers of the batch they came in."""
        content = b"".join([self.content, *(one.content for one in others)])
        return Packed(self._level, self._layout, content)

    def _blocks(self) -> tuple[Codes, Doubles]:
        if self._made is None:
            self._made = records.arrays(self._layout, self.content)
        return self._made


def packed_claims(content: bytes) -> Packed:
    """Return the columns of claims that came as records."""
    return Packed(columns.CLAIM_LEVEL, records.CLAIM, content)


def packed_lines(content: bytes) -> Packed:
    """Return the columns of lines that came as records."""
    return Packed(columns.LINE_LEVEL, records.LINE, content)


def blocks(level: Level, found: Mapping[str, Column]) -> Columns:
    """Return columns as blocks, as they are when they are that already."""
    if isinstance(found, Columns):
        return found
    codes, figures = ([found[name] for name in names] for names in level)
    return Columns(level, np.array(codes, dtype=np.uint32), np.array(figures, dtype=np.float64))


class Rows(NamedTuple):
    """A batch: rows of item i are `offsets[i]` to `offsets[i + 1]`; entry 0 of `dictionary` means missing.

    Columns are float64 with NaN for missing, or dictionary codes (uint32), by name. `infinite` names the item
    and column of each value that is no number at all.
    """

    schema_hash: str
    offsets: Ints
    dictionary: list[str]
    claims: Mapping[str, Column]
    lines: Mapping[str, Column]
    infinite: tuple[tuple[int, str], ...] = ()

    @property
    def items(self) -> int:
        """The number of claims."""
        return len(self.offsets) - 1

    @property
    def few(self) -> bool:
        """Whether it came as records, and so few that reading them one by one is cheaper than blocks."""
        claims, lines = self.claims, self.lines
        packed = isinstance(claims, Packed) and isinstance(lines, Packed) and claims.few and lines.few
        return packed and not self.infinite

    @property
    def heads(self) -> list[records.Record]:
        """The claims of few, as they lie in their records."""
        return self.claims.read() if isinstance(self.claims, Packed) else []

    @property
    def bodies(self) -> list[records.Record]:
        """The lines of few."""
        return self.lines.read() if isinstance(self.lines, Packed) else []

    @property
    def counted(self) -> tuple[list[records.Numbers], list[records.Numbers]]:
        """The numbers of the claims and of the lines of few."""
        claims, lines = self.claims, self.lines
        if isinstance(claims, Packed) and isinstance(lines, Packed):
            return claims.counted(), lines.counted()
        return [], []

    @property
    def counts(self) -> Ints:
        """The number of lines of each claim."""
        return self.offsets[1:] - self.offsets[:-1]

    @property
    def item_of_row(self) -> Ints:
        """The place of each line's claim."""
        return np.arange(self.items).repeat(self.counts)

    @property
    def size(self) -> int:
        """The number of lines."""
        return int(self.offsets[-1])


def joined(batches: Sequence[Rows]) -> Rows:
    """Return batches of one schema as one: dictionaries one after another, codes moved accordingly."""
    sizes = np.array([0, *(len(one.dictionary) for one in batches[:-1])], dtype=np.uint32)
    words, begins = (
        list(itertools.chain.from_iterable(one.dictionary for one in batches)),
        sizes.cumsum(dtype=np.uint32),
    )
    items, lines = [one.items for one in batches], [one.size for one in batches]
    firsts = np.cumsum([0, *items[:-1]]).tolist()
    return Rows(
        schema_hash=batches[0].schema_hash,
        offsets=np.concatenate([[0], np.concatenate([one.counts for one in batches]).cumsum()]),
        dictionary=words,
        claims=_joined(columns.CLAIM_LEVEL, [one.claims for one in batches], begins.repeat(items)),
        lines=_joined(columns.LINE_LEVEL, [one.lines for one in batches], begins.repeat(lines)),
        infinite=tuple(
            (first + item, name)
            for first, one in zip(firsts, batches, strict=True)
            for item, name in one.infinite
        ),
    )


def _joined(level: Level, found: Sequence[Mapping[str, Column]], begins: Codes) -> Columns:
    packed = [one for one in found if isinstance(one, Packed)]
    if len(packed) == len(found):
        whole = packed[0].beside(packed[1:])
        return Columns(level, whole.codes + begins, whole.figures)
    parts = [blocks(level, one) for one in found]
    codes = np.concatenate([one.codes for one in parts], axis=1) + begins
    return Columns(level, codes, np.concatenate([one.figures for one in parts], axis=1))


def subset(batch: Rows, items: npt.NDArray[np.bool_]) -> Rows:
    """Return the chosen claims with their lines, in their order."""
    kept_rows = items.repeat(batch.counts)
    places = np.cumsum(items) - 1
    return batch._replace(
        offsets=np.concatenate([[0], np.cumsum(batch.counts[items])]),
        claims={name: column[items] for name, column in batch.claims.items()},
        lines={name: column[kept_rows] for name, column in batch.lines.items()},
        infinite=tuple((int(places[item]), name) for item, name in batch.infinite if items[item]),
    )
