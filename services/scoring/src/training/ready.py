"""The way into training: says what the machine lacks before a library fails over it in its own words."""

import ctypes
from collections.abc import Callable
from typing import TYPE_CHECKING

from chassis import errors

if TYPE_CHECKING:
    from training import tasks

OPENMP = "libgomp.so.1"  # LightGBM's wheel takes it from the system; a bare container has none


def find(name: str, load: Callable[[str], object] = ctypes.CDLL) -> "tasks.Task":
    """Return the training task of this name; Unavailable where the OpenMP runtime is not installed."""
    try:
        load(OPENMP)
    except OSError as error:
        raise errors.Unavailable(
            "training.openmp",
            f"Training needs the OpenMP runtime {OPENMP}, which this machine does not have: install libgomp1 "
            "(Debian, Ubuntu) or libgomp (Fedora, Alpine) and try again.",
        ) from error
    from training import tasks  # noqa: PLC0415 - loads LightGBM, which needs what was looked for above

    return tasks.find(name)
