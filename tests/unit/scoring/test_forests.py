"""Walking flat trees: where a row goes, and what it collects."""

import numpy as np

import scoring_support as support
from scoring.domain import forests


def _stump(*, missing_left: bool) -> forests.Forest:
    """One split on feature 1 at 0.5, leaves -1 and 2, base 10."""
    return forests.Forest(
        feature=np.array([1, -1, -1], dtype=np.int32),
        threshold=np.array([0.5, 0, 0], dtype=np.float32),
        left=np.array([1, 0, 0], dtype=np.int32),
        right=np.array([2, 0, 0], dtype=np.int32),
        missing_left=np.array([missing_left, False, False]),
        value=np.array([0.0, -1.0, 2.0]),
        cover=np.array([4.0, 3.0, 1.0]),
        roots=np.array([0], dtype=np.int32),
        classes=np.array([0], dtype=np.int32),
        base=np.array([10.0]),
    )


def test_a_value_equal_to_the_threshold_goes_left():
    """`value <= threshold` is left, the next float32 above is right."""
    above = np.nextafter(np.float32(0.5), np.float32(1))
    matrix = np.array([[9, 0.5], [9, above]], dtype=np.float32)
    assert forests.margins(_stump(missing_left=True), matrix)[:, 0].tolist() == [9.0, 12.0]


def test_a_missing_value_goes_where_the_node_says():
    """NaN follows `missing_left`, whatever the threshold."""
    matrix = np.array([[0, np.nan]], dtype=np.float32)
    assert forests.margins(_stump(missing_left=True), matrix)[0, 0] == 9.0
    assert forests.margins(_stump(missing_left=False), matrix)[0, 0] == 12.0


def test_each_tree_adds_to_its_own_class():
    """With several classes a margin is the base of its class and the trees of its class alone."""
    rng = np.random.default_rng(1)
    forest = support.random_forest(rng, trees=6, depth=3, features=4, classes=3)
    matrix = support.random_rows(rng, 20, 4)
    whole = forests.margins(forest, matrix)
    for label in range(3):
        only = forest._replace(value=np.where(np.repeat(forest.classes, 15) == label, forest.value, 0.0))
        np.testing.assert_allclose(whole[:, label], forests.margins(only, matrix)[:, label])
    assert whole.shape == (20, 3)


def test_no_rows_have_no_margins():
    """An empty matrix gives an empty answer of the right width."""
    forest = support.random_forest(np.random.default_rng(2), trees=2, depth=2, features=3)
    assert forests.margins(forest, np.zeros((0, 3), dtype=np.float32)).shape == (0, 1)
