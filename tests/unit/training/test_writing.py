"""What a bundle's files look like: sorted, rounded, timeless."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import training_support as support
from scoring.outbound import bundles
from training import writing

pytestmark = [pytest.mark.xdist_group("training"), pytest.mark.slow]  # one worker trains, once


def test_arrays_are_the_same_bytes_whenever_written(tmp_path: Path):
    """Npz files hold no clock: order of names and time of writing change nothing."""
    one, two = np.arange(3), np.array([1.5])
    writing.arrays(tmp_path / "a.npz", {"one": one, "two": two})
    writing.arrays(tmp_path / "b.npz", {"two": two, "one": one})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    np.testing.assert_array_equal(bundles.read_arrays(tmp_path / "a.npz")["one"], one)


def test_objects_are_never_written(tmp_path: Path):
    """An array that would need a pickle is refused when writing already."""
    with pytest.raises(ValueError, match="pickle"):
        writing.arrays(tmp_path / "a.npz", {"bad": np.array([{}], dtype=object)})


def test_documents_have_sorted_keys_and_readable_arabic(tmp_path: Path):
    """JSON is for people too."""
    writing.document(tmp_path / "a.json", {"b": 1, "a": "نعم"})
    assert (tmp_path / "a.json").read_text() == '{\n "a": "نعم",\n "b": 1\n}\n'


def test_figures_are_rounded_and_nan_is_null():
    """Six decimals, whole numbers kept, NaN as null, at any depth."""
    found = writing.rounded({"a": [1 / 3, {"b": float("nan")}], "n": 7, "name": "x", "yes": True})
    assert found == {"a": [0.333333, {"b": None}], "n": 7, "name": "x", "yes": True}


def test_the_manifest_names_every_file_and_version():
    """Each file's sha256, the packages, the data's fingerprint, the seed and the command stand in it."""
    folder, _ = support.trained()
    manifest = json.loads((folder / bundles.MANIFEST).read_text())
    for path in folder.iterdir():
        if path.name != bundles.MANIFEST:
            assert manifest["files"][path.name] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert set(manifest["packages"]) == set(writing.PACKAGES)
    assert manifest["data"]["fingerprint"] == support.history().fingerprint
    assert manifest["seed"] == support.SEED
    assert manifest["simulated"] is True
    assert manifest["command"].startswith("ultrathink train denial")


def test_each_forest_has_a_served_and_a_native_file():
    """Line, claim and reason come as ONNX and in their library's own form."""
    names = {path.name for path in support.trained()[0].iterdir()}
    for forest in ("line", "claim", "reason"):
        assert f"{forest}.onnx" in names
        assert names & {f"{forest}.xgboost.json", f"{forest}.lightgbm.txt"}


def test_the_repositorys_bundle_was_made_of_the_stated_data():
    """Its manifest says how many claims, and its card which commands make it again."""
    folder = Path(__file__).parents[3] / "packs" / "models" / "denial-demo"
    manifest = json.loads((folder / bundles.MANIFEST).read_text())
    card = (folder / "card.md").read_text()
    assert manifest["data"]["claims"] >= 60_000
    assert f"--claims {manifest['data']['claims']} --seed {manifest['seed']}" in card
    assert manifest["data"]["fingerprint"] in card
    assert manifest["command"] in card
