"""A platform that is killed or stopped as a whole leaves no process behind and has every claim."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import platform_support

pytestmark = [pytest.mark.xdist_group("platform-faults"), pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def platform() -> Iterator[platform_support.Platform]:
    """One platform for the module; each test leaves it running."""
    with platform_support.platform() as running:
        yield running


def test_killing_up_itself_leaves_no_process_behind_and_the_next_start_has_everything(
    platform: platform_support.Platform,
) -> None:
    """Kill -9 of `ultrathink up`: all children end with it; a new start finds every claim."""
    status, answer, _ = platform.post("/api/v1/claims", platform_support.claim(900_001))
    assert status == 201, answer
    children = platform.descendants()
    assert len(children) >= 5
    platform.stop(signal.SIGKILL)
    ends = time.monotonic() + 15
    while any(Path(f"/proc/{pid}").exists() for pid in children):
        assert time.monotonic() < ends, [
            line for pid, line in children.items() if Path(f"/proc/{pid}").exists()
        ]
        time.sleep(0.05)
    platform.start()
    status, body = platform.get(f"/api/v1/claims/{json.loads(answer)['id']}")
    assert status == 200, body
    assert platform.command("verify-audit").returncode == 0


def test_a_stopped_platform_ends_clean_and_its_chains_verify_from_the_directory(
    platform: platform_support.Platform,
) -> None:
    """SIGTERM drains with exit status 0, and the auditor needs no running platform."""
    assert platform.stop() == 0
    assert not (platform.data / "run.json").exists()
    done = platform.command("verify-audit")
    assert done.returncode == 0, done.stdout + done.stderr
    platform.start()
