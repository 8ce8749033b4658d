"""Killed processes are normal life: nothing acknowledged is lost or doubled, and nothing is left behind."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

import platform_support

ROOMS = ("gateway", "claims", "scoring", "storage", "postgresql")

pytestmark = [pytest.mark.xdist_group("platform-faults"), pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def platform() -> Iterator[platform_support.Platform]:
    """One platform for the module; each test leaves it running."""
    with platform_support.platform() as running:
        yield running


class _Sender:
    """Sends claims until told to end, each again until it is acknowledged; remembers the ids it was given."""

    def __init__(self, platform: platform_support.Platform, first: int) -> None:
        self.acknowledged: dict[str, str] = {}
        self._platform, self._next = platform, first
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(90)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        while not self._ending.is_set():
            body = platform_support.claim(self._next)
            status, answer, _ = self._platform.post("/api/v1/claims", body)
            if status in {200, 201}:
                decision = json.loads(answer)
                self.acknowledged[decision["claim_id"]] = decision["id"]
                self._next += 1

    def wait_for(self, more: int) -> None:
        wanted = len(self.acknowledged) + more
        self._platform.wait_until(lambda: len(self.acknowledged) >= wanted, f"{more} more acknowledged")


def _stored(platform: platform_support.Platform) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    cursor = ""
    while True:
        path = f"/api/v1/claims?limit=1000{f'&cursor={cursor}' if cursor else ''}"
        status, body = platform.get(path)
        assert status == 200, body
        page = json.loads(body)
        for row in page["items"]:
            found.setdefault(row["claim_id"], []).append(row["id"])
        cursor = page.get("next_cursor") or ""
        if not cursor:
            return found


@pytest.mark.parametrize(("number", "room"), list(enumerate(ROOMS)))
def test_a_killed_process_loses_and_doubles_nothing(
    platform: platform_support.Platform, number: int, room: str
) -> None:
    """A kill -9 while claims are sent: each acknowledged claim is there exactly once, the chain holds."""
    with _Sender(platform, first=100_000 * (number + 1)) as sender:
        sender.wait_for(20)
        victim = platform.room_pid(room)
        os.kill(victim, signal.SIGKILL)
        sender.wait_for(20)
    platform.wait_until(lambda: platform.room_pid(room) != victim, f"{room} started again")
    stored = _stored(platform)
    for claim_id, identifier in sender.acknowledged.items():
        assert stored.get(claim_id) == [identifier]
    done = platform.command("verify-audit")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Merkle root" in done.stdout


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
