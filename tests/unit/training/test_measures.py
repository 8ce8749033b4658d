"""Figures: right on cases worked out by hand, and defined where they could not be."""

import math

import numpy as np
import pytest

from training import measures

OUTCOMES = np.array([False, False, True, True])
FORECAST = np.array([0.1, 0.4, 0.35, 0.8])


def test_figures_of_a_small_case():
    """Four rows, worked out by hand."""
    found = measures.binary(OUTCOMES, FORECAST)
    assert (found["n"], found["positives"]) == (4, 2)
    assert found["auc"] == pytest.approx(0.75)
    assert found["pr_auc"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert found["brier"] == pytest.approx((0.01 + 0.16 + 0.4225 + 0.04) / 4)
    assert found["f1"] == pytest.approx(2 / 3)
    assert found["recall_at_95_precision"] == pytest.approx(0.5)


def test_a_calibrated_forecast_has_a_small_ece_and_a_shifted_one_its_shift():
    """ECE measures how far forecasts lie from rates."""
    rng = np.random.default_rng(1)
    forecast = rng.uniform(0.2, 0.6, size=60_000)
    outcomes = rng.random(len(forecast)) < forecast
    assert measures.ece(outcomes, forecast) < 0.01
    assert measures.ece(outcomes, forecast + 0.1) == pytest.approx(0.1, abs=0.01)


def test_one_outcome_alone_has_no_ranking():
    """AUC of a slice without positives is undefined, not 0.5."""
    found = measures.ranking(np.zeros(3, dtype=bool), FORECAST[:3])
    assert all(math.isnan(value) for value in found.values())
    assert math.isnan(measures.recall_at_precision(np.zeros(3, dtype=bool), FORECAST[:3]))


def test_no_threshold_may_reach_the_precision():
    """When the top row is wrong, recall at 95 % precision is 0."""
    assert measures.recall_at_precision(np.array([False, True]), np.array([0.9, 0.1])) == 0.0


def test_nothing_flagged_has_f1_zero():
    """F1 is 0, not an error, when nothing is flagged and nothing positive."""
    nothing = np.zeros(3, dtype=bool)
    assert measures.f1(nothing, nothing) == 0.0


def test_reliability_counts_every_row_once():
    """The bins of the curve hold all rows."""
    curve = measures.reliability(OUTCOMES, FORECAST)
    assert sum(point["n"] for point in curve) == 4


def test_spread_ignores_folds_without_the_figure():
    """Mean and standard deviation are of the folds that have it, and say how many."""
    assert measures.spread([1.0, float("nan"), 3.0]) == pytest.approx(
        {"mean": 2.0, "sd": math.sqrt(2), "folds": 2}
    )
    assert math.isnan(measures.spread([1.0])["sd"])
