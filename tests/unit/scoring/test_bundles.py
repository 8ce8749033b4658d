"""Bundles are believed only when every byte is the one the manifest names."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

import scoring_support as support
from chassis import errors
from scoring.outbound import bundles, onnx

MAX_BYTES = 5 * 1024 * 1024
MAX_SAMPLE_BYTES = 200_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the repository's bundle that a test may spoil."""
    return Path(shutil.copytree(support.BUNDLE, tmp_path / "bundle"))


def _reason(folder: Path) -> str:
    with pytest.raises(errors.Invalid) as refused:
        bundles.load(folder)
    return refused.value.reason


def test_the_repositorys_bundle_is_small_simulated_and_whole():
    """It fits in five megabytes, its sample in 200 kB, and it says that its labels are simulated."""
    assert sum(path.stat().st_size for path in support.BUNDLE.iterdir()) <= MAX_BYTES
    assert (support.BUNDLE / "sample.npz").stat().st_size <= MAX_SAMPLE_BYTES
    assert bundles.load(support.BUNDLE).model.simulated
    assert "**Simulated.**" in (support.BUNDLE / "card.md").read_text()


def test_no_file_of_it_is_a_pickle():
    """Arrays load with pickles refused, and no file begins like a pickle."""
    for path in support.BUNDLE.iterdir():
        if path.suffix == ".npz":
            assert bundles.read_arrays(path)
        assert not path.read_bytes().startswith(b"\x80")


def test_the_revision_is_the_hash_over_paths_and_hashes():
    """Anyone can compute a bundle's name with sha256sum."""
    lines = [
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}" for p in sorted(support.BUNDLE.iterdir())
    ]
    expected = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    assert bundles.revision(support.BUNDLE) == expected == support.bundle().model.revision


@pytest.mark.parametrize("name", ["line.onnx", "trees.npz", "features.json", "card.md", "metrics.json"])
def test_one_changed_byte_is_found(folder: Path, name: str):
    """A file that differs by one bit refuses to load, by name."""
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(errors.Invalid, match=name) as refused:
        bundles.load(folder)
    assert refused.value.reason == "bundle.tampered"


def test_a_file_too_many_or_too_few_is_found(folder: Path):
    """A folder holds exactly what its manifest names."""
    (folder / "extra.bin").write_bytes(b"x")
    assert _reason(folder) == "bundle.unexpected_file"
    (folder / "extra.bin").unlink()
    (folder / "line.onnx").unlink()
    with pytest.raises(errors.Invalid, match=r"line\.onnx") as refused:
        bundles.load(folder)
    assert refused.value.reason == "bundle.file_missing"


def test_a_folder_without_manifest_is_no_bundle(tmp_path: Path):
    """An empty or absent folder is said to be missing."""
    assert _reason(tmp_path) == "bundle.missing"
    assert _reason(tmp_path / "nowhere") == "bundle.missing"


def test_a_manifest_that_is_not_one_is_missing(folder: Path):
    """Broken JSON in the manifest is no manifest."""
    (folder / bundles.MANIFEST).write_text("{")
    assert _reason(folder) == "bundle.missing"


def test_a_sealed_bundle_with_nonsense_inside_is_unreadable(folder: Path):
    """Right hashes do not help when the content is not what it should be."""
    (folder / "calibration.json").write_text("{}")
    support.reseal(folder)
    assert _reason(folder) == "bundle.unreadable"


def test_a_bundle_of_another_task_is_refused(folder: Path):
    """A model trained for something else never scores denials, and the message names what is served."""
    support.reseal(folder, task="weather")
    with pytest.raises(errors.Invalid, match=r"weather.*denial") as refused:
        bundles.load(folder)
    assert refused.value.reason == "bundle.task"


def test_a_folder_inside_is_no_part_of_a_bundle(folder: Path):
    """A bundle is flat: what its name says of it must be all there is."""
    (folder / "more").mkdir()
    assert _reason(folder) == "bundle.missing"


def test_features_of_another_training_are_refused(folder: Path):
    """The feature schema's hash must be the one the models were trained with."""
    support.reseal(folder, features_hash="0" * 64)
    assert _reason(folder) == "bundle.features_mismatch"


def test_a_model_that_is_no_model_is_unreadable():
    """Bytes that onnxruntime cannot load become our fault, not its exception."""
    with pytest.raises(errors.Invalid) as refused:
        onnx.OnnxEstimator(dict.fromkeys(("line", "claim", "reason"), b"not onnx"))
    assert refused.value.reason == "bundle.unreadable"


def test_an_object_array_is_refused(folder: Path):
    """A pickle hidden in an npz file is never loaded."""
    np.savez(folder / "trees.npz", line=np.array([{}], dtype=object))
    support.reseal(folder)
    assert _reason(folder) == "bundle.unreadable"


def test_a_huge_file_is_not_read(folder: Path, tmp_path: Path):
    """A sparse file of gigabytes is refused by its size."""
    with (folder / "card.md").open("wb") as file:
        file.truncate(bundles.MAX_FILE_BYTES + 1)
    assert _reason(folder) == "bundle.missing"
    assert tmp_path.exists()
