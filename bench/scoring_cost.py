"""What a claim costs the scoring process, and in which step: `python bench/scoring_cost.py [--rounds 7]`.

One process and no transport: the bytes of a request are read, answered by the door's stream, and the answer
is written to bytes; CPU time, medians of rounds. Claims are those of the demo's
simulated world, different ones in every batch; about half of them are flagged and so get reasons. With caches
emptied before each batch, as other rooms leave them, it costs what a claim alone costs at most. Steps are
measured one after another within each batch, so that each finds the caches as the others left them.
"""

import argparse
import asyncio
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import keeping
import numpy as np

from chassis import handlers
from formats import canonical
from formats import rows as row_schema
from payersim.usecases import simulate
from scoring import compose, ports, settings
from scoring.domain import calibration, models, prints, scores
from scoring.inbound import converters, part_converters
from scoring.outbound import bundles, estimators
from scoring.usecases import crew, score
from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import scoring_pb2

ROOT = Path(__file__).parents[1]
BUNDLE = ROOT / "packs/models/denial-demo"
ANOMALIES = ROOT / "packs/models/anomaly-demo"
SIZES = (1, 8, 32, 64, 256)
CLAIMS = 1_500
SEED = 12
EMPTYING = 48 * 1024 * 1024  # bytes written to before a batch: more than the caches hold
METHOD = "/ultrathink.scoring.v1.Scorer/ScoreStream"
STEPS = (
    "message", "columns", "forests", "print", "reasons", "shares", "answer",
)  # fmt: skip


def _claims() -> list[Any]:
    with tempfile.TemporaryDirectory() as folder:
        simulate.simulate(2 * CLAIMS, SEED, Path(folder), regimes=("base",))
        written = (Path(folder) / "claims.ndjson").read_bytes().splitlines()[:CLAIMS]
    claims = [canonical.decode(one) for one in written]
    random.Random(SEED).shuffle(claims)  # noqa: S311 - an order, no secret
    return claims


def _requests(claims: list[Any], size: int, *, columnar: bool) -> list[bytes]:
    """Return requests of `size` claims, as the claims room sends them."""
    turn, made = itertools.cycle(claims), []
    known = [bundles.revision(BUNDLE)] if columnar else []
    for _ in range(max(4, min(200, CLAIMS // size))):
        part = list(itertools.islice(turn, size))
        rows = row_schema.pack(part, [row_schema.History(30, 5, 1)] * size)
        contexts = [
            common_pb2.Context(
                item_id=str(at), tenant="demo", subject="user", roles=["biller"], remaining_ms=60_000,
                request_id=f"request-{at}",
            )
            for at in range(size)
        ]  # fmt: skip
        made.append(
            scoring_pb2.ScoreRequest(
                contexts=contexts, rows=rows, claim_keys=range(1, size + 1), columnar=columnar,
                known_revisions=known, anomalies=True,
            ).SerializeToString()
        )  # fmt: skip
    return made


async def _whole(answer: Any, requests: list[bytes], size: int, elsewhere: np.ndarray | None = None) -> float:
    """Return microseconds of CPU per claim, bytes in, bytes out; what is done `elsewhere` does not count."""
    beside = 0.0

    async def sent() -> AsyncIterator[scoring_pb2.ScoreRequest]:
        nonlocal beside
        for one in requests:
            if elsewhere is not None:
                went = time.process_time()
                elsewhere[:] += 1
                beside += time.process_time() - went
            yield scoring_pb2.ScoreRequest.FromString(one)

    began = time.process_time()
    async for told in answer(sent(), None):
        told.SerializeToString()
    return (time.process_time() - began - beside) / len(requests) / size * 1e6


async def _measure(claims: list[Any], rounds: int) -> dict[str, dict[int, list[float]]]:
    found: dict[str, dict[int, list[float]]] = {}
    async with compose.compose(
        settings.ScoringSettings(bundle_dir=BUNDLE, anomaly_bundle_dir=ANOMALIES)
    ) as app:
        answer = handlers.behaviour(handlers.collected(app.register)[METHOD])
        elsewhere = np.zeros(EMPTYING // 8)
        kinds = [
            (name, size, _requests(claims, size, columnar=columnar), empties)
            for size in SIZES
            for name, columnar, empties in (
                ("columns", True, None),
                ("columns, caches emptied", True, elsewhere),
                ("messages", False, None),
            )
        ]
        for _, size, requests, _ in kinds:
            await _whole(answer, requests[:20], size)
        for _ in range(rounds):
            for name, size, requests, empties in kinds:
                taken = await _whole(answer, requests, size, empties)
                found.setdefault(name, {}).setdefault(size, []).append(taken)
    return found


def _steps(claims: list[Any], size: int, rounds: int) -> dict[str, float]:
    """Return microseconds per claim and step."""
    bundle = bundles.load(BUNDLE)
    estimator = estimators.of(bundle)
    laps: dict[str, list[float]] = {}
    for request in _requests(claims, size, columnar=True) * max(1, rounds // 2):
        marks = [time.process_time()]
        marks += [time.process_time() for _ in _stepwise(bundle.model, estimator, request)]
        for step, (began, ended) in zip(STEPS, itertools.pairwise(marks), strict=True):
            laps.setdefault(step, []).append((ended - began) / size * 1e6)
    return {step: statistics.median(taken) for step, taken in laps.items()}


def _stepwise(model: models.Model, estimator: ports.Estimator, content: bytes) -> Iterator[None]:
    """Do what answering does, pausing after each step."""
    request = scoring_pb2.ScoreRequest.FromString(content)
    yield
    batch = converters.to_rows(request.rows)
    yield
    of_lines, of_claims, outside = (score.met if batch.few else score.seen)(model, estimator, batch)
    lines = calibration.apply(model.line_calibration, of_lines.margins)
    chances = calibration.apply(model.claim_calibration, of_claims.margins)
    yield
    printed = prints.of(batch)
    yield
    rows, items = ((one >= model.flag_threshold).nonzero()[0] for one in (lines, chances))
    guessed = models.guesses(estimator.reasons(of_lines.matrix[rows]))
    yield
    shares, claim_shares = of_lines.explained(rows), of_claims.explained(items)
    yield
    scored = scores.Scored(
        offsets=batch.offsets, probability=chances, lines=lines, faults={}, outside=outside, prints=printed,
        flagged_lines=scores.Lines(rows, shares, *guessed),
        flagged_claims=scores.Claims(items, claim_shares), reasons=model.reasons,
    )  # fmt: skip
    told = scoring_pb2.ScoreResponse(model=converters.to_info(model))
    part_converters.add_part(told, crew.Part("stable", model, None, scored))
    told.SerializeToString()
    yield


def main() -> None:
    """Measure, print both tables, keep the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    claims = _claims()
    found = asyncio.run(_measure(claims, rounds))
    print("| us of CPU per claim | " + " | ".join(f"{size} claims" for size in SIZES) + " |")
    print("|-|" + "-|" * len(SIZES))
    for name, sizes in found.items():
        told = " | ".join(f"{statistics.median(taken):.0f}" for taken in sizes.values())
        print(f"| answered in {name} | {told} |")
    steps = {size: _steps(claims, size, rounds) for size in SIZES}
    print("\n| us per claim | " + " | ".join(f"{size} claims" for size in SIZES) + " |")
    print("|-|" + "-|" * len(SIZES))
    for step in STEPS:
        print(f"| {step} | " + " | ".join(f"{steps[size][step]:.1f}" for size in SIZES) + " |")
    print(f"raw rounds in {keeping.keep('scoring-cost', rounds=found, steps=steps)}")


if __name__ == "__main__":
    main()
