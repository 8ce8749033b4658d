"""Bins place every value between the thresholds as comparing it with each of them would."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scoring.domain import bins

VALUES = st.floats(width=32, allow_nan=True, allow_infinity=True)
CUTS = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=6)


@given(
    st.dictionaries(st.integers(0, 3), CUTS, min_size=1),
    st.lists(st.tuples(*[VALUES] * 4), min_size=1, max_size=8),
)
def test_a_value_and_its_bins_own_value_pass_the_same_splits(
    cuts: dict[int, list[float]], rows: list[tuple[float, ...]]
) -> None:
    """Whatever the value, `<=` gives for it what it gives for the value that stands for its bin."""
    thresholds = {feature: np.array(one, dtype=np.float32) for feature, one in cuts.items()}
    found, owner, inside = bins.build(thresholds)
    matrix = np.array(rows, dtype=np.float32)
    placed = bins.places(found, matrix)
    for column, feature in enumerate(found.feature.tolist()):
        values, stand_ins = matrix[:, feature], inside[placed[:, column]]
        assert (owner[placed[:, column]] == feature).all()
        assert (np.isnan(values) == np.isnan(stand_ins)).all()
        for cut in thresholds[feature]:
            assert ((values <= cut) == (stand_ins <= cut)).all()


def test_a_threshold_belongs_to_the_bin_below_it() -> None:
    """Splits send `<=` to the left: the edge itself lies with what is smaller."""
    found, _, inside = bins.build({0: np.array([1.0, 2.0], dtype=np.float32)})
    matrix = np.array([[0.5], [1.0], [1.5], [2.0], [2.5]], dtype=np.float32)
    assert inside[bins.places(found, matrix)[:, 0]].tolist() == [1.0, 1.0, 2.0, 2.0, np.inf]


def test_both_noughts_are_one_value() -> None:
    """Minus nought, as value or as threshold, is nought."""
    found, _, _ = bins.build({0: np.array([-0.0], dtype=np.float32)})
    placed = bins.places(found, np.array([[-0.0], [0.0], [np.nextafter(np.float32(0), 1)]], dtype=np.float32))
    assert placed[:, 0].tolist() == [0, 0, 1]


def test_every_nan_has_the_bin_of_missing_values() -> None:
    """The sign and the payload of a NaN say nothing."""
    found, _, inside = bins.build({0: np.array([0.0], dtype=np.float32)})
    odd = np.array([0x7FC00000, 0xFFC00000, 0x7F800001, 0xFFFFFFFF], dtype=np.uint32).view(np.float32)
    assert np.isnan(inside[bins.places(found, odd[:, None])]).all()


def test_a_forest_without_splits_has_no_bins() -> None:
    """Nothing is asked of any feature, so there is nothing to place."""
    found, owner, inside = bins.build({})
    assert len(owner) == len(inside) == 0
    assert bins.places(found, np.ones((3, 2), dtype=np.float32)).shape == (3, 0)
