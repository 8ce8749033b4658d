"""The embedded PostgreSQL as a child that the supervisor keeps alive."""

import asyncio
from typing import Protocol

POLL_S = 0.1  # how soon a dead server is noticed


class Server(Protocol):
    """What storage's embedded database can be asked."""

    @property
    def pid(self) -> int | None:
        """The server's process id while it has one."""
        ...

    def poll(self) -> int | None:
        """Return None while it runs, its exit code once it ended."""
        ...

    def restart(self) -> None:
        """Start it again; from the main thread."""
        ...

    def stop(self) -> None:
        """Stop it in the fast way."""
        ...


class DatabaseChild:
    """Already running when the supervisor gets it; the first start therefore does nothing."""

    name = "postgresql"

    def __init__(self, server: Server) -> None:
        self._server = server
        self._started = False

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._server.pid

    async def start(self) -> None:
        """Start it again unless it runs; blocks the loop for the fraction of a second that takes."""
        if self._started:
            self._server.restart()
        self._started = True

    async def wait(self) -> int:
        """Return its exit code once it has ended."""
        while (code := self._server.poll()) is None:  # noqa: ASYNC110 - a foreign process gives no event
            await asyncio.sleep(POLL_S)
        return code

    async def stop(self, grace_s: float) -> None:  # noqa: ARG002 - PostgreSQL has its own grace
        """Stop it: sessions end, one checkpoint is written."""
        self._server.stop()
