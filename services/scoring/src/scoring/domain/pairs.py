"""Pairs of scores of the same claims, stable beside shadow, and how far they lie apart. Knows no model."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

CAPACITY = 50_000  # latest pairs kept: a share of one percent is then known to a tenth of a point
MAX_NAMES = 1_000  # distinct payers and types kept apart; later ones count as OTHER
OTHER = "other"
SHOWN = 50  # payers or types told in a report
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
MIN_RANKED = 2  # a correlation of fewer says nothing

type Doubles = npt.NDArray[np.float64]
type Ints = npt.NDArray[np.int32]


class Thresholds(NamedTuple):
    """From which probability on each model flags a claim."""

    stable: float
    shadow: float


class Comparison(NamedTuple):
    """Shadow minus stable over `pairs` claims; `unscored` are those that one of the two gave no number.

    `rank_correlation` is Spearman's, None when either side is constant; `quantiles` are at `QUANTILES`.
    """

    name: str
    pairs: int
    mean_difference: float
    mean_absolute_difference: float
    quantiles: tuple[float, ...]
    rank_correlation: float | None
    changed_side: float
    newly_flagged: int
    no_longer_flagged: int
    unscored: int


class Report(NamedTuple):
    """All pairs kept, and the largest groups of them; `seen` counts those that were pushed out too."""

    seen: int
    all: Comparison
    payers: tuple[Comparison, ...]
    types: tuple[Comparison, ...]


class Pairs:
    """The latest `capacity` pairs in a ring of fixed size; NaN is a claim without a number."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.seen = 0
        self._capacity = capacity
        self._scores = np.full((capacity, 2), np.nan)
        self._names = np.zeros((capacity, 2), dtype=np.int32)
        self._known: tuple[dict[str, int], dict[str, int]] = ({OTHER: 0}, {OTHER: 0})

    def add(self, stable: Doubles, shadow: Doubles, payers: Sequence[str], types: Sequence[str]) -> None:
        """Remember one pair per claim; the oldest give way."""
        names = zip(
            *(self._numbers(*one) for one in zip(self._known, (payers, types), strict=True)), strict=True
        )
        rows = np.column_stack([stable, shadow])[-self._capacity :]
        places = (self.seen + len(stable) - len(rows) + np.arange(len(rows))) % self._capacity
        self._scores[places] = rows
        self._names[places] = np.array(list(names), dtype=np.int32).reshape(-1, 2)[-self._capacity :]
        self.seen += len(stable)

    def report(self, thresholds: Thresholds) -> Report:
        """Return how far the two models lie apart, over all and by payer and type."""
        kept = min(self.seen, self._capacity)
        scores, names = self._scores[:kept], self._names[:kept]
        payers, types = (
            tuple(_grouped(scores, names[:, place], known, thresholds))
            for place, known in enumerate(self._known)
        )
        return Report(self.seen, compare("", scores, thresholds), payers, types)

    def _numbers(self, known: dict[str, int], names: Sequence[str]) -> list[int]:
        for name in names:
            if name not in known and len(known) < MAX_NAMES:
                known[name] = len(known)
        return [known.get(name, 0) for name in names]


def compare(name: str, scores: Doubles, thresholds: Thresholds) -> Comparison:
    """Return the comparison of stable and shadow probabilities, the columns of `scores`."""
    scored = scores[~np.isnan(scores).any(axis=1)]
    stable, shadow = scored[:, 0], scored[:, 1]
    difference = shadow - stable
    before, after = stable >= thresholds.stable, shadow >= thresholds.shadow
    count = len(scored)
    return Comparison(
        name=name,
        pairs=count,
        mean_difference=float(difference.mean()) if count else 0.0,
        mean_absolute_difference=float(np.abs(difference).mean()) if count else 0.0,
        quantiles=tuple(np.quantile(difference, QUANTILES).tolist()) if count else (),
        rank_correlation=rank_correlation(stable, shadow),
        changed_side=float((before != after).mean()) if count else 0.0,
        newly_flagged=int((after & ~before).sum()),
        no_longer_flagged=int((before & ~after).sum()),
        unscored=len(scores) - count,
    )


def rank_correlation(one: Doubles, two: Doubles) -> float | None:
    """Return Spearman's correlation, equal values sharing their mean rank; None when a side is constant."""
    if len(one) < MIN_RANKED:
        return None
    ranks = [_ranks(side) - (len(one) - 1) / 2 for side in (one, two)]
    spread = float(np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    return float((ranks[0] * ranks[1]).sum()) / spread if spread else None


def _ranks(values: Doubles) -> Doubles:
    """Return ranks from 0, the mean of their places for equal values."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts) - 1
    ranks: Doubles = (last - (counts - 1) / 2)[inverse]
    return ranks


def _grouped(
    scores: Doubles, numbers: Ints, known: dict[str, int], thresholds: Thresholds
) -> list[Comparison]:
    """Return the largest groups, the largest first."""
    names = {number: name for name, number in known.items()}
    largest = Counter(numbers.tolist()).most_common(SHOWN)
    return [compare(names[number], scores[numbers == number], thresholds) for number, _ in largest]
