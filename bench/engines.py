"""Which engine runs a forest cheapest at which number of rows: `python bench/engines.py [--rounds 3]`.

Tables of leaves, onnxruntime and XGBoost's in-place prediction, one thread each, over rows of the simulated
world that are all different: a few rows again and again teach the processor their branches and flatter every
engine. CPU time per row, medians of interleaved rounds, and what it costs to import each engine.
"""

import argparse
import functools
import statistics
import time
from collections.abc import Callable

import keeping
import numpy as np
import scoring_cost

from formats import rows as row_schema
from scoring.domain import features
from scoring.inbound import converters
from scoring.outbound import bundles, leaf_tables, onnx

SIZES = (1, 4, 16, 32, 64, 256, 1_024)
ROWS = 3_072

type Call = Callable[[np.ndarray], object]


def _imported(name: str) -> float:
    """Return CPU seconds of a first import."""
    began = time.process_time()
    __import__(name)
    return time.process_time() - began


def _calls() -> tuple[np.ndarray, dict[str, Call], float]:
    """Return different rows, the engines by forest, and what XGBoost's import cost."""
    bundle = bundles.load(scoring_cost.BUNDLE)
    claims = scoring_cost._claims()  # noqa: SLF001 - the same claims as there
    wire = row_schema.to_wire(row_schema.build(claims, [row_schema.History(30, 5, 1)] * len(claims)))
    rows = features.matrices(bundle.model.features, converters.to_rows(wire)).lines[:ROWS]
    engines = {
        "tables": leaf_tables.LeafEstimator(bundle.trees),
        "onnxruntime": onnx.OnnxEstimator(bundle.onnx),
    }
    cost = _imported("xgboost")
    import xgboost  # noqa: PLC0415 - its import is measured above

    calls: dict[str, Call] = {}
    for name in ("line", "reason"):
        calls |= {f"{name}|{engine}": getattr(one, f"{name}s") for engine, one in engines.items()}
        booster = xgboost.Booster(
            {"nthread": 1}, model_file=str(scoring_cost.BUNDLE / f"{name}.xgboost.json")
        )
        calls[f"{name}|xgboost"] = functools.partial(booster.inplace_predict, predict_type="margin")
    return rows, calls, cost


def _round(call: Call, rows: np.ndarray, size: int) -> float:
    """Return microseconds of CPU per row."""
    count = min(len(rows), 600 * size)
    began = time.process_time()
    for start in range(0, count - size + 1, size):
        call(rows[start : start + size])
    return (time.process_time() - began) / (count // size * size) * 1e6


def main() -> None:
    """Measure, print the table, keep the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    rows, calls, cost = _calls()
    raw: dict[str, dict[int, list[float]]] = {name: {size: [] for size in SIZES} for name in calls}
    for _ in range(rounds):
        for size in SIZES:
            for name, call in calls.items():
                raw[name][size].append(_round(call, rows, size))
    print("| us of CPU per row | " + " | ".join(f"{size:,}" for size in SIZES) + " |")
    print("|-|" + "-|" * len(SIZES))
    for name, sizes in raw.items():
        print(f"| {name} | " + " | ".join(f"{statistics.median(one):.1f}" for one in sizes.values()) + " |")
    print(f"importing xgboost: {cost:.1f} s of CPU")
    print(f"raw rounds in {keeping.keep('engines', rounds=raw, import_seconds=cost)}")


if __name__ == "__main__":
    main()
