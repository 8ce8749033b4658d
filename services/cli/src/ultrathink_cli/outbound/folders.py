"""Where packs and bundles lie: where the environment says, else in the checkout."""

import os
from pathlib import Path

from chassis import errors

REPOSITORY = Path(__file__).resolve().parents[5]  # an editable install runs from the checkout


def packs() -> Path:
    """Return the folder of rule packs: of ULTRATHINK_PACKS_DIR, else the checkout's."""
    return _folder("ULTRATHINK_PACKS_DIR", REPOSITORY / "packs", "rule packs")


def bundle() -> Path:
    """Return the folder of the model bundle: of ULTRATHINK_BUNDLE_DIR, else the checkout's demo bundle."""
    return _folder("ULTRATHINK_BUNDLE_DIR", packs() / "models" / "denial-demo", "model bundle")


def anomaly_bundle() -> Path:
    """Return the folder of the anomaly bundle: of ULTRATHINK_ANOMALY_BUNDLE_DIR, else the demo's."""
    return _folder("ULTRATHINK_ANOMALY_BUNDLE_DIR", packs() / "models" / "anomaly-demo", "anomaly bundle")


def completion_bundles() -> str:
    """Return the folders of the completion bundles: of ULTRATHINK_COMPLETION_BUNDLES, else the demo's."""
    models = packs() / "models"
    demo = [models / f"{task}-completion-demo" for task in ("diagnosis", "amount")]
    return os.environ.get("ULTRATHINK_COMPLETION_BUNDLES", ",".join(map(str, demo)))


def _folder(variable: str, default: Path, what: str) -> Path:
    folder = Path(os.environ.get(variable) or default)
    if not folder.is_dir():
        raise errors.NotFound(
            "folder.not_found", f"found no {what} in {folder}; name the folder in {variable}"
        )
    return folder
