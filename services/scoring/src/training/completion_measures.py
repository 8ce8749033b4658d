"""Figures of suggestions: how often the truth is among the first k, and how an amount was guessed."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training import measures

TOPS = (1, 5, 10)
LAST = 1_000_000  # the rank of a truth that the model has no name for: behind any top

type Doubles = npt.NDArray[np.float64]
type Labels = npt.NDArray[np.int64]
type Scores = npt.NDArray[np.float32] | npt.NDArray[np.float64]


def ranks(scores: Scores, labels: Labels) -> Labels:
    """Return how many groups stand before the truth; ties stand before it, an unknown group (−1) is last."""
    known = labels >= 0
    answer = np.full(len(labels), LAST, dtype=np.int64)
    mine = scores[known]
    truth = mine[np.arange(len(mine)), labels[known]][:, None]
    answer[known] = (mine >= truth).sum(axis=1) - 1
    return answer


def tops(found: Labels) -> dict[str, float]:
    """Return n and the shares of rows whose truth is among the first 1, 5 and 10."""
    shares = {f"top{k}": float((found < k).mean()) if len(found) else float("nan") for k in TOPS}
    return {"n": len(found), **shares}


def amounts(paid: Doubles, guessed: Doubles) -> dict[str, float]:
    """Return n, R² of log(1 + amount), and the mean absolute error in the amount's own unit."""
    truth, guess = np.log1p(paid), np.log1p(np.maximum(guessed, 0))
    total = ((truth - truth.mean()) ** 2).sum() if len(truth) else 0.0
    return {
        "n": len(paid),
        "r2_log": float(1 - ((truth - guess) ** 2).sum() / total) if total > 0 else float("nan"),
        "mae": float(np.abs(paid - guessed).mean()) if len(paid) else float("nan"),
    }


def spreads(parts: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return mean and standard deviation over folds of each figure but n."""
    return {name: measures.spread([one[name] for one in parts]) for name in parts[0] if name != "n"}


def paired(
    ours: Sequence[dict[str, float]], theirs: Sequence[dict[str, float]]
) -> dict[str, dict[str, float]]:
    """Return mean and standard deviation over folds of the differences ours − theirs."""
    pairs = list(zip(ours, theirs, strict=True))
    return {
        name: measures.spread([one[name] - two[name] for one, two in pairs])
        for name in ours[0]
        if name != "n"
    }
