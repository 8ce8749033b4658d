"""Aggregates over runs of rows: sums, counts, extremes, lists, each exact and with the language's NULLs.

Room: domain; numpy. An aggregate is NULL where one of its rows is, and, but for COUNT, where it has no row.
"""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from claims.domain.rules.columnar import numbers, vectors, vocabularies, words

MAX_PAIRS = 2_000_000  # of rows and siblings in one batch; more are judged claim by claim


@dataclasses.dataclass(slots=True)
class Segments:
    """Runs of rows: run i is order[starts[i]:starts[i + 1]], or those rows themselves without `order`."""

    starts: vectors.Ints
    order: vectors.Ints | None = None

    def sizes(self) -> vectors.Ints:
        """Return the length of each run."""
        return np.diff(self.starts)


@dataclasses.dataclass(slots=True)
class Groups:
    """Siblings in runs of equal keys, and the run that each row looks into."""

    segments: Segments
    looked_up: vectors.Ints


@dataclasses.dataclass(slots=True)
class Pairs:
    """Each row beside each sibling it may count: places of both, in runs of the same row."""

    left: vectors.Ints
    right: vectors.Ints
    segments: Segments


def grouped(siblings: Sequence[vectors.Ints], rows: Sequence[vectors.Ints]) -> Groups:
    """Return siblings grouped by keys, and for each row the group with its keys; arrays go side by side."""
    joined = [np.concatenate(pair) for pair in zip(siblings, rows, strict=True)]
    count, places = words.groups(joined)
    length = len(siblings[0])
    mine = places[:length]
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(mine, minlength=count))])
    return Groups(Segments(starts, np.argsort(mine, kind="stable")), places[length:])


def paired(groups: Groups) -> Pairs:
    """Return each row with every sibling of its group; hands over where that are too many."""
    sizes = groups.segments.sizes()[groups.looked_up]
    total = int(sizes.sum())
    if total > MAX_PAIRS:
        raise vectors.HandedOverError
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    left = np.repeat(np.arange(len(sizes)), sizes)
    within = np.arange(total) - starts[left] + groups.segments.starts[groups.looked_up][left]
    right = within if groups.segments.order is None else groups.segments.order[within]
    return Pairs(left, right, Segments(starts))


def reduce(  # noqa: PLR0911 - one return per function
    vocabulary: vocabularies.Vocabulary,
    function: str,
    argument: vectors.Vector | None,
    keep: vectors.Flags | None,
    segments: Segments,
) -> vectors.Vector:
    """Return the aggregate of each run over the rows that `keep` holds for; None keeps all."""
    length = int(segments.starts[-1])
    kept = None if keep is None else _ordered(vectors.spread(keep, length), segments)
    counts = segments.sizes() if kept is None else _sums(kept, segments)
    if argument is None:
        return _count(counts, None)
    wide = vectors.widened(argument, length)
    if segments.order is not None:
        wide = vectors.take(wide, segments.order)
    missing = _missing(wide, kept, segments)
    match function:
        case "count":
            return _count(counts, missing)
        case "count_distinct":
            return _count(_distinct(wide, kept, segments), missing)
        case "array_agg":
            return _lists(vocabulary, wide, kept, segments, _empty(counts, missing))
        case "min" | "max" if isinstance(wide, vectors.Words):
            ranked = words.ranks(vocabulary, wide)[0]
            order = _extreme(function, ranked, kept, segments, _empty(counts, missing))
            return words.unranked(vocabulary, wide, order)
        case "min" | "max":
            return _extreme(function, _numbers(wide), kept, segments, _empty(counts, missing))
        case _:
            total = _total(_numbers(wide), kept, segments, counts, _empty(counts, missing))
            return numbers.divide(total, _count(counts, None)) if function == "avg" else total


def _ordered(flags: vectors.Flags, segments: Segments) -> vectors.Flags:
    return flags if segments.order is None else flags[segments.order]


def _sums(data: vectors.Ints | vectors.Flags, segments: Segments) -> vectors.Ints:
    """Return the sum of each run; whole numbers wrap, so a sum that fits is right."""
    running = np.zeros(len(data) + 1, np.int64)
    np.cumsum(data, out=running[1:])
    return running[segments.starts[1:]] - running[segments.starts[:-1]]


def _missing(wide: vectors.Vector, kept: vectors.Flags | None, segments: Segments) -> vectors.Flags | None:
    absent = vectors.null(wide)
    if absent is None:
        return None
    absent = absent if kept is None else absent & kept
    if not np.count_nonzero(absent):
        return None
    return _sums(vectors.spread(absent, int(segments.starts[-1])), segments) > 0


def _empty(counts: vectors.Ints, missing: vectors.Flags | None) -> vectors.Flags:
    none: vectors.Flags = counts == 0
    return none if missing is None else none | missing


def _count(counts: vectors.Ints, missing: vectors.Flags | None) -> vectors.Numbers:
    return vectors.Numbers(counts, missing, 0, int(counts.max(initial=0)))


def _numbers(wide: vectors.Vector) -> vectors.Numbers:
    if not isinstance(wide, vectors.Numbers):
        raise TypeError("the checker lets only numbers be summed")
    return wide


def _total(
    found: vectors.Numbers,
    kept: vectors.Flags | None,
    segments: Segments,
    counts: vectors.Ints,
    empty: vectors.Flags,
) -> vectors.Numbers:
    most = int(counts.max(initial=0))
    if found.bound * most >= vectors.LIMIT:
        found = numbers.tightened(found)
        if found.bound * most >= vectors.LIMIT:
            raise vectors.HandedOverError
    data = found.data if kept is None else np.where(kept, found.data, 0)
    return vectors.Numbers(_sums(data, segments), empty, found.scale, found.bound * most)


def _extreme(
    function: str,
    found: vectors.Numbers,
    kept: vectors.Flags | None,
    segments: Segments,
    empty: vectors.Flags,
) -> vectors.Numbers:
    least = function == "min"
    worst = vectors.LIMIT if least else -vectors.LIMIT
    data = found.data if kept is None else np.where(kept, found.data, worst)
    filled = np.flatnonzero(segments.sizes())
    answers = np.zeros(len(segments.starts) - 1, np.int64)
    if len(filled):
        reduced = (np.minimum if least else np.maximum).reduceat(data, segments.starts[:-1][filled])
        answers[filled] = reduced
    answers[empty] = 0
    return vectors.Numbers(answers, empty, found.scale, found.bound)


def _owners(segments: Segments) -> vectors.Ints:
    return np.repeat(np.arange(len(segments.starts) - 1), segments.sizes())


def _distinct(wide: vectors.Vector, kept: vectors.Flags | None, segments: Segments) -> vectors.Ints:
    length = int(segments.starts[-1])
    owners = _owners(segments)
    arrays = [owners, *(np.asarray(vectors.spread(array, length)) for array in words.keys(wide))]
    if kept is not None:
        arrays = [array[kept] for array in arrays]
    count, places = words.groups(arrays)
    firsts = np.empty(count, np.int64)
    firsts[places] = arrays[0]
    return np.bincount(firsts, minlength=len(segments.starts) - 1)


def _lists(
    vocabulary: vocabularies.Vocabulary,
    wide: vectors.Vector,
    kept: vectors.Flags | None,
    segments: Segments,
    empty: vectors.Flags,
) -> vectors.Words:
    if kept is None:
        bounds = segments.starts
    else:
        wide = vectors.take(wide, np.flatnonzero(kept))
        bounds = np.concatenate([np.zeros(1, np.int64), np.cumsum(_sums(kept, segments))])
    values = words.plain(vocabulary, wide, int(bounds[-1]))
    ends = bounds.tolist()
    lists = [tuple(values[first:last]) for first, last in itertools.pairwise(ends)]
    found = vocabulary.coded(lists, len(lists))
    return vectors.Words(np.where(empty, 0, found.codes))
