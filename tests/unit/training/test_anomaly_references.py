"""Published detectors, by their formulas: planted outliers come first, hand-made cases come out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training import anomaly_references

DETECTORS = sorted(anomaly_references.DETECTORS)


def _cloud() -> tuple[np.ndarray, np.ndarray]:
    """Return ordinary rows, and the same with an outlier as the last."""
    rng = np.random.default_rng(4)
    known = rng.normal(size=(500, 3))
    return known, np.vstack([known[:50], [[9.0, 9.0, 9.0]]])


@pytest.mark.parametrize("name", DETECTORS)
def test_a_planted_outlier_is_the_most_unusual(name: str):
    """Every detector ranks the far row first."""
    known, asked = _cloud()
    assert anomaly_references.DETECTORS[name](known, 0)(asked).argmax() == 50


@pytest.mark.parametrize("name", DETECTORS)
def test_the_order_of_rows_is_nothing(name: str):
    """A row's score does not depend on who stands beside it."""
    known, asked = _cloud()
    scores = anomaly_references.DETECTORS[name](known, 0)
    np.testing.assert_allclose(scores(asked)[::-1], scores(asked[::-1]))


def test_tail_shares_are_counted():
    """Of ten known values the largest has one at or above it: −ln(1/10)."""
    known = np.arange(10.0)[:, None] ** 2  # skewed to the right
    told = anomaly_references.ecod(known)(np.array([[81.0]]))
    assert told[0] == pytest.approx(np.log(10))


def test_beyond_every_known_value_a_tail_is_half_a_row():
    """What nobody ever had is finite, and more unusual than the farthest known row."""
    known = np.arange(10.0)[:, None] ** 2
    far, last = anomaly_references.ecod(known)(np.array([[1e9], [81.0]]))
    assert np.isfinite(far)
    assert far > last


def test_copod_weighs_the_skewed_tail():
    """A low value of a column skewed to the right is less unusual than a high one as rare."""
    rng = np.random.default_rng(0)
    known = rng.exponential(size=(1_000, 1))
    low, high = np.quantile(known, [0.01, 0.99])
    told = anomaly_references.copod(known)(np.array([[low], [high]]))
    assert told[1] > told[0]


def test_hbos_knows_only_bins():
    """Two values of one bin are equally unusual; outside all bins is the most unusual."""
    known = np.linspace(0, 20, 401)[:, None]
    told = anomaly_references.hbos(known)(np.array([[0.2], [0.8], [50.0]]))
    assert told[0] == told[1] < told[2]


@given(st.integers(2, 60), st.integers(1, 4))
def test_scores_are_finite(count: int, width: int):
    """Constant columns and few rows give numbers."""
    matrix = np.ones((count, width))
    for name in ("COPOD", "ECOD", "HBOS"):
        assert np.isfinite(anomaly_references.DETECTORS[name](matrix, 0)(matrix)).all()
