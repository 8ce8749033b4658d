"""Bundles on disk: verified by content before a byte is believed, then read into a model.

A bundle is a flat folder. `manifest.json` names the sha256 of every other file; the bundle's revision is the
sha256 over the sorted lines `<sha256>  <path>` of all files, the manifest included. Nothing here is pickled.
"""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from chassis import errors
from scoring.domain import calibration, explaining, forests, models, schemas, scores

MANIFEST = "manifest.json"
MAX_FILE_BYTES = 64 * 1024 * 1024  # a bundle is a few megabytes; more is a mistake or an attack

type Arrays = dict[str, npt.NDArray[Any]]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The part of manifest.json that serving believes; the rest is provenance for people."""

    name: str
    simulated: bool
    row_schema_hash: str
    features_hash: str
    flag_threshold: float
    files: dict[str, str]


class Bundle(NamedTuple):
    """A verified bundle: the model, and the ONNX bytes its estimator loads, by forest."""

    model: models.Model
    onnx: dict[str, bytes]


def revision(folder: Path) -> str:
    """Return the bundle's name: sha256 over the sorted paths of the folder and their sha256."""
    lines = [f"{_digest(_bytes(path))}  {path.name}" for path in sorted(folder.iterdir())]
    return _digest("\n".join(lines).encode())


def load(folder: Path) -> Bundle:
    """Return the model of a bundle.

    Raises Invalid `bundle.missing` or `bundle.tampered` when files lack, differ from the manifest or are not
    named by it, and `bundle.unreadable` when they do not hold what they should.
    """
    manifest = _verified(folder)
    try:
        return _read(folder, manifest)
    except (msgspec.MsgspecError, KeyError, ValueError, OSError, TypeError) as error:
        raise errors.Invalid("bundle.unreadable", f"The bundle {folder.name} cannot be read.") from error


def sample(folder: Path) -> Arrays:
    """Return the stored sample: matrices, and what training computed for them."""
    return read_arrays(folder / "sample.npz")


def load_forest(arrays: Arrays, prefix: str) -> forests.Forest:
    """Return one forest of trees.npz; its arrays are named `<prefix>.<field>`."""
    return forests.Forest(**{field: arrays[f"{prefix}.{field}"] for field in forests.Forest._fields})


def _verified(folder: Path) -> Manifest:
    """Return the manifest once every file in the folder is the one it names."""
    try:
        manifest = msgspec.json.decode(_bytes(folder / MANIFEST), type=Manifest)
        present = {path.name: _digest(_bytes(path)) for path in folder.iterdir() if path.name != MANIFEST}
    except (OSError, msgspec.MsgspecError) as error:
        raise errors.Invalid("bundle.missing", f"There is no readable bundle in {folder.name}.") from error
    wrong = sorted(set(present.items()) ^ set(manifest.files.items()))
    if wrong:
        names = ", ".join(sorted({name for name, _ in wrong}))
        raise errors.Invalid("bundle.tampered", f"Files that are not what the manifest says: {names}.")
    return manifest


def _read(folder: Path, manifest: Manifest) -> Bundle:
    """Return the bundle of verified files."""
    schema = schemas.load(_bytes(folder / "features.json"), read_arrays(folder / "features.npz"))
    if schema.hash != manifest.features_hash:
        raise errors.Invalid("bundle.features_mismatch", "The feature schema is not the one trained with.")
    tables = msgspec.json.decode(_bytes(folder / "calibration.json"), type=dict[str, dict[str, list[float]]])
    reasons = msgspec.json.decode(_bytes(folder / "reasons.json"), type=list[scores.Reason])
    trees = read_arrays(folder / "trees.npz")
    model = models.Model(
        name=manifest.name,
        revision=revision(folder),
        simulated=manifest.simulated,
        row_schema_hash=manifest.row_schema_hash,
        flag_threshold=manifest.flag_threshold,
        features=schema,
        line_calibration=_table(tables["line"]),
        claim_calibration=_table(tables["claim"]),
        line_explainer=explaining.build(load_forest(trees, "line"), schema.line_groups),
        claim_explainer=explaining.build(load_forest(trees, "claim"), schema.claim_groups),
        reasons=tuple(reasons),
        card=_bytes(folder / "card.md").decode(),
        metrics_json=_bytes(folder / "metrics.json").decode(),
    )
    return Bundle(model, {name: _bytes(folder / f"{name}.onnx") for name in ("line", "claim", "reason")})


def _table(knots: dict[str, list[float]]) -> calibration.Table:
    """Return a calibration table of its stored knots."""
    return calibration.Table(np.array(knots["margins"]), np.array(knots["probabilities"]))


def _bytes(path: Path) -> bytes:
    """Return a file's content, or raise OSError when it is too large to be part of a bundle."""
    if path.stat().st_size > MAX_FILE_BYTES:
        message = f"{path.name} is larger than a bundle's file may be"
        raise OSError(message)
    return path.read_bytes()


def read_arrays(path: Path) -> Arrays:
    """Return the arrays of an npz file; object arrays (pickles) are refused."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _digest(content: bytes) -> str:
    """Return the sha256 in hex."""
    return hashlib.sha256(content).hexdigest()
