"""A small simulated history and a bundle trained on it, made once per test process."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any

from payersim.usecases import simulate
from training import anomaly, denial, histories

CLAIMS, SEED = 5_000, 3


@functools.cache
def data() -> Path:
    """Return a folder with simulated claims and adjudications."""
    folder = _folder()
    simulate.simulate(CLAIMS, SEED, folder)
    return folder


@functools.cache
def history() -> histories.History:
    """Return that folder, read."""
    return histories.read(data())


@functools.cache
def trained() -> tuple[Path, dict[str, Any]]:
    """Return a bundle trained on it, and its metrics."""
    folder = _folder()
    return folder, denial.train(data(), SEED, folder)


@functools.cache
def watchful() -> tuple[Path, dict[str, Any]]:
    """Return an anomaly bundle trained on it, and its figures."""
    folder = _folder()
    return folder, anomaly.train(data(), SEED, folder)


def _folder() -> Path:
    """Return a folder that is gone when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="training-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
