"""What makes a Shapley value one, on random trees: nothing for bystanders, sums over trees, fair shares."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import scoring_support as support
from scoring.domain import explaining, forests

FEATURES = 4
EACH = np.arange(FEATURES, dtype=np.int32)
SEEDS = st.integers(0, 2**32 - 1)


def one_split(feature: int, *, left: float, right: float, cover: tuple[float, float]) -> forests.Forest:
    """Return a tree of one split at nought, a missing value to the right."""
    return forests.Forest(
        feature=np.array([feature, forests.LEAF, forests.LEAF], dtype=np.int32),
        threshold=np.zeros(3, dtype=np.float32),
        left=np.array([1, 0, 0], dtype=np.int32),
        right=np.array([2, 0, 0], dtype=np.int32),
        missing_left=np.zeros(3, dtype=np.bool_),
        value=np.array([0.0, left, right]),
        cover=np.array([sum(cover), *cover]),
        roots=np.zeros(1, dtype=np.int32),
        classes=np.zeros(1, dtype=np.int32),
        base=np.zeros(1),
    )


def told(forest: forests.Forest, matrix: np.ndarray) -> np.ndarray:
    """Return contributions per row and feature."""
    return explaining.contributions(explaining.build(forest, EACH), matrix)


def together(one: forests.Forest, two: forests.Forest) -> forests.Forest:
    """Return one forest with the trees of both."""
    size = len(one.feature)
    moved = two._replace(left=two.left + size, right=two.right + size, roots=two.roots + size)
    fields = {
        name: np.concatenate([getattr(one, name), getattr(moved, name)])
        for name in forests.Forest._fields
        if name != "base"
    }
    return forests.Forest(**fields, base=one.base + two.base)


@given(SEEDS, st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_a_feature_that_no_tree_asks_about_contributes_nothing(seed: int, depth: int) -> None:
    """Whatever a bystander's value, missing included, it is given neither blame nor credit."""
    rng = np.random.default_rng(seed)
    forest = support.random_forest(rng, trees=3, depth=depth, features=FEATURES - 1)
    found = told(forest, support.random_rows(rng, 6, FEATURES))
    assert (found[:, FEATURES - 1] == 0).all()


@given(SEEDS, st.integers(1, 4), st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_what_two_forests_say_adds_up_in_one(seed: int, depth: int, other: int) -> None:
    """Trees are explained one by one: a forest's explanation is the sum of its trees'."""
    rng = np.random.default_rng(seed)
    one = support.random_forest(rng, trees=2, depth=depth, features=FEATURES)
    two = support.random_forest(rng, trees=1, depth=other, features=FEATURES)
    rows = support.random_rows(rng, 5, FEATURES)
    both = together(one, two)
    assert np.allclose(told(both, rows), told(one, rows) + told(two, rows), atol=1e-5)
    biases = [explaining.build(forest, EACH).bias for forest in (one, two, both)]
    assert np.isclose(biases[0] + biases[1], biases[2])


@given(SEEDS, st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_a_row_explained_alone_is_explained_as_in_company(seed: int, depth: int) -> None:
    """Batching changes no explanation."""
    rng = np.random.default_rng(seed)
    forest = support.random_forest(rng, trees=3, depth=depth, features=FEATURES)
    rows = support.random_rows(rng, 5, FEATURES)
    alone = np.concatenate([told(forest, rows[place : place + 1]) for place in range(len(rows))])
    assert np.allclose(told(forest, rows), alone, atol=1e-6)


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(0.1, 50), st.floats(0.1, 50))
def test_one_split_is_explained_by_the_way_it_went(
    left: float, right: float, covered_left: float, covered_right: float
) -> None:
    """With a single feature its contribution is the leaf's value less the mean, by hand."""
    forest = one_split(2, left=left, right=right, cover=(covered_left, covered_right))
    mean = (left * covered_left + right * covered_right) / (covered_left + covered_right)
    rows = np.zeros((3, FEATURES), dtype=np.float32)
    rows[:, 2] = (-1.0, 1.0, np.nan)
    expected = np.zeros((3, FEATURES))
    expected[:, 2] = (left - mean, right - mean, right - mean)
    assert np.allclose(told(forest, rows), expected, atol=1e-4)
    assert np.isclose(explaining.build(forest, EACH).bias, mean)


def test_two_features_that_do_the_same_are_given_the_same() -> None:
    """Equal splits on two features of equal value share what they bring, to the last digit shown."""
    forest = together(
        one_split(0, left=-1.0, right=3.0, cover=(4.0, 6.0)),
        one_split(1, left=-1.0, right=3.0, cover=(4.0, 6.0)),
    )
    found = told(forest, np.array([[2.0, 2.0, 0.0, 0.0]], dtype=np.float32))
    assert found[0, 0] == found[0, 1] != 0


def test_no_rows_have_no_contributions() -> None:
    """An empty matrix is explained by an empty answer of the right width."""
    forest = support.random_forest(np.random.default_rng(1), trees=2, depth=2, features=FEATURES)
    assert told(forest, np.zeros((0, FEATURES), dtype=np.float32)).shape == (0, FEATURES)
