"""What the parts of a claim cost both sets of peers, in CPU µs per claim, in one process without transport.

Usage: python bench/peer_parts.py [--rounds N] [--claims N]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from peers import model
from peers import rules as first_rules
from peers import shapes as first_shapes
from peers import tables as first_tables
from peers.equal import history, rules, scoring, shapes, work

from payersim.usecases import simulate
from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import scoring_pb2

SEED = 11
WARM = 30  # claims before the clock runs


def main() -> None:
    """Measure part by part, both sets in turns; print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--claims", type=int, default=400)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        parts = _parts(Path(folder), options.claims)
        spent: dict[str, list[float]] = {name: [] for name in parts}
        for _ in range(options.rounds):
            for name, (call, items) in parts.items():
                spent[name].append(_spent(call, items))
    for name, figures in spent.items():
        print(f"{name:42s} {statistics.median(figures):7.0f}")


def _parts(folder: Path, count: int) -> dict[str, tuple[Callable[[Any], object], Sequence[Any]]]:
    simulate.simulate(3_000, SEED, folder / "train", regimes=("base",))
    simulate.simulate(count, SEED + 1, folder / "claims", regimes=("base",))
    model.train(folder / "train", folder / "model.json")
    lines = (folder / "claims" / "claims.ndjson").read_bytes().splitlines()
    served, scorer = model.load(folder / "model.json"), scoring.Scorer(folder / "model.json")
    book = rules.load()
    first = [first_shapes.Claim.model_validate_json(line) for line in lines]
    equal = [shapes.Claim.model_validate_json(line) for line in lines]
    rows = [scoring.values([claim]) for claim in equal]
    scores = [scorer.score(row) for row in rows]
    columns = [_columns(claim) for claim in first]
    chances = [score.probabilities for score in scores]
    return {
        "first: reading": (first_shapes.Claim.model_validate_json, lines),
        "equal: reading": (shapes.Claim.model_validate_json, lines),
        "first: features and their message": (_columns, first),
        "equal: features and their message": (_matrix, equal),
        "first: frame and prediction": (lambda message: _scored(served, message), columns),
        "equal: frame, prediction, contributions": (scorer.score, rows),
        "equal: frame and prediction": (scorer.chances, rows),
        "first: rules": (first_rules.check, first),
        "equal: rules and texts": (lambda one: book.check(one, history.services(one), []), equal),
        "first: rules and rows": (
            lambda pair: first_tables.row(pair[0], first_rules.check(pair[0]), pair[1]),
            list(zip(first, chances, strict=True)),
        ),
        "equal: rules, rows, hash and decision": (
            lambda pair: work.judged(book, pair[0], [], pair[1]), list(zip(equal, scores, strict=True)),
        ),
    }  # fmt: skip


def _columns(claim: first_shapes.Claim) -> bytes:
    """Do what the first chain's claims service does before it asks."""
    frame = model.features(claim).astype("float64")
    columns = [common_pb2.Column(name=str(name), f64=frame[name].to_numpy().tobytes()) for name in frame]
    return scoring_pb2.ScoreRequest(rows=scoring_pb2.Rows(line_columns=columns)).SerializeToString()


def _scored(served: Any, message: bytes) -> object:
    """Do what the first chain's scoring service does."""
    request = scoring_pb2.ScoreRequest.FromString(message)
    columns = {column.name: np.frombuffer(column.f64) for column in request.rows.line_columns}
    return served.predict_proba(pd.DataFrame(columns).astype("float32"))[:, 1].tolist()


def _matrix(claim: shapes.Claim) -> bytes:
    rows = scoring_pb2.Rows(line_records=scoring.values([claim]).tobytes())
    return scoring_pb2.ScoreRequest(rows=rows).SerializeToString()


def _spent(call: Callable[[Any], object], items: Sequence[Any]) -> float:
    for item in items[:WARM]:
        call(item)
    began = time.process_time()
    for item in items:
        call(item)
    return (time.process_time() - began) / len(items) * 1e6


if __name__ == "__main__":
    main()
