"""Anomaly training end to end: whole bundles, the same bytes twice, named anomalies found."""

import functools
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import ensemble

import training_support as support
from chassis import errors
from scoring.domain import isolation, peer_books, peers, schemas
from scoring.outbound import anomaly_bundles, bundles
from training import (
    anomaly,
    anomaly_claims,
    anomaly_evaluation,
    anomaly_injections,
    conversions,
    histories,
    tasks,
)

DEMO = Path(__file__).parents[3] / "packs" / "models" / "anomaly-demo"
OURS = {anomaly_evaluation.OURS, anomaly_evaluation.ISOLATION}

pytestmark = [pytest.mark.xdist_group("training"), pytest.mark.slow]  # one worker trains, once


def test_serving_equals_training():
    """The served model says of the stored sample what training said, to 1e-6."""
    folder, _ = support.watchful()
    model, sample = anomaly_bundles.load(folder), bundles.sample(folder)
    columns = {name.partition(".")[2]: sample[name] for name in sample if name.startswith("line.")}
    lines = peers.judge_lines(model.book, sample["ranks"], columns)
    np.testing.assert_allclose(lines.distance, sample["line_distances"], atol=1e-6, rtol=0)
    columns = {name.partition(".")[2]: sample[name] for name in sample if name.startswith("claim.")}
    first = peers.first_lines(sample["ranks"], sample["offsets"])
    claims = peers.judge_claims(model.book, first, columns)
    np.testing.assert_allclose(claims.distance, sample["claim_distances"], atol=1e-6, rtol=0)
    seen = isolation.matrix(lines, claims, sample["offsets"])
    found = isolation.scores(model.isolation, seen)
    np.testing.assert_allclose(found, sample["isolation"], atol=1e-6, rtol=0)


def test_training_again_gives_the_same_revision(tmp_path: Path):
    """Same data, same seed, same packages: the same bytes, whatever the folder."""
    found = anomaly.train(support.data(), support.SEED, tmp_path / "again")
    assert found["revision"] == bundles.revision(support.watchful()[0])


def test_the_forest_is_scikit_learns():
    """The arrays give the library's isolation score to 1e-6, on rows it has not seen."""
    rng = np.random.default_rng(5)
    known, asked = (rng.normal(size=(size, 6)).astype(np.float32) for size in (600, 100))
    grown = ensemble.IsolationForest(n_estimators=30, max_samples=128, random_state=0).fit(known)
    found = isolation.Isolation(conversions.from_isolation(grown), isolation.usual_path(128), np.zeros(0))
    np.testing.assert_allclose(isolation.scores(found, asked), -grown.score_samples(asked), atol=1e-6, rtol=0)


def test_no_outcome_is_learned_from(tmp_path: Path):
    """With the payers' answers turned round peer book and forest are the same."""
    shutil.copytree(support.data(), tmp_path / "turned")
    answers = tmp_path / "turned" / "adjudications.ndjson"
    text = answers.read_text().replace('"approved"', '"other"').replace('"denied"', '"approved"')
    answers.write_text(text)
    one, two = (
        anomaly_claims.fit(history.rows, 0)
        for history in (support.history(), histories.read(tmp_path / "turned"))
    )
    assert schemas.hashed(*peer_books.dump(one.book)) == schemas.hashed(*peer_books.dump(two.book))
    for left, right in zip(one.isolation.forest, two.isolation.forest, strict=True):
        np.testing.assert_array_equal(left, right)


def test_figures_stand_beside_their_baselines():
    """Each kind has precision at 100 with spread over draws for the model, columns, chance and references."""
    _, figures = support.watchful()
    assert set(figures["kinds"]) == set(anomaly_injections.KINDS)
    for kind in figures["kinds"].values():
        assert {"peer groups", "net of the claim", "chance", "COPOD", "ECOD", "HBOS"} <= set(kind)
        assert kind["peer groups"]["precision_at_100"]["folds"] == anomaly_evaluation.DRAWS
        assert 0 <= kind["peer groups"]["told"]["mean"] <= 1
    assert 0 < figures["told"]["lines"] < 0.1
    assert figures["slipped"] > 0


@functools.cache
def _elsewhere() -> dict[str, Any]:
    """Return the figures of the repository's bundle on a simulated world that it has not seen."""
    kinds: dict[str, Any] = anomaly.evaluate(DEMO, support.data())["kinds"]
    return kinds


@pytest.mark.parametrize("kind", ["upcoded price", "code of another provider type", "odd combination"])
def test_named_anomalies_are_found_better_than_by_any_column(kind: str):
    """Peer groups put more changed claims among the first hundred than any column, detector or chance."""
    figures = _elsewhere()[kind]
    for figure in ("precision_at_100", "auc"):
        others = [one[figure]["mean"] for name, one in figures.items() if name not in OURS]
        assert figures[anomaly_evaluation.OURS][figure]["mean"] > max(others) + 0.15


@pytest.mark.parametrize("kind", ["inflated quantity", "many lines"])
def test_the_other_kinds_are_found_far_better_than_by_chance(kind: str):
    """Quantities and numbers of lines, which slips of clerks hide, still rank far above the ordinary."""
    figures = _elsewhere()[kind]
    assert figures[anomaly_evaluation.OURS]["auc"]["mean"] > figures["chance"]["auc"]["mean"] + 0.25


def test_who_is_shown_first_was_tampered_with_or_slipped():
    """By the simulator's truth what a person would be shown first is unusual more often than by chance."""
    for kind in _elsewhere().values():
        ours, chance = kind[anomaly_evaluation.OURS], kind["chance"]
        assert ours["with_slips_at_100"]["mean"] > chance["with_slips_at_100"]["mean"] + 0.1


def test_evaluate_says_the_same_again():
    """The figures of the bundle are those of `evaluate` on the same data."""
    folder, figures = support.watchful()
    again = anomaly.evaluate(folder, support.data())
    assert again.pop("bundle") == bundles.revision(folder)
    assert again == {name: value for name, value in figures.items() if name != "revision"}
    assert json.loads((folder / "metrics.json").read_text()) == again


def test_the_card_says_what_a_reader_must_know():
    """Simulated, the command, peers, figures with spread and limits stand in the card."""
    card = anomaly_bundles.load(support.watchful()[0]).card
    for words in (
        "Simulated",
        "ultrathink train anomaly",
        "no forecast of a denial",
        "±",
        "| told |",
        "COPOD",
    ):
        assert words in card


def test_few_claims_are_refused(tmp_path: Path):
    """Below a few thousand claims no group would have peers."""
    for name in ("claims.ndjson", "adjudications.ndjson"):
        lines = (support.data() / name).read_bytes().splitlines(keepends=True)[:300]
        (tmp_path / name).write_bytes(b"".join(lines))
    with pytest.raises(errors.Invalid, match="at least"):
        anomaly.train(tmp_path, 0, tmp_path / "out")


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path):
    """Nothing that is not a bundle is overwritten."""
    (tmp_path / "thesis.txt").write_text("mine")
    model = anomaly_claims.fit(support.history().rows, 0)
    with pytest.raises(errors.Conflict):
        anomaly_claims.write(model, {}, {}, {}, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_the_task_is_offered():
    """The command line finds it by name."""
    assert tasks.find("anomaly").train is anomaly.train
