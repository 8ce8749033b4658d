"""Figures whatever is measured: within their bounds, blind to what must not matter, best when right."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from training import measures

SEEDS = st.integers(0, 2**32 - 1)
COUNTS = st.integers(1, 200)


def sample(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return outcomes and a forecast of them, coarse enough to have ties."""
    rng = np.random.default_rng(seed)
    forecast = rng.integers(0, 21, size=count) / 20
    return rng.random(count) < forecast, forecast


@given(SEEDS, COUNTS)
@settings(max_examples=60, deadline=None)
def test_every_figure_is_within_its_bounds_or_undefined(seed: int, count: int) -> None:
    """Shares lie between nought and one, and only those that need both outcomes may be undefined."""
    outcomes, forecast = sample(seed, count)
    found = measures.binary(outcomes, forecast)
    for name in ("brier", "ece", "f1"):
        assert 0 <= found[name] <= 1, name
    assert found["log_loss"] >= 0
    both = outcomes.any() and not outcomes.all()
    assert math.isnan(found["auc"]) is math.isnan(found["pr_auc"]) is not both
    assert math.isnan(found["recall_at_95_precision"]) is not bool(outcomes.any())


@given(SEEDS, st.integers(2, 200), st.floats(0.1, 5))
@settings(max_examples=40, deadline=None)
def test_a_ranking_knows_only_the_order(seed: int, count: int, power: float) -> None:
    """Stretching forecasts without changing their order changes no figure of ranking."""
    outcomes, forecast = sample(seed, count)
    assume(outcomes.any() and not outcomes.all())
    assert measures.ranking(outcomes, forecast**power) == pytest.approx(measures.ranking(outcomes, forecast))


@given(SEEDS, st.integers(2, 200))
@settings(max_examples=40, deadline=None)
def test_turning_a_ranking_round_turns_its_auc_round(seed: int, count: int) -> None:
    """Ties included, a forecast and its opposite share the area between them."""
    outcomes, forecast = sample(seed, count)
    assume(outcomes.any() and not outcomes.all())
    one, two = (measures.ranking(outcomes, each)["auc"] for each in (forecast, 1 - forecast))
    assert one + two == pytest.approx(1)


@given(SEEDS, COUNTS)
@settings(max_examples=40, deadline=None)
def test_knowing_the_outcomes_is_perfect(seed: int, count: int) -> None:
    """A forecast that is the outcome itself has no error, and no other forecast has less."""
    outcomes, forecast = sample(seed, count)
    perfect = measures.binary(outcomes, outcomes.astype(float))
    assert (perfect["brier"], perfect["ece"]) == (0, 0)
    assert perfect["f1"] == (1 if outcomes.any() else 0)
    assert perfect["brier"] <= measures.binary(outcomes, forecast)["brier"]


@given(SEEDS, COUNTS)
@settings(max_examples=40, deadline=None)
def test_a_curve_of_reliability_adds_up_to_the_whole(seed: int, count: int) -> None:
    """Counts, forecasts and rates of the bins average to those of all rows, and bins rise."""
    outcomes, forecast = sample(seed, count)
    curve = measures.reliability(outcomes, forecast)
    sizes = [point["n"] for point in curve]
    assert sum(sizes) == count
    assert max(sizes) - min(sizes) <= 1
    assert np.average([point["forecast"] for point in curve], weights=sizes) == pytest.approx(forecast.mean())
    assert np.average([point["rate"] for point in curve], weights=sizes) == pytest.approx(outcomes.mean())
    assert (np.diff([point["forecast"] for point in curve]) >= -1e-12).all()
    distance = np.average([abs(point["forecast"] - point["rate"]) for point in curve], weights=sizes)
    assert measures.ece(outcomes, forecast) == pytest.approx(distance)


@given(SEEDS, COUNTS)
@settings(max_examples=40, deadline=None)
def test_recall_at_a_precision_is_what_a_search_by_hand_finds(seed: int, count: int) -> None:
    """Every threshold tried one by one gives no larger recall at that precision, and one gives it."""
    outcomes, forecast = sample(seed, count)
    assume(outcomes.any())
    best = 0.0
    for threshold in np.unique(forecast):
        flagged = forecast >= threshold
        hits = int((flagged & outcomes).sum())
        if hits / flagged.sum() >= measures.PRECISION:
            best = max(best, hits / int(outcomes.sum()))
    assert measures.recall_at_precision(outcomes, forecast) == pytest.approx(best)


@given(SEEDS, COUNTS, st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_f1_is_the_harmonic_mean_of_precision_and_recall(seed: int, count: int, threshold: float) -> None:
    """Where precision and recall are defined and not both nought, the figure is their harmonic mean."""
    outcomes, forecast = sample(seed, count)
    flagged = forecast >= threshold
    hits = int((outcomes & flagged).sum())
    found = measures.f1(outcomes, flagged)
    if hits == 0:
        assert found == 0
    else:
        precision, recall = hits / flagged.sum(), hits / outcomes.sum()
        assert found == pytest.approx(2 * precision * recall / (precision + recall))
