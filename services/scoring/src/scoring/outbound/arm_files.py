"""Decisions about arms in a small file, written whole or not at all."""

import os
from pathlib import Path

import msgspec

from chassis import errors
from scoring.domain import arms

NAME = "arms.json"


class NoArmStore:
    """Implements `ports.ArmStore` without a folder: decisions last as long as the process."""

    durable = False

    def load(self) -> arms.State | None:
        """Return None: nothing outlived the last process."""
        return None

    def save(self, state: arms.State) -> None:
        """Keep nothing."""


class FileArmStore:
    """Implements `ports.ArmStore` in a folder of its own; the folder is made when it is first needed."""

    durable = True

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / NAME

    def load(self) -> arms.State | None:
        """Return what was saved last, None when nothing was.

        Raises Invalid `arms.state` for a file that is not ours: to guess would change which model answers.
        """
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=arms.State)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            raise errors.Invalid(
                "arms.state",
                f"{NAME} in the folder of ULTRATHINK_ARMS_STATE_DIR cannot be read: repair it, or remove it "
                "to return to the settings.",
            ) from error

    def save(self, state: arms.State) -> None:
        """Write, flush to disk, then put in place; a reader sees the old file or the new one."""
        fresh = self._path.with_suffix(".new")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with fresh.open("wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(state), indent=1) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
            _flush(self._folder)
        except OSError as error:
            raise errors.Unavailable(
                "arms.state",
                "The folder of ULTRATHINK_ARMS_STATE_DIR cannot be written to: nothing changed.",
            ) from error


def _flush(folder: Path) -> None:
    """Make a renamed file durable, which is a matter of its folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
