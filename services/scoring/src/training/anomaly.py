"""Trains what is told of unusual claims, or judges detectors on the provider table: by what the data is.

A folder of claims gives the bundle that scoring serves; the public provider table gives one that nobody
serves, beside the same published detectors. No label is learned from in either.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from training import anomaly_claims, anomaly_providers

CLAIMS = "claims.ndjson"

type Progress = Callable[[int], None]


def train(data: Path, seed: int, out: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Write the bundle and return its figures; raises what the kind of data raises."""
    if (data / CLAIMS).exists():
        return anomaly_claims.train(data, seed, out, progress)
    return anomaly_providers.train(data, seed, out, progress)


def evaluate(bundle: Path, data: Path) -> dict[str, Any]:
    """Return the figures of a bundle on data of the kind it was trained on."""
    if (data / CLAIMS).exists():
        return anomaly_claims.evaluate(bundle, data)
    return anomaly_providers.evaluate(bundle, data)
