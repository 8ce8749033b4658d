"""What one room's process pays per claim or message: `hops.py gateway` and `hops.py stream`.

gateway: its own process, callers on one side, on the other a neighbour that answers every batch after a while
with as many decisions. stream: one batch there and its answer back between two processes, nothing else done.
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
import uvloop

from chassis import apps, channels, identity, server, settings, streams, tokens
from chassis import clock as clocks
from payersim.usecases import simulate
from ultrathink.claims.v1 import claims_pb2, claims_pb2_grpc
from ultrathink_cli.outbound import loopback

METHOD = "/ultrathink.claims.v1.ClaimIntake/Submit"
DOCUMENT = b'{"id":"' + b"x" * 900 + b'"}'
CLAIM_ID = "019a0000-0000-7000-8000-000000000001"
CLAIM_BYTES = 1_500
START_SECONDS = 60.0


class Neighbour(claims_pb2_grpc.ClaimIntakeServicer):
    """Answers every batch with decisions, after a wait in seconds."""

    def __init__(self, wait: float) -> None:
        self._wait = wait

    def Submit(self, requests: Any, _: object) -> AsyncIterator[claims_pb2.SubmitResponse]:  # noqa: N802 - gRPC's name
        """Answer the batches of one stream."""
        return streams.serve_batches(requests, self._answer)

    async def _answer(self, request: claims_pb2.SubmitRequest) -> claims_pb2.SubmitResponse:
        if self._wait:
            await asyncio.sleep(self._wait)
        rendered = claims_pb2.Rendered(body=DOCUMENT, media_type="application/json")
        return claims_pb2.SubmitResponse(
            results=[
                claims_pb2.SubmitResult(
                    item_id=item.context.item_id,
                    rendered=rendered,
                    claim_id=CLAIM_ID,
                    verdict=claims_pb2.VERDICT_ACCEPT,
                )
                for item in request.items
            ]
        )


def _neighbour_of(wait: float) -> Neighbour:
    return Neighbour(wait)  # type: ignore[abstract]  # its other methods are not called


async def _neighbour(keys: Path, port: int, aside: int, wait: float) -> None:
    async def ready() -> apps.Readiness:
        return apps.Readiness(ok=True)

    app = apps.App(
        name="claims",
        register=lambda doors: claims_pb2_grpc.add_ClaimIntakeServicer_to_server(_neighbour_of(wait), doors),
        service_names=("ultrathink.claims.v1.ClaimIntake",),
        callers={METHOD: frozenset({"gateway"})},
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
def _neighbour_process(keys: Path, wait: float) -> Iterator[tuple[int, str, str]]:
    """Yield a neighbour's process id, its gRPC server and its door for batch streams."""
    port, aside = loopback.free(2)
    with _running([__file__, "neighbour", str(keys), str(port), str(aside), str(wait)], {}) as process:
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


def gateway(options: argparse.Namespace, folder: Path) -> None:
    """Print what a claim costs the gateway's process."""
    keys = identity.create_keys(folder / "keys", ["gateway", "claims"])
    issuer = tokens.DevelopmentIssuer(folder / "issuer.pem", clocks.SystemClock())
    token = issuer.issue(tenant="demo", subject="bench", roles=("biller",))
    (http,) = loopback.free(1)
    opened = folder / "opened"
    with _neighbour_process(folder / "keys", options.wait_ms / 1000) as (_, target, aside):
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
            crowd = load.Crowd(http, "/api/v1/claims", _templates(folder / "claims"), token)
            asyncio.run(crowd.run(options.callers, 1.0))
            costs = []
            for _ in range(options.rounds):
                before = _cpu(process.pid)
                told = asyncio.run(crowd.run(options.callers, options.seconds))
                assert told.latencies
                assert not told.failed
                costs.append(1e6 * (_cpu(process.pid) - before) / len(told.latencies))
    print(
        f"{options.callers} callers: {statistics.median(costs):.0f} us CPU per claim",
        [round(c) for c in costs],
    )


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


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("gateway", "stream"))
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--wait-ms", type=float, default=15.0, help="the neighbour's time for a batch")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        {"gateway": gateway, "stream": stream}[options.what](options, Path(folder))


if __name__ == "__main__":
    if sys.argv[1:2] == ["neighbour"]:
        uvloop.run(_neighbour(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])))
    else:
        main()
