"""What lies outside the training range, and how it is named."""

import numpy as np
import pytest

from scoring.domain import ranges

TRAINED = np.array([[0, 5, 1, np.nan], [10, 5, 2, 3], [4, 5, 3, 4]], dtype=np.float32)
BOUNDS = ranges.bounds(ranges.fit(TRAINED))
NAMES = ("amount", "constant", "count", "sometimes")


def _reasons(*row: float) -> list[tuple[int, str]]:
    return ranges.outside(BOUNDS, np.array([row], dtype=np.float32), NAMES)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((12, 5, 1, 3), "above:amount"),
        ((-2, 5, 1, 3), "below:amount"),
        ((np.nan, 5, 1, 3), "missing:amount"),
        ((5, 5, 9, 3), "above:count"),
    ],
)
def test_a_value_outside_names_its_feature(row: tuple[float, ...], reason: str):
    """The reason says in which direction which feature lies outside."""
    assert _reasons(*row) == [(0, reason)]


def test_a_tenth_of_the_width_is_tolerated():
    """Values up to TOLERANCE of the training width beyond its ends still count as inside."""
    assert _reasons(11, 5, 1, 3) == []
    assert _reasons(-1, 5, 1, 3) == []


def test_a_feature_constant_in_training_cannot_be_outside():
    """No tree splits on a constant, so neither another value nor its absence says anything."""
    assert _reasons(5, 99, 1, 3) == []
    assert _reasons(5, np.nan, 1, 3) == []


def test_a_missing_value_is_inside_where_training_had_some():
    """NaN is a value like others where training saw it."""
    assert _reasons(5, 5, 1, np.nan) == []


def test_only_rows_outside_are_listed_in_order():
    """The answer names rows by number, first feature first."""
    matrix = np.array([[5, 5, 1, 3], [50, 5, 90, 3], [5, 5, 1, 3], [-9, 5, 1, 3]], dtype=np.float32)
    assert ranges.outside(BOUNDS, matrix, NAMES) == [(1, "above:amount"), (3, "below:amount")]
