"""All that one bundle says, ready to answer with; and how raw scores become answers. Knows no file."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.domain import calibration, explaining, few_marks, schemas, scores

TOP_REASONS = 3  # more guesses than three help nobody decide

type Doubles = npt.NDArray[np.float64]


class Model(NamedTuple):
    """One revision of the denial model; `revision` is the sha256 of its bundle.

    The explainers answer per human feature group, in the order of `features.groups`; `few` holds what both
    look up, for a few lines at once.
    """

    name: str
    revision: str
    simulated: bool
    row_schema_hash: str
    flag_threshold: float
    features: schemas.Schema
    line_calibration: calibration.Table
    claim_calibration: calibration.Table
    line_explainer: explaining.Explainer
    claim_explainer: explaining.Explainer
    few: few_marks.Tables
    reasons: tuple[scores.Reason, ...]
    card: str
    metrics_json: str


def explain(explainer: explaining.Explainer, matrix: npt.NDArray[np.float32]) -> Doubles:
    """Return log-odds per row and group with the bias as last column: a row adds up to its margin."""
    return with_bias(explainer, explaining.contributions(explainer, matrix))


def with_bias(explainer: explaining.Explainer, contributions: npt.NDArray[np.float32]) -> Doubles:
    """Return contributions with the bias as last column."""
    answer = np.empty((len(contributions), explainer.table.shape[1] + 1))
    answer[:, :-1] = contributions
    answer[:, -1] = explainer.bias
    return answer


def shares(margins: Doubles) -> Doubles:
    """Return the probabilities of classes per row of margins (softmax)."""
    weights = np.exp(margins - margins.max(axis=1, keepdims=True))
    answer: Doubles = weights / weights.sum(axis=1, keepdims=True)
    return answer


def guesses(margins: Doubles) -> tuple[scores.Places, Doubles]:
    """Return the likeliest classes per row of reason margins (softmax), most likely first, and how likely."""
    likely = shares(margins)
    return scores.largest(likely, likely, TOP_REASONS)
