"""The figures of a bundle: every slice is what it says it is."""

from typing import Any

import numpy as np
import pytest

import training_support as support
from payersim.domain import families
from scoring.domain import calibration, features, forests
from scoring.outbound import bundles, onnx
from training import boosting, denial_evaluation, fitting, histories, measures, splits

pytestmark = [pytest.mark.xdist_group("training"), pytest.mark.slow]  # one worker trains, once


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    """The figures of the small bundle on its own later claims."""
    return denial_evaluation.evaluate_history(support.trained()[0], support.history())


@pytest.fixture(scope="module")
def judged() -> np.ndarray:
    """Which claims judge."""
    history = support.history()
    return splits.judging(history, splits.cuts(history, support.data()).judge)


def test_only_later_claims_judge(figures: dict[str, Any], judged: np.ndarray):
    """N is the number of claims created after the cut, and of their lines."""
    history = support.history()
    assert figures["n"] == judged.sum()
    assert figures["positives"] == history.claim_denied[judged].sum()
    assert figures["lines"]["n"] == judged[history.item_of_row].sum()


def test_seen_and_unseen_families_share_the_approved_lines(figures: dict[str, Any], judged: np.ndarray):
    """Both slices hold all approved lines; their denials add up to all denials."""
    history = support.history()
    denied = history.line_denied[judged[history.item_of_row]]
    found = figures["lines"]["families"]
    assert found["seen"]["positives"] + found["unseen"]["positives"] == denied.sum()
    assert found["seen"]["n"] - found["seen"]["positives"] == (~denied).sum()
    assert found["unseen"]["n"] - found["unseen"]["positives"] == (~denied).sum()


def test_recall_per_family_says_whether_training_saw_it(figures: dict[str, Any]):
    """Families that begin late are marked unseen; counts add up to the denials."""
    recalls = figures["lines"]["families"]["recall"]
    late = {family.name for family in families.FAMILIES if family.since}
    assert {name for name, one in recalls.items() if not one["seen"]} >= late & set(recalls)
    assert sum(one["n"] for one in recalls.values()) == figures["lines"]["positives"]
    assert all(0 <= one["recall"] <= 1 for one in recalls.values())


def test_what_was_seen_is_found_better_than_what_was_not(figures: dict[str, Any]):
    """The honest part: rules that began after training are hardly found."""
    found = figures["lines"]["families"]
    assert found["seen"]["auc"] > found["unseen"]["auc"]


def test_every_payer_and_type_is_judged_or_only_counted(figures: dict[str, Any]):
    """Slices per payer and claim type cover all lines; small ones have no figures."""
    lines = figures["lines"]
    for column in ("payers", "types"):
        assert sum(one["n"] for one in lines[column].values()) == lines["n"]
        for one in lines[column].values():
            assert ("auc" in one) == (one["n"] >= denial_evaluation.MIN_SLICE)


def test_strangers_and_the_known_are_disjoint(figures: dict[str, Any], judged: np.ndarray):
    """Claims of kept-out providers and patients are judged apart from the rest."""
    providers, patients = splits.strangers(support.history())
    strangers = figures["strangers"]
    assert strangers["providers"]["n"] == (providers & judged).sum()
    assert strangers["patients"]["n"] == (patients & judged).sum()
    assert strangers["neither"]["n"] == (judged & ~providers & ~patients).sum()


def test_the_prior_knows_nothing_of_the_judged(figures: dict[str, Any]):
    """The constant baseline is the rate of the learning slice: it ranks nothing."""
    prior = figures["baselines"]["prior"]
    assert prior["auc"] == 0.5
    assert prior["pr_auc"] == pytest.approx(figures["positives"] / figures["n"])


def test_the_reliability_curve_covers_the_judged_lines(figures: dict[str, Any]):
    """Bins of equal count, forecasts ascending."""
    curve = figures["lines"]["reliability"]
    assert sum(point["n"] for point in curve) == figures["lines"]["n"]
    forecasts = [point["forecast"] for point in curve]
    assert forecasts == sorted(forecasts)


def test_guessed_reasons_improve_with_three_tries(figures: dict[str, Any]):
    """top3 is never below top1, and both are far above chance."""
    reasons = figures["lines"]["reasons"]
    assert 0.3 < reasons["top1"] <= reasons["top3"] <= 1


def test_guessed_reasons_beat_the_commonest(figures: dict[str, Any]):
    """Always guessing the three reasons that payers gave most is right far less often, in every group."""
    reasons = figures["lines"]["reasons"]
    for figure in ("top1", "top3"):
        assert reasons[figure] > reasons["baseline"][figure] + 0.1
    gain = reasons["spread"]["top1_minus_baseline"]
    assert gain["mean"] - gain["sd"] > 0


def test_the_first_guess_knows_how_sure_it_may_be(figures: dict[str, Any]):
    """Its probability is judged as a forecast of being right: a curve over all guesses, and their ECE."""
    reasons = figures["lines"]["reasons"]
    assert sum(point["n"] for point in reasons["reliability"]) == reasons["n"]
    assert 0 <= reasons["ece"] < 0.3


def test_guesses_are_less_sure_of_families_never_seen(figures: dict[str, Any]):
    """Where no known reason fits the model is less sure, and a least chance keeps fewer guesses."""
    seen, unseen = (figures["lines"]["reasons"]["families"][name] for name in ("seen", "unseen"))
    assert seen["top1"] > unseen["top1"]
    assert seen["chance"] > unseen["chance"]
    for least, kept in seen["from"].items():
        assert kept["told"] >= unseen["from"][least]["told"]
    told = [kept["told"] for kept in seen["from"].values()]
    assert told == sorted(told, reverse=True)


def test_the_share_outside_the_range_is_what_serving_would_refuse(
    figures: dict[str, Any], judged: np.ndarray
):
    """Counted with the same function that serving uses."""
    model = bundles.load(support.trained()[0]).model
    batch = fitting.subset(support.history().rows, judged)
    reasons = features.outside(model.features, batch.offsets, features.matrices(model.features, batch))
    assert figures["outside_range"] == pytest.approx(len(reasons) / batch.items)


def test_figures_name_the_bundle_and_the_missing_baseline(figures: dict[str, Any]):
    """Which revision was judged, at which threshold, and what could not be compared."""
    assert figures["bundle"] == bundles.revision(support.trained()[0])
    assert 0 < figures["flag_threshold"] < 1
    assert "ultrathink check" in figures["absent"]["findings"]


def test_without_the_truth_no_family_and_no_ceiling_is_told():
    """Real adjudications have no secrets: what needs them is said to be absent, the rest stands."""
    found = denial_evaluation.evaluate_history(support.trained()[0], support.history()._replace(truth=None))
    assert set(found["absent"]) == {"findings", "bayes_optimal"}
    assert "bayes_optimal" not in found["baselines"]
    assert set(found["lines"]["families"]) == {"absent"}
    assert found["auc"] > 0.5


def test_scrub_findings_are_a_rank_beside_the_model():
    """Where findings were told, their count is judged as an order: no calibration, no threshold."""
    history = support.history()
    rng = np.random.default_rng(1)
    told = histories.Findings(
        rng.integers(0, 3, history.rows.items).astype(float),
        rng.integers(0, 3, history.rows.size).astype(float),
    )
    found = denial_evaluation.evaluate_history(support.trained()[0], history._replace(findings=told))
    for figures in (found, found["lines"], found["lines"]["families"]["seen"]):
        assert set(figures["baselines"]["findings"]) == {
            "n", "positives", "auc", "pr_auc", "recall_at_95_precision",
        }  # fmt: skip
    assert found["absent"] == {}
    some = histories.Findings(np.full(history.rows.items, np.nan), np.full(history.rows.size, np.nan))
    without = denial_evaluation.evaluate_history(support.trained()[0], history._replace(findings=some))
    assert set(without["absent"]) == {"findings"}


def stays_behind(figures: dict[str, Any]) -> bool:
    """Return whether a forecast is as far behind the truth as one made of claims must be.

    Members' files, the reviewers' mood and the payers' contracts are in no claim: a log-loss within an eighth
    of the way from the truth to the prior can only come from the simulator's own notes.
    """
    best = figures["baselines"]["bayes_optimal"]["log_loss"]
    prior = figures["baselines"]["prior"]["log_loss"]
    return bool(figures["log_loss"] > best + (prior - best) / 8)


def test_no_hidden_parameter_of_the_simulator_leaks_into_features(figures: dict[str, Any]):
    """Leak test: the model of claims stays well behind who knows the truth, on lines and on claims."""
    assert stays_behind(figures)
    assert stays_behind(figures["lines"])


def test_a_leak_of_the_hidden_parameters_would_be_noticed(judged: np.ndarray, figures: dict[str, Any]):
    """Leak test of the leak test: with the true probability as a column the model stays behind no more."""
    history = support.history()
    rows = judged[history.item_of_row]
    learned = splits.learned(history, splits.cuts(history, support.data()))[history.item_of_row]
    assert history.truth is not None
    leaked = history.truth.lines.astype(np.float32).reshape(-1, 1)
    grown = boosting.lightgbm_binary(leaked[learned], history.line_denied[learned], 1)
    forecast = 1 / (1 + np.exp(-forests.margins(grown.forest, leaked[rows])[:, 0]))
    found = measures.binary(history.line_denied[rows], forecast)
    assert not stays_behind(found | {"baselines": figures["lines"]["baselines"]})


def test_nobody_beats_the_bayes_optimal_forecast(figures: dict[str, Any]):
    """Who knows the probabilities ranks best, loses least, and is calibrated, on every slice."""
    for found in (figures, figures["lines"], figures["lines"]["families"]["seen"]):
        best = found["baselines"]["bayes_optimal"]
        assert best["log_loss"] < min(found["log_loss"], found["baselines"]["logistic"]["log_loss"])
        assert best["pr_auc"] > max(found["pr_auc"], found["baselines"]["logistic"]["pr_auc"])
    assert figures["lines"]["baselines"]["bayes_optimal"]["ece"] < 0.03


def test_removing_calibration_is_noticed():
    """Calibration test: on the months it was fitted on the table brings the error down, odds do not."""
    history = support.history()
    loaded = bundles.load(support.trained()[0])
    chosen = splits.calibrating(history, splits.cuts(history, support.data()))
    found = features.matrices(loaded.model.features, fitting.subset(history.rows, chosen))
    estimator = onnx.OnnxEstimator(loaded.onnx)
    for margins, table, outcomes in (
        (estimator.lines(found.lines), loaded.model.line_calibration,
         history.line_denied[chosen[history.item_of_row]]),
        (estimator.claims(found.claims), loaded.model.claim_calibration, history.claim_denied[chosen]),
    ):  # fmt: skip
        served, odds = calibration.apply(table, margins), 1 / (1 + np.exp(-margins))
        # A third less on this small history; without the table both sides would be equal.
        assert measures.ece(outcomes, served) < 0.8 * measures.ece(outcomes, odds)
        assert abs(float(served.mean() - outcomes.mean())) < 0.02


def test_paired_differences_are_told_per_baseline(figures: dict[str, Any]):
    """Spread over groups of providers holds the model's lead over each baseline on the same groups."""
    spread = figures["lines"]["spread"]
    assert spread["pr_auc_minus_prior"]["mean"] > 0
    assert spread["pr_auc_minus_bayes_optimal"]["mean"] < 0
    assert {f"pr_auc_minus_{name}" for name in figures["lines"]["baselines"]} <= set(spread)
