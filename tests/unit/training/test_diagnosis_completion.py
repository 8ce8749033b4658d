"""Diagnosis groups from the other codes: learned, honest, reproducible, sealed."""

import json
from concurrent import futures
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import synpuf
from chassis import errors
from scoring.domain import completion, completion_models
from scoring.domain import completion_diagnoses as diagnoses
from scoring.outbound import completion_bundles
from scoring.usecases import complete
from training import completion_claims as claims
from training import completion_groups, diagnosis_completion, diagnosis_models


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle trained on a small made-up sample, beside the sample."""
    folder = tmp_path_factory.mktemp("diagnosis")
    diagnosis_completion.train(synpuf.write(folder / "data", 1), 1, folder / "bundle")
    return folder / "bundle"


def _heard(bundle: Path) -> tuple[diagnoses.Model, diagnosis_models.Lessons]:
    """Return the model of all codes, and the claims it was trained on as it hears them."""
    served = completion_bundles.load(bundle)
    assert isinstance(served, completion_models.Diagnoses)
    model = served.hearings[0].model
    source = claims.read(bundle.parent / "data")
    groups = completion_groups.groups(source.frame[claims.PRINCIPAL].to_numpy(dtype=object))
    labels = np.array([model.classes.index(group) for group in groups])
    return model, diagnosis_completion.lessons(source, labels, model.classes, "codes")


def test_a_bundle_judges_claims_it_has_not_seen(bundle: Path, tmp_path: Path):
    """Figures stand beside those of frequency and naive Bayes, for all inputs and procedures alone."""
    found = diagnosis_completion.evaluate(bundle, synpuf.write(tmp_path, 2))
    assert set(found) >= {"n", "top1", "top5", "top10", "baseline"}
    assert found["top1"] > 0.8 > found["baseline"]["top1"]
    alone = found["procedures_alone"]
    assert found["slices"]["with procedures"]["n"] == alone["n"] < found["n"]
    assert alone["top1"] > alone["baseline"]["top1"]
    assert found["same_data_as_trained"] is False
    assert "synthetic" in found["data"]


def test_judging_its_own_claims_is_said_to_be_so(bundle: Path):
    """Figures on the claims it learned from are marked, because they flatter."""
    assert diagnosis_completion.evaluate(bundle, bundle.parent / "data")["same_data_as_trained"] is True


def test_the_bundle_is_reproducible_and_tells_its_progress(bundle: Path, tmp_path: Path):
    """The same data and seed give the same bytes and the same revision."""
    told: list[int] = []
    diagnosis_completion.train(bundle.parent / "data", 1, tmp_path / "again", told.append)
    for path in bundle.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name
    assert told == [1, 2, 3, 4, 5]


def test_figures_say_their_protocol(bundle: Path):
    """The stored figures say their protocol, their spread over folds and the paired differences."""
    figures = json.loads((bundle / "metrics.json").read_text())
    assert figures["protocol"] == "5-fold, patients apart, out of fold"
    assert figures["spread"]["codes"]["top1"]["folds"] == 5
    assert "naive Bayes" in next(iter(figures["paired_differences"]))


def test_noise_is_not_found(tmp_path: Path):
    """Where codes say nothing about the diagnosis, the out-of-fold share of hits is that of chance."""
    figures = diagnosis_completion.train(synpuf.write(tmp_path / "d", 3, noise=1.0), 0, tmp_path / "b")
    assert figures["top1"] < 0.4


def test_claims_without_a_group_are_left_out_and_counted(bundle: Path, tmp_path: Path):
    """A principal diagnosis that no group knows is nothing to be right about."""
    path = synpuf.write(tmp_path, 4, 30) / synpuf.CLAIMS_FILE.format(1)
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame.loc[:4, claims.PRINCIPAL] = "nonsense"
    frame.to_csv(path, index=False)
    found = diagnosis_completion.evaluate(bundle, tmp_path)
    assert found["left_out"] == 5
    assert found["n"] == len(frame) - 5
    frame.assign(**{claims.PRINCIPAL: ""}).to_csv(path, index=False)
    with pytest.raises(errors.Invalid) as refused:
        diagnosis_completion.evaluate(bundle, tmp_path)
    assert refused.value.reason == "data.empty"


def test_a_group_never_seen_counts_as_missed(bundle: Path, tmp_path: Path):
    """A diagnosis of a group that was not in training cannot be suggested, and is not left out."""
    path = synpuf.write(tmp_path, 5, 30) / synpuf.CLAIMS_FILE.format(1)
    frame = pd.read_csv(path, dtype=str, keep_default_na=False).assign(**{claims.PRINCIPAL: "29623"})
    frame.to_csv(path, index=False)
    found = diagnosis_completion.evaluate(bundle, tmp_path)
    assert (found["n"], found["top10"]) == (len(frame), 0.0)


def test_claims_without_any_procedure_are_judged(bundle: Path, tmp_path: Path):
    """Then procedures alone have no figures, and all codes still do."""
    path = synpuf.write(tmp_path, 6, 30) / synpuf.CLAIMS_FILE.format(1)
    frame = pd.read_csv(path, dtype=str, keep_default_na=False).assign(**{claims.PROCEDURES[0]: ""})
    frame.to_csv(path, index=False)
    found = diagnosis_completion.evaluate(bundle, tmp_path)
    assert found["procedures_alone"]["n"] == 0
    assert found["top1"] > 0.7


def test_a_tampered_bundle_is_refused(bundle: Path, tmp_path: Path):
    """Weights that are not those trained are not used."""
    for path in bundle.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "codes.npz").write_bytes(b"")
    with pytest.raises(errors.Invalid, match=r"codes\.npz"):
        diagnosis_completion.evaluate(tmp_path, bundle.parent / "data")


def test_scores_in_chunks_are_scores_at_once(bundle: Path):
    """The chunk bounds memory and changes no score; naive Bayes' weights silence the linear voice."""
    model, found = _heard(bundle)
    rows = diagnosis_models.encoded(found.words, model.vocabulary)
    whole = diagnoses.scores(model, rows)
    one_by_one = [
        diagnoses.scores(model, diagnosis_models.encoded([words], model.vocabulary)) for words in found.words
    ]
    assert np.allclose(whole, np.concatenate(one_by_one), atol=1e-5)
    assert diagnoses.naive(model).tolist() == [1, 1, 1, 1, 1, 0]
    assert np.allclose(diagnoses.shares(whole).sum(axis=1), 1, atol=1e-5)


def test_what_is_stored_is_what_was_learned(bundle: Path):
    """A bundle read back scores its own claims as the model did that was written."""
    model, found = _heard(bundle)
    grown = diagnosis_models.grow(found, 1)
    rows = diagnosis_models.encoded(found.words, model.vocabulary)
    assert np.abs(diagnoses.scores(grown, rows) - diagnoses.scores(model, rows)).max() < 1e-6


def test_the_served_bundle_declares_what_it_knows(bundle: Path):
    """It reads ICD-9-CM, answers in groups of CCS by name, and knows US claims in dollars only."""
    served = completion_bundles.load(bundle)
    assert isinstance(served, completion_models.Diagnoses)
    knows = served.origin.knows
    assert (knows.reads, knows.answers) == (frozenset({"icd-9-cm"}), ("ccs",))
    assert (knows.currencies, set(knows.regimes)) == (frozenset({"USD"}), {"x12-us"})
    assert served.labels["122"].en.startswith("Pneumonia")
    assert served.coarse("486") == "122"


def test_the_bundle_answers_claims_of_its_time(bundle: Path):
    """A US claim coded in ICD-9-CM is suggested a group by name; one coded in ICD-10 is refused."""
    with futures.ThreadPoolExecutor(1) as worker:
        served = complete.Complete([completion_bundles.load(bundle)], worker=worker)
        wish = [completion.Wish("diagnoses[0].code", completion.DIAGNOSIS)]
        procedure = completion.Code(0, "icd-9-cm", "81.52")
        stated = (
            completion.Code(1, "icd-9-cm", "733.00"),
            completion.Code(2, "icd-9-cm", "7295", admitting=True),
        )
        facts = completion.Facts(
            regime="x12-us", currency="USD", drg="470", procedures=(procedure,), diagnoses=stated
        )
        (told,) = served.answer(facts, wish)
        other = facts._replace(procedures=(procedure._replace(system="icd-10-pcs"),), diagnoses=())
        (refused,) = served.answer(other, wish)
    assert isinstance(told.outcome, completion.Suggestion)
    first = told.outcome.first
    assert (first.kind, first.system, first.value) == ("group", "ccs", "226")
    assert "hip" in first.label.en.lower()
    assert all(one.cases >= one.agreeing for one in told.outcome.evidence)
    assert isinstance(refused.outcome, completion.Refusal)
    assert refused.outcome.reason == "completion.unknown_system"


def test_too_few_patients_are_refused(tmp_path: Path):
    """A split of a handful of patients would judge nothing; the message says how many are needed."""
    with pytest.raises(errors.Invalid, match="50 patients") as refused:
        diagnosis_completion.train(synpuf.write(tmp_path / "data", 7, 20), 0, tmp_path / "bundle")
    assert refused.value.reason == "data.few"
    assert not (tmp_path / "bundle").exists()


def test_confidence_is_how_often_the_first_guess_is_right(bundle: Path, tmp_path: Path):
    """On claims not seen, the mean confidence is near the share of hits, and rises with the score."""
    found = diagnosis_completion.evaluate(bundle, synpuf.write(tmp_path, 8, 300))
    assert found["ece"] < 0.12
    model, _ = _heard(bundle)
    assert (np.diff(diagnoses.confidence(model.trust, np.linspace(0.2, 1, 20))) >= 0).all()
