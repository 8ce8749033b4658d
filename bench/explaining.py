"""Exact reasons of the served line model, beside the peer's own TreeSHAP: `python bench/explaining.py`.

Ours is the tables that scoring serves, per human group of features (as answers tell reasons) and per single
feature; the peer is XGBoost's `pred_contribs` (TreeSHAP) of the same trees on one thread, with a DMatrix per
call, as a service would have to. Rows are those of the bundle's stored sample. CPU time per row, medians of
interleaved rounds; before anything is measured all must agree to 1e-5.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import keeping
import numpy as np
import xgboost

from scoring.domain import columns, explaining, schemas
from scoring.outbound import bundles

ROOT = Path(__file__).parents[1]
BUNDLE = ROOT / "packs/models/denial-demo"
SIZES = {1: 200, 10: 60, 100: 20, 1_000: 5}  # rows of a call: calls of a round
GOAL = 12.0  # docs: exact explanations of flagged claims, times pred_contribs

OURS, SINGLE, PEER = "ours, as served", "ours, single features", "pred_contribs"

type Call = Callable[[np.ndarray], object]


def _calls() -> tuple[np.ndarray, dict[str, Call]]:
    """Return the rows and what explains them; raise where ours and the peer's differ."""
    rows = np.ascontiguousarray(bundles.sample(BUNDLE)["lines"], dtype=np.float32)
    grouped = bundles.load(BUNDLE).model.line_explainer
    forest = bundles.load_forest(bundles.read_arrays(BUNDLE / "trees.npz"), "line")
    single = explaining.build(forest, np.arange(rows.shape[1], dtype=np.int32))
    booster = xgboost.Booster({"nthread": 1}, model_file=str(BUNDLE / "line.xgboost.json"))

    def peer(matrix: np.ndarray) -> object:
        return booster.predict(xgboost.DMatrix(matrix, nthread=1), pred_contribs=True)

    theirs = np.asarray(peer(rows))[:, :-1]
    np.testing.assert_allclose(explaining.contributions(single, rows), theirs, atol=1e-5)
    sums = np.zeros((len(rows), grouped.table.shape[1]))
    np.add.at(sums.T, schemas.groups_of(columns.LINE_MODEL), theirs.T)
    np.testing.assert_allclose(explaining.contributions(grouped, rows), sums, atol=1e-5)
    return rows, {
        OURS: lambda matrix: explaining.contributions(grouped, matrix),
        SINGLE: lambda matrix: explaining.contributions(single, matrix),
        PEER: peer,
    }


def measure(rounds: int) -> list[dict[str, object]]:
    """Return a row of `make bench` per size of call: ours as served and the peer's, in rows per second."""
    raw = _rounds(rounds)
    keeping.keep("explaining", rounds=raw)
    return [
        {
            "name": f"exact reasons, {size:,} flagged rows a call",
            "ours": 1e6 / statistics.median(raw[OURS][size]),
            "peer": 1e6 / statistics.median(raw[PEER][size]),
            "ratio": statistics.median(raw[PEER][size]) / statistics.median(raw[OURS][size]),
            "goal": GOAL,
        }
        for size in SIZES
    ]


def _rounds(rounds: int) -> dict[str, dict[int, list[float]]]:
    """Return microseconds of CPU per row by what was measured, rows a call and round."""
    rows, calls = _calls()
    raw: dict[str, dict[int, list[float]]] = {name: {size: [] for size in SIZES} for name in calls}
    for call in calls.values():
        call(rows)
    for _ in range(rounds):
        for size, count in SIZES.items():
            for name, call in calls.items():
                raw[name][size].append(_round(call, rows, size, count))
    return raw


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
    raw = _rounds(rounds)
    print(f"exact reasons, us of CPU per row, medians of {rounds} rounds; goal {GOAL:.0f} x as served")
    print(f"{'rows a call':>12}" + "".join(f"{name:>24}" for name in raw) + f"{'ratios':>16}")
    for size in SIZES:
        medians = [statistics.median(one[size]) for one in raw.values()]
        ratios = " / ".join(f"{medians[-1] / one:.1f}" for one in medians[:-1])
        print(f"{size:>12,}" + "".join(f"{one:>24,.1f}" for one in medians) + f"{ratios:>16}")
    print(f"raw rounds in {keeping.keep('explaining', rounds=raw)}")


if __name__ == "__main__":
    main()
