"""The figures of a bundle: every slice is what it says it is."""

import numpy as np
import pytest

import training_support as support
from scoring.domain import features
from scoring.outbound import bundles
from training import denial_evaluation, fitting, splits

pytestmark = pytest.mark.xdist_group("training")  # one worker trains, once


@pytest.fixture(scope="module")
def figures() -> dict[str, object]:
    """The figures of the small bundle on its own later claims."""
    return denial_evaluation.evaluate_history(support.trained()[0], support.history())


@pytest.fixture(scope="module")
def judged() -> np.ndarray:
    """Which claims judge."""
    history = support.history()
    return splits.judging(history, splits.cuts(history, support.data()).judge)


def test_only_later_claims_judge(figures: dict, judged: np.ndarray):
    """N is the number of claims created after the cut, and of their lines."""
    history = support.history()
    assert figures["n"] == judged.sum()
    assert figures["positives"] == history.claim_denied[judged].sum()
    assert figures["lines"]["n"] == judged[history.item_of_row].sum()


def test_seen_and_unseen_families_share_the_approved_lines(figures: dict, judged: np.ndarray):
    """Both slices hold all approved lines; their denials add up to all denials."""
    history = support.history()
    denied = history.line_denied[judged[history.item_of_row]]
    families = figures["lines"]["families"]
    assert families["seen"]["positives"] + families["unseen"]["positives"] == denied.sum()
    assert families["seen"]["n"] - families["seen"]["positives"] == (~denied).sum()
    assert families["unseen"]["n"] - families["unseen"]["positives"] == (~denied).sum()


def test_recall_per_family_says_whether_training_saw_it(figures: dict):
    """Families that begin late are marked unseen; counts add up to the denials."""
    recalls = figures["lines"]["families"]["recall"]
    assert {name for name, one in recalls.items() if not one["seen"]} == {
        "bundled", "service-age", "setting", "urgency",
    } & set(recalls)  # fmt: skip
    assert sum(one["n"] for one in recalls.values()) == figures["lines"]["positives"]
    assert all(0 <= one["recall"] <= 1 for one in recalls.values())


def test_what_was_seen_is_found_better_than_what_was_not(figures: dict):
    """The honest part: rules that began after training are hardly found."""
    families = figures["lines"]["families"]
    assert families["seen"]["auc"] > families["unseen"]["auc"]


def test_every_payer_and_type_is_judged_or_only_counted(figures: dict):
    """Slices per payer and claim type cover all lines; small ones have no figures."""
    lines = figures["lines"]
    for column in ("payers", "types"):
        assert sum(one["n"] for one in lines[column].values()) == lines["n"]
        for one in lines[column].values():
            assert ("auc" in one) == (one["n"] >= denial_evaluation.MIN_SLICE)


def test_strangers_and_the_known_are_disjoint(figures: dict, judged: np.ndarray):
    """Claims of kept-out providers and patients are judged apart from the rest."""
    providers, patients = splits.strangers(support.history())
    strangers = figures["strangers"]
    assert strangers["providers"]["n"] == (providers & judged).sum()
    assert strangers["patients"]["n"] == (patients & judged).sum()
    assert strangers["neither"]["n"] == (judged & ~providers & ~patients).sum()


def test_the_prior_knows_nothing_of_the_judged(figures: dict):
    """The constant baseline is the rate of the learning slice: it ranks nothing."""
    prior = figures["baselines"]["prior"]
    assert prior["auc"] == 0.5
    assert prior["pr_auc"] == pytest.approx(figures["positives"] / figures["n"])


def test_the_reliability_curve_covers_the_judged_lines(figures: dict):
    """Bins of equal count, forecasts ascending."""
    curve = figures["lines"]["reliability"]
    assert sum(point["n"] for point in curve) == figures["lines"]["n"]
    forecasts = [point["forecast"] for point in curve]
    assert forecasts == sorted(forecasts)


def test_guessed_reasons_improve_with_three_tries(figures: dict):
    """top3 is never below top1, and both are far above chance."""
    reasons = figures["lines"]["reasons"]
    assert 0.3 < reasons["top1"] <= reasons["top3"] <= 1


def test_the_share_outside_the_range_is_what_serving_would_refuse(figures: dict, judged: np.ndarray):
    """Counted with the same function that serving uses."""
    model = bundles.load(support.trained()[0]).model
    batch = fitting.subset(support.history().rows, judged)
    reasons = features.outside(model.features, batch.offsets, features.matrices(model.features, batch))
    assert figures["outside_range"] == pytest.approx(np.mean([bool(reason) for reason in reasons]))


def test_figures_name_the_bundle_and_the_missing_baseline(figures: dict):
    """Which revision was judged, at which threshold, and what could not be compared."""
    assert figures["bundle"] == bundles.revision(support.trained()[0])
    assert 0 < figures["flag_threshold"] < 1
    assert "absent" in figures["findings_baseline"]
