"""The supervisor when starting again goes wrong, and when a shutdown comes in the middle of it."""

import asyncio

import pytest

from chassis import errors, testing
from ultrathink_cli.usecases import supervise

PATIENCE_S = 10.0


class _Child:
    """Dies when told; its starts after the first wait for leave and may fail."""

    name = "storage"

    def __init__(self, troubles: list[Exception] | None = None) -> None:
        self.pid: int | None = None
        self.starts = 0
        self.alive = False
        self.starting = asyncio.Event()
        self.may_start = asyncio.Event()
        self.lived = asyncio.Event()
        self.asked_to_stop = asyncio.Event()
        self._troubles = list(troubles or [])
        self._ended = asyncio.Event()

    async def start(self) -> None:
        self.starts += 1
        if self.starts > 1:
            self.starting.set()
            await self.may_start.wait()
            if self._troubles:
                raise self._troubles.pop()
            self.lived.set()
        self.alive = True
        self._ended.clear()

    async def wait(self) -> int:
        await self._ended.wait()
        return 1

    async def stop(self, grace_s: float) -> None:
        assert grace_s > 0
        self.asked_to_stop.set()
        self.die()

    def die(self) -> None:
        self.alive = False
        self._ended.set()


class _Voice:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


@pytest.mark.parametrize(
    "trouble",
    [
        errors.Unavailable("database.start_failed", "No space left on device"),
        OSError(28, "No space left on device"),
    ],
)
async def test_a_start_that_fails_is_said_and_tried_again(trouble: Exception) -> None:
    """A full disk for a moment does not cost a room for good."""
    child, voice = _Child([trouble]), _Voice()
    child.may_start.set()
    supervisor = supervise.Supervisor([child], voice, testing.ManualClock())
    await supervisor.start()
    child.die()
    await asyncio.wait_for(child.lived.wait(), PATIENCE_S)
    assert supervisor.restarts == {"storage": 2}
    assert "storage cannot be started: No space left on device" in voice.lines
    await asyncio.wait_for(supervisor.stop(), PATIENCE_S)
    assert not child.alive


async def test_a_shutdown_in_the_middle_of_a_start_leaves_nothing_running() -> None:
    """What came up after it was stopped is stopped again, and the shutdown ends."""
    child = _Child()
    supervisor = supervise.Supervisor([child], _Voice(), testing.ManualClock())
    await supervisor.start()
    child.die()
    await asyncio.wait_for(child.starting.wait(), PATIENCE_S)
    stopping = asyncio.create_task(supervisor.stop())
    await asyncio.wait_for(child.asked_to_stop.wait(), PATIENCE_S)
    child.may_start.set()
    await asyncio.wait_for(stopping, PATIENCE_S)
    assert child.starts == 2
    assert not child.alive
