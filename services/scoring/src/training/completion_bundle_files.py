"""Writes completion bundles: the same models give the same bytes; no time, path or machine is in them."""

from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from chassis import errors
from scoring.domain import completion_diagnoses, completion_models
from scoring.outbound import completion_bundles
from training import pictures, public_bundles, writing


class Account(NamedTuple):
    """What the manifest says beside the files; `curves` are drawn, `sha256` is the data's."""

    task: str
    name: str
    seed: int
    sha256: str
    knows: completion_bundles.Knows
    figures: dict[str, Any]
    features_hash: str
    card: str
    curves: dict[str, list[dict[str, float]]] = {}  # noqa: RUF012 - read only


def diagnoses(
    out: Path,
    models: dict[str, completion_diagnoses.Model],
    *,
    labels: dict[str, tuple[str, str]],
    coarse: dict[str, str] | None = None,
) -> None:
    """Write diagnosis models, the labels of their answers, and the map of groups if there is one."""
    for name, model in models.items():
        read, arrays = completion_bundles.diagnosis_parts(model)
        writing.document(out / f"{name}.json", msgspec.to_builtins(read))
        writing.arrays(out / f"{name}.npz", arrays)
    if coarse is not None:
        writing.document(out / completion_bundles.COARSE, coarse)
    writing.document(out / completion_bundles.LABELS, labels)


def diagnoses_hash(models: dict[str, completion_diagnoses.Model]) -> str:
    """Return the hash of what the columns of the models mean."""
    return completion_bundles.diagnosis_hash(
        [completion_bundles.diagnosis_parts(model)[0] for model in models.values()]
    )


def diagnosing(bundle: Path, kind: str) -> completion_models.Diagnoses:
    """Return a diagnosis bundle; raises Invalid `bundle.task` when its answers are of another kind."""
    served = completion_bundles.load(bundle)
    if not isinstance(served, completion_models.Diagnoses) or served.kind != kind:
        raise errors.Invalid(
            "bundle.task",
            f"{bundle.name} was trained on claims of another format; name such claims.",
        )
    return served


def seal(out: Path, account: Account) -> str:
    """Write figures, picture, card and manifest; return the bundle's revision."""
    figures = account.figures
    writing.document(out / "metrics.json", figures)
    (out / "card.md").write_text(account.card)
    if account.curves:
        picture = pictures.reliability("First suggestion, claims not learned from", account.curves)
        (out / "reliability.svg").write_text(picture)
    served = {
        "name": account.name,
        "simulated": figures["simulated"],
        "source": figures["data"],
        "knows": msgspec.to_builtins(account.knows),
        "features_hash": account.features_hash,
    }
    return public_bundles.seal(out, task=account.task, seed=account.seed, data=account.sha256, served=served)
