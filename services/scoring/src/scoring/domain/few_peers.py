"""Whether a few claims are usual among their peers, value by value; `anomalies` says what is not.

Nine lone claims of ten have nothing to tell, and finding that out by blocks costs as much as their score.
Only whether something may be told is decided here, a hair's breadth to the safe side. Knows no transport.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from scoring.domain import anomalies, few, peers, records, rows

HAIR: Final = 1e-9  # of a surprise, and of a deviation: far more than two ways of rounding differ by
_CLAIM: Final = {name: place for place, name in enumerate(records.CLAIM_KINDS)}
_LINE: Final = {name: place for place, name in enumerate(records.LINE_KINDS)}
_OF_CLAIMS: Final = tuple(_CLAIM[name] for name in peers.CLAIM_CATEGORIES)
_OF_LINES: Final = tuple(_LINE[name] for name in peers.LINE_CATEGORIES)
_CLAIM_MEASURES: Final = tuple(_CLAIM[name] for name in peers.CLAIM_MEASURES)
_LINE_MEASURES: Final = tuple(_LINE[name] for name in peers.LINE_MEASURES)
_AGE: Final = _CLAIM["patient_age_years"]

type Strides = tuple[tuple[int, int], ...]  # of one level: places among the ranks, and what each counts


class _Groups(NamedTuple):
    """Peer groups as dictionaries: by level strides and groups by key; by group the range of each measure."""

    levels: tuple[tuple[Strides, dict[int, int]], ...]
    usual: list[list[tuple[float, float]]]


class Usual:
    """Decides with one book; made once, used by one thread at a time."""

    def __init__(self, book: peers.Book) -> None:
        self._words, self._ranks = book.words, book.ranks.tolist()
        self._lines, self._claims = _groups(book.lines), _groups(book.claims)
        pairs = book.pairs
        limit = anomalies.TOLD_DISTANCE - HAIR
        self._loud = (pairs.surprises >= limit).tolist()
        self._pairs = [
            *zip(
                pairs.base.tolist(),
                pairs.width.tolist(),
                peers.LEFT.tolist(),
                peers.RIGHT.tolist(),
                strict=True,
            )
        ]

    def __call__(self, batch: rows.Rows) -> bool:
        """Return whether nothing would be told of a batch that is `rows.Rows.few`; false where unsure."""
        known = [self._words.get(text, 0) for text in batch.dictionary]
        ends = batch.offsets.tolist()
        return all(
            start < end and self._claim(claim, batch.bodies[start:end], known)
            for claim, start, end in zip(batch.heads, ends, ends[1:], strict=False)
        )

    def _claim(self, claim: records.Record, lines: Sequence[records.Record], known: list[int]) -> bool:
        places = range(len(_OF_LINES), len(_OF_LINES) + len(_OF_CLAIMS))
        own = [self._ranks[known[claim[code]]][place] for code, place in zip(_OF_CLAIMS, places, strict=True)]
        own.append(0 if claim[_AGE] == records.MISSING_INT else few.band(claim[_AGE]))
        found = [
            [self._ranks[known[line[code]]][place] for place, code in enumerate(_OF_LINES)] + own
            for line in lines
        ]
        return _usual(self._claims, found[0], claim, _CLAIM_MEASURES) and all(
            _usual(self._lines, ranks, line, _LINE_MEASURES) and not self._rare(ranks)
            for ranks, line in zip(found, lines, strict=True)
        )

    def _rare(self, ranks: list[int]) -> bool:
        """Return whether a pair of a line's values may be so rare that it is told."""
        for base, width, left, right in self._pairs:
            if self._loud[base + ranks[left] * width + ranks[right]]:
                return True
        return False


def _usual(groups: _Groups, ranks: list[int], record: records.Record, measures: tuple[int, ...]) -> bool:
    """Return whether a row has peers, can be compared with them, and lies in their midst."""
    for strides, keys in groups.levels:
        group = keys.get(sum(ranks[place] * count for place, count in strides))
        if group is not None:
            break
    else:
        return False
    compared = False
    for place, (low, high) in zip(measures, groups.usual[group], strict=True):
        value = record[place]
        if value != records.MISSING_INT and value == value and low == low:  # noqa: PLR0124 - NaN is not itself
            told = math.copysign(math.log1p(abs(value)), value)
            if not low < told < high:
                return False
            compared = True
    return compared


def _groups(found: peers.Groups) -> _Groups:
    limits = [limit(curve) for curve in found.curves]
    first, levels = 0, []
    for level, keys in enumerate(found.keys):
        strides = found.strides[:, level].tolist()
        used = tuple((place, count) for place, count in enumerate(strides) if count)
        levels.append((used, {key: first + place for place, key in enumerate(keys.tolist())}))
        first += len(keys)
    usual = [
        [
            (middle - limit * scale, middle + limit * scale)
            for middle, scale, limit in zip(centre, scales, limits, strict=True)
        ]
        for centre, scales in zip(found.centre.tolist(), found.scale.tolist(), strict=True)
    ]
    return _Groups(tuple(levels), usual)


def limit(curve: peers.Curve) -> float:
    """Return the deviation below which a measure is surely not surprising enough to be told."""
    wanted = anomalies.TOLD_DISTANCE - HAIR
    at = int(curve.surprises.searchsorted(wanted))
    if at == len(curve.surprises):
        last, surprise = float(curve.deviations[-1]), float(curve.surprises[-1])
        limit = last * math.exp((wanted - surprise) / curve.slope) if curve.slope > 0 else math.inf
    elif at == 0:
        return 0.0
    else:
        (low, high), (less, more) = curve.deviations[at - 1 : at + 1], curve.surprises[at - 1 : at + 1]
        limit = float(low + (wanted - less) / (more - less) * (high - low))
    return limit * (1 - HAIR)
