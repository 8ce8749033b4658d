"""Simulated worlds, models, and how far claims have drifted from them."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ultrathink_cli.outbound import folders

if TYPE_CHECKING:
    from payersim.usecases import simulate as simulating
    from scoring.usecases import drift as drifting


def simulate(claims: int, seed: int, out: Path, progress: Callable[[int], None]) -> "simulating.Summary":
    """Write a simulated history (payersim)."""
    from payersim.usecases import simulate as simulating  # noqa: PLC0415 - see the package

    return simulating.simulate(claims, seed, out, progress)


def train(task: str, data: Path, seed: int, out: Path, progress: Callable[[int], None]) -> dict[str, Any]:
    """Train the named task's model; return its metrics."""
    from training import ready  # noqa: PLC0415 - see the package

    return ready.find(task).train(data, seed, out, progress)


def evaluate(task: str, folder: Path, data: Path) -> dict[str, Any]:
    """Measure a bundle on labelled data."""
    from training import ready  # noqa: PLC0415 - see the package

    return ready.find(task).evaluate(folder, data)


type DriftReport = drifting.Report


def drift(data: Path, folder: Path | None) -> DriftReport:
    """Compare exported claims with what a bundle, or the one at hand, was trained on."""
    from scoring.outbound import bundles  # noqa: PLC0415 - see the package
    from scoring.usecases import drift as drifting  # noqa: PLC0415
    from ultrathink_cli.outbound import exports  # noqa: PLC0415

    found = bundles.load(folder or folders.bundle())
    aucs = [bundles.trained_auc(found, of) for of in ("", "lines")]
    trained = drifting.Trained(found.model.revision, found.reference, *aucs)
    return drifting.drift(exports.read(data), trained)
