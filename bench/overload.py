"""What happens past capacity: offered load in an open loop, and one tenant's file beside another's claims.

`python bench/overload.py --seconds 5` tells latencies of what was accepted, the share refused, how soon it is
over; then a tenant's single claims alone and beside another tenant's file. Raw figures in bench/results.
"""

import argparse
import asyncio
import collections
import os
import re
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import asyncpg
import keeping
import load
import systems
from rich import box, console, table

from payersim.usecases import simulate
from storage.outbound import embedded

SEED = 17
SHARES = (0.5, 1.0, 2.0, 3.0)
CALLERS = 64  # in the closed loop that finds the capacity
LIVE_CALLERS = 4
CONNECTIONS = 4_000  # open at once at most: what the client cannot send is told as "unsent"
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
        steps = [asyncio.run(_offer(ours, templates, capacity * share, options.seconds)) for share in SHARES]
        after = asyncio.run(crowd.run(1, 1.0))
        _show(steps, after)
        fair = _fairness(ours, crowd, systems.token(folder / "ours", OTHER), file, options.seconds)
    return {"capacity": capacity, "steps": steps, "after_p50_ms": after.quantile(0.5), "fairness": fair}


async def _offer(ours: systems.System, templates: list[bytes], rate: float, seconds: float) -> dict[str, Any]:
    """Send at a rate whatever comes back; return what became of it."""
    senders = _Senders(load.Crowd(ours.port, ours.path, templates, ours.token))
    began = time.perf_counter()
    sent = 0
    while (passed := time.perf_counter() - began) < seconds:
        while sent < passed * rate:
            senders.send()
            sent += 1
        await asyncio.sleep(0.002)
    ended = time.perf_counter()
    statuses, accepted = await senders.finish()
    good = load.Round(seconds, accepted)
    return {
        "rate": rate, "offered": sent, "goodput": good.per_second, "statuses": dict(statuses),
        "p50_ms": good.quantile(0.5), "p99_ms": good.quantile(0.99),
        "emptied_s": time.perf_counter() - ended,
    }  # fmt: skip


class _Senders:
    """Connections that are used again when their answer came, and opened when none is free."""

    def __init__(self, crowd: load.Crowd) -> None:
        self._crowd = crowd
        self._free: collections.deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = collections.deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._statuses: collections.Counter[str] = collections.Counter()
        self._accepted: list[float] = []

    def send(self) -> None:
        """Begin one request."""
        if len(self._tasks) >= CONNECTIONS:
            self._statuses["unsent"] += 1
            return
        task = asyncio.create_task(self._one())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> tuple[collections.Counter[str], list[float]]:
        """Wait for every answer; return statuses and the latencies of what was accepted, in seconds."""
        await asyncio.gather(*self._tasks)
        for _, writer in self._free:
            writer.close()
        return self._statuses, self._accepted

    async def _one(self) -> None:
        began = time.perf_counter()
        try:
            pair = self._free.pop() if self._free else await self._crowd.connect()
            status = await self._crowd.ask(*pair)
        except (OSError, asyncio.IncompleteReadError):
            self._statuses["broken"] += 1
            return
        self._free.append(pair)
        self._statuses[str(status)] += 1
        if status in {200, 201}:
            self._accepted.append(time.perf_counter() - began)


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
    connection = await asyncpg.connect(embedded.attached(data).owner_dsn)
    try:
        await connection.execute(
            "INSERT INTO ultrathink.tenants (tenant, display_name, review_threshold, default_regime, active)"
            " VALUES ($1, $1, 0.5, 'base', true)",
            OTHER,
        )
    finally:
        await connection.close()


def _show(steps: list[dict[str, Any]], after: load.Round) -> None:
    columns = ("offered", "claims/s", "accepted/s", "p50 ms", "p99 ms", "429", "other", "empty after")
    view = table.Table(*columns, box=box.SIMPLE_HEAD)
    for share, step in zip(SHARES, steps, strict=True):
        statuses, offered = step["statuses"], step["offered"]
        others = {name: count for name, count in statuses.items() if name not in {"200", "201", "429"}}
        view.add_row(
            f"{share} x", f"{step['rate']:,.0f}", f"{step['goodput']:,.0f}", f"{step['p50_ms']:.0f}",
            f"{step['p99_ms']:.0f}", f"{statuses.get('429', 0) / offered:.0%}", str(others or ""),
            f"{step['emptied_s']:.2f} s",
        )  # fmt: skip
    SCREEN.print(view)
    SCREEN.print(f"one caller right after: p50 {after.quantile(0.5):.1f} ms, {after.failed} refused")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
