"""Completion bundles on disk: verified like those of denial, read into models, and written by training.

Besides what every bundle says, the manifest declares what the model knows: the systems it reads and answers
in, currencies and regimes. Nothing here is pickled.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from chassis import errors
from scoring.domain import (
    calibration,
    completion,
    completion_amounts,
    completion_diagnoses,
    completion_models,
    forests,
)
from scoring.domain import completion_tokens as tokens
from scoring.outbound import bundles

TASKS = tuple(completion.TASKS.values())
LABELS, COARSE = "labels.json", "groups.json"
TABLES = ("trust", "others", "groups", "listed")

type Arrays = dict[str, npt.NDArray[Any]]
type Files = Mapping[str, bytes]


class Knows(msgspec.Struct, frozen=True, kw_only=True):
    """What the manifest declares of the model: see `completion.Knows`; `kind` is that of its answers."""

    reads: list[str]
    answers: list[str]
    currencies: list[str]
    regimes: dict[str, str]
    kind: str
    models: list[str] = []


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The part of manifest.json that serving believes; the rest is provenance for people."""

    task: str
    name: str
    simulated: bool
    source: str
    features_hash: str
    knows: Knows
    files: dict[str, str]


class Vocabulary(msgspec.Struct, frozen=True):
    """The readable part of one diagnosis model; its numbers stand in arrays beside it."""

    inputs: tuple[str, ...]
    classes: tuple[str, ...]
    vocabulary: tuple[str, ...]


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """The readable part of an amounts model: usual amounts and bands; keys are split at U+001F."""

    names: list[str]
    overall: float
    rise: float
    origin: float
    last: float
    share: float
    tolerance: float
    means: dict[str, dict[str, tuple[float, int]]]
    largest: dict[str, float]
    bands: list[completion_amounts.Band]


def load(folder: Path) -> completion_models.Served:
    """Return what a completion bundle serves; each file is read once.

    Raises Invalid: `bundle.missing`, `bundle.file_missing`, `bundle.unexpected_file`, `bundle.tampered`,
    `bundle.task` (no task of completion, or without a word on what it knows), `bundle.features_mismatch`,
    `bundle.unreadable`.
    """
    files = bundles.contents(folder)
    manifest = _manifest(folder, files)
    if manifest.features_hash != _hash(files, manifest):
        raise errors.Invalid(
            "bundle.features_mismatch",
            f"{folder.name} was trained on other features than this release computes. Train it again.",
        )
    with bundles.readable(folder):
        origin = _origin(manifest, bundles.named(files))
        return _amounts(files, origin) if manifest.task == TASKS[1] else _diagnoses(files, manifest, origin)


def diagnosis_hash(stored: Sequence[Vocabulary]) -> str:
    """Return the hash of what the columns of diagnosis models mean."""
    read = [[list(one.inputs), list(one.classes), list(one.vocabulary)] for one in stored]
    return _digest([tokens.VERSION, read])


def amounts_hash(names: Sequence[str]) -> str:
    """Return the hash of what the columns of an amounts model mean."""
    return _digest([completion_amounts.VERSION, list(names)])


def diagnosis_parts(model: completion_diagnoses.Model) -> tuple[Vocabulary, Arrays]:
    """Return the stored form of one diagnosis model."""
    arrays: Arrays = {
        "prior": model.prior, "frequency": model.frequency, "weights": model.weights,
        "bias": model.bias.astype(np.float16), "linear": model.linear.astype(np.float16),
        "cases": model.counts.cases.astype(np.int32), "answers": model.counts.answers.astype(np.int32),
        "starts": model.counts.starts,
    }  # fmt: skip
    for table in TABLES:
        knots: calibration.Table = getattr(model, table)
        arrays |= {f"{table}.knots": knots.margins, f"{table}.rates": knots.probabilities}
    return Vocabulary(model.inputs, model.classes, model.vocabulary), arrays


def prices(model: completion_amounts.Model) -> Prices:
    """Return the readable part of an amounts model, rounded as it is served."""
    usual = model.usual
    return Prices(
        names=completion_amounts.names(),
        overall=usual.overall, rise=usual.rise, origin=usual.origin, last=usual.last,
        share=model.share, tolerance=model.tolerance,
        means={
            name: {key: (mean, means.cases[key]) for key, mean in means.mean.items()}
            for name, means in usual.means.items()
        },
        largest=usual.largest,
        bands=list(model.bands),
    )  # fmt: skip


def _manifest(folder: Path, files: Files) -> Manifest:
    try:
        manifest = msgspec.json.decode(files[bundles.MANIFEST], type=Manifest)
    except msgspec.MsgspecError as error:
        message = f"{bundles.MANIFEST} of {folder.name} does not say what a completion model knows: {error}."
        raise errors.Invalid("bundle.task", message) from error
    bundles.verify_files(folder, files, manifest.files)
    if manifest.task not in TASKS:
        message = f"{folder.name} was trained for {manifest.task}; completed are: {', '.join(TASKS)}."
        raise errors.Invalid("bundle.task", message)
    return manifest


def _hash(files: Files, manifest: Manifest) -> str:
    """Return the hash of the features as this release would compute them; empty for unreadable files."""
    try:
        if manifest.task == TASKS[1]:
            return amounts_hash(completion_amounts.names())
        return diagnosis_hash([_vocabulary(files, name) for name in manifest.knows.models])
    except (msgspec.MsgspecError, KeyError):
        return ""


def _origin(manifest: Manifest, revision: str) -> completion.Origin:
    knows = manifest.knows
    return completion.Origin(
        manifest.name, revision, manifest.task, manifest.simulated,
        completion.Knows(
            frozenset(knows.reads), tuple(knows.answers), frozenset(knows.currencies), dict(knows.regimes)
        ),
        manifest.source,
    )  # fmt: skip


def _diagnoses(files: Files, manifest: Manifest, origin: completion.Origin) -> completion_models.Diagnoses:
    knows = manifest.knows
    groups = None if COARSE not in files else msgspec.json.decode(files[COARSE], type=dict[str, str])
    labels = msgspec.json.decode(files[LABELS], type=dict[str, tuple[str, str]])
    return completion_models.Diagnoses(
        origin,
        knows.kind,
        tokens.coarse(groups),
        tuple(
            completion_models.hearing(_diagnosis(files, name), knows.kind, origin.knows.answers)
            for name in knows.models
        ),
        {code: completion.Label(*texts) for code, texts in labels.items()},
    )


def _vocabulary(files: Files, name: str) -> Vocabulary:
    return msgspec.json.decode(files[f"{name}.json"], type=Vocabulary)


def _diagnosis(files: Files, name: str) -> completion_diagnoses.Model:
    """Return one diagnosis model of verified files."""
    stored = _vocabulary(files, name)
    found = bundles.arrays(files[f"{name}.npz"])
    counts = completion_diagnoses.Counts(
        *(found[part].astype(np.int64) for part in ("cases", "answers", "starts"))
    )
    voice = completion_diagnoses.voices_of(stored.vocabulary, stored.inputs)
    return completion_diagnoses.Model(
        stored.inputs, stored.classes, stored.vocabulary,
        found["prior"], found["frequency"], counts, voice,
        completion_diagnoses.likelihoods(counts, voice, len(stored.classes)),
        found["linear"].astype(np.float32), found["bias"].astype(np.float32), found["weights"],
        *(calibration.Table(found[f"{table}.knots"], found[f"{table}.rates"]) for table in TABLES),
    )  # fmt: skip


def _amounts(files: Files, origin: completion.Origin) -> completion_models.Amounts:
    stored = msgspec.json.decode(files["model.json"], type=Prices)
    forest: forests.Forest = bundles.load_forest(bundles.arrays(files["trees.npz"]), "amount")
    usual = completion_amounts.Usual(
        stored.overall,
        {
            name: completion_amounts.Means(
                {key: mean for key, (mean, _) in means.items()},
                {key: count for key, (_, count) in means.items()},
            )
            for name, means in stored.means.items()
        },
        stored.largest, stored.rise, stored.origin, stored.last,
    )  # fmt: skip
    model = completion_amounts.Model(usual, forest, tuple(stored.bands), stored.share, stored.tolerance)
    return completion_models.Amounts(origin, model)


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()
