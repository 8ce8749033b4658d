"""What a denial model is measured against: each another forecast of the same judged lines or claims.

`prior` is the rate of the learning slice, a constant; `logistic` a logistic regression on the same features,
learned on the same rows; `uncalibrated` the model's own raw score as odds, which shows what calibration does;
`findings` how many errors and warnings scrubbing found, a rank and no probability; `bayes_optimal` the
simulator's own probability before the dice fell, which no model can beat but by luck.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn import linear_model, pipeline, preprocessing

from training import measures

LOGISTIC_STEPS = 200
RANKS = frozenset({"findings"})  # forecasts that are no probabilities: only their order is judged

type Floats = npt.NDArray[np.float64]
type Mask = npt.NDArray[np.bool_]
type Matrix = npt.NDArray[np.float32]


class Known(NamedTuple):
    """What is known beside the features: raw scores of the model, and per row truth and findings, if told."""

    margins: Floats
    truth: Floats | None
    findings: Floats | None


def forecasts(learned: Matrix, outcomes: Mask, judged: Matrix, known: Known) -> dict[str, Floats]:
    """Return each baseline's forecast of the judged rows; one that was not told is left out."""
    found = {
        "prior": np.full(len(judged), float(outcomes.mean())),
        "logistic": logistic(learned, outcomes, judged),
        "uncalibrated": 1 / (1 + np.exp(-known.margins)),
    }
    if known.findings is not None and not np.isnan(known.findings).any():
        found["findings"] = known.findings
    if known.truth is not None:
        found["bayes_optimal"] = known.truth
    return found


def logistic(learned: Matrix, outcomes: Mask, judged: Matrix) -> Floats:
    """Return the forecast of a logistic regression on the same features, the median for missing."""
    middle = np.nan_to_num(np.nanmedian(np.vstack([learned, np.zeros(learned.shape[1])]), axis=0))
    model = pipeline.make_pipeline(
        preprocessing.StandardScaler(), linear_model.LogisticRegression(max_iter=LOGISTIC_STEPS, tol=1e-3)
    )
    model.fit(np.where(np.isnan(learned), middle, learned), outcomes)
    forecast: Floats = model.predict_proba(np.where(np.isnan(judged), middle, judged))[:, 1]
    return forecast


def figures(outcomes: Mask, found: dict[str, Floats], threshold: float) -> dict[str, dict[str, Any]]:
    """Return each baseline's figures on the same outcomes."""
    return {name: one(name, outcomes, forecast, threshold) for name, forecast in found.items()}


def one(name: str, outcomes: Mask, forecast: Floats, threshold: float) -> dict[str, Any]:
    """Return the figures of a baseline; of a rank only those that need no probability."""
    if name not in RANKS:
        return measures.binary(outcomes, forecast, threshold)
    recall = measures.recall_at_precision(outcomes, forecast)
    return {
        "n": len(outcomes),
        "positives": int(outcomes.sum()),
        **measures.ranking(outcomes, forecast),
        "recall_at_95_precision": recall,
    }
