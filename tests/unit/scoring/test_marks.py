"""Bits of a row are those that its values set, however many features are looked up together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.domain import bins, marks

UNITS = 5


def _tables(seed: int, cuts: list[int]) -> tuple[marks.Marks, np.ndarray]:
    """Return tables of random bits over features with so many thresholds each, and the bits by bin."""
    rng = np.random.default_rng(seed)
    found, owner, _ = bins.build({
        feature: np.arange(count, dtype=np.float32) for feature, count in enumerate(cuts)
    })  # fmt: skip
    bits = rng.integers(0, 256, size=(len(owner), UNITS)).astype(np.uint8)
    return marks.build(found, owner, bits), bits


def _rows(seed: int, width: int, most: int, count: int = 9) -> np.ndarray:
    """Return rows between, on and beyond the thresholds, some values missing."""
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-1, 2 * most + 2, size=(count, width)).astype(np.float32) / 2
    matrix[rng.random(matrix.shape) < 0.2] = np.nan
    return matrix


@given(
    st.integers(0, 1_000),
    st.lists(st.integers(1, 40), min_size=1, max_size=8),
    st.sampled_from([1, 9, marks.PART_ROWS]),
)
def test_a_rows_bits_are_all_that_its_values_set(seed: int, cuts: list[int], count: int) -> None:
    """Looked up for features together and joined, of few rows or many: the bits are the same."""
    tables, bits = _tables(seed, cuts)
    matrix = _rows(seed, len(cuts), max(cuts), count)
    expected = np.bitwise_or.reduce(bits[bins.places(tables.bins, matrix)], axis=1)
    np.testing.assert_array_equal(marks.of(tables, matrix), expected)


def test_what_does_not_fit_one_step_is_looked_up_in_several() -> None:
    """More units than a step may look up for all groups: the last group sets its bits as the first does."""
    found, owner, _ = bins.build({feature: np.arange(30, dtype=np.float32) for feature in range(4)})
    units = marks.BYTES_AT_ONCE // marks.PART_ROWS // 2
    bits = np.random.default_rng(5).integers(0, 256, size=(len(owner), units)).astype(np.uint8)
    matrix = _rows(5, 4, 30, marks.PART_ROWS)
    told = marks.of(marks.build(found, owner, bits), matrix)
    np.testing.assert_array_equal(told, np.bitwise_or.reduce(bits[bins.places(found, matrix)], axis=1))


def test_features_with_few_bins_are_looked_up_together() -> None:
    """Four yes/no features make one group, of no more rows than allowed; two long ones stay alone."""
    tables, _ = _tables(1, [1] * 4 + [100] * 2)
    assert len(tables.starts) == 3
    assert len(tables.table) <= marks.JOINED_ROWS + 2 * 102


def test_bins_that_say_the_same_share_a_row() -> None:
    """Where a missing value sets the bits of another bin, it needs no row of its own."""
    found, owner, _ = bins.build({0: np.array([1.0], dtype=np.float32)})
    bits = np.array([[1], [2], [1]], dtype=np.uint8)  # below, above, missing
    tables = marks.build(found, owner, bits)
    assert len(tables.table) == 2
    matrix = np.array([[0.0], [2.0], [np.nan]], dtype=np.float32)
    assert marks.of(tables, matrix)[:, 0].tolist() == [1, 2, 1]


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_without_features_nothing_is_set(rows: int) -> None:
    """A forest that asks about no feature has rows of bits that are all off."""
    found, owner, _ = bins.build({})
    tables = marks.build(found, owner, np.zeros((0, UNITS), dtype=np.uint16))
    told = marks.of(tables, np.ones((rows, 2), dtype=np.float32))
    assert told.shape == (rows, UNITS)
    assert told.dtype == np.uint16
    assert not told.any()
