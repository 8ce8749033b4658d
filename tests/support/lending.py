"""Databases that are lent to one test after another, and emptied in between.

Copying the template costs a tenth of a second of work, emptying a database that held a few claims a tenth of
that. What is lent has the rows of a new database, and the tables of one in which a service has begun once: it
makes those of the months around.
"""

import contextlib
import io
import shutil
from collections.abc import AsyncIterator
from typing import NamedTuple

import asyncpg

import storage_support

SCHEMA = "ultrathink"
TABLES = (
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = $1::text::regnamespace ORDER BY 1"
)


class Content(NamedTuple):
    """The tables of a database, and the rows of those that have some."""

    tables: tuple[str, ...]
    rows: dict[str, bytes]


class Lender:
    """Lends databases of one server."""

    def __init__(self, server: storage_support.Server) -> None:
        self._server = server
        self._back: list[str] = []
        self._new: Content | None = None

    @contextlib.asynccontextmanager
    async def lend(self) -> AsyncIterator[str]:
        """Yield the name of a database that is as good as new."""
        name = await self._emptied()
        yield name
        self._back.append(name)  # not behind a failed test: who looks for its cause finds what it left

    async def _emptied(self) -> str:
        while self._back:
            name = self._back.pop()
            if await self._empty(name):
                return name
        name = await self._server.fresh()
        if self._new is None:
            rows = (await self.content(name)).rows
            async with storage_support.service(self._server, name=name):
                tables = (await self.content(name)).tables
            self._new = Content(tables, rows)
            await self._empty(name)
        return name

    async def content(self, name: str) -> Content:
        """Return what is in a database."""
        async with self._connected(name) as connection:
            tables = await _tables(connection)
            rows = {table: await _rows(connection, table) for table in tables}
        empty = min(rows.values(), key=len)  # the frame of a copy without rows
        return Content(tables, {table: copied for table, copied in rows.items() if copied != empty})

    async def _empty(self, name: str) -> bool:
        """Give a database the rows of a new one; tell whether its tables still are those of a new one."""
        new = self._new
        async with self._connected(name) as connection:
            if new is None or await _tables(connection) != new.tables:
                return False
            every = "; ".join(f"DELETE FROM ONLY {SCHEMA}.{table}" for table in new.tables)  # noqa: S608 - ours
            await connection.execute(f"SET session_replication_role = replica; {every}")
            for table, rows in new.rows.items():
                await connection.copy_to_table(
                    table, schema_name=SCHEMA, source=io.BytesIO(rows), format="binary"
                )
        shutil.rmtree(self._server.data_dir / f"objects-{name}", ignore_errors=True)
        return True

    @contextlib.asynccontextmanager
    async def _connected(self, name: str) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self._server.superuser_dsn(name))
        try:
            yield connection
        finally:
            await connection.close()


async def _tables(connection: asyncpg.Connection) -> tuple[str, ...]:
    return tuple(record["relname"] for record in await connection.fetch(TABLES, SCHEMA))


async def _rows(connection: asyncpg.Connection, table: str) -> bytes:
    copied = io.BytesIO()
    await connection.copy_from_table(table, schema_name=SCHEMA, output=copied, format="binary")
    return copied.getvalue()
