"""What one room's process pays per claim or message: `hops.py gateway`, `file`, `stream`, `overload`.

gateway: its own process, callers on one side, on the other a neighbour that answers every batch after a while
with as many decisions. file: the same for a file of 100 MB, and the most memory it ever held. stream: one
batch there and its answer back between two processes, nothing else done. overload: more is sent than a
neighbour answers which takes its time for every batch and claim, sleeping, so that a busy machine shows too.
Prints CPU time (user and system, all threads) per claim or exchange.
"""

import argparse
import asyncio
import contextlib
import functools
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import load
import offering
import uvloop

from chassis import apps, channels, identity, server, settings, streams, tokens
from chassis import clock as clocks
from payersim.usecases import simulate
from ultrathink.claims.v1 import claims_pb2, claims_pb2_grpc
from ultrathink_cli.outbound import loopback

METHODS = ("/ultrathink.claims.v1.ClaimIntake/Submit", "/ultrathink.claims.v1.ClaimIntake/StreamFile")
DOCUMENT = b'{"id":"' + b"x" * 900 + b'"}'
CLAIM_ID = "019a0000-0000-7000-8000-000000000001"
CLAIM_BYTES = 1_500
GROUP = 256  # claims of a file answered in one message
FILE_MB = 100
START_SECONDS = 60.0
FEW = 20  # claims a second of a tenant beside one that floods


class Neighbour(claims_pb2_grpc.ClaimIntakeServicer):
    """Answers every batch after a wait in seconds; with a time for `each` claim, one batch after another."""

    def __init__(self, wait: float, each: float = 0.0) -> None:
        self._wait, self._each = wait, each
        self._turns = asyncio.Semaphore(1 if each else 1_000)

    def Submit(self, requests: Any, _: object) -> AsyncIterator[claims_pb2.SubmitResponse]:  # noqa: N802 - gRPC's name
        """Answer the batches of one stream."""
        return streams.serve_batches(requests, self._answer)

    async def StreamFile(self, requests: Any, _: object) -> AsyncIterator[claims_pb2.SubmitResponse]:  # noqa: N802 - gRPC's name
        """Answer a decision per line, a group of lines in one message."""
        answers = claims_pb2.SubmitResponse(results=[_decision("") for _ in range(GROUP)])
        lines = 0
        async for chunk in requests:
            lines += chunk.data.count(b"\n")
            while lines >= GROUP:
                lines -= GROUP
                yield answers
        yield claims_pb2.SubmitResponse(results=answers.results[:lines])

    async def _answer(self, request: claims_pb2.SubmitRequest) -> claims_pb2.SubmitResponse:
        if self._wait or self._each:
            async with self._turns:
                await asyncio.sleep(self._wait + self._each * len(request.items))
        return claims_pb2.SubmitResponse(results=[_decision(item.context.item_id) for item in request.items])


def _decision(item_id: str) -> claims_pb2.SubmitResult:
    rendered = claims_pb2.Rendered(body=DOCUMENT, media_type="application/json")
    return claims_pb2.SubmitResult(
        item_id=item_id, rendered=rendered, claim_id=CLAIM_ID, verdict=claims_pb2.VERDICT_ACCEPT
    )


def _neighbour_of(wait: float, each: float) -> Neighbour:
    return Neighbour(wait, each)  # type: ignore[abstract]  # its other methods are not called


async def _neighbour(keys: Path, port: int, aside: int, wait: float, each: float) -> None:
    answers = _neighbour_of(wait, each)

    async def ready() -> apps.Readiness:
        return apps.Readiness(ok=True)

    app = apps.App(
        name="claims",
        register=lambda doors: claims_pb2_grpc.add_ClaimIntakeServicer_to_server(answers, doors),
        service_names=("ultrathink.claims.v1.ClaimIntake",),
        callers=dict.fromkeys(METHODS, frozenset({"gateway"})),
        ready=ready,
    )
    where = settings.ServiceSettings(
        grpc_bind=f"127.0.0.1:{port}",
        streams_bind=f"127.0.0.1:{aside}",
        service_keys_file=keys / identity.KEYS_FILE,
    )
    async with server.serving(app, where):
        print("up", flush=True)
        await asyncio.get_running_loop().create_future()


def _cpu(pid: int) -> float:
    """Return the CPU seconds of a process's threads so far."""
    ran = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            ran += int((thread / "schedstat").read_text().split()[0])
    return ran / 1e9


@contextlib.contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, *command], env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def _neighbour_process(keys: Path, wait: float, each: float = 0.0) -> Iterator[tuple[int, str, str]]:
    """Yield a neighbour's process id, its gRPC server and its door for batch streams."""
    port, aside = loopback.free(2)
    command = [__file__, "neighbour", str(keys), str(port), str(aside), str(wait), str(each)]
    with _running(command, {}) as process:
        assert process.stdout is not None
        while process.stdout.readline() != "up\n":
            assert process.poll() is None, "the neighbour did not start"
        yield process.pid, f"127.0.0.1:{port}", f"127.0.0.1:{aside}"


def _templates(folder: Path) -> list[bytes]:
    simulate.simulate(500, 12, folder, regimes=("base",))
    lines = (folder / "claims.ndjson").read_bytes().splitlines()
    return [
        re.sub(rb'"claim_id":"[^"]*"', b'"claim_id":"' + load.ID_MARK + b'"', line, count=1) for line in lines
    ]


@contextlib.contextmanager
def _gateway_process(options: argparse.Namespace, folder: Path) -> Iterator[tuple[int, int, list[str]]]:
    """Run a gateway before a neighbour; yields its process id, its port and tokens of two tenants."""
    keys = identity.create_keys(folder / "keys", ["gateway", "claims"])
    issuer = tokens.DevelopmentIssuer(folder / "issuer.pem", clocks.SystemClock())
    told = [issuer.issue(tenant=name, subject="bench", roles=("biller",)) for name in ("demo", "other")]
    (http,) = loopback.free(1)
    opened = folder / "opened"
    wait, each = options.wait_ms / 1000, options.each_ms / 1000
    with _neighbour_process(folder / "keys", wait, each) as (_, target, aside):
        environment = {
            "ULTRATHINK_HTTP_BIND": f"127.0.0.1:{http}",
            "ULTRATHINK_HTTP_ADDRESS_FILE": str(opened),
            "ULTRATHINK_CLAIMS_TARGET": target,
            "ULTRATHINK_CLAIMS_STREAMS": aside,
            "ULTRATHINK_DEVELOPMENT_KEYS_FILE": str(issuer.public_file),
            "ULTRATHINK_SERVICE_KEY_FILE": str(keys.private["gateway"]),
            "ULTRATHINK_SERVICE_KEYS_FILE": str(keys.public),
        }
        with _running(["-m", "gateway"], environment) as process:
            ends = time.monotonic() + START_SECONDS
            while not opened.exists():
                assert process.poll() is None, "the gateway did not start"
                assert time.monotonic() < ends, "the gateway took too long to start"
                time.sleep(0.05)
            yield process.pid, http, told


def gateway(options: argparse.Namespace, folder: Path) -> None:
    """Print what a claim costs the gateway's process."""
    with _gateway_process(options, folder) as (pid, http, (token, _)):
        crowd = load.Crowd(http, "/api/v1/claims", _templates(folder / "claims"), token)
        asyncio.run(crowd.run(options.callers, 1.0))
        costs = []
        for _ in range(options.rounds):
            before = _cpu(pid)
            told = asyncio.run(crowd.run(options.callers, options.seconds))
            assert told.latencies
            assert not told.failed
            costs.append(1e6 * (_cpu(pid) - before) / len(told.latencies))
    print(
        f"{options.callers} callers: {statistics.median(costs):.0f} us CPU per claim",
        [round(c) for c in costs],
    )


def file(options: argparse.Namespace, folder: Path) -> None:
    """Print what a claim of a file costs the gateway's process, and the most memory it ever held."""
    with _gateway_process(options, folder) as (pid, http, (token, _)):
        block = b"\n".join(_templates(folder / "claims")) + b"\n"
        blocks = FILE_MB * 1_000_000 // len(block) + 1
        claims = blocks * block.count(b"\n")
        head = (
            f"POST /api/v1/claims HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\n"
            f"Authorization: Bearer {token}\r\nContent-Length: {blocks * len(block)}\r\n\r\n"
        ).encode()
        for _ in range(options.rounds):
            before, began = _cpu(pid), time.perf_counter()
            answered = asyncio.run(_upload(http, head, block, blocks))
            assert answered == claims, (answered, claims)
            cost, took = 1e6 * (_cpu(pid) - before) / claims, time.perf_counter() - began
            held = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
            assert held is not None
            print(
                f"{claims:,} claims, {blocks * len(block) / 1e6:.0f} MB: {cost:.1f} us CPU per claim,"
                f" {claims / took:,.0f} claims/s, at most {int(held[1]) / 1024:.0f} MB"
            )


async def _upload(http: int, head: bytes, block: bytes, blocks: int) -> int:
    """Send a file and read its answers at once; return how many there were."""
    reader, writer = await asyncio.open_connection("127.0.0.1", http)

    async def send() -> None:
        writer.write(head)
        for _ in range(blocks):
            writer.write(block)
            await writer.drain()

    sending = asyncio.create_task(send())
    assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
    lines = 0
    while size := int((await reader.readline()).strip(), 16):
        lines += (await reader.readexactly(size + 2)).count(b"\n") - 1
    await sending
    writer.close()
    return lines


def stream(options: argparse.Namespace, folder: Path) -> None:
    """Print what one exchange of a batch stream costs both ends."""
    keys = identity.create_keys(folder / "keys", ["gateway", "claims"])
    with _neighbour_process(folder / "keys", 0.0) as (pid, target, aside):
        ways = {"gRPC at both ends": "", "ours to gRPC": target, "ours at both ends": aside}
        for _ in range(options.rounds):
            for name, door in ways.items():
                told = uvloop.run(_exchanges(keys, pid, (target, door), options.seconds))
                mine, theirs, clock = told
                print(f"{name}: client {mine:.0f}, server {theirs:.0f}, clock {clock:.0f} us per exchange")


async def _exchanges(
    keys: identity.KeyFiles, pid: int, where: tuple[str, str], seconds: float
) -> tuple[float, float, float]:
    """Measure exchanges with the gRPC server, or through the door for streams where one is given."""
    clock = clocks.SystemClock()
    target, door = where
    signer = identity.signer("gateway", keys.private["gateway"], clock)
    async with channels.open_channel(target, signer=signer, streams=door) as channel:
        submit = claims_pb2_grpc.ClaimIntakeStub(channel).Submit
        # What is no method of a channel is called through iterators: gRPC's own way.
        batches: streams.BatchStream[claims_pb2.SubmitRequest, claims_pb2.SubmitResponse] = (
            streams.BatchStream(submit if door else functools.partial(submit), clock=clock)
        )
        raw = claims_pb2.RawClaim(body=b"x" * CLAIM_BYTES)

        async def exchange() -> None:
            request = claims_pb2.SubmitRequest(items=[claims_pb2.SubmitItem(raw=raw)])
            await batches.exchange(request, deadline=clock.monotonic() + 10)

        for _ in range(200):
            await exchange()
        done, began, mine, theirs = 0, time.perf_counter(), time.process_time(), _cpu(pid)
        while time.perf_counter() - began < seconds:
            await exchange()
            done += 1
        spent = time.process_time() - mine, _cpu(pid) - theirs, time.perf_counter() - began
        await batches.aclose()
    return (1e6 * spent[0] / done, 1e6 * spent[1] / done, 1e6 * spent[2] / done)


def overload(options: argparse.Namespace, folder: Path) -> None:
    """Print what is let in past the neighbour's capacity, and how another tenant's few claims fare."""
    with _gateway_process(options, folder) as (pid, http, (flooding, other)):
        templates = _templates(folder / "claims")
        crowd = load.Crowd(http, "/api/v1/claims", templates, flooding)
        asyncio.run(crowd.run(options.callers, 1.0))
        capacity = asyncio.run(crowd.run(options.callers, options.seconds))
        small = offering.Offer(http, "/api/v1/claims", templates, other, "S")
        flood = offering.Offer(http, "/api/v1/claims", templates, flooding, "F")

        async def offered(share: float, few: float) -> tuple[offering.Told, offering.Told]:
            rate = share * capacity.per_second
            return await asyncio.gather(flood.run(rate, options.seconds), small.run(few, options.seconds))

        print(f"{options.callers} callers: {_latency(capacity)}")
        print(f"{FEW}/s alone: {_latency(uvloop.run(small.run(FEW, options.seconds)).good)}")
        for share, few in ((1, 0), (2, 0), (3, 0), (6, 0), (3, FEW)):
            before = _cpu(pid)
            told, beside = uvloop.run(offered(share, few))
            spent, refused = (_cpu(pid) - before) / options.seconds, load.Round(1.0, told.refused)
            print(
                f"{share} x: accepted {_latency(told.good)}; refused {len(told.refused) / told.offered:.0%},"
                f" p50 {refused.quantile(0.5):.1f} ms; gateway {spent:.2f} cores, client"
                f" {told.client / options.seconds:.2f}"
            )
            if few:
                print(f"and {few}/s of another: {_latency(beside.good)}, {beside.statuses['429']} refused")


def _latency(told: load.Round) -> str:
    return f"{told.per_second:,.0f}/s p50 {told.quantile(0.5):.0f} p99 {told.quantile(0.99):.0f} ms"


WORK = {"gateway": gateway, "file": file, "stream": stream, "overload": overload}


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=tuple(WORK))
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--wait-ms", type=float, default=15.0, help="the neighbour's time for a batch")
    parser.add_argument("--each-ms", type=float, default=0.0, help="and for each claim, one after another")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        WORK[options.what](options, Path(folder))


if __name__ == "__main__":
    if sys.argv[1:2] == ["neighbour"]:
        where, ports = Path(sys.argv[2]), map(int, sys.argv[3:5])
        uvloop.run(_neighbour(where, *ports, *map(float, sys.argv[5:])))
    else:
        main()
