"""Bundles of the public tasks: sealed, verified, replaced, never mixed up with other files."""

import json
from pathlib import Path

import pytest

from chassis import errors
from training import public_bundles

NAMES = ("one", "two")


def _sealed(folder: Path) -> str:
    public_bundles.clear(folder)
    (folder / "model.json").write_text("{}\n")
    return public_bundles.seal(folder, task="weather", seed=7, data="d", names=NAMES)


def test_a_sealed_bundle_verifies(tmp_path: Path):
    """What was written is what is read: task, data, command and columns."""
    _sealed(tmp_path)
    manifest = public_bundles.verify(tmp_path, "weather")
    assert manifest.data == "d"
    assert "--seed 7" in manifest.command
    public_bundles.expect(manifest, NAMES)


def test_sealing_again_gives_the_same_revision(tmp_path: Path):
    """Nothing of the day, the folder or the machine is in a bundle."""
    assert _sealed(tmp_path / "one") == _sealed(tmp_path / "two")
    assert _sealed(tmp_path / "one") == _sealed(tmp_path / "two")


@pytest.mark.parametrize("change", ["altered", "added", "removed"])
def test_a_changed_file_is_seen(tmp_path: Path, change: str):
    """A file that differs, is too many or too few is named."""
    _sealed(tmp_path)
    if change == "altered":
        (tmp_path / "model.json").write_text('{"a": 1}\n')
    elif change == "added":
        (tmp_path / "model.json.bak").write_text("")
    else:
        (tmp_path / "model.json").unlink()
    with pytest.raises(errors.Invalid, match=r"model\.json") as refused:
        public_bundles.verify(tmp_path, "weather")
    assert refused.value.reason == "bundle.tampered"


def test_a_bundle_of_another_task_is_refused(tmp_path: Path):
    """The message says which task it was trained for."""
    _sealed(tmp_path)
    with pytest.raises(errors.Invalid, match="weather"):
        public_bundles.verify(tmp_path, "provider-fraud")


def test_no_bundle_is_not_found(tmp_path: Path):
    """Neither an empty folder nor an unreadable manifest is a bundle."""
    with pytest.raises(errors.NotFound):
        public_bundles.verify(tmp_path, "weather")
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(errors.NotFound):
        public_bundles.verify(tmp_path, "weather")


def test_other_columns_are_refused(tmp_path: Path):
    """A bundle trained on other columns, or in another order, is not fed with these."""
    _sealed(tmp_path)
    manifest = public_bundles.verify(tmp_path, "weather")
    with pytest.raises(errors.Invalid) as refused:
        public_bundles.expect(manifest, NAMES[::-1])
    assert refused.value.reason == "bundle.features_mismatch"


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path):
    """Training never removes what it did not write."""
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(errors.Conflict):
        public_bundles.clear(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_an_earlier_bundle_is_replaced(tmp_path: Path):
    """Files of an earlier bundle do not linger in the next."""
    _sealed(tmp_path)
    (tmp_path / "old.json").write_text("{}")
    public_bundles.clear(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_digest_of_several_files_ignores_their_order(tmp_path: Path):
    """A folder's sha256 depends on names and contents alone."""
    paths = [tmp_path / name for name in ("a", "b")]
    for path in paths:
        path.write_text(json.dumps(path.name))
    assert public_bundles.digest(paths) == public_bundles.digest(paths[::-1])
    assert public_bundles.digest(paths) != public_bundles.digest(paths[:1])
