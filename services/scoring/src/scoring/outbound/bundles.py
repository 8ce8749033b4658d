"""Bundles on disk: verified by content before a byte is believed, then read into a model.

A bundle is a flat folder. `manifest.json` names the sha256 of every other file; the bundle's revision is the
sha256 over the sorted lines `<sha256>  <path>` of all files, the manifest included. Nothing here is pickled.
"""

import contextlib
import hashlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from chassis import errors
from scoring.domain import (
    calibration,
    drifting,
    explaining,
    few_marks,
    forests,
    models,
    rows,
    schemas,
    scores,
)

MANIFEST = "manifest.json"
REFERENCE = "reference.json"  # what training saw, for the drift job; older bundles have none
MAX_FILE_BYTES = 64 * 1024 * 1024  # a bundle is a few megabytes; more is a mistake or an attack

TASKS = (rows.DENIAL,)
FORESTS = ("line", "claim", "reason")

type Arrays = dict[str, npt.NDArray[Any]]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The part of manifest.json that serving believes; the rest is provenance for people."""

    name: str
    simulated: bool
    row_schema_hash: str
    features_hash: str
    flag_threshold: float
    files: dict[str, str]
    task: str = rows.DENIAL  # bundles of before tasks had names


class Bundle(NamedTuple):
    """A verified bundle: the model, its forests by name, as they are and as ONNX, and what training saw."""

    model: models.Model
    trees: dict[str, forests.Forest]
    onnx: dict[str, bytes]
    reference: drifting.Reference | None


def revision(folder: Path) -> str:
    """Return the bundle's name: sha256 over the sorted paths of the folder and their sha256."""
    return named(_contents(folder))


def load(folder: Path) -> Bundle:
    """Return the model of a bundle; each file is read once, so that what was verified is what is believed.

    Raises Invalid: `bundle.missing` (no folder, or no manifest in it), `bundle.file_missing`,
    `bundle.unexpected_file`, `bundle.tampered` (another content than the manifest names), `bundle.task`
    (trained for a task that is not served), `bundle.features_mismatch`, `bundle.unreadable`.
    """
    files = contents(folder)
    manifest = _verified(folder, files)
    with readable(folder):
        return _read(files, manifest)


@contextlib.contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Raise Invalid `bundle.unreadable` where verified files do not hold what this release reads."""
    try:
        yield
    except (msgspec.MsgspecError, KeyError, ValueError, OSError, TypeError) as error:
        raise errors.Invalid(
            "bundle.unreadable",
            f"The files of {folder.name} are those of its manifest, but one does not hold what this release "
            "reads: train it again with this release.",
        ) from error


def trained_auc(bundle: Bundle, of: str = "") -> float | None:
    """Return the AUC that training measured on its judged months, of claims or of "lines"; None if absent."""
    found = msgspec.json.decode(bundle.model.metrics_json)
    judged = found.get("judged") if isinstance(found, dict) else None
    if of and isinstance(judged, dict):
        judged = judged.get(of)
    auc = judged.get("auc") if isinstance(judged, dict) else None
    return auc if isinstance(auc, float) else None


def sample(folder: Path) -> Arrays:
    """Return the stored sample: matrices, and what training computed for them."""
    return read_arrays(folder / "sample.npz")


def load_forest(stored: Arrays, prefix: str) -> forests.Forest:
    """Return one forest of trees.npz; its arrays are named `<prefix>.<field>`."""
    return forests.Forest(**{field: stored[f"{prefix}.{field}"] for field in forests.Forest._fields})


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bundle's files, read once; the manifest is among them. Raises Invalid `bundle.missing`."""
    try:
        files = _contents(folder)
    except OSError as error:
        raise errors.Invalid(
            "bundle.missing",
            f"{folder.name} cannot be read as a bundle: name a folder that `ultrathink train` wrote, with "
            "files and nothing else in it.",
        ) from error
    if MANIFEST not in files:
        raise errors.Invalid("bundle.missing", f"{folder.name} is no bundle: it has no {MANIFEST}.")
    return files


def _verified(folder: Path, files: Mapping[str, bytes]) -> Manifest:
    """Return the manifest once every file of the bundle is the one it names."""
    try:
        manifest = msgspec.json.decode(files[MANIFEST], type=Manifest)
    except msgspec.MsgspecError as error:
        message = f"{MANIFEST} of {folder.name} is not the manifest of a bundle that is served: {error}."
        raise errors.Invalid("bundle.missing", message) from error
    verify_files(folder, files, manifest.files)
    if manifest.task not in TASKS:
        served = ", ".join(TASKS)
        message = f"{folder.name} was trained for the task {manifest.task}; served are: {served}."
        raise errors.Invalid("bundle.task", message)
    return manifest


def verify_files(folder: Path, files: Mapping[str, bytes], stated: Mapping[str, str]) -> None:
    """Raise Invalid unless the bundle's files but the manifest are those stated, by name and sha256."""
    present = {name: _digest(content) for name, content in files.items() if name != MANIFEST}
    lacking, surplus = stated.keys() - present.keys(), present.keys() - stated.keys()
    changed = {name for name in present.keys() & stated.keys() if present[name] != stated[name]}
    for found, reason, words in (
        (changed, "bundle.tampered", "differ from what the manifest says"),
        (lacking, "bundle.file_missing", "are named by the manifest and are not there"),
        (surplus, "bundle.unexpected_file", "are there and not named by the manifest"),
    ):
        if found:
            listed = ", ".join(sorted(found))
            raise errors.Invalid(reason, f"Files of {folder.name} {words}: {listed}. Copy the bundle again.")


def _read(files: Mapping[str, bytes], manifest: Manifest) -> Bundle:
    """Return the bundle of verified files."""
    schema = schemas.load(files["features.json"], arrays(files["features.npz"]))
    if schema.hash != manifest.features_hash:
        raise errors.Invalid(
            "bundle.features_mismatch",
            f"The feature schema {schema.hash[:12]} is not {manifest.features_hash[:12]} of the training: "
            "the columns may mean something else. Train again with this release.",
        )
    tables = msgspec.json.decode(files["calibration.json"], type=dict[str, dict[str, list[float]]])
    reasons = msgspec.json.decode(files["reasons.json"], type=list[scores.Reason])
    stored_trees = arrays(files["trees.npz"])
    trees = {name: load_forest(stored_trees, name) for name in FORESTS}
    explainers = (
        explaining.build(trees["line"], schema.line_groups),
        explaining.build(trees["claim"], schema.claim_groups),
    )
    model = models.Model(
        name=manifest.name,
        revision=named(files),
        simulated=manifest.simulated,
        row_schema_hash=manifest.row_schema_hash,
        flag_threshold=manifest.flag_threshold,
        features=schema,
        line_calibration=_table(tables["line"]),
        claim_calibration=_table(tables["claim"]),
        line_explainer=explainers[0],
        claim_explainer=explainers[1],
        few=few_marks.Tables(*explainers, schema.joined),
        reasons=tuple(reasons),
        card=files["card.md"].decode(),
        metrics_json=files["metrics.json"].decode(),
    )
    stored = files.get(REFERENCE)
    return Bundle(
        model,
        trees,
        {name: files[f"{name}.onnx"] for name in FORESTS},
        None if stored is None else msgspec.json.decode(stored, type=drifting.Reference),
    )


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
    return arrays(_bytes(path))


def arrays(content: bytes) -> Arrays:
    """Return the arrays of an npz file's bytes; object arrays (pickles) are refused."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file of a folder by name, sorted."""
    return {path.name: _bytes(path) for path in sorted(folder.iterdir())}


def named(files: Mapping[str, bytes]) -> str:
    """Return the name that a bundle's content gives it."""
    lines = [f"{_digest(content)}  {name}" for name, content in sorted(files.items())]
    return _digest("\n".join(lines).encode())


def _digest(content: bytes) -> str:
    """Return the sha256 in hex."""
    return hashlib.sha256(content).hexdigest()
