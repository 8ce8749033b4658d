"""Anomaly bundles: verified before a byte is believed, refused with a reason that names what is wrong."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import anomaly_support as support
import scoring_support
from chassis import errors
from scoring.domain import isolation, peers
from scoring.outbound import anomaly_bundles, bundles

MEGABYTE = 1024 * 1024


def _copy(folder: Path) -> Path:
    return shutil.copytree(support.BUNDLE, folder / "bundle")


def _refused(folder: Path) -> str:
    with pytest.raises(errors.Invalid) as found:
        anomaly_bundles.load(folder)
    return found.value.reason


def test_the_repositorys_bundle_says_what_training_said():
    """Serving equals training to 1e-6 on the stored sample, lines, claims and isolation."""
    model, sample = support.watcher(), bundles.sample(support.BUNDLE)
    lines = peers.judge_lines(
        model.book, sample["ranks"], {name: sample[f"line.{name}"] for name in peers.LINE_MEASURES}
    )
    first = peers.first_lines(sample["ranks"], sample["offsets"])
    claims = peers.judge_claims(
        model.book, first, {name: sample[f"claim.{name}"] for name in peers.CLAIM_MEASURES}
    )
    found = isolation.scores(model.isolation, isolation.matrix(lines, claims, sample["offsets"]))
    for ours, theirs in (
        (lines.distance, "line_distances"), (claims.distance, "claim_distances"), (found, "isolation"),
    ):  # fmt: skip
        np.testing.assert_allclose(ours, sample[theirs], atol=1e-6, rtol=0)


def test_the_repositorys_bundle_is_small_and_named_by_its_content():
    """It is below a megabyte, and its revision is the hash that anyone can compute."""
    assert sum(path.stat().st_size for path in support.BUNDLE.iterdir()) < MEGABYTE
    assert support.watcher().revision == bundles.revision(support.BUNDLE)
    assert support.watcher().simulated is True
    assert support.watcher().row_schema_hash == scoring_support.bundle().model.row_schema_hash


def test_no_provider_or_patient_is_in_the_bundle():
    """What is learned names codes, payers and kinds, nobody who bills or is treated."""
    vocabularies = json.loads((support.BUNDLE / anomaly_bundles.BOOK).read_text())["vocabularies"]
    assert set(vocabularies) == set(peers.COLUMNS) - {peers.AGE_BAND}
    assert "" not in {word for words in vocabularies.values() for word in words}


@pytest.mark.parametrize(
    "name", [anomaly_bundles.BOOK, anomaly_bundles.NUMBERS, anomaly_bundles.TREES, "card.md"]
)
def test_a_changed_file_is_refused(name: str, tmp_path: Path):
    """One byte more is another bundle."""
    folder = _copy(tmp_path)
    with (folder / name).open("ab") as file:
        file.write(b" ")
    assert _refused(folder) == "bundle.tampered"


def test_a_missing_and_a_surplus_file_are_refused(tmp_path: Path):
    """The folder holds what the manifest names, no less and no more."""
    folder = _copy(tmp_path)
    (folder / "notes.txt").write_text("hello")
    assert _refused(folder) == "bundle.unexpected_file"
    (folder / "notes.txt").unlink()
    (folder / anomaly_bundles.TREES).unlink()
    assert _refused(folder) == "bundle.file_missing"


def test_no_folder_and_no_manifest_are_no_bundle(tmp_path: Path):
    """Nothing to read is said as such."""
    assert _refused(tmp_path / "nowhere") == "bundle.missing"
    (tmp_path / "empty").mkdir()
    assert _refused(tmp_path / "empty") == "bundle.missing"


def test_another_tasks_bundle_is_refused(tmp_path: Path):
    """A denial bundle tells no anomalies, and an anomaly bundle no probability."""
    assert _refused(scoring_support.BUNDLE) == "bundle.task"
    folder = _copy(tmp_path)
    scoring_support.reseal(folder, task="weather")
    assert _refused(folder) == "bundle.task"
    with pytest.raises(errors.Invalid):
        bundles.load(support.BUNDLE)


def test_a_book_with_another_hash_is_refused(tmp_path: Path):
    """What the groups mean is what training meant, or nothing is told."""
    folder = _copy(tmp_path)
    scoring_support.reseal(folder, features_hash="0" * 64)
    assert _refused(folder) == "bundle.features_mismatch"


def test_a_sealed_file_of_another_kind_is_unreadable(tmp_path: Path):
    """Right hashes do not make wrong content readable: arrays of objects, other levels, no numbers."""
    folder = _copy(tmp_path)
    np.savez(folder / anomaly_bundles.TREES, allow_pickle=True, forest=np.array([{"a": 1}], dtype=object))
    scoring_support.reseal(folder)
    assert _refused(folder) == "bundle.unreadable"
    folder = _copy(tmp_path / "again")
    book = folder / anomaly_bundles.BOOK
    book.write_text(book.read_text().replace('"version": 1', '"version": 99'))
    scoring_support.reseal(folder)
    assert _refused(folder) == "bundle.unreadable"
