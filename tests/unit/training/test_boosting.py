"""Growing and comparing: deterministic, grouped by provider, chosen by log-loss."""

from typing import Any

import numpy as np
import pytest

import scoring_support as support
from scoring.domain import forests, models
from training import boosting


@pytest.fixture(scope="module")
def table() -> tuple[Any, Any, Any]:
    """Rows, a noisy outcome, and groups 0–99."""
    rng = np.random.default_rng(2)
    matrix = support.random_rows(rng, 1_500, 5)
    outcomes = np.nan_to_num(matrix[:, 0]) + rng.normal(size=len(matrix)) > 0
    return matrix, outcomes, rng.integers(100, size=len(matrix))


@pytest.mark.parametrize("name", sorted(boosting.BINARY))
def test_growing_twice_gives_the_same_bytes(table: tuple[Any, Any, Any], name: str):
    """Same rows and seed: the same native file and forest."""
    one, two = (boosting.BINARY[name](table[0], table[1], 5) for _ in range(2))
    assert one.native == two.native
    assert one.library == name
    assert one.suffix.startswith(name)
    np.testing.assert_array_equal(one.forest.value, two.forest.value)


@pytest.mark.parametrize("name", sorted(boosting.BINARY))
def test_trees_are_no_deeper_than_agreed(table: tuple[Any, Any, Any], name: str):
    """Depth bounds what an exact explanation costs."""
    forest = boosting.BINARY[name](table[0], table[1], 5).forest
    depth = np.zeros(len(forest.feature), dtype=int)
    for node in range(len(depth)):
        if forest.feature[node] != forests.LEAF:
            depth[[forest.left[node], forest.right[node]]] = depth[node] + 1
    assert depth.max() <= boosting.DEPTH


@pytest.mark.parametrize("name", sorted(boosting.BINARY))
def test_a_grown_forest_has_learned_something(table: tuple[Any, Any, Any], name: str):
    """Its margins are higher where the outcome is positive."""
    matrix, outcomes, _ = table
    margins = forests.margins(boosting.BINARY[name](matrix, outcomes, 5).forest, matrix)[:, 0]
    assert margins[outcomes].mean() > margins[~outcomes].mean() + 0.5


def test_folds_keep_groups_together_and_cover_everything():
    """Each group is held out exactly once, wholly."""
    groups = np.arange(1_000) % 100
    masks = list(boosting.folds(groups))
    assert len(masks) == boosting.FOLDS
    assert (np.sum(masks, axis=0) == 1).all()
    for mask in masks:
        assert not set(groups[mask].tolist()) & set(groups[~mask].tolist())


def test_the_winner_has_the_lower_log_loss(table: tuple[Any, Any, Any]):
    """Both libraries are judged on the same folds, and the difference is paired."""
    found = boosting.compare(*table, 5)
    means = {name: np.mean(values) for name, values in found.log_loss.items()}
    assert found.winner == min(means, key=lambda name: means[name])
    assert {len(values) for values in found.log_loss.values()} == {boosting.FOLDS}
    summary = found.summary()
    paired = summary["paired_log_loss_difference"]
    assert isinstance(paired, dict)
    assert paired["mean"] == pytest.approx(means["xgboost"] - means["lightgbm"])
    assert summary["winner"] == found.winner


def test_folds_with_one_outcome_are_left_out(table: tuple[Any, Any, Any]):
    """A fold without a denial has no ranking and is not counted."""
    matrix, outcomes, _ = table
    groups = np.where(outcomes, 1, 0)  # fold 0 holds only negatives, fold 1 only positives
    found = boosting.compare(matrix, outcomes, groups, 5)
    assert found.log_loss == {"xgboost": [], "lightgbm": []}
    assert found.winner in boosting.BINARY


def test_classes_give_one_margin_each(table: tuple[Any, Any, Any]):
    """A forest for three reasons answers with three shares."""
    matrix, outcomes, _ = table
    labels = outcomes.astype(np.int64) + (np.nan_to_num(matrix[:, 1]) > 0)
    grown = boosting.xgboost_classes(matrix, labels, 3, 5)
    found = models.shares(forests.margins(grown.forest, matrix))
    assert found.shape == (len(matrix), 3)
    assert (found.argmax(axis=1) == labels).mean() > 0.6
