"""Whether a few claims are usual among their peers, value by value; `anomalies` says what is not.

Nine lone claims of ten have nothing to tell, and finding that out by blocks costs as much as their score.
Only whether something may be told is decided here, a hair's breadth to the safe side. Knows no transport.
"""

import math
import operator
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from scoring.domain import anomalies, few, peers, records, rows

HAIR: Final = 1e-9  # of a surprise, and of a deviation: far more than two ways of rounding differ by
LEAST: Final = 1e-12  # of an amount: more than logarithms and their inverse round off
LOGS: Final = 700.0  # beyond it an amount is infinite
_CLAIM: Final = {name: place for place, name in enumerate(records.CLAIM_KINDS)}
_LINE: Final = {name: place for place, name in enumerate(records.LINE_KINDS)}
_OF_CLAIMS: Final = operator.itemgetter(*(_CLAIM[name] for name in peers.CLAIM_CATEGORIES))
_OF_LINES: Final = operator.itemgetter(*(_LINE[name] for name in peers.LINE_CATEGORIES))
_CLAIM_NUMBERS, _LINE_NUMBERS = len(records.CLAIM.coded), len(records.LINE.coded)
_CLAIM_MEASURES: Final = operator.itemgetter(
    *(_CLAIM[name] - _CLAIM_NUMBERS for name in peers.CLAIM_MEASURES)
)
_LINE_MEASURES: Final = operator.itemgetter(*(_LINE[name] - _LINE_NUMBERS for name in peers.LINE_MEASURES))
_AGE: Final = _CLAIM["patient_age_years"] - _CLAIM_NUMBERS

type Ranks = tuple[int, ...]
type Measures = Callable[[records.Numbers], tuple[float, ...]]


class _Level(NamedTuple):
    """Peer groups of one width by key: the sum of what each of the ranks that make them counts."""

    picked: Callable[[Ranks], tuple[int, ...]]
    counts: tuple[int, ...]
    groups: dict[int, int]


class _Groups(NamedTuple):
    """Peer groups, the nearest level first.

    By group, `usual` says between which amounts each measure is usual, `loud` how surprising a row has to be.
    """

    levels: tuple[_Level, ...]
    usual: list[list[tuple[float, float]]]
    loud: list[float]


class Usual:
    """Decides with one book; made once, used by one thread at a time."""

    def __init__(self, book: peers.Book) -> None:
        ranks = [tuple(one) for one in book.ranks.tolist()]
        self._ranks = {word: ranks[number] for word, number in book.words.items()}
        self._unseen = ranks[0]
        self._lines, self._claims = _groups(book.lines), _groups(book.claims)
        pairs = book.pairs
        self._surprises = pairs.surprises.tolist()
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
        known = [self._ranks.get(text, self._unseen) for text in batch.dictionary]
        ends, (heads, bodies) = batch.offsets.tolist(), batch.counted
        found = [_told(_OF_LINES(line), known, 0) for line in batch.bodies]
        for claim, numbers, start, end in zip(batch.heads, heads, ends, ends[1:], strict=False):
            age = numbers[_AGE]
            own = (*_told(_OF_CLAIMS(claim), known, len(peers.LINE_CATEGORIES)), few.band(age))
            ranks = [line + own for line in found[start:end]]
            if not ranks or _usual(self._claims, ranks[0], _CLAIM_MEASURES(numbers)) is None:
                return False
            for line, counted in zip(ranks, bodies[start:end], strict=True):
                loud = _usual(self._lines, line, _LINE_MEASURES(counted))
                if loud is None or self._rare(line, loud):
                    return False
        return True

    def _rare(self, ranks: Ranks, loud: float) -> bool:
        """Return whether a pair of a line's values may be so rare that it is told."""
        for base, width, left, right in self._pairs:
            if self._surprises[base + ranks[left] * width + ranks[right]] >= loud:
                return True
        return False


def _told(codes: tuple[int, ...], known: list[Ranks], first: int) -> Ranks:
    """Return the ranks of words in columns from `first` on."""
    return tuple([known[code][place] for place, code in enumerate(codes, first)])


def _usual(groups: _Groups, ranks: Ranks, values: tuple[float, ...]) -> float | None:
    """Return what is loud among a row's peers; None where it has none, or does not lie in their midst."""
    for level in groups.levels:
        group = level.groups.get(sum(map(operator.mul, level.picked(ranks), level.counts)))
        if group is not None:
            break
    else:
        return None
    compared = False
    for value, (low, high) in zip(values, groups.usual[group], strict=True):
        if low < value < high:
            compared = True
        elif value == value and low == low:  # noqa: PLR0124 - NaN is not itself
            return None
    return groups.loud[group] if compared else None


def _groups(found: peers.Groups) -> _Groups:
    loud = [told_from(knots, count) for knots, count in zip(found.knots, found.peers.tolist(), strict=True)]
    first, levels = 0, []
    for level, keys in enumerate(found.keys):
        strides = found.strides[:, level].tolist()
        used = [place for place, count in enumerate(strides) if count]
        groups = {key: first + place for place, key in enumerate(keys.tolist())}
        levels.append(_Level(operator.itemgetter(*used), tuple(strides[place] for place in used), groups))
        first += len(keys)
    usual = [
        [
            (amount(middle - limit * scale, LEAST), amount(middle + limit * scale, -LEAST))
            for middle, scale, limit in zip(centre, scales, limits, strict=True)
        ]
        for centre, scales, limits in zip(
            found.centre.tolist(), found.scale.tolist(), _limits(found.curves, loud), strict=True
        )
    ]
    return _Groups(tuple(levels), usual, loud)


def _limits(curves: Sequence[peers.Curve], loud: list[float]) -> list[list[float]]:
    """Return the limit of each measure by group."""
    return [[limit(curve, wanted) for curve in curves] for wanted in loud]


def told_from(knots: peers.Doubles, count: int) -> float:
    """Return the distance below which no row of a group is told: by its rarity, and by its percentile."""
    share = min(anomalies.TOLD_PERCENTILE / 100 * (count + 1) / count, 1.0)
    distance = float(np.interp(share, peers.SHARES, knots))
    return max(anomalies.TOLD_DISTANCE, distance * (1 - HAIR)) - HAIR


def limit(curve: peers.Curve, wanted: float) -> float:
    """Return the deviation below which a measure is surely less surprising than `wanted`."""
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


def amount(log: float, more: float) -> float:
    """Return the amount whose logarithm `features.log` made, moved by so much of itself."""
    if abs(log) > LOGS:
        return math.copysign(math.inf, log)
    amount = math.copysign(math.expm1(abs(log)), log)
    return amount + more * (1 + abs(amount))
