"""Figures of a binary forecast, each with its formula; scikit-learn where it has the standard one."""

import numpy as np
import numpy.typing as npt
from sklearn import metrics

ECE_BINS = 15  # equal-count bins of the expected calibration error
PRECISION = 0.95  # at which recall is reported: nineteen of twenty flagged lines are truly denied

type Doubles = npt.NDArray[np.float64]
type Outcomes = npt.NDArray[np.bool_]


def binary(outcomes: Outcomes, forecast: Doubles, threshold: float = 0.5) -> dict[str, float]:
    """Return n, positives, auc, pr_auc, brier, ece, log_loss, f1 at a threshold, recall at 95 % precision."""
    clipped = np.clip(forecast, 1e-9, 1 - 1e-9)
    return {
        "n": len(outcomes),
        "positives": int(outcomes.sum()),
        **ranking(outcomes, forecast),
        "brier": float(np.mean((forecast - outcomes) ** 2)),
        "ece": ece(outcomes, forecast),
        "log_loss": float(metrics.log_loss(outcomes, clipped, labels=[False, True])),
        "f1": f1(outcomes, forecast >= threshold),
        "recall_at_95_precision": recall_at_precision(outcomes, forecast),
    }


def f1(outcomes: Outcomes, flagged: Outcomes) -> float:
    """Return the harmonic mean of precision and recall; 0 when nothing is flagged or nothing positive."""
    found = int(outcomes.sum()) + int(flagged.sum())
    return 2 * int((outcomes & flagged).sum()) / found if found else 0.0


def ranking(outcomes: Outcomes, forecast: Doubles) -> dict[str, float]:
    """Return auc and pr_auc (average precision), which need both outcomes: nan when one is missing."""
    if outcomes.all() or not outcomes.any():
        return {"auc": float("nan"), "pr_auc": float("nan")}
    return {
        "auc": float(metrics.roc_auc_score(outcomes, forecast)),
        "pr_auc": float(metrics.average_precision_score(outcomes, forecast)),
    }


def ece(outcomes: Outcomes, forecast: Doubles) -> float:
    """Return the mean distance between forecast and rate over bins of equal count, weighted by count."""
    order = np.argsort(forecast, kind="stable")
    bins = [chunk for chunk in np.array_split(order, ECE_BINS) if len(chunk)]
    distances = [abs(forecast[chunk].mean() - outcomes[chunk].mean()) * len(chunk) for chunk in bins]
    return float(sum(distances) / len(outcomes))


def reliability(outcomes: Outcomes, forecast: Doubles) -> list[dict[str, float]]:
    """Return the reliability curve: per bin of equal count the mean forecast, the rate and the count."""
    order = np.argsort(forecast, kind="stable")
    return [
        {"forecast": float(forecast[c].mean()), "rate": float(outcomes[c].mean()), "n": len(c)}
        for c in np.array_split(order, ECE_BINS)
        if len(c)
    ]


def recall_at_precision(outcomes: Outcomes, forecast: Doubles, precision: float = PRECISION) -> float:
    """Return the largest recall among thresholds whose precision is at least the one given; 0 if none."""
    if not outcomes.any():
        return float("nan")
    found, recalls, _ = metrics.precision_recall_curve(outcomes, forecast)
    return float(np.max(recalls[:-1][found[:-1] >= precision], initial=0.0))


def spread(values: list[float]) -> dict[str, float]:
    """Return mean, standard deviation (n − 1) and number of folds of a figure."""
    known = np.array([value for value in values if not np.isnan(value)])
    return {
        "mean": float(known.mean()) if len(known) else float("nan"),
        "sd": float(known.std(ddof=1)) if len(known) > 1 else float("nan"),
        "folds": len(known),
    }
