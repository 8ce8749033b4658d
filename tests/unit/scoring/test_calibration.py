"""Calibration tables: monotone, bounded, and right where the outcomes are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.domain import calibration


@given(seed=st.integers(0, 10_000), count=st.integers(1, 2_000), slope=st.floats(-3, 3))
@settings(max_examples=50, deadline=None)
def test_probabilities_never_fall_as_margins_rise(seed: int, count: int, slope: float):
    """Whatever the outcomes, the table is monotone and stays inside its floor."""
    rng = np.random.default_rng(seed)
    margins = rng.normal(size=count)
    outcomes = rng.random(count) < 1 / (1 + np.exp(-slope * margins))
    table = calibration.fit(margins, outcomes)
    found = calibration.apply(table, np.linspace(-6, 6, 200))
    assert (np.diff(found) >= 0).all()
    assert found.min() >= calibration.FLOOR
    assert found.max() <= 1 - calibration.FLOOR


def test_an_overconfident_score_is_pulled_to_the_rate():
    """Margins twice too far out come back to the true probability."""
    rng = np.random.default_rng(1)
    true = rng.normal(size=40_000)
    outcomes = rng.random(len(true)) < 1 / (1 + np.exp(-true))
    table = calibration.fit(2 * true, outcomes)
    for margin in (-1.0, 0.0, 1.0):
        expected = 1 / (1 + np.exp(-margin))
        assert calibration.apply(table, np.array([2 * margin]))[0] == pytest.approx(expected, abs=0.04)


def test_beyond_the_outer_knots_the_last_value_holds():
    """An extreme margin gets no probability that no outcome supports."""
    table = calibration.Table(np.array([-1.0, 1.0]), np.array([0.2, 0.7]))
    assert calibration.apply(table, np.array([-50.0, 50.0])).tolist() == [0.2, 0.7]


def test_all_outcomes_alike_give_one_floor():
    """Outcomes that never happen calibrate to the floor, not to zero."""
    table = calibration.fit(np.arange(500.0), np.zeros(500, dtype=np.bool_))
    assert calibration.apply(table, np.array([3.0]))[0] == calibration.FLOOR
