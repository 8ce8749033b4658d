"""Pairs of scores: the figures are right, the ring is bounded, missing numbers are counted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scoring.domain import pairs

SAME = pairs.Thresholds(0.5, 0.5)
chance = st.sampled_from([round(step / 20, 2) for step in range(21)])
two_sides = st.lists(st.tuples(chance, chance), min_size=1, max_size=40)


def _kept(stable: list[float], shadow: list[float], capacity: int = 100) -> pairs.Pairs:
    kept = pairs.Pairs(capacity)
    names = [f"P{place % 2}" for place in range(len(stable))]
    kept.add(np.array(stable), np.array(shadow), names, ["oral"] * len(stable))
    return kept


def test_the_figures_of_a_small_case_by_hand():
    """Differences .2, -.2 and .4: mean .1333, two of three change side, each in its direction."""
    found = _kept([0.4, 0.6, 0.1], [0.6, 0.4, 0.5]).report(SAME)
    assert found.seen == found.all.pairs == 3
    assert found.all.mean_difference == pytest.approx(0.4 / 3)
    assert found.all.mean_absolute_difference == pytest.approx(0.8 / 3)
    assert found.all.changed_side == pytest.approx(1)
    assert (found.all.newly_flagged, found.all.no_longer_flagged) == (2, 1)
    assert found.all.quantiles[3] == pytest.approx(0.2)


def test_each_model_is_judged_by_its_own_threshold():
    """A shadow with a higher threshold does not flag what its higher scores would."""
    found = _kept([0.4], [0.6]).report(pairs.Thresholds(0.5, 0.7))
    assert found.all.changed_side == 0


def test_payers_and_types_are_told_apart():
    """Each group has its own figures, the largest first."""
    found = _kept([0.1, 0.2, 0.3], [0.2, 0.2, 0.4]).report(SAME)
    assert [(one.name, one.pairs) for one in found.payers] == [("P0", 2), ("P1", 1)]
    assert found.payers[0].mean_difference == pytest.approx(0.1)
    assert [one.name for one in found.types] == ["oral"]


def test_claims_without_a_number_are_counted_and_left_out():
    """One side outside its range makes no difference of zero."""
    found = _kept([np.nan, 0.2], [0.9, 0.2]).report(SAME)
    assert (found.all.pairs, found.all.unscored) == (1, 1)
    assert found.all.mean_difference == 0


def test_nothing_seen_is_nothing_claimed():
    """An empty ring reports zero pairs, no quantiles and no correlation."""
    found = pairs.Pairs(5).report(SAME)
    assert found.all == pairs.Comparison("", 0, 0.0, 0.0, (), None, 0.0, 0, 0, 0)
    assert found.payers == found.types == ()


@given(sizes=st.lists(st.integers(0, 9), max_size=8), capacity=st.integers(1, 12))
def test_the_ring_keeps_the_latest(sizes: list[int], capacity: int):
    """Whatever came in batches, the last `capacity` pairs are kept and all are counted."""
    kept = pairs.Pairs(capacity)
    told: list[int] = []
    for size in sizes:
        values = [len(told) + place for place in range(size)]
        told += values
        kept.add(np.zeros(size), np.array(values, dtype=np.float64), ["p"] * size, ["t"] * size)
    found = kept.report(SAME)
    assert found.seen == len(told)
    assert found.all.pairs == min(len(told), capacity)
    if told:
        assert found.all.mean_difference == pytest.approx(np.mean(told[-capacity:]))


def test_names_beyond_the_bound_are_one_group():
    """A flood of payers does not grow the process."""
    count = pairs.MAX_NAMES + 10
    kept = pairs.Pairs(count)
    kept.add(np.zeros(count), np.zeros(count), [str(n) for n in range(count)], ["t"] * count)
    found = kept.report(SAME)
    assert len(found.payers) == pairs.SHOWN
    assert (found.payers[0].name, found.payers[0].pairs) == (pairs.OTHER, 11)


@given(sides=two_sides)
@settings(max_examples=60)
def test_rank_correlation_is_spearmans(sides: list[tuple[float, float]]):
    """It equals scipy's, ties included, and is absent where a side is constant."""
    one, two = (np.array(side) for side in zip(*sides, strict=True))
    found = pairs.rank_correlation(one, two)
    if len(set(one)) == 1 or len(set(two)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(stats.spearmanr(one, two).statistic)
