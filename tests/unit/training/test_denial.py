"""Training end to end on a small simulated history: whole bundles, honest figures, the same bytes twice."""

import json
from pathlib import Path

import numpy as np
import pytest

import training_support as support
from chassis import errors
from payersim.usecases import simulate
from scoring.domain import calibration
from scoring.outbound import bundles, onnx
from training import denial, denial_evaluation

BASIC = {"n", "positives", "auc", "pr_auc", "brier", "ece", "f1", "baseline"}

pytestmark = [pytest.mark.xdist_group("training"), pytest.mark.slow]  # one worker trains, once


def test_the_bundle_loads_and_serves_what_training_computed():
    """Onnxruntime gives the sample's probabilities to 1e-6."""
    folder, _ = support.trained()
    bundle, sample = bundles.load(folder), bundles.sample(folder)
    margins = onnx.OnnxEstimator(bundle.onnx).lines(sample["lines"])
    found = calibration.apply(bundle.model.line_calibration, margins)
    np.testing.assert_allclose(found, sample["line_probabilities"], atol=1e-6, rtol=0)


def test_training_again_gives_the_same_revision(tmp_path: Path):
    """Same data, same seed, same packages: the same bytes, whatever the folder."""
    denial.train(support.data(), support.SEED, tmp_path)
    assert bundles.revision(tmp_path) == bundles.revision(support.trained()[0])


def test_figures_have_all_that_is_promised():
    """Every figure stands beside its baselines, its spread, and the word simulated."""
    folder, metrics = support.trained()
    judged = metrics["judged"]
    assert set(judged) >= BASIC | {"simulated", "spread", "strangers", "lines", "outside_range"}
    assert set(judged["baseline"]) >= {"auc", "pr_auc"}
    assert judged["simulated"] is True
    assert set(judged["baselines"]) == {"logistic", "prior", "uncalibrated", "bayes_optimal"}
    assert set(judged["absent"]) == {"findings"}
    assert set(judged["lines"]["families"]) == {"seen", "unseen", "recall"}
    assert json.loads((folder / "metrics.json").read_text()) == metrics


def test_the_model_beats_its_baselines_on_later_claims():
    """On claims created after training it ranks better than a constant and than a logistic regression."""
    judged = support.trained()[1]["judged"]
    for figures in (judged, judged["lines"]):
        assert figures["pr_auc"] > figures["baselines"]["logistic"]["pr_auc"]
        assert figures["auc"] > 0.6
        assert figures["baselines"]["prior"]["auc"] == 0.5
        assert figures["brier"] < figures["baselines"]["prior"]["brier"]


def test_both_libraries_were_compared_on_the_same_folds():
    """The choice shows log-loss with spread for both, the paired difference, and the winner."""
    choice = support.trained()[1]["choice"]["line"]
    means = {name: figure["mean"] for name, figure in choice["log_loss"].items()}
    assert choice["winner"] == min(means, key=lambda name: means[name])
    assert choice["paired_log_loss_difference"]["folds"] == 5


def test_evaluating_again_gives_the_stored_figures():
    """`evaluate` on the training data judges the same later claims and finds the same."""
    folder, metrics = support.trained()
    found = denial.evaluate(folder, support.data())
    assert found["bundle"] == bundles.revision(folder)
    assert found["auc"] == pytest.approx(metrics["judged"]["auc"], abs=1e-6)
    assert found["lines"]["ece"] == pytest.approx(metrics["judged"]["lines"]["ece"], abs=1e-6)


def test_a_bundle_can_be_judged_on_another_world(tmp_path: Path):
    """Claims of another seed are judged from the same day on."""
    simulate.simulate(1_500, 99, tmp_path)
    found = denial_evaluation.evaluate(support.trained()[0], tmp_path)
    assert 200 < found["n"] < 1_500
    assert 0.5 < found["auc"] <= 1


def test_the_card_says_simulated_and_how_to_repeat_it():
    """The card names both commands with their numbers, the threshold, and the limits."""
    card = (support.trained()[0] / "card.md").read_text()
    assert "**Simulated.**" in card
    assert f"ultrathink simulate --claims {support.CLAIMS} --seed {support.SEED}" in card
    assert f"ultrathink train denial --data DATA --seed {support.SEED}" in card
    assert "## Limits" in card


def test_too_little_data_is_refused(tmp_path: Path):
    """A few claims make no model."""
    simulate.simulate(300, 1, tmp_path / "data")
    with pytest.raises(errors.Invalid) as refused:
        denial.train(tmp_path / "data", 1, tmp_path / "out")
    assert refused.value.reason == "data.too_small"
    assert not (tmp_path / "out").exists()


def test_scrambled_secrets_give_the_same_model(tmp_path: Path):
    """Leak test: whatever the simulator knew and no payer says, the trained files are the same bytes."""
    for name in ("claims.ndjson", "adjudications.ndjson", "meta.json"):
        (tmp_path / name).write_bytes((support.data() / name).read_bytes())
    truths = [json.loads(line) for line in (support.data() / "truth.ndjson").read_text().splitlines()]
    for number, truth in enumerate(truths):
        truth["probability"] = (number % 7) / 10 + 0.1
        for line in truth["lines"]:
            line |= {"probability": (number % 5) / 10 + 0.1, "family": "none"}
    (tmp_path / "truth.ndjson").write_text("\n".join(json.dumps(truth) for truth in truths) + "\n")
    denial.train(tmp_path, support.SEED, tmp_path / "out")
    for path in support.trained()[0].iterdir():
        if path.name not in {"metrics.json", "card.md", "manifest.json"}:
            assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes(), path.name


def test_no_absolute_path_or_time_is_in_the_bundle():
    """What is published names no machine."""
    for path in support.trained()[0].iterdir():
        content = path.read_bytes()
        assert str(support.data()).encode() not in content
        assert str(support.trained()[0]).encode() not in content
