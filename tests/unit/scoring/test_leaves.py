"""Leaves found by striking out are those that walking reaches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scoring_support as support
from scoring.domain import forests, leaves, marks
from scoring.outbound import bundles


@given(
    seed=st.integers(0, 10_000),
    depth=st.integers(0, 6),
    trees=st.integers(1, 7),
    classes=st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_margins_are_those_of_walking(seed: int, depth: int, trees: int, classes: int):
    """For any forest, of one class or several, the tables answer what the walked trees do."""
    rng = np.random.default_rng(seed)
    forest = support.random_forest(rng, trees=trees, depth=depth, features=5, classes=min(classes, trees))
    matrix = support.random_rows(rng, 20, 5)
    expected = forests.margins(forest, matrix)
    np.testing.assert_allclose(leaves.margins(leaves.build(forest), matrix), expected, atol=1e-12)


@pytest.mark.parametrize(("depth", "kind"), [(3, np.uint8), (4, np.uint16), (5, np.uint32), (6, np.uint64)])
def test_bits_are_as_wide_as_the_largest_tree(depth: int, kind: type):
    """Eight leaves fit a byte, sixteen two of them."""
    forest = support.random_forest(np.random.default_rng(1), trees=2, depth=depth, features=3)
    assert leaves.build(forest).struck.table.dtype == kind


def test_a_tree_of_more_leaves_than_bits_is_refused():
    """A hundred and twenty-eight leaves fit no number: said, so that another engine can serve them."""
    forest = support.random_forest(np.random.default_rng(2), trees=1, depth=7, features=3)
    with pytest.raises(leaves.TooLargeError, match="128 leaves"):
        leaves.build(forest)


def test_a_class_with_fewer_trees_is_not_moved_by_the_others():
    """Trees are laid out class by class, with nothing in place of those that a class does not have."""
    rng = np.random.default_rng(3)
    forest = support.random_forest(rng, trees=5, depth=2, features=4, classes=2)
    matrix = support.random_rows(rng, 30, 4)
    np.testing.assert_allclose(leaves.margins(leaves.build(forest), matrix), forests.margins(forest, matrix))


@pytest.mark.parametrize("count", [0, 1, marks.PART_ROWS, 2 * marks.PART_ROWS + 3])
def test_rows_are_worked_through_in_parts(count: int):
    """Where a part ends changes nothing."""
    rng = np.random.default_rng(4)
    forest = support.random_forest(rng, trees=9, depth=4, features=6, classes=3)
    matrix = support.random_rows(rng, count, 6)
    np.testing.assert_allclose(leaves.margins(leaves.build(forest), matrix), forests.margins(forest, matrix))


@pytest.mark.parametrize("name", ["line", "claim", "reason"])
def test_the_served_forests_answer_to_the_last_bits_what_their_trees_say(name: str):
    """In the repository's bundle no row's margin differs by more than adding in another order does."""
    sample = bundles.sample(support.BUNDLE)
    matrix = sample["claims" if name == "claim" else "lines"]
    forest = support.bundle().trees[name]
    np.testing.assert_allclose(
        leaves.margins(leaves.build(forest), matrix), forests.margins(forest, matrix), atol=1e-12
    )
