"""What is told of an unusual line or claim: its place among named peers and the evidence, in two languages.

An anomaly is a hint for a person. It is no forecast of a denial, and nothing decides by it.
"""

import bisect
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.domain import anomaly_words, columns, isolation, peers, rows

TOLD_PERCENTILE = 99.0  # among its peers
TOLD_DISTANCE = float(
    np.log(100)
)  # and as rare as one row in a hundred: peers that are all alike are no news
EVIDENCE_FROM = float(np.log(20))  # beside the strongest, features that one row in twenty shows
MOST_EVIDENCE = 3
DIGITS = 4  # of what is usual: more would only show how logarithms round
TOO_FEW, NO_VALUES = "peers.too_few", "values.missing"

type Ints = peers.Ints


class Model(NamedTuple):
    """One revision of the anomaly model; `revision` is the sha256 of its bundle."""

    name: str
    revision: str
    simulated: bool
    row_schema_hash: str
    book: peers.Book
    isolation: isolation.Isolation
    card: str
    metrics_json: str


class Evidence(NamedTuple):
    """One feature that stands out: as billed, as usual among the peers, and both in a sentence.

    A measure is told with the peers' median, a pair as share of the lines that carry it beside the share of
    the commonest value.
    """

    feature: str
    value: float
    typical: float
    en: str
    ar: str


class Anomaly(NamedTuple):
    """One row, or the claim as a whole (`row` None), among its peers; with a `reason` it was not judged."""

    row: int | None
    reason: str = ""
    percentile: float = 0.0
    peer_group: tuple[tuple[str, str], ...] = ()
    peers: int = 0
    evidence: tuple[Evidence, ...] = ()
    isolation_percentile: float | None = None


class _Kind(NamedTuple):
    """Lines or claims: their levels and measures, and the words that are told of them.

    `of_lines` and `of_claims` are the categories that make peers, and where their codes stand.
    """

    levels: peers.Levels
    measures: tuple[str, ...]
    words: dict[str, anomaly_words.Words]
    who: tuple[anomaly_words.Words, ...]
    of_lines: dict[str, int]
    of_claims: dict[str, int]


class _Some(NamedTuple):
    """Some rows of one kind: their places, claims, percentiles, and how rare their pairs are.

    A percentile is NaN where a row was not judged; `pairs` holds counts, totals and largest counts.
    """

    places: Ints
    items: Ints
    percentile: peers.Doubles
    pairs: tuple[Ints, ...] = ()

    def only(self, chosen: npt.NDArray[np.bool_]) -> "_Some":
        """Return the chosen ones."""
        pairs = tuple(one[chosen] for one in self.pairs)
        return _Some(self.places[chosen], self.items[chosen], self.percentile[chosen], pairs)


class _Beside(NamedTuple):
    """A measure of a row, and what is usual among its peers."""

    value: float
    typical: float
    peers: int
    level: int


def _kind(
    levels: peers.Levels,
    measures: tuple[str, ...],
    words: dict[str, anomaly_words.Words],
    who: tuple[anomaly_words.Words, ...],
) -> _Kind:
    names = dict.fromkeys(name for level in levels for name in level)
    of_lines = {name: columns.LINE_CODES.index(name) for name in names if name in peers.LINE_CATEGORIES}
    of_claims = {name: columns.CLAIM_CODES.index(name) for name in names if name not in of_lines}
    return _Kind(levels, measures, words, who, of_lines, of_claims)


_LINES = _kind(peers.LINE_LEVELS, peers.LINE_MEASURES, anomaly_words.LINE_MEASURES, anomaly_words.LINE_PEERS)
_CLAIMS = _kind(
    peers.CLAIM_LEVELS, peers.CLAIM_MEASURES, anomaly_words.CLAIM_MEASURES, anomaly_words.CLAIM_PEERS
)
_PAIRS = tuple(peers.PAIRS)


def judge(model: Model, batch: rows.Rows, *, everything: bool = False) -> list[tuple[Anomaly, ...]]:
    """Return the anomalies of each claim, those of its lines first, then its own.

    Told are rows at `TOLD_PERCENTILE` or above and `TOLD_DISTANCE` away, and those that could not be judged.
    With `everything` all rows are told, and how isolated each claim is.
    """
    book, pairs = model.book, model.book.pairs
    ranks = peers.ranked(book.words, book.ranks, batch)
    lines = peers.judge_lines(book, ranks, batch.lines)
    claims = peers.judge_claims(book, peers.first_lines(ranks, batch.offsets), batch.claims)
    answer: list[tuple[Anomaly, ...]] = [()] * batch.items
    places, percentile = _chosen(book.lines, lines, everything=everything)
    if len(places):
        at, items = peers.places(pairs, ranks[places]), batch.item_of_row[places]
        rare = (pairs.counts[at], pairs.totals[at], pairs.largest[at])
        told = _told(_LINES, book.lines, lines, batch, _Some(places, items, percentile, rare))
        within = (places - batch.offsets[items]).tolist()
        for item, row, one in zip(items.tolist(), within, told, strict=True):
            answer[item] += (one._replace(row=row),)
    places, percentile = _chosen(book.claims, claims, everything=everything)
    if len(places):
        told = _told(_CLAIMS, book.claims, claims, batch, _Some(places, places, percentile))
        for item, one in zip(places.tolist(), told, strict=True):
            answer[item] += (one,)
    return _isolated(model, lines, claims, batch.offsets, answer) if everything else answer


def _chosen(groups: peers.Groups, judged: peers.Judged, *, everything: bool) -> tuple[Ints, peers.Doubles]:
    """Return the rows that are told, and their percentiles; NaN where a row was not judged."""
    group, distance = judged.group, judged.distance
    places = np.flatnonzero((group == peers.NOBODY) | (distance >= (0.0 if everything else TOLD_DISTANCE)))
    percentile = np.full(len(places), np.nan)
    known = np.flatnonzero(group[places] != peers.NOBODY)
    if len(known):
        asked = places[known]
        percentile[known] = peers.percentile(groups, group[asked], distance[asked])
    kept = ~(percentile < (0.0 if everything else TOLD_PERCENTILE))
    return places[kept], percentile[kept]


def _told(
    kind: _Kind, groups: peers.Groups, judged: peers.Judged, batch: rows.Rows, some: _Some
) -> list[Anomaly]:
    """Return what is told of some rows, in their order."""
    known = ~np.isnan(some.percentile)
    if known.all():
        return list(_judged(kind, groups, judged, batch, some))
    found = _judged(kind, groups, judged, batch, some.only(known)) if known.any() else iter(())
    nothing = np.isnan(judged.values[some.places]).all(axis=1).tolist()
    return [
        next(found) if was else Anomaly(None, NO_VALUES if empty else TOO_FEW)
        for was, empty in zip(known.tolist(), nothing, strict=True)
    ]


def _judged(
    kind: _Kind, groups: peers.Groups, judged: peers.Judged, batch: rows.Rows, some: _Some
) -> Iterator[Anomaly]:
    """Yield judged rows among their named peers, with the evidence."""
    group = judged.group[some.places]
    ends = [*itertools.accumulate(map(len, groups.keys))]
    levels = [bisect.bisect_right(ends, one) for one in group.tolist()]
    sizes = groups.peers[group].tolist()
    values = judged.values[some.places].tolist()
    typical = np.expm1(groups.centre[group]).round(DIGITS).tolist()
    pairs = [one.tolist() for one in some.pairs]
    named = _named(kind, batch, some)
    strongest = _strongest(judged.surprises[some.places])
    count = len(kind.measures)
    for at, (level, size, features) in enumerate(zip(levels, sizes, strongest, strict=True)):
        yield Anomaly(
            None,
            percentile=float(some.percentile[at]),
            peer_group=tuple((name, named[name][at]) for name in kind.levels[level]),
            peers=size,
            evidence=tuple(
                _measure(kind, feature, _Beside(values[at][feature], typical[at][feature], size, level))
                if feature < count
                else _pair(feature - count, *(one[at][feature - count] for one in pairs))
                for feature in features
            ),
        )


def _named(kind: _Kind, batch: rows.Rows, some: _Some) -> dict[str, list[str]]:
    """Return what rows, or their claims, carry in the categories that make peers."""
    words, answer = batch.dictionary, {}
    for level, found, wanted, at in (
        (columns.LINE_LEVEL, batch.lines, kind.of_lines, some.places),
        (columns.CLAIM_LEVEL, batch.claims, kind.of_claims, some.items),
    ):
        if wanted:
            codes = rows.blocks(level, found).codes[[*wanted.values()]].take(at, axis=1)
            for name, own in zip(wanted, codes.tolist(), strict=True):
                answer[name] = [words[code] for code in own]
    return answer


def _strongest(told: peers.Doubles) -> list[list[int]]:
    """Return per row its strongest feature and others that stand out; none where all is usual."""
    strengths = np.where(np.isnan(told), 0.0, told)
    order = (-strengths).argsort(axis=1, kind="stable")[:, :MOST_EVIDENCE]
    found = strengths[np.arange(len(order))[:, None], order]
    return [
        [
            feature
            for place, (feature, strength) in enumerate(zip(features, strong, strict=True))
            if (strength >= EVIDENCE_FROM if place else strength > 0)
        ]
        for features, strong in zip(order.tolist(), found.tolist(), strict=True)
    ]


def _measure(kind: _Kind, feature: int, beside: _Beside) -> Evidence:
    """Return a measure beside the median of its peers."""
    name = kind.measures[feature]
    words = anomaly_words.beside_median(
        kind.words[name], beside.value, beside.typical, beside.peers, kind.who[beside.level]
    )
    return Evidence(name, beside.value, beside.typical, *words)


def _pair(pair: int, count: int, total: int, largest: int) -> Evidence:
    """Return how rare the right value of a pair is among lines with the left one."""
    name = _PAIRS[pair]
    words = anomaly_words.share(name, count, total)
    return Evidence(name, round(count / total, DIGITS), round(largest / total, DIGITS), *words)


def _isolated(
    model: Model,
    lines: peers.Judged,
    claims: peers.Judged,
    offsets: Ints,
    answer: list[tuple[Anomaly, ...]],
) -> list[tuple[Anomaly, ...]]:
    """Return the anomalies with how isolated each claim is, told with the claim's own."""
    seen = isolation.matrix(lines, claims, offsets)
    alone = isolation.percentile(model.isolation, isolation.scores(model.isolation, seen)).tolist()
    return [
        tuple(one if one.row is not None else one._replace(isolation_percentile=place) for one in claim)
        for claim, place in zip(answer, alone, strict=True)
    ]
