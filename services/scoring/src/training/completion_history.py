"""Reads canonical claims for completion: what a model may know of them, and what it is asked for.

The claims go through the very steps that a claim takes to be completed: decoded, told as the message of the
scoring contract, read as facts. Who is learned from, who calibrates and who judges is a matter of time and of
patients: claims of three patients in ten are never learned from nor calibrated with, and theirs alone,
created in the last quarter of the months, judge.
"""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from chassis import errors
from formats import canonical, completions, days, model
from scoring.domain import completion
from scoring.inbound import completion_converters
from training import histories, public_bundles, splits

FILE = "claims.ndjson"
KEPT = 30  # of the 100 hash buckets of patients: those whose claims only judge
PARTS = 6  # of the judged time, each judged by itself too: about a month of the simulated world
CHUNK = 2_000
TERMS = "simulated claims: relations between services, diagnoses and prices are the simulator's"
PROTOCOL = (
    f"learned from the first {splits.TRAIN_SHARE:.1%} of the time, calibrated up to "
    f"{splits.CALIBRATE_SHARE:.0%}, judged on later claims of patients never seen"
)

type Progress = Callable[[int], None]
type Labels = npt.NDArray[np.int64]
type Mask = npt.NDArray[np.bool_]


class Answered(NamedTuple):
    """The coded principal diagnosis of a claim, empty where it has none, and the nets of its lines."""

    system: str
    code: str
    nets: tuple[float, ...]  # in major units, NaN where a line states none


class History(NamedTuple):
    """Claims as facts, their answers, their patients by number and hash bucket, days of creation."""

    facts: list[completion.Facts]
    answers: list[Answered]
    patients: Labels
    buckets: Labels
    created: Labels
    sha256: str
    simulated: bool


class Split(NamedTuple):
    """Which claims are learned from, which calibrate and which judge; `day` is the first that judges."""

    learned: Mask
    calibrating: Mask
    judging: Mask
    judge_from: int


class _Meta(msgspec.Struct, frozen=True):
    simulated: bool = False


def found(data: Path) -> bool:
    """Return whether the path is one of canonical claims: a folder with claims.ndjson, or such a file."""
    return (data / FILE).is_file() if data.is_dir() else data.suffix == ".ndjson"


def read(data: Path, progress: Progress | None = None) -> History:
    """Return the claims of a folder or a file; raises Invalid for a line that is no claim."""
    path = data / FILE if data.is_dir() else data
    facts: list[completion.Facts] = []
    answers: list[Answered] = []
    people: list[tuple[str, int]] = []
    with path.open("rb") as file:
        for chunk in itertools.batched(file, CHUNK):
            for line in chunk:
                claim = canonical.decode(line)
                facts.append(completion_converters.to_facts(completions.to_wire(claim)))
                answers.append(_answered(claim))
                people.append(
                    (claim.patient.id or "", days.day_number(claim.created, completions.DEFAULT_ZONE) or 0)
                )
            if progress:
                progress(len(facts))
    if not facts:
        raise errors.Invalid("data.empty", f"{path.name} holds no claim.")
    names: dict[str, int] = {}
    return History(
        facts=facts,
        answers=answers,
        patients=np.array([names.setdefault(name, len(names)) for name, _ in people], dtype=np.int64),
        buckets=np.array([histories.bucket(name) for name, _ in people], dtype=np.int64),
        created=np.array([day for _, day in people], dtype=np.int64),
        sha256=public_bundles.digest([path]),
        simulated=_simulated(path.parent),
    )


def split(history: History) -> Split:
    """Return who is learned from, who calibrates and who judges."""
    first, last = int(history.created.min()), int(history.created.max()) + 1
    calibrate, judge = (
        int(first + share * (last - first)) for share in (splits.TRAIN_SHARE, splits.CALIBRATE_SHARE)
    )
    strangers = history.buckets < KEPT
    return Split(
        (history.created < calibrate) & ~strangers,
        (history.created >= calibrate) & (history.created < judge) & ~strangers,
        (history.created >= judge) & strangers,
        judge,
    )


def source(history: History) -> str:
    """Return what the claims are, as a card says it."""
    return TERMS if history.simulated else "claims of their owner"


def sixths(created: Labels) -> Labels:
    """Return in which sixth of their time claims were created: parts of equal length, to tell a spread."""
    if not len(created):
        return created
    first, last = int(created.min()), int(created.max()) + 1
    found: Labels = (created - first) * PARTS // (last - first)
    return found


def _answered(claim: model.Claim) -> Answered:
    told = completions.principal(claim)
    nets = tuple(float("nan") if line.net is None else float(line.net) for line in claim.lines)
    if told is None or told.code is None:
        return Answered("", "", nets)
    return Answered(completions.alias(told.system), told.code, nets)


def _simulated(folder: Path) -> bool:
    """Return whether the folder says that a simulator wrote it."""
    meta = folder / "meta.json"
    return meta.exists() and msgspec.json.decode(meta.read_bytes(), type=_Meta).simulated
