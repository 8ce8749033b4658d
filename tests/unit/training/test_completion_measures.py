"""Figures of suggestions agree with their definitions, at the edges too."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training import completion_measures

SCORES = st.lists(st.lists(st.integers(0, 5), min_size=4, max_size=4), min_size=1, max_size=20)


@given(SCORES, st.integers(-1, 3))
def test_a_rank_counts_what_stands_before_the_truth(rows: list[list[int]], label: int):
    """Ties stand before the truth, so saying nothing scores nothing; an unknown truth is last."""
    scores = np.array(rows, dtype=np.float64)
    found = completion_measures.ranks(scores, np.full(len(rows), label))
    for rank, row in zip(found, rows, strict=True):
        others = sum(value >= row[label] for at, value in enumerate(row) if at != label)
        assert rank == (completion_measures.LAST if label < 0 else others)


def test_tops_count_ranks():
    """Ranks 0, 4, 5 and 20: one first, two among five, three among ten."""
    assert completion_measures.tops(np.array([0, 4, 5, 20])) == {
        "n": 4, "top1": 0.25, "top5": 0.5, "top10": 0.75,
    }  # fmt: skip


def test_nothing_to_judge_has_no_figures():
    """Without rows the figures are not numbers, rather than perfect or zero."""
    assert math.isnan(completion_measures.tops(np.zeros(0, dtype=np.int64))["top1"])
    assert math.isnan(completion_measures.amounts(np.zeros(0), np.zeros(0))["r2_log"])
    assert math.isnan(completion_measures.amounts(np.ones(3), np.ones(3))["r2_log"])


def test_amounts_guessed_right_are_perfect_and_the_mean_is_worth_nothing():
    """R² is one for the truth, and zero for the mean of the logs."""
    paid = np.array([10.0, 100.0, 1_000.0])
    assert completion_measures.amounts(paid, paid) == {"n": 3, "r2_log": 1.0, "mae": 0.0}
    mean = np.full(3, np.expm1(np.log1p(paid).mean()))
    assert completion_measures.amounts(paid, mean)["r2_log"] == pytest.approx(0)


def test_paired_differences_are_taken_fold_by_fold():
    """Two folds each better by the same amount have no spread, however much the folds differ."""
    ours, theirs = ([{"n": 1, "top1": value} for value in values] for values in ((0.5, 0.9), (0.4, 0.8)))
    found = completion_measures.paired(ours, theirs)["top1"]
    assert found["mean"] == pytest.approx(0.1)
    assert found["sd"] == pytest.approx(0)
    assert completion_measures.spreads(ours)["top1"]["mean"] == pytest.approx(0.7)
