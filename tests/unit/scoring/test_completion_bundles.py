"""Completion bundles are believed only when every byte is the trained one and the features fit."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import completion_support as support
from chassis import errors
from scoring.domain import completion_amounts as amounts
from scoring.domain import completion_diagnoses as diagnoses
from scoring.domain import completion_models
from scoring.outbound import bundles, completion_bundles

TASKS = ("diagnosis", "amount")


@pytest.fixture(params=TASKS)
def bundle(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a committed bundle that a test may spoil."""
    return support.copied(support.DEMO[request.param], tmp_path / "bundle")


def _resealed(folder: Path, change: Callable[[dict[str, Any]], None] = lambda _: None) -> Path:
    """Return the folder with its manifest made to fit its files again, and changed."""
    path = folder / bundles.MANIFEST
    manifest = json.loads(path.read_text())
    manifest["files"] = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.name != bundles.MANIFEST
    }
    change(manifest)
    path.write_text(json.dumps(manifest))
    return folder


def _reason(folder: Path) -> str:
    with pytest.raises(errors.Invalid) as refused:
        completion_bundles.load(folder)
    assert folder.name in refused.value.message or bundles.MANIFEST in refused.value.message
    return refused.value.reason


def test_a_committed_bundle_is_loaded(bundle: Path):
    """Under its own name: the sha256 of its files."""
    served = completion_bundles.load(bundle)
    assert served.origin.revision == bundles.revision(bundle)
    assert served.origin.simulated is True
    assert served.origin.knows.regimes.keys() == {"base", "nphies", "x12-us"}


def test_the_demo_bundles_know_the_codes_of_the_market():
    """HCPCS, SBS numbers of the simulated world, GTIN and dental codes; no codes of a single house."""
    for task in TASKS:
        reads = completion_bundles.load(support.DEMO[task]).origin.knows.reads
        assert reads >= {"hcpcs", "sbs", "gtin", "nphies-oral-op"}
        assert not reads & {"", "local"}


def test_every_changed_file_is_seen(bundle: Path):
    """One byte more in any file but the manifest, and the file is named."""
    for file in sorted(bundle.iterdir()):
        if file.name == bundles.MANIFEST:
            continue
        whole = file.read_bytes()
        file.write_bytes(whole + b" ")
        with pytest.raises(errors.Invalid, match=file.name) as refused:
            completion_bundles.load(bundle)
        assert refused.value.reason == "bundle.tampered"
        file.write_bytes(whole)
    completion_bundles.load(bundle)


def test_files_that_lack_or_are_too_many_are_seen(bundle: Path):
    """A bundle is its files, no more and no less."""
    (bundle / "extra.txt").write_text("x")
    assert _reason(bundle) == "bundle.unexpected_file"
    (bundle / "extra.txt").unlink()
    (bundle / "card.md").unlink()
    assert _reason(bundle) == "bundle.file_missing"


@pytest.mark.parametrize("spoil", ["nothing there", "no manifest", "no JSON", "an empty manifest"])
def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path, spoil: str):
    """Each with the remedy in its message."""
    folder = tmp_path / "folder"
    if spoil != "nothing there":
        folder.mkdir()
        (folder / "card.md").write_text("x")
    if spoil in ("no JSON", "an empty manifest"):
        (folder / bundles.MANIFEST).write_text("{}" if spoil.startswith("an") else "{")
    assert _reason(folder) in {"bundle.missing", "bundle.task"}


def test_a_bundle_of_another_task_is_refused(bundle: Path):
    """What was trained for fraud is not asked for diagnoses."""
    assert _reason(_resealed(bundle, lambda told: told.update(task="provider-fraud"))) == "bundle.task"


def test_a_bundle_that_does_not_say_what_it_knows_is_refused(bundle: Path):
    """Such as the public amounts model: nobody could tell which claims it may be asked about."""
    assert _reason(_resealed(bundle, lambda told: told.pop("knows"))) == "bundle.task"


def test_other_features_are_refused(bundle: Path):
    """A hash of features that this release would not compute: the columns may mean something else."""
    spoiled = _resealed(bundle, lambda told: told.update(features_hash="0" * 64))
    assert _reason(spoiled) == "bundle.features_mismatch"


def test_another_vocabulary_is_another_hash(tmp_path: Path):
    """Even when the manifest was made to fit: the vocabulary is part of the features."""
    bundle = support.copied(support.DEMO["diagnosis"], tmp_path / "bundle")
    stored = json.loads((bundle / "codes.json").read_text())
    stored["vocabulary"][0] = "S:hcpcs|OTHER"
    (bundle / "codes.json").write_text(json.dumps(stored))
    assert _reason(_resealed(bundle)) == "bundle.features_mismatch"


@pytest.mark.parametrize(("task", "file"), [("diagnosis", "codes.npz"), ("amount", "trees.npz")])
def test_files_that_hold_something_else_are_unreadable(tmp_path: Path, task: str, file: str):
    """Verified, and still not what this release reads: train again."""
    bundle = support.copied(support.DEMO[task], tmp_path / "bundle")
    (bundle / file).write_bytes(b"something else")
    assert _reason(_resealed(bundle)) == "bundle.unreadable"


@pytest.mark.parametrize(("task", "file"), [("diagnosis", "codes.npz"), ("amount", "trees.npz")])
def test_no_pickle_is_loaded(tmp_path: Path, task: str, file: str):
    """An array of objects could run anything: it is refused as unreadable."""
    bundle = support.copied(support.DEMO[task], tmp_path / "bundle")
    np.savez(bundle / file, allow_pickle=True, prior=np.array([{"a": 1}], dtype=object))
    assert _reason(_resealed(bundle)) == "bundle.unreadable"


def test_a_model_survives_its_stored_form():
    """Written and read, it scores as before; 16 bits are all that the linear voice ever had."""
    model = support.grown()
    read, arrays = completion_bundles.diagnosis_parts(model)
    assert read.vocabulary == model.vocabulary
    assert np.array_equal(arrays["linear"].astype(np.float32), model.linear)
    assert np.array_equal(arrays["bias"].astype(np.float32), model.bias)
    counts = diagnoses.Counts(arrays["cases"], arrays["answers"], arrays["starts"])
    again = diagnoses.likelihoods(counts, model.voice, len(model.classes))
    assert np.array_equal(again, model.likelihood)


def test_prices_survive_their_stored_form():
    """Means, counts, trend and bands to the last digit."""
    model = support.priced()
    told = completion_bundles.prices(model)
    assert told.names == amounts.names()
    key = next(iter(model.usual.means["code"].mean))
    assert told.means["code"][key] == (
        model.usual.means["code"].mean[key], model.usual.means["code"].cases[key],
    )  # fmt: skip
    assert (told.rise, told.overall, told.bands) == (model.usual.rise, model.usual.overall, list(model.bands))


def test_hashes_are_of_meaning_and_order():
    """Another name or another order of columns is another hash; the same is the same."""
    names = amounts.names()
    told = completion_bundles.amounts_hash(names)
    assert told == completion_bundles.amounts_hash(list(names))
    assert told != completion_bundles.amounts_hash(names[::-1])
    one = completion_bundles.Vocabulary(("services",), ("a|b",), ("S:x|y",))
    other = completion_bundles.Vocabulary(("services",), ("a|b",), ("S:x|z",))
    assert completion_bundles.diagnosis_hash([one]) != completion_bundles.diagnosis_hash([other])


@pytest.mark.parametrize("task", TASKS)
def test_committed_bundles_are_small_and_say_their_terms(task: str):
    """All models of the repository stay below five megabytes each, and say that they were simulated."""
    folder = support.DEMO[task]
    assert sum(file.stat().st_size for file in folder.iterdir()) < 5_000_000
    manifest = json.loads((folder / bundles.MANIFEST).read_text())
    assert manifest["command"] == f"ultrathink train {task}-completion --data DATA --seed 7 --out DIR"
    assert "simulated" in manifest["source"]
    assert "simulated" in (folder / "card.md").read_text().lower()


def test_answers_know_their_system_code_and_category():
    """As the names of the answers say."""
    served = completion_bundles.load(support.DEMO["diagnosis"])
    assert isinstance(served, completion_models.Diagnoses)
    for hearing in served.hearings:
        for name, system, code, group in zip(
            hearing.model.classes, hearing.systems, hearing.codes, hearing.groups, strict=True
        ):
            assert name == f"{system}|{code}"
            assert group == code.replace(".", "")[:3]
            assert served.labels[group].en
            assert served.labels[group].ar
