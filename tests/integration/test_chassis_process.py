"""The life of a service process: it starts or says why not, and leaves without losing a call."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import chassis_support as support
from chassis import channels, identity
from chassis import clock as clocks

SUPPORT = Path(__file__).parents[1] / "support"
PATIENCE_SECONDS = 30


@asynccontextmanager
async def process(**environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the service process; it is gone when the block ends."""
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "chassis_process",
        env={**os.environ, "PYTHONPATH": str(SUPPORT), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def serving(started: asyncio.subprocess.Process) -> int:
    """Return the port of a process as soon as its log says that it serves."""
    assert started.stderr is not None
    while True:
        line = json.loads(await started.stderr.readline())
        if line["event"] == "serving":
            return int(line["port"])


def events(log: bytes) -> list[str]:
    """Return the events of a log, each line of which must be JSON."""
    return [json.loads(line)["event"] for line in log.splitlines()]


async def test_sigterm_drains_and_leaves_with_zero(tmp_path: Path) -> None:
    """A call in flight at SIGTERM gets its answer, what was composed is closed, the exit code is 0."""
    keys = identity.create_keys(tmp_path / "keys", [support.CALLER])
    signer = identity.signer(support.CALLER, keys.private[support.CALLER], clocks.SystemClock())
    address = tmp_path / "address"
    async with process(
        ULTRATHINK_SERVICE_KEYS_FILE=str(keys.public), ULTRATHINK_GRPC_ADDRESS_FILE=str(address)
    ) as started:
        port = await serving(started)
        assert address.read_text() == f"127.0.0.1:{port}"
        async with channels.open_channel(f"127.0.0.1:{port}", signer=signer) as channel:
            stub = support.EchoStub(channel)
            assert await support.say(stub, "Unary", "a") == ["A"]
            held = asyncio.ensure_future(support.say(stub, "Unary", "hold"))
            assert started.stdout is not None
            assert await started.stdout.readline() == b"holding\n"
            started.send_signal(signal.SIGTERM)
            assert await held == ["HELD"]
        out, log = await started.communicate()
        assert started.returncode == 0
    assert out == b"closed\n"
    assert events(log) == ["stopped"]


async def test_a_taken_port_is_told_and_leaves_with_one() -> None:
    """A process that cannot listen says so in its log and does not pretend."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        async with process(ULTRATHINK_GRPC_BIND=bind) as started:
            _, log = await started.communicate()
            assert started.returncode == 1
    line = json.loads(log.splitlines()[-1])
    assert line["event"] == "failed"
    assert line["exception"][0]["reason"] == "server.bind_failed"


async def test_a_failure_to_compose_is_told_without_its_text() -> None:
    """What fails at the start is in the log by type and place, and the exit code is 1."""
    async with process(COMPOSE="fails") as started:
        _, log = await started.communicate()
        assert started.returncode == 1
    assert events(log)[-1] == "failed"
    assert b"secret" not in log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_during_the_start_ends_it(number: signal.Signals) -> None:
    """A process that is told to go before it serves goes."""
    async with process(COMPOSE="hangs") as started:
        assert started.stdout is not None
        assert await started.stdout.readline() == b"composing\n"
        started.send_signal(number)
        await started.communicate()
        assert started.returncode == 0
