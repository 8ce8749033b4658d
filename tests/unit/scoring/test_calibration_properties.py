"""What isotonic calibration must keep whatever it is given: order, rates, and sense at every size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.domain import calibration

SEEDS = st.integers(0, 2**32 - 1)
BLOCK = calibration.MIN_BLOCK


def sample(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return margins and outcomes that have little to do with each other."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=count), rng.random(count) < rng.uniform(0.1, 0.9)


@given(SEEDS, st.integers(1, 1_000))
@settings(max_examples=60, deadline=None)
def test_knots_rise_strictly_and_have_enough_behind_them(seed: int, count: int) -> None:
    """No two knots share a margin or fall in rate, and none rests on fewer outcomes than a block holds."""
    table = calibration.fit(*sample(seed, count))
    assert (np.diff(table.margins) > 0).all()
    assert (np.diff(table.probabilities) >= 0).all()
    assert 1 <= len(table.margins) <= max(1, count // BLOCK)


@given(SEEDS, st.integers(1, 1_000))
@settings(max_examples=40, deadline=None)
def test_the_order_outcomes_come_in_does_not_matter(seed: int, count: int) -> None:
    """The same outcomes shuffled give the same table."""
    margins, outcomes = sample(seed, count)
    shuffled = np.random.default_rng(seed).permutation(count)
    one, two = calibration.fit(margins, outcomes), calibration.fit(margins[shuffled], outcomes[shuffled])
    assert np.allclose(one.margins, two.margins)
    assert np.allclose(one.probabilities, two.probabilities)


@given(SEEDS, st.integers(1, 600), st.floats(0.1, 10), st.floats(-5, 5))
@settings(max_examples=40, deadline=None)
def test_another_scale_of_scores_gives_the_same_probabilities(
    seed: int, count: int, scale: float, shift: float
) -> None:
    """Stretching and moving all scores changes where the knots lie and nothing else."""
    margins, outcomes = sample(seed, count)
    one = calibration.fit(margins, outcomes)
    two = calibration.fit(scale * margins + shift, outcomes)
    assert np.allclose(one.probabilities, two.probabilities)
    assert np.allclose(scale * one.margins + shift, two.margins)


@pytest.mark.parametrize("rates", [(0.0, 0.2, 0.6, 1.0), (0.1, 0.3, 0.5)])
def test_rates_that_rise_already_are_kept(rates: tuple[float, ...]) -> None:
    """Blocks in order are not pooled: each knot says the rate of its own block, within the floor."""
    outcomes = np.concatenate([np.arange(BLOCK) < round(rate * BLOCK) for rate in rates])
    table = calibration.fit(np.arange(len(outcomes), dtype=float), outcomes)
    expected = np.clip(rates, calibration.FLOOR, 1 - calibration.FLOOR)
    assert table.probabilities.tolist() == pytest.approx(expected.tolist())
    assert table.margins.tolist() == [BLOCK * n + (BLOCK - 1) / 2 for n in range(len(rates))]


def test_rates_that_fall_are_pooled_to_their_mean() -> None:
    """A score that ranks the wrong way round is worth one probability: the rate of all."""
    outcomes = np.concatenate([np.arange(BLOCK) < share * BLOCK for share in (0.8, 0.5, 0.2)])
    table = calibration.fit(np.arange(len(outcomes), dtype=float), outcomes)
    assert table.probabilities.tolist() == pytest.approx([0.5])


def test_only_violators_are_pooled() -> None:
    """A dip between two rising blocks takes in its neighbour and leaves the others alone."""
    shares = (0.1, 0.6, 0.4, 0.9)
    outcomes = np.concatenate([np.arange(BLOCK) < round(share * BLOCK) for share in shares])
    table = calibration.fit(np.arange(len(outcomes), dtype=float), outcomes)
    assert table.probabilities.tolist() == pytest.approx([0.1, 0.5, 0.9])


@pytest.mark.parametrize("count", [1, BLOCK - 1, BLOCK, 2 * BLOCK - 1])
def test_few_outcomes_give_one_probability(count: int) -> None:
    """Below two whole blocks there is nothing to tell apart: every score has the rate of all."""
    outcomes = np.arange(count) % 2 == 0
    table = calibration.fit(np.linspace(-1, 1, count), outcomes)
    found = calibration.apply(table, np.array([-9.0, 0.0, 9.0]))
    expected = np.clip(outcomes.mean(), calibration.FLOOR, 1 - calibration.FLOOR)
    assert found.tolist() == pytest.approx([expected] * 3)


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_between_two_knots_lies_no_third_answer(seed: int) -> None:
    """A margin between two knots gets a probability between theirs."""
    table = calibration.fit(*sample(seed, 600))
    inside = np.random.default_rng(seed).uniform(table.margins[0] - 1, table.margins[-1] + 1, 200)
    place = np.searchsorted(table.margins, inside)
    low = table.probabilities[np.maximum(place - 1, 0)]
    high = table.probabilities[np.minimum(place, len(table.margins) - 1)]
    found = calibration.apply(table, inside)
    assert (low - 1e-12 <= found).all()
    assert (found <= high + 1e-12).all()
