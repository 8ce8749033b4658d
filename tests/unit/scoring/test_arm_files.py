"""Decisions about arms on disk: whole or not at all, and never guessed."""

from pathlib import Path

import pytest

from chassis import errors
from scoring.domain import arms
from scoring.outbound import arm_files

STATE = arms.State(base="S", stable="C", previous="S", stopped=("X",))


def test_what_is_saved_is_there_after_a_restart(tmp_path: Path):
    """Another store over the same folder, made on demand, reads the same decision; the latest counts."""
    folder = tmp_path / "made" / "later"
    store = arm_files.FileArmStore(folder)
    assert store.load() is None
    store.save(STATE)
    store.save(arms.State(base="S", stable="S"))
    store.save(STATE)
    assert arm_files.FileArmStore(folder).load() == STATE
    assert [path.name for path in folder.iterdir()] == [arm_files.NAME]
    assert store.durable


@pytest.mark.parametrize("content", [b"", b"{", b'{"stable": 1}', b"\xff"])
def test_a_file_that_is_not_ours_is_never_guessed_at(tmp_path: Path, content: bytes):
    """Which model answers is not decided by a broken file: the process says so instead of starting."""
    (tmp_path / arm_files.NAME).write_bytes(content)
    with pytest.raises(errors.Invalid, match="ULTRATHINK_ARMS_STATE_DIR") as refused:
        arm_files.FileArmStore(tmp_path).load()
    assert refused.value.reason == "arms.state"


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path):
    """A file in the folder's place: the decision is refused, with the setting named."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(errors.Unavailable, match="ULTRATHINK_ARMS_STATE_DIR"):
        arm_files.FileArmStore(tmp_path / "taken").save(STATE)


def test_a_write_that_was_cut_off_leaves_the_old_decision(tmp_path: Path):
    """Half a new file beside the old one is not read."""
    store = arm_files.FileArmStore(tmp_path)
    store.save(STATE)
    (tmp_path / arm_files.NAME).with_suffix(".new").write_bytes(b'{"base": ')
    assert store.load() == STATE


def test_without_a_folder_nothing_outlives_the_process():
    """The store without a folder keeps nothing, and says that it is not durable."""
    store = arm_files.NoArmStore()
    store.save(STATE)
    assert store.load() is None
    assert not store.durable
