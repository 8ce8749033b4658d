"""The supervisor brings back what dies, with growing patience, and ends everything in order."""

import asyncio

import pytest

from chassis import testing
from ultrathink_cli.domain import backoff
from ultrathink_cli.usecases import supervise


class _Child:
    def __init__(self, name: str, journal: list[str]) -> None:
        self.name = name
        self.pid: int | None = None
        self.starts = 0
        self._journal = journal
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.started = asyncio.Event()

    async def start(self) -> None:
        self.starts += 1
        self._ended = asyncio.get_running_loop().create_future()
        self._journal.append(f"start {self.name}")
        self.started.set()

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    async def stop(self, grace_s: float) -> None:
        assert grace_s > 0
        self._journal.append(f"stop {self.name}")
        if not self._ended.done():
            self._ended.set_result(0)

    def die(self, status: int) -> None:
        self.started.clear()
        self._ended.set_result(status)


class _Voice:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


async def test_a_child_that_dies_is_started_again_and_it_is_said() -> None:
    """A crash costs a moment, and the person in front of the terminal learns of it."""
    journal: list[str] = []
    child, voice = _Child("claims", journal), _Voice()
    supervisor = supervise.Supervisor([child], voice, testing.ManualClock())
    await supervisor.start()
    child.die(-9)
    await asyncio.wait_for(child.started.wait(), 5)
    assert child.starts == 2
    assert supervisor.restarts == {"claims": 1}
    assert "signal 9" in voice.lines[0]
    await supervisor.stop()


async def test_children_start_in_order_and_stop_in_reverse() -> None:
    """The database outlives those who need it."""
    journal: list[str] = []
    children = [_Child(name, journal) for name in ("postgresql", "storage", "gateway")]
    supervisor = supervise.Supervisor(children, _Voice(), testing.ManualClock())
    await supervisor.start()
    await supervisor.stop()
    assert journal[:3] == ["start postgresql", "start storage", "start gateway"]
    assert journal[3:] == ["stop gateway", "stop storage", "stop postgresql"]


async def test_what_others_stand_on_may_start_later_and_still_stops_last() -> None:
    """The database is made while the rooms load; at the end it outlives them all the same."""
    journal: list[str] = []
    supervisor = supervise.Supervisor([_Child("gateway", journal)], _Voice(), testing.ManualClock())
    await supervisor.start()
    await supervisor.start_beneath([_Child(name, journal) for name in ("postgresql", "storage")])
    await supervisor.stop()
    assert journal[:3] == ["start gateway", "start postgresql", "start storage"]
    assert journal[3:] == ["stop gateway", "stop storage", "stop postgresql"]
    assert supervisor.restarts == {"gateway": 0, "postgresql": 0, "storage": 0}


async def test_a_child_that_ends_while_stopping_stays_ended() -> None:
    """Nothing is started again behind the back of a shutdown."""
    journal: list[str] = []
    child = _Child("scoring", journal)
    supervisor = supervise.Supervisor([child], _Voice(), testing.ManualClock())
    await supervisor.start()
    await supervisor.stop()
    assert child.starts == 1


async def test_stopping_does_not_wait_for_a_long_back_off() -> None:
    """Ctrl-C during a back-off ends at once."""
    journal: list[str] = []
    child = _Child("gateway", journal)
    supervisor = supervise.Supervisor([child], _Voice(), testing.ManualClock())
    await supervisor.start()
    for _ in range(3):
        child.die(1)
        await asyncio.wait_for(child.started.wait(), 5)
    child.die(1)
    await asyncio.wait_for(supervisor.stop(), 5)
    assert child.starts == 4


def test_the_first_restart_comes_within_two_seconds() -> None:
    """A single crash is mended before a sender notices."""
    assert backoff.Backoff().after(0.0) < 2.0


def test_early_deaths_double_the_wait_up_to_a_bound() -> None:
    """A process that cannot live does not eat the machine."""
    waits = backoff.Backoff()
    seen = [waits.after(0.0) for _ in range(12)]
    assert seen[1] == pytest.approx(2 * seen[0])
    assert max(seen) == backoff.LONGEST_DELAY_S


def test_a_steady_life_starts_the_wait_over() -> None:
    """A crash after a good day counts as the first."""
    waits = backoff.Backoff()
    for _ in range(8):
        waits.after(0.0)
    assert waits.after(backoff.STEADY_AFTER_S) == backoff.FIRST_DELAY_S
