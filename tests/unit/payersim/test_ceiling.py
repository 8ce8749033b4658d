"""The figures of who knows the truth: what scikit-learn says of the same numbers, in fixed memory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from payersim.domain import ceiling


def counted(probabilities: np.ndarray, outcomes: np.ndarray) -> dict[str, float | int | None]:
    """Return the figures of these outcomes."""
    found = ceiling.Ceiling()
    for probability, denied in zip(probabilities.tolist(), outcomes.tolist(), strict=True):
        found.add(probability, denied=denied)
    return found.figures()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(50, 800))
def test_figures_are_those_of_scikit_learn(seed: int, count: int) -> None:
    """AUC, average precision, log-loss and Brier agree, up to ties within a cell."""
    rng = np.random.default_rng(seed)
    probabilities = rng.beta(0.6, 2, count).round(4).clip(1e-4, 1 - 1e-4)
    outcomes = rng.random(count) < probabilities
    outcomes[:2] = [True, False]
    found = counted(probabilities, outcomes)
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(outcomes, probabilities), abs=1e-4)
    assert found["pr_auc"] == pytest.approx(
        metrics.average_precision_score(outcomes, probabilities), abs=1e-4
    )
    assert found["log_loss"] == pytest.approx(metrics.log_loss(outcomes, probabilities), abs=1e-5)
    assert found["brier"] == pytest.approx(np.mean((probabilities - outcomes) ** 2), abs=1e-5)
    assert (found["n"], found["positives"]) == (count, int(outcomes.sum()))


def test_true_probabilities_are_calibrated() -> None:
    """Over many throws the truth's calibration error is what chance leaves."""
    rng = np.random.default_rng(1)
    probabilities = rng.random(20_000)
    assert (counted(probabilities, rng.random(20_000) < probabilities)["ece"] or 0) < 0.02
    assert (counted(probabilities**2, rng.random(20_000) < probabilities)["ece"] or 0) > 0.1


def test_one_outcome_has_no_ranking() -> None:
    """Where nobody is denied there is no AUC and no precision; where nothing was counted, nothing at all."""
    found = counted(np.array([0.1, 0.2]), np.array([False, False]))
    assert found["auc"] is None
    assert found["pr_auc"] is None
    assert ceiling.Ceiling().figures() == {"n": 0, "positives": 0}
