"""Exact reasons of the served line model, beside the peer's own TreeSHAP: `python bench/explaining.py`.

Ours is the tables that scoring serves; the peer is XGBoost's `pred_contribs` (TreeSHAP) of the same trees on
one thread, with a DMatrix per call, as a service would have to. Rows are those of the bundle's stored sample.
CPU time per row, medians of interleaved rounds; before anything is measured both must agree to 1e-4.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import keeping
import numpy as np
import xgboost

from scoring.domain import explaining
from scoring.outbound import bundles

ROOT = Path(__file__).parents[1]
BUNDLE = ROOT / "packs/models/denial-demo"
SIZES = {1: 200, 10: 60, 100: 20, 1_000: 5}  # rows of a call: calls of a round
GOAL = 12.0  # docs: exact explanations of flagged claims, times pred_contribs

type Call = Callable[[np.ndarray], object]


def _calls() -> tuple[np.ndarray, dict[str, Call]]:
    """Return the rows and what explains them; raise where ours and the peer's differ."""
    rows = np.ascontiguousarray(bundles.sample(BUNDLE)["lines"], dtype=np.float32)
    forest = bundles.load_forest(bundles.read_arrays(BUNDLE / "trees.npz"), "line")
    explainer = explaining.build(forest, np.arange(rows.shape[1], dtype=np.int32))
    booster = xgboost.Booster({"nthread": 1}, model_file=str(BUNDLE / "line.xgboost.json"))

    def peer(matrix: np.ndarray) -> object:
        return booster.predict(xgboost.DMatrix(matrix, nthread=1), pred_contribs=True)

    theirs = np.asarray(peer(rows))[:, :-1]
    np.testing.assert_allclose(explaining.contributions(explainer, rows), theirs, atol=1e-4)
    return rows, {"ours": lambda matrix: explaining.contributions(explainer, matrix), "pred_contribs": peer}


def _round(call: Call, rows: np.ndarray, size: int, count: int) -> float:
    """Return microseconds of CPU per row."""
    parts = [np.roll(rows, -start, axis=0)[:size] for start in range(count)]
    parts = [part if len(part) == size else np.resize(part, (size, rows.shape[1])) for part in parts]
    began = time.process_time()
    for part in parts:
        call(part)
    return (time.process_time() - began) / (count * size) * 1e6


def main() -> None:
    """Measure, print the table, keep the raw rounds."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=7)
    rounds = asked.parse_args().rounds
    rows, calls = _calls()
    raw: dict[str, dict[int, list[float]]] = {name: {size: [] for size in SIZES} for name in calls}
    for call in calls.values():
        call(rows)
    for _ in range(rounds):
        for size, count in SIZES.items():
            for name, call in calls.items():
                raw[name][size].append(_round(call, rows, size, count))
    print(f"exact reasons of {rows.shape[1]} features, us of CPU per row, medians of {rounds} rounds")
    print(f"{'rows a call':>12} {'ours':>10} {'pred_contribs':>14} {'ratio':>7}  goal {GOAL:.0f} x")
    for size in SIZES:
        ours, peer = (statistics.median(raw[name][size]) for name in ("ours", "pred_contribs"))
        said = "pass" if peer / ours >= GOAL else "short"
        print(f"{size:>12,} {ours:>10,.1f} {peer:>14,.1f} {peer / ours:>7.1f}  {said}")
    keeping.keep("explaining", rounds=raw)


if __name__ == "__main__":
    main()
