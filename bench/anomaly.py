"""What is unusual among peers, in microseconds of CPU: `python bench/anomaly.py`.

Peers are robust statistics over columns, asked with every score; isolation is the forest over the same
surprises, asked with Explain alone; beside them the score itself. Claims are simulated, as they leave the
wire. CPU time per claim, medians of interleaved rounds in one process.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import keeping

from formats import canonical
from formats import rows as schema
from payersim.usecases import simulate
from scoring.domain import anomalies, rows
from scoring.inbound import converters
from scoring.outbound import anomaly_bundles, bundles, estimators
from scoring.usecases import score

ROOT = Path(__file__).parents[1] / "packs" / "models"
CLAIMS, SEED = 2_000, 11
SIZES = {1: 400, 8: 100, 32: 40, 64: 20, 256: 8, 1_000: 2}  # claims of a batch: batches of a round

type Call = Callable[[rows.Rows], object]


def _batches(folder: Path) -> dict[int, rows.Rows]:
    """Return one batch of every size, as they leave the wire."""
    simulate.simulate(CLAIMS, SEED, folder)
    with (folder / "claims.ndjson").open("rb") as file:
        claims = [canonical.decode(line) for line in itertools.islice(file, max(SIZES))]
    histories = [schema.History(30, 5, 1)] * len(claims)
    return {
        size: converters.to_rows(schema.to_wire(schema.build(claims[:size], histories[:size])))
        for size in SIZES
    }


def _calls() -> dict[str, Call]:
    """Return what is measured, by name."""
    model, denial = anomaly_bundles.load(ROOT / "anomaly-demo"), bundles.load(ROOT / "denial-demo")
    estimator = estimators.of(denial)
    return {
        "peers": lambda batch: anomalies.judge(model, batch),
        "peers, all rows told, isolation": lambda batch: anomalies.judge(model, batch, everything=True),
        "score": lambda batch: score.judge(denial.model, estimator, batch, depth="flagged"),
    }


def _round(call: Call, batch: rows.Rows, count: int) -> float:
    """Return microseconds of CPU per claim."""
    began = time.process_time()
    for _ in range(count):
        call(batch)
    return (time.process_time() - began) / (count * batch.items) * 1e6


def main() -> None:
    """Measure, print the table, keep the raw rounds."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=7)
    rounds = asked.parse_args().rounds
    calls = _calls()
    with tempfile.TemporaryDirectory() as folder:
        batches = _batches(Path(folder))
    raw: dict[str, dict[int, list[float]]] = {name: {size: [] for size in SIZES} for name in calls}
    for call in calls.values():
        call(batches[64])
    for _ in range(rounds):
        for size, count in SIZES.items():
            for name, call in calls.items():
                raw[name][size].append(_round(call, batches[size], count))
    print(
        f"us of CPU per claim, medians of {rounds} rounds; lines per claim {batches[1_000].size / 1_000:.1f}"
    )
    print(f"{'claims a batch':>15}" + "".join(f"{name:>34}" for name in calls))
    for size in SIZES:
        print(f"{size:>15,}" + "".join(f"{statistics.median(raw[name][size]):>34,.1f}" for name in calls))
    print(keeping.keep("anomaly", rounds=raw))


if __name__ == "__main__":
    main()
