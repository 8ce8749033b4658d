"""Diagnoses of canonical claims: learned, honest, calibrated, reproducible, served as they were trained."""

import json
from pathlib import Path

import numpy as np
import pytest

import completion_support as support
from chassis import errors
from formats import canonical, completions
from payersim.usecases import simulate
from scoring.domain import completion, completion_models, completion_suggesting
from scoring.domain import completion_diagnoses as diagnoses
from scoring.inbound import completion_converters
from scoring.outbound import bundles, completion_bundles
from training import claims_diagnoses, completion_history, diagnosis_models

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bundle() -> Path:
    """A bundle trained on a small simulated world."""
    return support.trained("diagnosis")[0]


def _served(bundle: Path) -> completion_models.Diagnoses:
    served = completion_bundles.load(bundle)
    assert isinstance(served, completion_models.Diagnoses)
    return served


def test_services_say_more_than_frequency(bundle: Path):
    """On later claims of patients never seen, beside both baselines on the same claims."""
    figures = json.loads((bundle / "metrics.json").read_text())
    for told in (figures, figures["services_alone"]):
        assert told["top1"] > 3 * told["baseline"]["top1"]
        assert told["top5"] > told["baseline"]["top5"] + 0.3
        assert set(told["baselines"]) == {"naive Bayes"}
        assert told["groups"]["top1"] >= told["top1"] - 0.02
    assert figures["top5"] > 0.75
    assert "never seen" in figures["protocol"]
    assert figures["simulated"] is True


def test_spread_and_paired_differences_are_over_sixths_of_the_judged_time(bundle: Path):
    """A difference that is smaller than its spread is seen as such."""
    figures = json.loads((bundle / "metrics.json").read_text())
    assert figures["spread"]["top1"]["folds"] >= 5
    difference = figures["paired_differences"]["most frequent diagnoses"]["top5"]
    assert difference["mean"] > difference["sd"] > 0


def test_confidence_is_near_the_hits(bundle: Path):
    """Calibrated on claims between learning and judging; a small world leaves some distance."""
    figures = json.loads((bundle / "metrics.json").read_text())
    assert figures["ece"] < 0.12
    assert figures["groups"]["ece"] < 0.12


def test_evaluating_says_the_same_again(bundle: Path):
    """The data it was trained on judges by the same claims; figures are the stored ones."""
    found = claims_diagnoses.evaluate(bundle, support.data())
    stored = json.loads((bundle / "metrics.json").read_text())
    assert found["same_data_as_trained"] is True
    assert {name: found[name] for name in stored} == stored


def test_evaluating_tells_what_serving_would_have_told(bundle: Path):
    """How many suggestions, how many of them right, and the reasons of those refused: together all claims."""
    found = claims_diagnoses.evaluate(bundle, support.data())
    served = found["served"]
    assert served["suggested"] + sum(served["refused"].values()) == found["n"]
    assert served["first_right"] < served["listed_right"] <= served["suggested"]
    assert served["listed_right"] / served["suggested"] > found["top5"] - 0.1
    assert all(reason.startswith("completion.") for reason in served["refused"])


def test_other_claims_judge_all(bundle: Path, tmp_path: Path):
    """Data held back by anybody: every claim of it, whoever the patient is."""
    simulate.simulate(1_000, 11, tmp_path)
    found = claims_diagnoses.evaluate(bundle, tmp_path)
    assert found["same_data_as_trained"] is False
    assert found["n"] + found["unanswerable"] == 1_000
    assert found["top5"] > 0.75


def test_the_same_data_and_seed_give_the_same_bundle(bundle: Path, tmp_path: Path):
    """Byte by byte, and so the same revision."""
    again = tmp_path / "diagnosis-completion"
    figures = claims_diagnoses.train(support.data(), 3, again)
    for path in bundle.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name
    assert figures["revision"] == bundles.revision(bundle) == _served(again).origin.revision


def test_another_seed_is_another_bundle(bundle: Path, tmp_path: Path):
    """The seed is part of what a bundle is."""
    figures = claims_diagnoses.train(support.data(), 4, tmp_path / "b")
    assert figures["revision"] != bundles.revision(bundle)


def test_the_bundle_knows_what_it_was_taught(bundle: Path):
    """Systems read and answered in, currencies, and each regime's usual system of diagnoses."""
    knows = _served(bundle).origin.knows
    assert set(knows.answers) == {"icd-10-am", "icd-10-cm"}
    assert knows.reads >= {"hcpcs", "sbs", "icd-10-am", "icd-10-cm"}
    assert not knows.reads & completion.UNSHARED
    assert knows.currencies == {"SAR", "USD"}
    assert knows.regimes == {"base": "icd-10-cm", "nphies": "icd-10-am", "x12-us": "icd-10-cm"}


def test_serving_says_what_training_said(bundle: Path):
    """On claims of the file, to a millionth: from the JSON to the shares, through every step of serving."""
    served = _served(bundle)
    history = completion_history.read(support.data())
    lines = (support.data() / completion_history.FILE).read_bytes().splitlines()
    keep = np.zeros(len(lines), dtype=np.bool_)
    keep[:400:10] = True
    for hearing in served.hearings:
        model = hearing.model
        found = claims_diagnoses.lessons(history, keep, model.inputs, model.classes)
        rows = diagnosis_models.encoded(found.words, model.vocabulary)
        trained = diagnoses.shares(diagnoses.scores(model, rows, found.allowed))
        for number, place in enumerate(np.flatnonzero(keep).tolist()):
            wire = completions.to_wire(canonical.decode(lines[place]))
            facts = completion_converters.to_facts(type(wire).FromString(wire.SerializeToString()))
            alone = served._replace(hearings=(hearing,))
            told = completion_suggesting.shares(alone, facts, history.answers[place].system)
            assert np.abs(told - trained[number]).max() < 1e-6


def test_rare_diagnoses_are_no_answers(bundle: Path):
    """Fewer than ten claims teach no suggestion."""
    model = _served(bundle).hearings[0].model
    assert model.frequency.min() >= claims_diagnoses.SEEN


def test_a_claim_in_a_system_never_seen_is_not_judged_as_wrong(bundle: Path, tmp_path: Path):
    """It would be refused when served: it is counted apart."""
    lines = (support.data() / completion_history.FILE).read_bytes().splitlines()[:200]
    other = [line.replace(b'"icd-10-cm"', b'"icd-10"').replace(b'"icd-10-am"', b'"icd-10"') for line in lines]
    (tmp_path / completion_history.FILE).write_bytes(b"\n".join(lines + other))
    found = claims_diagnoses.evaluate(bundle, tmp_path)
    assert found["unanswerable"] == 200
    assert found["n"] == 200


def test_claims_without_any_known_diagnosis_cannot_judge(bundle: Path, tmp_path: Path):
    """That is said, instead of figures over nothing."""
    (tmp_path / completion_history.FILE).write_bytes(support.body({"net": 1}))
    with pytest.raises(errors.Invalid) as refused:
        claims_diagnoses.evaluate(bundle, tmp_path)
    assert refused.value.reason == "data.empty"


def test_too_few_claims_are_refused(tmp_path: Path):
    """Nothing is written; the message says how many each part needs."""
    simulate.simulate(120, 1, tmp_path / "data")
    with pytest.raises(errors.Invalid, match="50") as refused:
        claims_diagnoses.train(tmp_path / "data", 1, tmp_path / "bundle")
    assert refused.value.reason == "data.few"
    assert not (tmp_path / "bundle").exists()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path):
    """They are not ours to remove."""
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(errors.Conflict):
        claims_diagnoses.train(support.data(), 1, tmp_path)
    assert (tmp_path / "letter.txt").read_text() == "dear"


def test_the_card_says_what_it_is(bundle: Path):
    """Simulated, never filled in, beside its baselines."""
    card = (bundle / "card.md").read_text()
    for words in (
        "Simulated",
        "never filled in",
        "naive Bayes",
        "most frequent diagnoses",
        "reliability.svg",
    ):
        assert words in card


def test_shuffled_answers_teach_nothing(tmp_path: Path):
    """Where services have nothing to do with diagnoses, the model is no better than frequency."""
    lines = [
        json.loads(line) for line in (support.data() / completion_history.FILE).read_bytes().splitlines()
    ]
    rng = np.random.default_rng(0)
    by_system: dict[str, list[int]] = {}
    for place, told in enumerate(lines):
        by_system.setdefault(told["diagnoses"][0]["system"], []).append(place)
    for places in by_system.values():
        drawn = [lines[place]["diagnoses"] for place in rng.permutation(places).tolist()]
        for place, taken in zip(places, drawn, strict=True):
            lines[place] = lines[place] | {"diagnoses": taken[:1]}
    (tmp_path / "data").mkdir()
    written = b"\n".join(json.dumps(told).encode() for told in lines)
    (tmp_path / "data" / completion_history.FILE).write_bytes(written)
    figures = claims_diagnoses.train(tmp_path / "data", 3, tmp_path / "b")
    assert figures["top5"] < figures["baseline"]["top5"] + 0.1
