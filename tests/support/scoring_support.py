"""Helpers of the scoring tests: the repository's bundle, claims of the simulated world, random trees."""

import functools
import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from formats import canonical, model
from formats import rows as row_schema
from scoring import testing
from scoring.domain import arms, forests, rows, scores
from scoring.inbound import converters
from scoring.outbound import bundles
from scoring.usecases import answer, score
from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import scoring_pb2

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "packs" / "models" / "denial-demo"

CLAIM: dict[str, Any] = {
    "claim_id": "T-1", "type": "professional", "subtype": "op", "use": "claim", "regime": "base",
    "created": "2025-03-05T09:00:00Z", "currency": "SAR",
    "provider": {"id": "PR-10013", "type": "polyclinic", "branch": "jeddah"},
    "patient": {"id": "P-1", "birth_date": "1980-05-18", "sex": "male"},
    "insurance": [{"sequence": 1, "focal": True, "coverage": {
        "member_id": "M-1", "payer": "PAYER-03", "plan": "gold", "relationship": "self"}}],
    "encounter": {"class": "AMB", "start": "2025-03-02", "end": "2025-03-02"},
    "diagnoses": [{"sequence": 1, "code": "E11.9", "system": "icd-10-cm", "type": ["principal"]}],
    "care_team": [{"sequence": 1, "practitioner": "D", "role": "primary", "qualification": "metabolic"}],
    "supporting_info": [{"sequence": 1, "category": "chief-complaint", "value_string": "thirst"}],
    "total": 148,
}  # fmt: skip
LINE: dict[str, Any] = {
    "sequence": 1, "code": "G0108", "system": "hcpcs", "service_date": "2025-03-02", "quantity": 1,
    "unit_price": 148, "factor": 1, "tax": 0, "net": 148, "patient_share": 29.6, "diagnosis_sequences": [1],
    "care_team_sequences": [1], "information_sequences": [1],
}  # fmt: skip


def claim(*lines: dict[str, Any], **changes: Any) -> model.Claim:
    """Return a claim of ordinary kind; each line is the ordinary one with what is given changed."""
    written = [LINE | {"sequence": number} | line for number, line in enumerate(lines or ({},), 1)]
    total = sum(line["net"] for line in written if line["net"] is not None)
    return canonical.decode(msgspec.json.encode(CLAIM | {"lines": written, "total": total} | changes))


def costly() -> model.Claim:
    """Return a claim for too much of a service meant for the other sex, without papers."""
    return claim(
        {"code": "G0101", "quantity": 3, "unit_price": 160, "net": 480, "patient_share": 96},
        {"quantity": 4, "unit_price": 150, "net": 600, "patient_share": 120, "information_sequences": []},
        supporting_info=[],
    )


def wire(claims: Sequence[model.Claim], **changes: Any) -> scoring_pb2.Rows:
    """Return the claims as rows on the wire, as the claims service sends them."""
    message = row_schema.to_wire(row_schema.build(claims, [row_schema.History(30, 5, 1)] * len(claims)))
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def packed(claims: Sequence[model.Claim], **changes: Any) -> scoring_pb2.Rows:
    """Return the claims as records on the wire, as the claims service sends them where they are read."""
    message = row_schema.pack(claims, [row_schema.History(30, 5, 1)] * len(claims))
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def batch(*claims: model.Claim) -> rows.Rows:
    """Return the claims as rows."""
    return converters.to_rows(wire(claims))


def request(*claims: model.Claim, remaining_ms: int = 1_000) -> scoring_pb2.ScoreRequest:
    """Return a request for the claims, items named by their number from 0."""
    return scoring_pb2.ScoreRequest(
        batch_id=7,
        contexts=[
            common_pb2.Context(item_id=str(number), tenant="demo", remaining_ms=remaining_ms)
            for number in range(len(claims))
        ],
        rows=wire(claims),
    )


def deadlines(count: int, deadline: float = 60.0) -> list[float]:
    """Return when the time of so many items is over, of a clock that begins at 0."""
    return [deadline] * count


def keys(count: int) -> answer.Keys:
    """Return the keys of items that a sender without keys named by their number from 0."""
    return lambda: [arms.of_identity("demo", str(number)) for number in range(count)]


@functools.cache
def bundle() -> bundles.Bundle:
    """Return the repository's bundle, loaded once per process."""
    return bundles.load(BUNDLE)


@functools.cache
def twin() -> testing.MemoryEstimator:
    """Return the in-memory estimator over the repository's bundle."""
    trees = bundles.read_arrays(BUNDLE / "trees.npz")
    return testing.MemoryEstimator(
        {name: bundles.load_forest(trees, name) for name in ("line", "claim", "reason")}
    )


def scored(*claims: model.Claim, depth: scores.Depth = "flagged") -> list[scores.ClaimScore]:
    """Return the scores of claims that are fit to be scored."""
    found = score.judge(bundle().model, twin(), batch(*claims), depth=depth)
    return [one for one in found if isinstance(one, scores.ClaimScore)]


def served(*answers: scores.Answer) -> list[answer.Served]:
    """Return answers as the stable arm of the repository's bundle gives them."""
    return [answer.Served("stable", bundle().model, one) for one in answers]


def other_bundle(folder: Path, *, shift: float = 0.5, **changes: Any) -> Path:
    """Write a bundle unlike the repository's: probabilities moved in log-odds, manifest changed."""
    shutil.copytree(BUNDLE, folder)
    tables = json.loads((folder / "calibration.json").read_text())
    for table in tables.values():
        odds = [np.log(p / (1 - p)) + shift for p in table["probabilities"]]
        table["probabilities"] = [float(1 / (1 + np.exp(-one))) for one in odds]
    (folder / "calibration.json").write_text(json.dumps(tables))
    reseal(folder, **changes)
    return folder


def reseal(folder: Path, **changes: Any) -> None:
    """Make a bundle's manifest agree with its files again, fields changed."""
    manifest = json.loads((folder / bundles.MANIFEST).read_text())
    files = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name != bundles.MANIFEST
    }
    (folder / bundles.MANIFEST).write_text(json.dumps(manifest | {"files": files} | changes))


def random_forest(
    rng: np.random.Generator, *, trees: int, depth: int, features: int, classes: int = 1
) -> forests.Forest:
    """Return a forest of full binary trees with random splits, leaves and covers."""
    inner, leaves = 2**depth - 1, 2**depth
    size = inner + leaves
    shape = (trees, size)
    feature = rng.integers(features, size=shape)
    feature[:, inner:] = forests.LEAF
    node = np.arange(size)
    start = (np.arange(trees) * size)[:, None]
    cover = np.zeros(shape)
    cover[:, inner:] = rng.uniform(1, 10, size=(trees, leaves))
    for place in range(inner - 1, -1, -1):
        cover[:, place] = cover[:, 2 * place + 1] + cover[:, 2 * place + 2]
    is_leaf = node >= inner
    return forests.Forest(
        feature=feature.ravel().astype(np.int32),
        threshold=rng.normal(size=shape).ravel().astype(np.float32),
        left=np.where(is_leaf, 0, start + 2 * node + 1).ravel().astype(np.int32),
        right=np.where(is_leaf, 0, start + 2 * node + 2).ravel().astype(np.int32),
        missing_left=rng.random(size=shape).ravel() < 0.5,
        value=np.where(is_leaf, rng.normal(size=shape), 0.0).ravel(),
        cover=cover.ravel(),
        roots=start.ravel().astype(np.int32),
        classes=(np.arange(trees) % classes).astype(np.int32),
        base=rng.normal(size=classes),
    )


def random_rows(rng: np.random.Generator, count: int, features: int) -> npt.NDArray[np.float32]:
    """Return random feature rows, one value in ten missing."""
    matrix = rng.normal(size=(count, features)).astype(np.float32)
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    return matrix
