"""What is told of an unusual line or claim: its place among named peers and the evidence, in two languages.

An anomaly is a hint for a person. It is no forecast of a denial, and nothing decides by it.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from scoring.domain import anomaly_words, isolation, peers, rows

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


class _Table(NamedTuple):
    """Rows of one kind, and what is needed to tell of them."""

    groups: peers.Groups
    levels: peers.Levels
    measures: tuple[str, ...]
    words: dict[str, anomaly_words.Words]
    who: tuple[anomaly_words.Words, ...]
    judged: peers.Judged
    of_claim: Ints  # the claim of each row


def judge(model: Model, batch: rows.Rows, *, everything: bool = False) -> list[tuple[Anomaly, ...]]:
    """Return the anomalies of each claim, those of its lines first, then its own.

    Told are rows at `TOLD_PERCENTILE` or above and `TOLD_DISTANCE` away, and those that could not be judged.
    With `everything` all rows are told, and how isolated each claim is.
    """
    book = model.book
    ranks = peers.ranked(book.words, book.ranks, batch)
    lines, claims = _lines(book, batch, ranks), _claims(book, batch, ranks)
    found: list[list[Anomaly]] = [[] for _ in range(batch.items)]
    for row, percentile in _chosen(lines, everything=everything):
        item = int(lines.of_claim[row])
        told = _anomaly(lines, batch, row, percentile)
        if percentile is not None:
            told = told._replace(evidence=_evidence(lines, row, book.pairs, ranks))
        found[item].append(told._replace(row=row - int(batch.offsets[item])))
    for item, percentile in _chosen(claims, everything=everything):
        told = _anomaly(claims, batch, item, percentile)
        if percentile is not None:
            told = told._replace(evidence=_evidence(claims, item, None, ranks))
        found[item].append(told)
    return _isolated(model, lines, claims, batch, found) if everything else [tuple(one) for one in found]


def _lines(book: peers.Book, batch: rows.Rows, ranks: Ints) -> _Table:
    return _Table(
        book.lines, peers.LINE_LEVELS, peers.LINE_MEASURES, anomaly_words.LINE_MEASURES,
        anomaly_words.LINE_PEERS, peers.judge_lines(book, ranks, batch.lines), batch.item_of_row,
    )  # fmt: skip


def _claims(book: peers.Book, batch: rows.Rows, ranks: Ints) -> _Table:
    judged = peers.judge_claims(book, peers.first_lines(ranks, batch.offsets), batch.claims)
    return _Table(
        book.claims, peers.CLAIM_LEVELS, peers.CLAIM_MEASURES, anomaly_words.CLAIM_MEASURES,
        anomaly_words.CLAIM_PEERS, judged, np.arange(batch.items),
    )  # fmt: skip


def _chosen(table: _Table, *, everything: bool) -> Iterator[tuple[int, float | None]]:
    """Yield the rows that are told, with their percentile; None where a row was not judged."""
    group, distance = table.judged.group, table.judged.distance
    asked = np.flatnonzero((group == peers.NOBODY) | (distance >= (0.0 if everything else TOLD_DISTANCE)))
    if not len(asked):
        return
    known = group[asked] != peers.NOBODY
    percentile = np.zeros(len(asked))
    judged = asked[known]
    percentile[known] = peers.percentile(table.groups, group[judged], distance[judged])
    for row, is_known, found in zip(asked.tolist(), known.tolist(), percentile.tolist(), strict=True):
        if not is_known:
            yield row, None
        elif everything or found >= TOLD_PERCENTILE:
            yield row, found


def _anomaly(table: _Table, batch: rows.Rows, row: int, percentile: float | None) -> Anomaly:
    """Return a row among its named peers, or why it is not."""
    if percentile is None:
        return Anomaly(None, NO_VALUES if np.isnan(table.judged.values[row]).all() else TOO_FEW)
    group = int(table.judged.group[row])
    named = [
        (name, _word(batch, name, row, int(table.of_claim[row])))
        for name in table.levels[_level(table.groups, group)]
    ]
    return Anomaly(None, percentile=percentile, peer_group=tuple(named), peers=int(table.groups.peers[group]))


def _word(batch: rows.Rows, name: str, row: int, item: int) -> str:
    """Return what a row, or its claim, carries in a category."""
    of_lines = name in peers.LINE_CATEGORIES
    code = batch.lines[name][row] if of_lines else batch.claims[name][item]
    return batch.dictionary[int(code)]


def _level(groups: peers.Groups, group: int) -> int:
    """Return the level of a group."""
    return int(np.searchsorted(np.cumsum([len(keys) for keys in groups.keys]), group, side="right"))


def _evidence(table: _Table, row: int, pairs: peers.Pairs | None, ranks: Ints) -> tuple[Evidence, ...]:
    """Return the strongest feature, and others that stand out, strongest first; none where all is usual."""
    told = np.nan_to_num(table.judged.surprises[row])
    order = np.argsort(-told, kind="stable")[:MOST_EVIDENCE].tolist()
    kept = [at for place, at in enumerate(order) if told[at] > 0 and (not place or told[at] >= EVIDENCE_FROM)]
    count = len(table.measures)
    return tuple(
        _measure(table, row, at) if at < count or pairs is None else _pair(pairs, ranks[row], at - count)
        for at in kept
    )


def _measure(table: _Table, row: int, at: int) -> Evidence:
    """Return a measure beside the median of its peers."""
    group, name = int(table.judged.group[row]), table.measures[at]
    value, typical = float(table.judged.values[row, at]), float(np.expm1(table.groups.centre[group, at]))
    words = anomaly_words.beside_median(
        table.words[name],
        value,
        typical,
        int(table.groups.peers[group]),
        table.who[_level(table.groups, group)],
    )
    return Evidence(name, value, round(typical, DIGITS), *words)


def _pair(pairs: peers.Pairs, ranks: Ints, at: int) -> Evidence:
    """Return how rare the right value of a pair is among lines with the left one."""
    base, width = int(pairs.base[at]), int(pairs.width[at])
    begin = base + int(ranks[peers.LEFT[at]]) * width
    counts = pairs.counts[begin : begin + width]
    count, total = int(counts[ranks[peers.RIGHT[at]]]), int(counts.sum())
    name = tuple(peers.PAIRS)[at]
    words = anomaly_words.share(name, count, total)
    return Evidence(name, round(count / total, DIGITS), round(float(counts.max()) / total, DIGITS), *words)


def _isolated(
    model: Model, lines: _Table, claims: _Table, batch: rows.Rows, found: list[list[Anomaly]]
) -> list[tuple[Anomaly, ...]]:
    """Return the anomalies with how isolated each claim is, told with the claim's own."""
    seen = isolation.matrix(lines.judged, claims.judged, batch.offsets)
    alone = isolation.percentile(model.isolation, isolation.scores(model.isolation, seen)).tolist()
    return [
        tuple(one if one.row is not None else one._replace(isolation_percentile=place) for one in claim)
        for claim, place in zip(found, alone, strict=True)
    ]
