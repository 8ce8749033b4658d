"""The scoring process as it runs in production: started, asked over a socket by a signed service, stopped."""

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import scoring_support as support
from chassis import channels, errors, identity
from chassis import clock as clocks
from ultrathink.scoring.v1 import scoring_pb2, scoring_pb2_grpc

PATIENCE_SECONDS = 60  # imports, bundle and warm-up on a busy machine


@asynccontextmanager
async def process(**environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `python -m scoring`; it is gone when the block ends."""
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "scoring",
        cwd=support.ROOT,
        env={**os.environ, **environment},
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


@asynccontextmanager
async def served(
    folder: Path, caller: str
) -> AsyncIterator[tuple[grpc.aio.Channel, asyncio.subprocess.Process]]:
    """Run the process over the repository's bundle and yield a channel that proves this caller."""
    keys = identity.create_keys(folder / "keys", ["claims", "gateway"])
    signer = identity.signer(caller, keys.private[caller], clocks.SystemClock())
    async with process(ULTRATHINK_SERVICE_KEYS_FILE=str(keys.public)) as started:
        assert started.stderr is not None
        line: dict[str, object] = {}
        while line.get("event") != "serving":
            line = json.loads(await started.stderr.readline())
        async with channels.open_channel(f"127.0.0.1:{line['port']}", signer=signer) as channel:
            yield channel, started


async def test_it_serves_the_claims_service_and_leaves_on_sigterm(tmp_path: Path):
    """A signed call is scored as in the process, health says serving, SIGTERM ends it with 0."""
    async with served(tmp_path, "claims") as (channel, started):
        health = await health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(service="ultrathink.scoring.v1.Scorer")
        )
        assert health.status == health_pb2.HealthCheckResponse.SERVING
        answer = await scoring_pb2_grpc.ScorerStub(channel).Score(support.request(support.costly()))
        (expected,) = support.scored(support.costly())
        assert answer.claims[0].probability == pytest.approx(expected.probability, abs=1e-6)
        started.send_signal(signal.SIGTERM)
        assert await started.wait() == 0


async def test_it_refuses_a_service_it_does_not_serve(tmp_path: Path):
    """The gateway proves who it is, and may not call."""
    async with served(tmp_path, "gateway") as (channel, _):
        with pytest.raises(errors.Denied) as refused:
            await scoring_pb2_grpc.ScorerStub(channel).GetModel(scoring_pb2.GetModelRequest())
        assert refused.value.reason == "caller.not_allowed"


async def test_a_tampered_bundle_keeps_it_from_starting(tmp_path: Path):
    """One changed file: the process ends at once, not 0, and its log says why without a stack of secrets."""
    bundle = Path(shutil.copytree(support.BUNDLE, tmp_path / "bundle"))
    (bundle / "reasons.json").write_text("[]")
    async with process(ULTRATHINK_BUNDLE_DIR=str(bundle)) as started:
        _, log = await started.communicate()
        assert started.returncode not in (0, None)
        assert b"bundle.tampered" in log
