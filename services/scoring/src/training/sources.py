"""Where labelled claims come from: a folder of claims and adjudications, or an export of a platform."""

from pathlib import Path

from training import exports, histories


def read(data: Path, progress: histories.Progress | None = None) -> histories.History:
    """Return the claims and outcomes of either; raises what `histories.read` and `exports.read` raise."""
    return exports.read(data) if exports.is_export(data) else histories.read(data, progress)
