"""Writes a bundle: the same models give the same bytes, with no time, path or machine in any file."""

import hashlib
import importlib.metadata
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from scoring.domain import calibration, drifting, schemas, scores
from scoring.outbound import bundles
from training import boosting, conversions

PACKAGES = ("numpy", "scikit-learn", "xgboost-cpu", "lightgbm", "onnx", "onnxruntime")
DIGITS = 6  # of figures in metrics.json: more would differ between processors


class Content(NamedTuple):
    """What a bundle is written from; `forests` are line, claim and reason, `sample` the stored check rows."""

    forests: dict[str, boosting.Grown]
    schema: schemas.Schema
    calibrations: dict[str, calibration.Table]
    reasons: list[scores.Reason]
    metrics: dict[str, Any]
    card: str
    sample: dict[str, npt.NDArray[Any]]
    manifest: dict[str, Any]
    reference: drifting.Reference | None = None


def write(content: Content, out: Path) -> str:
    """Write the bundle into an empty or absent folder, replacing an earlier bundle; return its revision."""
    out.mkdir(parents=True, exist_ok=True)
    for old in out.iterdir():
        old.unlink()
    features, learned = schemas.dump(content.schema)
    (out / "features.json").write_bytes(features + b"\n")
    arrays(out / "features.npz", learned)
    trees: dict[str, npt.NDArray[Any]] = {}
    for name, grown in content.forests.items():
        width = len(content.schema.claim_groups if name == "claim" else content.schema.line_groups)
        (out / f"{name}.onnx").write_bytes(conversions.to_onnx(grown.forest, width))
        (out / f"{name}.{grown.suffix}").write_bytes(grown.native)
        trees |= {f"{name}.{field}": array for field, array in grown.forest._asdict().items()}
    arrays(out / "trees.npz", trees)
    arrays(out / "sample.npz", content.sample)
    document(out / "calibration.json", {name: _knots(table) for name, table in content.calibrations.items()})
    document(out / "reasons.json", [list(reason) for reason in content.reasons])
    document(out / "metrics.json", rounded(content.metrics))
    if content.reference is not None:
        document(out / bundles.REFERENCE, rounded(msgspec.to_builtins(content.reference)))
    (out / "card.md").write_text(content.card)
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(out.iterdir())}
    features_hash = {"features_hash": content.schema.hash}
    document(
        out / bundles.MANIFEST,
        content.manifest | features_hash | {"packages": versions(PACKAGES), "files": files},
    )
    return bundles.revision(out)


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the installed versions of packages."""
    return {package: importlib.metadata.version(package) for package in packages}


def rounded(value: Any) -> Any:
    """Return figures with `DIGITS` decimals, NaN as null."""
    if isinstance(value, dict):
        return {name: rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    if isinstance(value, float):
        return None if np.isnan(value) else round(value, DIGITS)
    return value


def _knots(table: calibration.Table) -> dict[str, list[float]]:
    return {"margins": table.margins.tolist(), "probabilities": table.probabilities.tolist()}


def arrays(path: Path, named: dict[str, npt.NDArray[Any]]) -> None:
    """Write an npz file; numpy stamps its entries with a fixed date."""
    ordered: dict[str, Any] = {name: named[name] for name in sorted(named)}
    np.savez_compressed(path, allow_pickle=False, **ordered)


def document(path: Path, value: Any) -> None:
    """Write JSON with sorted keys."""
    path.write_text(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
