"""The one narrow door to PostgreSQL: a pool, tenants of a transaction, and the translation of its errors."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any

import asyncpg
from asyncpg import pool as pools
from asyncpg import prepared_stmt

from chassis import errors

APPLICATION_ROLE = "ultrathink_app"
SCHEMA = "ultrathink"
RETRY_AFTER_MS = 500  # a restarted server is back within a second or two
CONNECT_SECONDS = 10.0
TENANT = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")  # what the table of tenants admits: no comma, no quote

# The first two characters of an SQLSTATE.
PASSING = frozenset({"08", "25", "40", "53", "55", "57", "58"})  # connection, state, rollback, locks
REFUSED = frozenset({"22", "23", "54"})  # data, constraints, limits


MOVED = "UT001"  # raised by record_batch


class ChainMovedError(Exception):
    """Somebody else appended to the chain; nothing was written."""


class Connection(asyncpg.Connection):
    """A connection that needs no cleaning between users: every setting of ours ends with its transaction."""

    def get_reset_query(self) -> str:
        """Return nothing: the default costs one more round trip per batch."""
        return ""


type Lent = pools.PoolConnectionProxy


class _Translated:
    """Turns PostgreSQL's errors into faults; one for all, since it keeps nothing."""

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(
        self, kind: type[BaseException] | None, cause: BaseException | None, _: TracebackType | None
    ) -> None:
        if isinstance(cause, asyncpg.PostgresError):
            raise (ChainMovedError() if cause.sqlstate == MOVED else _fault(cause)) from cause
        if isinstance(cause, _DRIVER):
            if isinstance(cause, ValueError):  # the driver could not encode an argument
                raise errors.Invalid("record.refused", "A value cannot be stored.") from cause
            raise unavailable() from cause


_DRIVER = (asyncpg.InterfaceError, OSError, TimeoutError, asyncpg.InternalClientError)
_TRANSLATED = _Translated()


def translated() -> contextlib.AbstractContextManager[None]:
    """Turn PostgreSQL's errors into faults.

    Unavailable for what passes, Invalid `record.refused` for data; ChainMovedError is its caller's affair.
    """
    return _TRANSLATED


def _fault(cause: asyncpg.PostgresError) -> errors.Fault:
    state = (cause.sqlstate or "")[:2]
    if state in REFUSED:
        return errors.Invalid("record.refused", "A value cannot be stored.")
    if state in PASSING or isinstance(cause, asyncpg.PostgresConnectionError):
        return unavailable()
    return errors.Internal("database.failed", "The database refused a statement of ours.")


def unavailable() -> errors.Unavailable:
    """Return the fault of a database that cannot take something now."""
    return errors.Unavailable(
        "database.unavailable", "The database cannot take this now.", retry_after_ms=RETRY_AFTER_MS
    )


def tenants_setting(tenants: list[str]) -> str:
    """Return the setting that admits these tenants, each of an admissible form."""
    for tenant in tenants:
        if not TENANT.fullmatch(tenant):
            raise errors.Denied("tenant.unknown", "There is no such tenant.")
    return ",".join(tenants)


class _Held:
    """A connection out of the pool, and the statements that it has prepared."""

    __slots__ = ("lent", "prepared")

    def __init__(self, lent: Lent) -> None:
        self.lent = lent
        self.prepared: dict[str, prepared_stmt.PreparedStatement[Any]] = {}

    async def fetch(self, statement: str, arguments: tuple[Any, ...], seconds: float | None) -> list[Any]:
        """Run a statement; one whose form was changed by a migration goes the driver's own way."""
        prepared = self.prepared.get(statement)
        if prepared is None:
            prepared = self.prepared[statement] = await self.lent.prepare(statement)
        try:
            return await prepared.fetch(*arguments, timeout=seconds)
        except asyncpg.InvalidCachedStatementError:
            del self.prepared[statement]
            return await self.lent.fetch(statement, *arguments, timeout=seconds)


class Database:
    """Connections that work as the application role, which owns nothing.

    Up to `kept` of them stay at hand between users: a pool's own lending costs as much as a small statement.
    """

    def __init__(self, pool: pools.Pool, acquire_seconds: float, kept: int) -> None:
        self._pool, self._acquire_seconds, self._kept = pool, acquire_seconds, kept
        self._idle: list[_Held] = []
        self._waiting = 0

    async def fetch(self, statement: str, *arguments: Any, seconds: float | None = None) -> list[Any]:
        """Run one statement, a transaction by itself, and return its rows; errors come out as faults.

        It is prepared once for each connection: what every batch asks goes this shorter way. It is given up
        after `seconds`, else when any statement is.
        """
        with _TRANSLATED:
            held = await self._taken()
            try:
                rows = await held.fetch(statement, arguments, seconds)
            except BaseException:
                await self._pool.release(held.lent)
                raise
            if self._waiting or len(self._idle) >= self._kept:
                await self._pool.release(held.lent)
            else:
                self._idle.append(held)
        return rows

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Lent]:
        """Lend a connection; errors inside come out as faults."""
        with _TRANSLATED:
            held = await self._taken()
            kept = False
            try:
                yield held.lent
                kept = not self._waiting and len(self._idle) < self._kept
            finally:
                if kept and not held.lent.is_closed():
                    self._idle.append(held)
                else:
                    await self._pool.release(held.lent)

    async def _taken(self) -> _Held:
        """Return the connection used last, else one of the pool's; closed ones go back there."""
        while self._idle:
            held = self._idle.pop()
            if not held.lent.is_closed():
                return held
            await self._pool.release(held.lent)
        self._waiting += 1
        try:
            return _Held(await self._pool.acquire(timeout=self._acquire_seconds))
        finally:
            self._waiting -= 1

    async def aclose(self) -> None:
        """Give back what is at hand."""
        while self._idle:
            await self._pool.release(self._idle.pop().lent)

    @contextlib.asynccontextmanager
    async def within(self, tenant: str) -> AsyncIterator[Lent]:
        """Lend a connection inside a transaction that sees exactly one tenant."""
        setting = tenants_setting([tenant])
        async with self.connection() as connection, connection.transaction():
            await connection.execute(f"SET LOCAL ultrathink.tenants = '{setting}'")
            yield connection


@contextlib.asynccontextmanager
async def opened(
    dsn: str, *, least: int, most: int, statement_seconds: float, acquire_seconds: float
) -> AsyncIterator[Database]:
    """Open a pool of connections; close it afterwards, waiting for those at work."""
    with translated():
        pool = await asyncpg.create_pool(
            dsn,
            min_size=least,
            max_size=most,
            connection_class=Connection,
            timeout=CONNECT_SECONDS,
            command_timeout=statement_seconds,
            server_settings={
                "role": APPLICATION_ROLE,
                "search_path": SCHEMA,
                "application_name": "ultrathink-storage",
                "timezone": "UTC",
                "jit": "off",
                "statement_timeout": str(int(statement_seconds * 1000)),
                "lock_timeout": str(int(acquire_seconds * 1000)),
                "idle_in_transaction_session_timeout": str(int(statement_seconds * 1000)),
            },
        )
    database = Database(pool, acquire_seconds, most // 2)
    try:
        yield database
    finally:
        try:
            await database.aclose()
            await asyncio.wait_for(pool.close(), statement_seconds)
        except (TimeoutError, OSError, asyncpg.PostgresError):
            pool.terminate()
