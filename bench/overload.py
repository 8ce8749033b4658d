"""What happens past capacity: offered load in an open loop, and one tenant's claims beside another's.

`python bench/overload.py --seconds 5` tells latencies of what was accepted, the share refused, how soon it is
over; then a tenant's single claims alone, beside another tenant's flood of single claims, and beside its
file. Raw figures in bench/results.
"""

import argparse
import asyncio
import os
import re
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import keeping
import load
import offering
import systems
import uvloop
from rich import box, console, table

from payersim.usecases import simulate
from storage import compose as storage_compose

SEED = 17
SHARES = (0.5, 1.0, 2.0, 3.0)
CALLERS = 64  # in the closed loop that finds the capacity
LIVE_CALLERS = 4
SMALL_RATE = 20  # claims a second of the tenant beside the one that floods
OTHER = "bulk"
SCREEN = console.Console(width=120)


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each step")
    parser.add_argument("--bulk", type=int, default=20_000, help="claims in the other tenant's file")
    options = parser.parse_args()
    base = "/var/tmp" if os.geteuid() == 0 else None  # noqa: S108 - the database's own user must reach the folder
    with tempfile.TemporaryDirectory(prefix="ultrathink-overload-", dir=base) as folder:
        Path(folder).chmod(0o755)
        raw = _measure(Path(folder), options)
    SCREEN.print(f"raw figures in {keeping.keep('overload', options=vars(options), **raw)}")


def _measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    simulate.simulate(options.bulk, SEED, folder / "claims", regimes=("base",))
    file = (folder / "claims" / "claims.ndjson").read_bytes()
    templates = _templates(file.splitlines())
    with systems.ours(folder / "ours", single=False) as ours:
        asyncio.run(_add_tenant(folder / "ours"))
        crowd = load.Crowd(ours.port, ours.path, templates, ours.token)
        asyncio.run(crowd.run(8, 3.0))
        capacity = asyncio.run(crowd.run(CALLERS, options.seconds)).per_second
        SCREEN.print(f"capacity with {CALLERS} callers: {capacity:,.0f} claims/s")
        steps = [_offer(ours, templates, capacity * share, options.seconds) for share in SHARES]
        after = asyncio.run(crowd.run(1, 1.0))
        _show(steps, after, capacity)
        other = systems.token(folder / "ours", OTHER)
        flood = _beside_flood(ours, templates, other, capacity * SHARES[-1], options.seconds)
        fair = _fairness(ours, crowd, other, file, options.seconds)
    return {
        "capacity": capacity, "steps": steps, "after_p50_ms": after.quantile(0.5), "beside_flood": flood,
        "fairness": fair,
    }  # fmt: skip


def _offer(ours: systems.System, templates: list[bytes], rate: float, seconds: float) -> dict[str, Any]:
    """Send at a rate whatever comes back; return what became of it."""
    offer = offering.Offer(ours.port, ours.path, templates, ours.token, "O")
    return _told(uvloop.run(offer.run(rate, seconds)))


def _told(told: offering.Told) -> dict[str, Any]:
    good, refused = told.good, load.Round(told.seconds, told.refused)
    return {
        "rate": told.rate, "offered": told.offered, "goodput": good.per_second,
        "statuses": dict(told.statuses), "p50_ms": good.quantile(0.5), "p99_ms": good.quantile(0.99),
        "refused_p50_ms": refused.quantile(0.5), "refused_p99_ms": refused.quantile(0.99),
        "emptied_s": told.emptied, "client_us": 1e6 * told.client / max(1, told.offered),
        "client_cores": told.client / (told.seconds + told.emptied),
    }  # fmt: skip


def _beside_flood(
    ours: systems.System, templates: list[bytes], token: str, rate: float, seconds: float
) -> dict[str, Any]:
    """Measure a few claims a second of one tenant alone, then while another tenant floods the door."""
    small = offering.Offer(ours.port, ours.path, templates, token, "S")
    flood = offering.Offer(ours.port, ours.path, templates, ours.token, "F")
    alone = uvloop.run(small.run(SMALL_RATE, seconds))

    async def together() -> tuple[offering.Told, offering.Told]:
        return await asyncio.gather(small.run(SMALL_RATE, seconds), flood.run(rate, seconds))

    beside, flooding = uvloop.run(together())
    ratio = beside.good.quantile(0.99) / alone.good.quantile(0.99)
    SCREEN.print(
        f"{SMALL_RATE} claims/s of one tenant: p99 {alone.good.quantile(0.99):.1f} ms alone,"
        f" {beside.good.quantile(0.99):.1f} ms while another floods ({ratio:.1f} x, goal at most 3),"
        f" {beside.statuses.get('429', 0)} of {beside.offered} refused"
    )
    return {"alone": _told(alone), "beside": _told(beside), "flood": _told(flooding), "ratio_p99": ratio}


def _fairness(
    ours: systems.System, crowd: load.Crowd, token: str, file: bytes, seconds: float
) -> dict[str, float]:
    """Measure one tenant's single claims alone, then while another tenant's file is received."""
    alone = asyncio.run(crowd.run(LIVE_CALLERS, seconds))

    async def together() -> tuple[load.Round, float]:
        upload = asyncio.create_task(asyncio.to_thread(_upload, ours, token, file))
        beside = load.Round(0.0)
        while not upload.done():
            part = await crowd.run(LIVE_CALLERS, 0.5)
            beside.latencies += part.latencies
            beside.failed += part.failed
        return beside, await upload

    beside, took = asyncio.run(together())
    told = {
        "alone_p50_ms": alone.quantile(0.5), "alone_p99_ms": alone.quantile(0.99),
        "beside_p50_ms": beside.quantile(0.5), "beside_p99_ms": beside.quantile(0.99),
        "ratio_p99": beside.quantile(0.99) / alone.quantile(0.99), "refused": float(beside.failed),
        "bulk_per_second": file.count(b"\n") / took,
    }  # fmt: skip
    SCREEN.print(
        f"{LIVE_CALLERS} callers: p99 {told['alone_p99_ms']:.1f} ms alone, {told['beside_p99_ms']:.1f} ms"
        f" beside another tenant's file ({told['ratio_p99']:.1f} x, goal at most 3), {beside.failed} refused"
    )
    return told


def _upload(ours: systems.System, token: str, file: bytes) -> float:
    headers = {"Content-Type": "application/x-ndjson", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"http://127.0.0.1:{ours.port}{ours.path}", file, headers)
    began = time.perf_counter()
    with urllib.request.urlopen(request, timeout=600) as answer:  # noqa: S310 - our own loopback address
        for line in answer:
            assert b'"verdict"' in line, line
    return time.perf_counter() - began


def _templates(lines: list[bytes]) -> list[bytes]:
    patient = re.compile(rb'"patient":\{"id":"[^"]*"')
    marked = b'"patient":{"id":"' + load.ID_MARK + b'"'
    bodies = (patient.sub(marked, line[line.index(b',"type"') :]) for line in lines[:500])
    return [b'{"claim_id":"' + load.ID_MARK + b'"' + body for body in bodies]


async def _add_tenant(data: Path) -> None:
    async with storage_compose.tenants(data) as tenants:
        await tenants.add(OTHER, display_name=OTHER, review_threshold=0.5, default_regime="base")


def _show(steps: list[dict[str, Any]], after: load.Round, capacity: float) -> None:
    columns = (
        "offered", "claims/s", "accepted/s", "of capacity", "p50 ms", "p99 ms", "429", "429 p50 ms", "other",
        "empty after", "client",
    )  # fmt: skip
    view = table.Table(*columns, box=box.SIMPLE_HEAD)
    for share, step in zip(SHARES, steps, strict=True):
        statuses, offered = step["statuses"], step["offered"]
        others = {name: count for name, count in statuses.items() if name not in {"200", "201", "429"}}
        view.add_row(
            f"{share} x", f"{step['rate']:,.0f}", f"{step['goodput']:,.0f}",
            f"{step['goodput'] / capacity:.0%}", f"{step['p50_ms']:.0f}", f"{step['p99_ms']:.0f}",
            f"{statuses.get('429', 0) / offered:.0%}", f"{step['refused_p50_ms']:.1f}", str(others or ""),
            f"{step['emptied_s']:.2f} s", f"{step['client_cores']:.2f} cores",
        )  # fmt: skip
    SCREEN.print(view)
    SCREEN.print(f"one caller right after: p50 {after.quantile(0.5):.1f} ms, {after.failed} refused")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
