"""Connections that stay at hand: the last used first; given up when failed, closed or waited for."""

import asyncio
from typing import Any

import asyncpg
import pytest

from chassis import errors
from storage.outbound import postgres


class Prepared:
    """A statement that answers with its arguments, or fails."""

    def __init__(self, wire: "Wire", statement: str) -> None:
        self._wire, self._statement = wire, statement

    async def fetch(self, *arguments: object, timeout: float | None = None) -> list[object]:  # noqa: ASYNC109 - the driver's own name
        """Answer."""
        self._wire.patience.append(timeout)
        if self._wire.failing is not None:
            raise self._wire.failing
        return [self._statement, *arguments]


class Wire:
    """A connection that can be closed, or fail."""

    def __init__(self) -> None:
        self.closed = False
        self.failing: Exception | None = None
        self.prepared: list[str] = []
        self.patience: list[float | None] = []

    async def prepare(self, statement: str) -> Prepared:
        """Prepare a statement."""
        self.prepared.append(statement)
        return Prepared(self, statement)

    async def fetch(
        self,
        statement: str,
        *arguments: object,
        timeout: float | None = None,  # noqa: ASYNC109 - the driver's own name
    ) -> list[object]:
        """Answer the driver's own way."""
        self.patience.append(timeout)
        return ["anew", statement, *arguments]

    def is_closed(self) -> bool:
        """Whether the server is gone."""
        return self.closed


class Pool:
    """A pool of so many connections that counts what is taken and given back."""

    def __init__(self, most: int = 8) -> None:
        self.acquired, self.released = 0, 0
        self.wires: list[Wire] = []
        self._free = asyncio.Semaphore(most)

    async def acquire(self, timeout: float) -> Wire:  # noqa: ASYNC109 - the pool's own name
        """Hand one out, waiting for it."""
        async with asyncio.timeout(timeout):
            await self._free.acquire()
        self.acquired += 1
        self.wires.append(Wire())
        return self.wires[-1]

    async def release(self, connection: Wire) -> None:
        """Take one back."""
        del connection
        self.released += 1
        self._free.release()


def database(pool: Any, kept: int = 2) -> postgres.Database:
    """Return a database over a pool of ours."""
    return postgres.Database(pool, 0.05, kept)


async def used(lending: postgres.Database) -> None:
    """Use a connection for nothing."""
    async with lending.connection():
        pass


async def test_a_connection_is_used_again_without_the_pool():
    """The second user gets the first one's connection."""
    pool = Pool()
    lending = database(pool)
    async with lending.connection() as first:
        pass
    async with lending.connection() as second:
        assert second is first
    assert (pool.acquired, pool.released) == (1, 0)
    await lending.aclose()
    assert pool.released == 1


async def test_no_more_than_the_bound_stay_at_hand():
    """Of three used at once two are kept."""
    pool = Pool()
    lending = database(pool, kept=2)
    async with lending.connection(), lending.connection(), lending.connection():
        pass
    assert (pool.acquired, pool.released) == (3, 1)


async def test_a_connection_whose_user_failed_goes_back():
    """Whatever state it is in is the pool's affair."""
    pool = Pool()
    lending = database(pool)
    with pytest.raises(errors.Unavailable):
        async with lending.connection():
            raise OSError
    assert (pool.acquired, pool.released) == (1, 1)


async def test_a_connection_that_closed_meanwhile_is_not_kept():
    """A server that went away takes its connections with it."""
    pool = Pool()
    async with database(pool).connection() as connection:
        connection.closed = True  # type: ignore[attr-defined]  # ours
    assert pool.released == 1


async def test_a_connection_that_closed_at_hand_is_not_lent():
    """After a restart of the server the next user gets a fresh one."""
    pool = Pool()
    lending = database(pool)
    async with lending.connection() as connection:
        pass
    connection.closed = True  # type: ignore[attr-defined]  # ours
    async with lending.connection() as next_one:
        assert next_one is not connection
    assert (pool.acquired, pool.released) == (2, 1)


async def test_who_waits_for_the_pool_is_not_starved():
    """Where all connections are out and someone waits, one goes back instead of staying at hand."""
    pool = Pool(most=1)
    lending = database(pool)
    async with lending.connection():
        waiting = asyncio.create_task(used(lending))
        await asyncio.sleep(0)
    await waiting
    assert (pool.acquired, pool.released) == (2, 1)


async def test_a_statement_is_prepared_once_for_each_connection():
    """The same statement again, and another one, go over the connection at hand."""
    pool = Pool()
    lending = database(pool)
    assert await lending.fetch("A", 1, 2) == ["A", 1, 2]
    assert await lending.fetch("A", 3, seconds=4.5) == ["A", 3]
    assert pool.wires[0].patience == [None, 4.5]
    assert await lending.fetch("B") == ["B"]
    assert [wire.prepared for wire in pool.wires] == [["A", "B"]]
    async with lending.connection():
        assert await lending.fetch("A") == ["A"]
    assert [wire.prepared for wire in pool.wires] == [["A", "B"], ["A"]]


async def test_a_connection_whose_statement_failed_goes_back():
    """The next statement has another one, and its caller is told a fault."""
    pool = Pool()
    lending = database(pool)
    await lending.fetch("A")
    pool.wires[0].failing = asyncpg.ConnectionDoesNotExistError("gone")
    with pytest.raises(errors.Unavailable):
        await lending.fetch("A")
    assert await lending.fetch("A") == ["A"]
    assert (pool.acquired, pool.released) == (2, 1)


async def test_a_statement_whose_form_has_changed_is_prepared_anew():
    """What a migration changed under a running service is answered, and prepared again afterwards."""
    pool = Pool()
    lending = database(pool)
    await lending.fetch("A")
    pool.wires[0].failing = asyncpg.InvalidCachedStatementError("changed")
    assert await lending.fetch("A", 1) == ["anew", "A", 1]
    pool.wires[0].failing = None
    assert await lending.fetch("A", 2) == ["A", 2]
    assert (pool.wires[0].prepared, pool.released) == (["A", "A"], 0)


async def test_no_more_than_the_bound_stay_at_hand_after_statements():
    """What is used at once goes over connections of its own, and no more stay than may."""
    pool = Pool()
    lending = database(pool, kept=1)
    async with lending.connection():
        await lending.fetch("A")
    assert (pool.acquired, pool.released) == (2, 1)
