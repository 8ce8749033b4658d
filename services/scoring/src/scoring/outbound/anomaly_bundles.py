"""Anomaly bundles on disk: verified like those of denial, read into a model. Nothing here is pickled."""

from pathlib import Path

import msgspec

from chassis import errors
from scoring.domain import anomalies, isolation, peer_books, schemas
from scoring.outbound import bundles

TASK = "anomaly"
BOOK, NUMBERS, TREES, SAMPLE = "peers.json", "peers.npz", "trees.npz", "sample.npz"
FOREST = "isolation"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The part of manifest.json that serving believes; the rest is provenance for people."""

    task: str
    name: str
    simulated: bool
    row_schema_hash: str
    features_hash: str
    files: dict[str, str]


def load(folder: Path) -> anomalies.Model:
    """Return the model of a bundle; each file is read once, so that what was verified is what is believed.

    Raises Invalid: `bundle.missing`, `bundle.file_missing`, `bundle.unexpected_file`, `bundle.tampered`,
    `bundle.task`, `bundle.features_mismatch`, `bundle.unreadable`.
    """
    files = bundles.contents(folder)
    try:
        manifest = msgspec.json.decode(files[bundles.MANIFEST], type=Manifest)
    except msgspec.MsgspecError as error:
        message = f"{bundles.MANIFEST} of {folder.name} is not that of an anomaly bundle: {error}."
        raise errors.Invalid("bundle.task", message) from error
    bundles.verify_files(folder, files, manifest.files)
    if manifest.task != TASK:
        message = f"{folder.name} was trained for the task {manifest.task}, not for {TASK}."
        raise errors.Invalid("bundle.task", message)
    with bundles.readable(folder):
        return _read(files, manifest)


def _read(files: dict[str, bytes], manifest: Manifest) -> anomalies.Model:
    """Return the model of verified files."""
    numbers, trees = bundles.arrays(files[NUMBERS]), bundles.arrays(files[TREES])
    book = peer_books.load(files[BOOK], numbers)
    if schemas.hashed(*peer_books.dump(book)) != manifest.features_hash:
        raise errors.Invalid(
            "bundle.features_mismatch",
            "The peer book is not that of the training: its groups may mean something else. Train again.",
        )
    return anomalies.Model(
        name=manifest.name,
        revision=bundles.named(files),
        simulated=manifest.simulated,
        row_schema_hash=manifest.row_schema_hash,
        book=book,
        isolation=isolation.Isolation(
            bundles.load_forest(trees, FOREST), float(trees["usual_path"]), trees["knots"]
        ),
        card=files["card.md"].decode(),
        metrics_json=files["metrics.json"].decode(),
    )
