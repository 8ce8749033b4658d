"""How well a forecaster could do who knew each true probability: counted as claims go by, in fixed memory.

Probabilities are put into `CELLS` equal cells; areas are exact up to ties within a cell. Formulas: AUC is the
share of pairs of a denied and an approved line that stand in the right order, ties half; average precision is
the sum of precision times the gain of recall; log-loss is the mean of −log of the probability of what
happened; ECE is the mean distance of probability and rate over fifteen bins of about equal count.
"""

import math

import numpy as np

CELLS = 10_000
BINS = 15
FLOOR = 1e-9


class Ceiling:
    """Counts true probabilities and what the dice made of them."""

    def __init__(self) -> None:
        self._counts = np.zeros((2, CELLS + 1), dtype=np.int64)
        self._sums = np.zeros(CELLS + 1)
        self._loss = 0.0
        self._brier = 0.0

    def add(self, probability: float, *, denied: bool) -> None:
        """Count one outcome."""
        cell = round(probability * CELLS)
        self._counts[int(denied), cell] += 1
        self._sums[cell] += probability
        happened = probability if denied else 1 - probability
        self._loss -= math.log(max(happened, FLOOR))
        self._brier += (probability - denied) ** 2

    def figures(self) -> dict[str, float | int | None]:
        """Return n, positives, auc, pr_auc, log_loss, brier and ece; None where both outcomes are needed."""
        approved, denied = self._counts
        n, positives = int(self._counts.sum()), int(denied.sum())
        if not n:
            return {"n": 0, "positives": 0}
        return {
            "n": n,
            "positives": positives,
            "auc": _auc(approved, denied),
            "pr_auc": _average_precision(approved, denied),
            "log_loss": round(self._loss / n, 6),
            "brier": round(self._brier / n, 6),
            "ece": self._ece(),
        }

    def _ece(self) -> float:
        """Return the expected calibration error; cells are never split, so bins are only about equal."""
        counts = self._counts.sum(axis=0)
        place = np.minimum((np.cumsum(counts) - counts) * BINS // max(int(counts.sum()), 1), BINS - 1)
        told = np.bincount(place, weights=self._sums, minlength=BINS)
        happened = np.bincount(place, weights=self._counts[1], minlength=BINS)
        return round(float(np.abs(told - happened).sum() / counts.sum()), 6)


type _Counts = np.ndarray[tuple[int], np.dtype[np.int64]]


def _auc(approved: _Counts, denied: _Counts) -> float | None:
    pairs = int(approved.sum()) * int(denied.sum())
    if not pairs:
        return None
    below = np.cumsum(approved) - approved
    return round(float((denied * (below + approved / 2)).sum() / pairs), 6)


def _average_precision(approved: _Counts, denied: _Counts) -> float | None:
    if not denied.sum():
        return None
    hits, all_ = np.cumsum(denied[::-1]), np.cumsum((approved + denied)[::-1])
    precision = hits / np.maximum(all_, 1)
    return round(float((precision * denied[::-1]).sum() / denied.sum()), 6)
