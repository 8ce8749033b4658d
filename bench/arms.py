"""What candidates beside the stable arm cost an answer: `python bench/arms.py`.

One process, the committed bundle and a copy of it under another revision. Wall time per batch of a whole call
(features, models, calibration), for one claim and for 100; rounds of all variants interleaved, medians.
"""

import argparse
import asyncio
import hashlib
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import keeping

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import scoring_support as support  # noqa: E402 - lies in the tests, found by the line above
from chassis import local  # noqa: E402
from scoring import compose, settings  # noqa: E402
from ultrathink.scoring.v1 import scoring_pb2_grpc  # noqa: E402

SIZES = {1: 300, 100: 60}  # claims of a batch: batches of a round


def _copy(folder: Path) -> Path:
    """Return the committed bundle under another revision: one word more in its card."""
    shutil.copytree(support.BUNDLE, folder)
    with (folder / "card.md").open("a") as card:
        card.write("\nA copy for measuring.\n")
    support.reseal(folder)
    return folder


async def _round(stub: Any, size: int, count: int) -> float:
    """Return microseconds per batch, one after the other; keys differ, as those of claims do."""
    requests = []
    for number in range(count):
        request = support.request(*[support.claim()] * size, remaining_ms=60_000)
        told = (hashlib.blake2b(f"{number} {item}".encode(), digest_size=8) for item in range(size))
        request.claim_keys.extend(int.from_bytes(one.digest()) for one in told)
        requests.append(request)
    began = time.perf_counter()
    for request in requests:
        await stub.Score(request)
    return (time.perf_counter() - began) / count * 1e6


async def _measure(rounds: int) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        other = _copy(Path(folder) / "other")
        variants: dict[str, dict[str, Any]] = {
            "stable alone": {},
            "with a shadow": {"shadow_bundle_dir": other},
            "with a canary for 10 %": {"canary_bundle_dir": other, "canary_percent": 10},
            "with both": {"canary_bundle_dir": other, "canary_percent": 10, "shadow_bundle_dir": other},
        }
        for _ in range(rounds):
            for name, options in variants.items():
                chosen = settings.ScoringSettings(bundle_dir=support.BUNDLE, **options)
                async with (
                    compose.compose(chosen) as app,
                    local.LocalChannel(app, caller="claims") as channel,
                ):
                    stub = scoring_pb2_grpc.ScorerStub(channel)
                    await _round(stub, 1, 50)  # caches and threads are warm in a service that serves
                    for size, count in SIZES.items():
                        taken = await _round(stub, size, count)
                        found.setdefault(name, {}).setdefault(str(size), []).append(taken)
    return found


def main() -> None:
    """Measure, print a table, write the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    found = asyncio.run(_measure(parser.parse_args().rounds))
    print("| µs per batch | " + " | ".join(f"{size} claims" for size in SIZES) + " |")
    print("|-|" + "-|" * len(SIZES))
    for name, sizes in found.items():
        print(f"| {name} | " + " | ".join(f"{statistics.median(one):,.0f}" for one in sizes.values()) + " |")
    keeping.keep("arms", rounds=found)


if __name__ == "__main__":
    main()
