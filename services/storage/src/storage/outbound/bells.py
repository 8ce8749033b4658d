"""Wakes watchers when something was published: at once in this process, by NOTIFY in the others.

NOTIFY is sent beside the transactions, not in them: inside, it would make all commits queue for one lock.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg

from storage.outbound import postgres

CHANNEL = "ultrathink_outbox"
NOTIFY_SECONDS = 0.25  # other processes hear at most this late and this often: telling costs a transaction
RETRY_SECONDS = 1.0  # a lost listener is replaced after this; watchers poll meanwhile


class LocalBell:
    """Implements ports.Bell within one process."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._waiting = 0

    def ring(self) -> None:
        """Wake everyone who waits now; mostly nobody does."""
        if self._waiting:
            self._rung.set()
            self._rung = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Return when rung or after `seconds`."""
        self._waiting += 1
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._rung.wait(), seconds)
        finally:
            self._waiting -= 1


class PostgresBell:
    """Implements ports.Bell across the processes of one database."""

    def __init__(self, dsn: str, database: postgres.Database) -> None:
        self._dsn, self._database = dsn, database
        self._local = LocalBell()
        self._published = asyncio.Event()

    def ring(self) -> None:
        """Wake this process's watchers now, the others' shortly."""
        self._local.ring()
        self._published.set()

    async def wait(self, seconds: float) -> None:
        """Return when rung or after `seconds`."""
        await self._local.wait(seconds)

    async def tell(self) -> None:
        """Send what was rung to the other processes, until cancelled."""
        while True:
            await self._published.wait()
            self._published.clear()
            with contextlib.suppress(Exception):  # watchers elsewhere poll; a lost notice costs them a second
                await self._database.fetch("SELECT pg_notify($1, '')", CHANNEL)
            await asyncio.sleep(NOTIFY_SECONDS)

    async def listen(self) -> None:
        """Ring for what other processes published, until cancelled."""
        while True:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection = await asyncpg.connect(self._dsn, timeout=postgres.CONNECT_SECONDS)
                try:
                    gone = asyncio.Event()
                    connection.add_termination_listener(lambda *_, event=gone: event.set())
                    await connection.add_listener(CHANNEL, lambda *_: self._local.ring())
                    await gone.wait()
                finally:
                    connection.terminate()
            await asyncio.sleep(RETRY_SECONDS)


@contextlib.asynccontextmanager
async def opened(dsn: str, database: postgres.Database) -> AsyncIterator[PostgresBell]:
    """Yield a bell that talks and listens until the end."""
    bell = PostgresBell(dsn, database)
    tasks = [asyncio.create_task(bell.tell()), asyncio.create_task(bell.listen())]
    try:
        yield bell
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
