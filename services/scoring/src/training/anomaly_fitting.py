"""Learns the peer book from how claims are written: who is a peer of whom, and how far peers lie apart.

Outcomes are not an argument anywhere here.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.domain import columns, features, peer_books, peers, rows
from training import fitting

MAD_TO_SD = 1.4826  # median absolute deviation times this is a normal distribution's standard deviation
# Shares of rows that were farther off, at which a curve has knots; the last is the farthest row itself.
TAILS = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0001, 0.0)
TAIL_FROM = -np.log(0.005)  # beyond the farthest row a curve rises as it did from here
LEAST_SLOPE = 1.0
ROUNDING = 1e-9  # scales: nearer is the same

type Doubles = npt.NDArray[np.float64]
type Ints = npt.NDArray[np.int64]


class _Kind(NamedTuple):
    """What is compared: its levels, and the smallest scale of each measure on ln(1 + x).

    Below that scale a difference is a rounding, a unit or a contract, not an anomaly.
    """

    levels: peers.Levels
    floors: tuple[float, ...]


LINES = _Kind(peers.LINE_LEVELS, (0.05, 0.15, 0.1))
CLAIMS = _Kind(peers.CLAIM_LEVELS, (0.2, 0.2))


def fit(batch: rows.Rows) -> peers.Book:
    """Return the book of a training batch."""
    written = {**batch.claims, **batch.lines}
    vocabularies = {  # what is missing makes nobody a peer
        name: [word for word in fitting.vocabulary(written[name], batch.dictionary) if word]
        for name in peers.COLUMNS[:-1]
    }
    sizes = {name: len(words) + 1 for name, words in vocabularies.items()}
    sizes[peers.AGE_BAND] = len(columns.AGE_BANDS) + 2
    words, ranks = peer_books.numbered(vocabularies)
    found = peers.ranked(words, ranks, batch)
    tables = _tables(found, sizes)
    pairs = peers.pairs(tables)
    rare = peers.alone(tables)[peers.places(pairs, found)]
    values = peers.measures(batch.lines, peers.LINE_MEASURES)
    lines = _learned(LINES, found, values, rare, sizes)
    first = peers.first_lines(found, batch.offsets)
    values = peers.measures(batch.claims, peers.CLAIM_MEASURES)
    nothing = np.zeros((batch.items, 0))
    claims = _learned(CLAIMS, first, values, nothing, sizes)
    return peers.Book(words, ranks, lines, claims, pairs)


def _tables(ranks: Ints, sizes: Mapping[str, int]) -> dict[str, Ints]:
    """Return how many lines carry each pair of values."""
    answer = {}
    for name, (left, right) in peers.PAIRS.items():
        height, width = sizes[left], sizes[right]
        both = ranks[:, peers.COLUMNS.index(left)] * width + ranks[:, peers.COLUMNS.index(right)]
        answer[name] = np.bincount(both, minlength=height * width).reshape(height, width)
    return answer


def _learned(
    kind: _Kind, ranks: Ints, values: Doubles, rare: Doubles, sizes: Mapping[str, int]
) -> peers.Groups:
    """Return groups with their centres and scales, then the curves, then every group's distances."""
    groups = _groups(kind, ranks, values, sizes)
    off = peers.deviations(groups, peers.find(groups, ranks), values)
    groups = groups._replace(curves=tuple(curve(column[~np.isnan(column)]) for column in off.T))
    knots = np.zeros((len(groups.peers), len(peers.SHARES)))
    for group in _by_level(groups, ranks):
        told = np.column_stack([peers.surprises(groups, group, values), rare])
        distance = np.fmax.reduce(told, axis=1, initial=0.0)
        for number, members in _members(group):
            knots[number] = np.quantile(distance[members], peers.SHARES)
    return groups._replace(knots=knots)


def _by_level(groups: peers.Groups, ranks: Ints) -> Iterator[Ints]:
    """Yield per level each row's group there, NOBODY where it has none."""
    first = 0
    for level, keys in enumerate(groups.keys):
        place = peers.look_up(keys, ranks @ groups.strides[:, level])
        yield np.where(place == peers.NOBODY, peers.NOBODY, place + first)
        first += len(keys)


def _groups(kind: _Kind, ranks: Ints, values: Doubles, sizes: Mapping[str, int]) -> peers.Groups:
    """Return the groups with enough members, with what is usual in each; curves and distances are open."""
    logs, strides = features.log(values), _strides(kind.levels, sizes)
    keys, kept = [], []
    for level, names in enumerate(kind.levels):
        known = (ranks[:, [peers.COLUMNS.index(name) for name in names]] > 0).all(axis=1)
        found = _members(np.where(known, ranks @ strides[:, level], peers.NOBODY))
        enough = [(key, members) for key, members in found if len(members) >= peers.MIN_PEERS]
        keys.append(np.array([key for key, _ in enough], dtype=np.int64))
        kept += [members for _, members in enough]
    usual = np.array([_usual(logs[members], kind.floors) for members in kept]).reshape(
        -1, 2, len(kind.floors)
    )
    return peers.Groups(
        keys=tuple(keys),
        strides=strides,
        peers=np.array([len(members) for members in kept], dtype=np.int64),
        centre=usual[:, 0],
        scale=usual[:, 1],
        knots=np.zeros((len(kept), len(peers.SHARES))),
        curves=(),
    )


def _strides(levels: peers.Levels, sizes: Mapping[str, int]) -> Ints:
    """Return what ranks are multiplied with so that no two combinations of a level have one key."""
    answer = np.zeros((len(peers.COLUMNS), len(levels)), dtype=np.int64)
    for level, names in enumerate(levels):
        stride = 1
        for name in reversed(names):
            answer[peers.COLUMNS.index(name), level] = stride
            stride *= sizes[name]
    return answer


def _members(found: Ints) -> list[tuple[int, Ints]]:
    """Return each number with the rows that carry it, in order; NOBODY left out."""
    order = np.argsort(found, kind="stable")
    numbers, starts = np.unique(found[order], return_index=True)
    parts = np.split(order, starts[1:]) if len(numbers) else []
    return [
        (number, part) for number, part in zip(numbers.tolist(), parts, strict=True) if number != peers.NOBODY
    ]


def _usual(logs: Doubles, floors: tuple[float, ...]) -> tuple[Doubles, Doubles]:
    """Return median and robust scale per measure; NaN for one that fewer than MIN_PEERS members state."""
    centre, scale = np.full(len(floors), np.nan), np.full(len(floors), np.nan)
    for at, floor in enumerate(floors):
        known = logs[~np.isnan(logs[:, at]), at]
        if len(known) >= peers.MIN_PEERS:
            centre[at] = np.median(known)
            scale[at] = max(floor, MAD_TO_SD * float(np.median(np.abs(known - centre[at]))))
    return centre, scale


def curve(deviations: Doubles) -> peers.Curve:
    """Return how surprising deviations are: −ln of the share of rows at least as far off."""
    ordered = np.sort(np.where(deviations < ROUNDING, 0.0, deviations))
    count = len(ordered)
    if not count or not ordered[-1]:  # all alike: whoever is a scale away is the first among count + 1
        return peers.Curve(np.array([0.0, 1.0]), np.array([0.0, np.log(count + 1)]), LEAST_SLOPE)
    at = [min(int(count * (1 - tail)), count - 1) for tail in TAILS]
    knots = np.unique([0.0, *ordered[at].tolist()])
    shares = (count - np.searchsorted(ordered, knots)) / count
    told = np.where(knots > 0, -np.log(shares), 0.0)
    begin = min(int(np.searchsorted(told, TAIL_FROM)), len(told) - 2)
    rise = np.log(knots[-1] / knots[begin]) if knots[begin] > 0 else np.inf
    return peers.Curve(knots, told, max(LEAST_SLOPE, float((told[-1] - told[begin]) / rise)))
