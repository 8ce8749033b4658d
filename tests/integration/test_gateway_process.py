"""The gateway as a process of its own: it starts, says where, drains on SIGTERM, refuses what is unsafe."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

import gateway_support as support
from chassis import clock as clocks
from chassis import tokens


@asynccontextmanager
async def process(folder: Path, **settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `python -m gateway` with these settings and nothing else of ours in its environment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ULTRATHINK_")}
    own = {f"ULTRATHINK_{name.upper()}": value for name, value in settings.items()}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", cwd=folder, env=inherited | own, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def address(child: asyncio.subprocess.Process) -> str:
    """Return the address that the process logs when it serves."""
    assert child.stderr is not None
    while line := await asyncio.wait_for(child.stderr.readline(), 30):
        told = json.loads(line)
        if told["event"] == "serving":
            return f"http://{told['bind']}"
    raise AssertionError("the process ended")


async def test_a_process_serves_and_drains(tmp_path: Path) -> None:
    """It publishes its address, tells the truth about claims, ends an open stream and leaves with 0."""
    issuer = tokens.DevelopmentIssuer(tmp_path / "issuer.pem", clocks.SystemClock())
    token = issuer.issue(tenant="demo", subject="b", roles=("biller",))
    file = tmp_path / "address"
    told = {
        "http_bind": "127.0.0.1:0",
        "http_address_file": str(file),
        "development_keys_file": str(issuer.public_file),
        "claims_target": "127.0.0.1:9",
    }
    async with process(tmp_path, **told) as child:
        async with httpx2.AsyncClient(base_url=await address(child)) as client:
            assert str(client.base_url) == f"http://{file.read_text()}"
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/readyz")).status_code == 503
            refused = await client.get("/api/v1/claims", headers={"authorization": f"Bearer {token}"})
            support.problem(refused, 503, "call.unavailable")
        child.send_signal(signal.SIGTERM)
        _, log = await asyncio.wait_for(child.communicate(), 20)
        assert child.returncode == 0
    lines = [json.loads(line) for line in log.splitlines()]
    assert lines[-1]["event"] == "stopped"
    assert token not in log.decode()


async def test_a_process_without_an_issuer_does_not_start(tmp_path: Path) -> None:
    """It leaves with 1 and names the reason."""
    async with process(tmp_path, http_bind="127.0.0.1:0") as child:
        _, log = await asyncio.wait_for(child.communicate(), 30)
        assert child.returncode == 1
    assert json.loads(log.splitlines()[-1])["exception"][0]["reason"] == "issuer.missing"
