"""Exactness of the tabulated TreeSHAP, against Shapley's own formula written out over all subsets."""

import itertools
import math

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

import scoring_support as support
from scoring.domain import explaining, forests, marks
from scoring.outbound import bundles


def _conditional(forest: forests.Forest, node: int, row: np.ndarray, known: frozenset[int]) -> float:
    """Expected leaf value when the features in `known` are the row's and others follow the cover."""
    feature = int(forest.feature[node])
    if feature == forests.LEAF:
        return float(forest.value[node])
    left, right = int(forest.left[node]), int(forest.right[node])
    if feature in known:
        value = row[feature]
        goes_left = bool(forest.missing_left[node]) if np.isnan(value) else value <= forest.threshold[node]
        return _conditional(forest, left if goes_left else right, row, known)
    share = forest.cover[left] / forest.cover[node]
    return float(
        share * _conditional(forest, left, row, known) + (1 - share) * _conditional(forest, right, row, known)
    )


def _shapley(forest: forests.Forest, row: np.ndarray, features: int) -> list[float]:
    """Shapley values by their definition, over every subset of the other features."""
    answer = []
    for feature in range(features):
        others = [other for other in range(features) if other != feature]
        total = 0.0
        for size in range(features):
            weight = math.factorial(size) * math.factorial(features - size - 1) / math.factorial(features)
            for subset in itertools.combinations(others, size):
                known = frozenset(subset)
                total += weight * sum(
                    _conditional(forest, int(root), row, known | {feature})
                    - _conditional(forest, int(root), row, known)
                    for root in forest.roots
                )
        answer.append(total)
    return answer


@given(seed=st.integers(0, 10_000), depth=st.integers(1, 4), trees=st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_contributions_are_shapley_values(seed: int, depth: int, trees: int):
    """For any small forest and row, missing values included, the tables give Shapley's values."""
    rng = np.random.default_rng(seed)
    forest = support.random_forest(rng, trees=trees, depth=depth, features=4)
    matrix = support.random_rows(rng, 3, 4)
    explainer = explaining.build(forest, np.arange(4, dtype=np.int32))
    expected = [_shapley(forest, row, 4) for row in matrix]
    np.testing.assert_allclose(explaining.contributions(explainer, matrix), expected, atol=1e-5)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_contributions_and_bias_add_up_to_the_margin(seed: int):
    """A row's contributions plus the bias are its raw score, whatever the grouping."""
    rng = np.random.default_rng(seed)
    forest = support.random_forest(rng, trees=20, depth=4, features=12)
    matrix = support.random_rows(rng, 50, 12)
    groups = rng.integers(3, size=12).astype(np.int32)
    explainer = explaining.build(forest, groups)
    total = explaining.contributions(explainer, matrix).sum(axis=1) + explainer.bias
    np.testing.assert_allclose(total, forests.margins(forest, matrix)[:, 0], atol=1e-4)


def test_groups_are_sums_of_their_features():
    """Grouping features changes nothing but the addition."""
    rng = np.random.default_rng(3)
    forest = support.random_forest(rng, trees=10, depth=4, features=6)
    matrix = support.random_rows(rng, 10, 6)
    single = explaining.contributions(explaining.build(forest, np.arange(6, dtype=np.int32)), matrix)
    groups = np.array([0, 1, 1, 0, 2, 2], dtype=np.int32)
    grouped = explaining.contributions(explaining.build(forest, groups), matrix)
    expected = np.column_stack([single[:, groups == group].sum(axis=1) for group in range(3)])
    np.testing.assert_allclose(grouped, expected, atol=1e-5)


def test_a_deeper_forest_is_cut_into_more_units():
    """Trees whose conditions exceed one byte are split and stay exact."""
    rng = np.random.default_rng(4)
    forest = support.random_forest(rng, trees=3, depth=6, features=8)
    matrix = support.random_rows(rng, 20, 8)
    explainer = explaining.build(forest, np.arange(8, dtype=np.int32))
    assert len(explainer.offset) > 3
    total = explaining.contributions(explainer, matrix).sum(axis=1) + explainer.bias
    np.testing.assert_allclose(total, forests.margins(forest, matrix)[:, 0], atol=1e-4)


def test_a_tree_of_one_leaf_moves_only_the_bias():
    """A forest without a split contributes nothing to any feature."""
    rng = np.random.default_rng(5)
    forest = support.random_forest(rng, trees=1, depth=0, features=2)
    explainer = explaining.build(forest, np.arange(2, dtype=np.int32))
    assert not explaining.contributions(explainer, support.random_rows(rng, 4, 2)).any()
    assert explainer.bias == pytest.approx(forest.base[0] + forest.value[0])


def test_a_path_over_too_many_features_is_refused():
    """Nine distinct features on one path do not fit a pattern of one byte: said, not approximated."""
    depth = 9
    rng = np.random.default_rng(6)
    forest = support.random_forest(rng, trees=1, depth=depth, features=1)
    level = np.floor(np.log2(np.arange(len(forest.feature)) + 1)).astype(np.int32)
    forest = forest._replace(feature=np.where(forest.feature == forests.LEAF, forests.LEAF, level))
    with pytest.raises(ValueError, match="at most 8"):
        explaining.build(forest, np.arange(depth, dtype=np.int32))


def test_the_served_models_explain_what_they_score():
    """In the repository's bundle the contributions of a line add up to the margin stored by training."""
    bundle, sample = support.bundle(), bundles.sample(support.BUNDLE)
    explainer = bundle.model.line_explainer
    total = explaining.contributions(explainer, sample["lines"]).sum(axis=1) + explainer.bias
    np.testing.assert_allclose(total, sample["line_margins"], atol=2e-5)


def test_the_served_models_reasons_are_those_of_pred_contribs():
    """XGBoost's own TreeSHAP, summed by human group, gives the same reasons to 1e-5, the strongest first."""
    model, sample = support.bundle().model, bundles.sample(support.BUNDLE)
    booster = xgboost.Booster({"nthread": 1}, model_file=str(support.BUNDLE / "line.xgboost.json"))
    native = booster.predict(xgboost.DMatrix(sample["lines"]), pred_contribs=True)[:, :-1]
    groups = model.features.line_groups
    theirs = np.column_stack([native[:, groups == one].sum(axis=1) for one in range(groups.max() + 1)])
    ours = explaining.contributions(model.line_explainer, sample["lines"])
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    clear = np.diff(np.sort(np.abs(theirs), axis=1)[:, -4:], axis=1).min(axis=1) > 2e-5
    assert clear.any()
    top = [np.argsort(-np.abs(one[clear]), axis=1)[:, :3] for one in (ours, theirs)]
    assert (top[0] == top[1]).all()


def test_many_rows_are_explained_as_few_are():
    """Rows are worked through in parts: where a part ends changes nothing."""
    rng = np.random.default_rng(8)
    forest = support.random_forest(rng, trees=5, depth=3, features=5)
    rows = support.random_rows(rng, 2 * marks.PART_ROWS + 3, 5)
    explainer = explaining.build(forest, np.arange(5, dtype=np.int32))
    whole = explaining.contributions(explainer, rows)
    np.testing.assert_array_equal(whole[-4:], explaining.contributions(explainer, rows[-4:]))


@given(seed=st.integers(0, 10_000), trees=st.integers(1, 6), depth=st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_the_leaves_of_the_tables_add_up_to_the_margin(seed: int, trees: int, depth: int):
    """What a row shows of each unit leads to the leaf that walking the tree finds, missing values too."""
    rng = np.random.default_rng(seed)
    forest = support.random_forest(rng, trees=trees, depth=depth, features=5)
    matrix = support.random_rows(rng, 9, 5)
    explainer = explaining.build(forest, np.arange(5, dtype=np.int32))
    found = explaining.margins(explainer, explaining.seen(explainer, matrix))
    np.testing.assert_allclose(found, forests.margins(forest, matrix)[:, 0], atol=1e-12)


def test_the_served_forests_have_the_margins_of_their_tables():
    """Both models of the committed bundle, over its sample."""
    trees = bundles.read_arrays(support.BUNDLE / "trees.npz")
    sample = bundles.read_arrays(support.BUNDLE / "sample.npz")
    model = support.bundle().model
    for name, explainer, matrix in (
        ("line", model.line_explainer, sample["lines"]),
        ("claim", model.claim_explainer, sample["claims"]),
    ):  # fmt: skip
        found = explaining.margins(explainer, explaining.seen(explainer, matrix[:200]))
        expected = forests.margins(bundles.load_forest(trees, name), matrix[:200])[:, 0]
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_tree_of_one_leaf_moves_every_margin():
    """It asks nothing, so its value is told of every row."""
    forest = support.random_forest(np.random.default_rng(3), trees=2, depth=0, features=2)
    explainer = explaining.build(forest, np.arange(2, dtype=np.int32))
    matrix = support.random_rows(np.random.default_rng(3), 3, 2)
    found = explaining.margins(explainer, explaining.seen(explainer, matrix))
    np.testing.assert_allclose(found, forests.margins(forest, matrix)[:, 0], atol=1e-12)
