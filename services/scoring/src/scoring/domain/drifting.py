"""How far claims of today lie from those of training, and scores from outcomes. Knows no file and no model.

Population stability index of one feature: the sum over bins of (actual − expected) · ln(actual / expected),
with shares of today and of training. Without any drift it is about (bins − 1) · (1/n + 1/m) by chance alone.
"""

import itertools
from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

MAX_NAMES = (
    20  # categories told apart; the rest is one bin, so that rare ones do not drown the index in noise
)
DECILES = np.arange(0.1, 0.95, 0.1)
MIN_ROWS = 500  # below, chance alone moves the index of twenty bins beyond .04
MIN_OUTCOMES = 50  # of each kind, before a rate or a ranking means anything
# The customary bounds of the index: below .1 no change worth a word, from .25 on another population.
WATCH_PSI, REVIEW_PSI = 0.1, 0.25
WATCH_OUTSIDE, REVIEW_OUTSIDE = 0.01, 0.05  # share of claims outside what training saw; there it is near none
REVIEW_CALIBRATION = 0.02  # of mean probability from the rate: two of a hundred claims told wrongly
REVIEW_AUC = 0.05  # lost against the judged months of training: more than a change of season takes
SIGMAS = 3.0  # a difference that chance explains is no finding

type State = Literal["steady", "watch", "review", "too few"]
type Values = npt.NDArray[Any]
type Table = Mapping[str, Values]
type Doubles = npt.NDArray[np.float64]
type Bools = npt.NDArray[np.bool_]


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of a feature's values: of `names` and all others, or between `edges` and of missing."""

    count: int
    shares: list[float]
    names: list[str] = []
    edges: list[float] = []


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """What training saw, by feature: `claim.<column>`, `line.<column>`, and `claim.score`."""

    features: dict[str, Histogram]


class Moved(msgspec.Struct, frozen=True):
    """One bin's share in training and today."""

    bin: str
    before: float
    today: float


class Feature(msgspec.Struct, frozen=True):
    """One feature's index; `moved` are the bins that add most to it."""

    name: str
    rows: int
    psi: float
    state: State
    moved: list[Moved]


class Outside(msgspec.Struct, frozen=True):
    """Claims that the model would not score, because training saw nothing like them."""

    claims: int
    share: float
    state: State


class Calibration(msgspec.Struct, frozen=True):
    """Calibration in the large: mean probability against the rate of denials, and the error of chance."""

    claims: int
    mean_probability: float
    observed_rate: float
    error: float
    state: State


class Ranking(msgspec.Struct, frozen=True):
    """How well scores order outcomes, against what they did in training (None: not stored)."""

    denied: int
    paid: int
    auc: float
    error: float
    trained_auc: float | None
    state: State


def histogram(values: Values) -> Histogram:
    """Return the histogram of a training feature: names for strings, deciles for numbers."""
    if values.dtype.kind == "f":
        known = values[~np.isnan(values)]
        edges = np.unique(np.quantile(known, DECILES)).tolist() if len(known) else []
        blank = Histogram(count=len(values), shares=[], edges=edges)
    else:
        often = Counter(values.tolist()).most_common(MAX_NAMES)
        blank = Histogram(count=len(values), shares=[], names=[name for name, _ in often])
    return msgspec.structs.replace(blank, shares=_shares(blank, values))


def reference(table: Table) -> Reference:
    """Return the histograms of training's features."""
    return Reference(features={name: histogram(values) for name, values in table.items() if len(values)})


def feature(name: str, expected: Histogram, values: Values) -> Feature:
    """Return one feature's index over the rows of today; raises ValueError when they are of another kind."""
    actual, count = _shares(expected, values), len(values)
    before = np.maximum(
        expected.shares, 0.5 / max(expected.count, 1)
    )  # an empty bin may be chance: half a row
    today = np.maximum(actual, 0.5 / max(count, 1))
    parts = (today - before) * np.log(today / before)
    psi = float(parts.sum())
    order = np.argsort(-parts, kind="stable")[:3]
    bins = _bins(expected)
    moved = [Moved(bins[place], expected.shares[place], actual[place]) for place in order.tolist()]
    return Feature(name, count, psi, _by_bounds(count, psi), moved)


def outside(refused: Bools) -> Outside:
    """Return how many of the claims that a model was asked about it would not score."""
    count, share = len(refused), float(refused.mean()) if len(refused) else 0.0
    state: State = "review" if share >= REVIEW_OUTSIDE else "watch" if share >= WATCH_OUTSIDE else "steady"
    return Outside(int(refused.sum()), share, "too few" if count < MIN_ROWS else state)


def calibration(probabilities: Doubles, denied: Bools) -> Calibration:
    """Return how the mean of claims' probabilities compares with the rate of denials among them."""
    count = len(probabilities)
    mean, rate = float(probabilities.mean()), float(denied.mean())
    error = float(np.sqrt((probabilities * (1 - probabilities)).sum())) / count
    off = abs(mean - rate)
    state: State = "review" if off > max(REVIEW_CALIBRATION, SIGMAS * error) else "steady"
    return Calibration(count, mean, rate, error, "too few" if _few(denied) else state)


def ranking(probabilities: Doubles, denied: Bools, trained_auc: float | None) -> Ranking | None:
    """Return the area under the ROC curve, with its error; None without both outcomes.

    The error is Hanley and McNeil's (1982), for which scores of either outcome are exponential.
    """
    positives, negatives = int(denied.sum()), int((~denied).sum())
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(probabilities, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    auc = float((ranks[denied].sum() - positives * (positives + 1) / 2) / (positives * negatives))
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
    error = float(np.sqrt(max(variance, 0.0) / (positives * negatives)))
    lost = (trained_auc or 0.0) - auc
    state: State = "review" if lost > max(REVIEW_AUC, SIGMAS * error) else "steady"
    return Ranking(positives, negatives, auc, error, trained_auc, "too few" if _few(denied) else state)


def _few(denied: Bools) -> bool:
    return min(int(denied.sum()), int((~denied).sum())) < MIN_OUTCOMES


def _by_bounds(count: int, psi: float) -> State:
    if count < MIN_ROWS:
        return "too few"
    return "review" if psi >= REVIEW_PSI else "watch" if psi >= WATCH_PSI else "steady"


def _shares(shape: Histogram, values: Values) -> list[float]:
    """Return the share of each bin of a histogram among values of the same kind."""
    if (values.dtype.kind == "f") == bool(shape.names):
        message = "the feature holds numbers on one side and names on the other"
        raise ValueError(message)
    if values.dtype.kind == "f":
        places = np.searchsorted(shape.edges, values, side="right")
        places[np.isnan(values)] = len(shape.edges) + 1
        size = len(shape.edges) + 2
    else:
        number = {name: place for place, name in enumerate(shape.names)}
        places = np.array([number.get(value, len(number)) for value in values.tolist()], dtype=np.intp)
        size = len(number) + 1
    counts = np.bincount(places, minlength=size)
    return [float(count) / max(len(values), 1) for count in counts]


def _bins(shape: Histogram) -> list[str]:
    """Return what each bin is called."""
    if shape.names:
        return [*(name or "missing" for name in shape.names), "others"]
    edges = [f"{edge:g}" for edge in shape.edges]
    if not edges:
        return ["any number", "missing"]
    between = [f"{low} to {high}" for low, high in itertools.pairwise(edges)]
    return [f"below {edges[0]}", *between, f"from {edges[-1]}", "missing"]
