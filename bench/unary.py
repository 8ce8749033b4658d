"""What a unary call costs at each door of a room: `python bench/unary.py [--callers 64] [--rounds 3]`.

A process answers `GetClaim` with a document of 900 bytes and does nothing else; callers of gRPC's own client
ask at gRPC's door and at ours in turns, and callers of our client at ours. Prints calls per second and CPU
time (user and system, all threads) of server and client per call. Authentication, deadlines and counting are
as in the rooms.
"""

import ultrathink_cli  # noqa: F401, I001 - first, for it sets gRPC up as in `ultrathink up`

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import uvloop

from chassis import apps, channels, collecting, identity, server, settings
from chassis import clock as clocks
from ultrathink.claims.v1 import claims_pb2, claims_pb2_grpc

METHOD = "/ultrathink.claims.v1.ClaimDesk/GetClaim"
DOCUMENT = b'{"id":"' + b"x" * 900 + b'"}'
SECONDS = 5.0  # the deadline of a call
WARM_SECONDS = 0.5


class Desk(claims_pb2_grpc.ClaimDeskServicer):
    """Has one claim."""

    async def GetClaim(self, _: Any, __: Any) -> claims_pb2.GetClaimResponse:  # noqa: N802 - the contract's name
        """Answer with it."""
        return claims_pb2.GetClaimResponse(document=DOCUMENT)


async def serve(keys: Path) -> None:
    """Serve at both doors, and say where."""
    desk = Desk()  # type: ignore[abstract]  # its other methods are not called

    async def ready() -> apps.Readiness:
        return apps.Readiness(ok=True)

    app = apps.App(
        name="claims",
        register=lambda doors: claims_pb2_grpc.add_ClaimDeskServicer_to_server(desk, doors),
        service_names=("ultrathink.claims.v1.ClaimDesk",),
        callers={METHOD: frozenset({"gateway"})},
        ready=ready,
    )
    config = settings.ServiceSettings(streams_bind="127.0.0.1:0", service_keys_file=keys)
    async with server.serving(app, config) as ports:
        collecting.settle()
        print(ports.grpc, ports.streams, flush=True)
        await asyncio.get_running_loop().create_future()


@contextmanager
def serving(keys: Path) -> Iterator[tuple[int, list[str]]]:
    """Serve in a process of its own; yields its number and where it listens."""
    command = [sys.executable, __file__, "--serve", str(keys)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.pid, [f"127.0.0.1:{port}" for port in process.stdout.readline().split()]
        finally:
            process.terminate()


def cpu(pid: int) -> float:
    """Return the CPU microseconds of a process's threads so far."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((one / "schedstat").read_text().split()[0]) for one in threads) / 1e3


async def crowd(ask: Callable[[], Awaitable[Any]], callers: int, seconds: float) -> tuple[int, float]:
    """Return how many calls callers made who ask again once they are answered, and how many a second."""
    began, done = time.perf_counter(), 0

    async def one() -> None:
        nonlocal done
        while time.perf_counter() - began < seconds:
            await ask()
            done += 1

    await asyncio.gather(*(one() for _ in range(callers)))
    return done, done / (time.perf_counter() - began)


async def measure(options: argparse.Namespace, keys: identity.KeyFiles) -> None:
    """Print a line for each way and round."""
    signer = identity.signer("gateway", keys.private["gateway"], clocks.SystemClock())
    assert signer is not None
    with serving(keys.public) as (pid, (target, door)):
        async with (
            grpc.aio.insecure_channel(target) as plain,
            grpc.aio.insecure_channel(door) as beside,
            channels.open_channel(target, signer=signer, streams=door) as ours,
        ):
            ways = {
                "gRPC's client, gRPC's door": plain,
                "gRPC's client, our door": beside,
                "our client": ours,
            }
            for place in range(options.rounds + 1):
                for name, channel in ways.items():
                    proof = () if channel is ours else (signer.metadata(METHOD),)
                    theirs, mine = cpu(pid), time.process_time()
                    seconds = options.seconds if place else WARM_SECONDS
                    done, rate = await crowd(asking(channel, proof), options.callers, seconds)
                    spent = (cpu(pid) - theirs) / done, 1e6 * (time.process_time() - mine) / done
                    if place:
                        told = f"{rate:>7,.0f}/s, server {spent[0]:.0f} us, client {spent[1]:.0f} us"
                        print(f"{name:<28} {told}")


def asking(channel: grpc.aio.Channel, proof: tuple[Any, ...]) -> Callable[[], Awaitable[Any]]:
    """Return what makes a call."""
    stub: Any = claims_pb2_grpc.ClaimDeskStub(channel)
    request = claims_pb2.GetClaimRequest(id="019a0000-0000-7000-8000-000000000001")
    return lambda: stub.GetClaim(request, timeout=SECONDS, metadata=proof)


def main() -> None:
    """Measure, or serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--callers", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        collecting.rest()
        uvloop.run(serve(options.serve))
        return
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(measure(options, identity.create_keys(Path(folder), ["gateway", "claims"])))


if __name__ == "__main__":
    main()
