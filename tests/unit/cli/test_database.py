"""The embedded database as a child of the supervisor."""

import asyncio

from ultrathink_cli.outbound import database


class _Server:
    """A server that ends when told to."""

    def __init__(self) -> None:
        self.pid: int | None = 7
        self.code: int | None = None
        self.restarts = 0
        self.stops = 0
        self.polled = asyncio.Event()

    def poll(self) -> int | None:
        self.polled.set()
        return self.code

    def restart(self) -> None:
        self.restarts += 1
        self.code = None

    def stop(self) -> None:
        self.stops += 1
        self.code = 0


async def test_the_first_start_finds_it_running() -> None:
    """It was started to be prepared, so the supervisor's first start does nothing."""
    server = _Server()
    child = database.DatabaseChild(server)
    await child.start()
    assert (server.restarts, child.pid, child.name) == (0, 7, "postgresql")


async def test_a_later_start_starts_it_again() -> None:
    """A database that died comes back like every other child."""
    server = _Server()
    child = database.DatabaseChild(server)
    await child.start()
    await child.start()
    assert server.restarts == 1


async def test_waiting_ends_with_its_exit_code() -> None:
    """A death is noticed while it is watched, not only before."""
    server = _Server()
    waiting = asyncio.create_task(database.DatabaseChild(server).wait())
    await asyncio.wait_for(server.polled.wait(), 5)
    assert not waiting.done()
    server.code = -9
    assert await asyncio.wait_for(waiting, 5) == -9


async def test_stopping_asks_the_server_once() -> None:
    """PostgreSQL writes its checkpoint by its own rules."""
    server = _Server()
    child = database.DatabaseChild(server)
    await child.stop(1.0)
    assert server.stops == 1
    assert await asyncio.wait_for(child.wait(), 5) == 0
