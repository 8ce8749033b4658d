"""Connections that unary calls share in turn: one to each copy of a service, more where all are full.

Names are looked up again now and then, so that copies which came later get their share.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from chassis import errors
from chassis.http2 import connections, targets

LOOK_UP_SECONDS: Final = 10.0  # New copies are found soon, without a storm.
MAX_CONNECTIONS: Final = 32  # With the streams of each, more calls than any room makes at once.


class Peer(NamedTuple):
    """A connection and where it leads."""

    connection: connections.Connection
    address: targets.Address


class Pool:
    """Belongs to one event loop; `turn` tells which copy goes first, `most` is that of connections."""

    def __init__(self, where: Sequence[targets.Target], turn: int, most: int = MAX_CONNECTIONS) -> None:
        self._targets, self._turn, self._most = where, turn, most
        self._peers: list[Peer] = []
        self._looked_up = float("-inf")
        self._joining: asyncio.Task[None] | None = None
        self._joined: asyncio.Future[None]  # Done at the next connection, or when no more are made.
        self._closed = False
        self._empty: asyncio.Future[None] | None = None  # Done when no connection is left.

    def ready(self) -> Peer | None:
        """Return the connection whose turn it is, None when none takes a call now."""
        loop = asyncio.get_running_loop()
        if self._peers and self._joining is None and loop.time() > self._looked_up + LOOK_UP_SECONDS:
            self._join()
        for _ in self._peers:
            self._turn += 1
            peer = self._peers[self._turn % len(self._peers)]
            if peer.connection.takes():
                return peer
        return None

    async def connected(self) -> Peer:
        """Return a connection that takes a call, made for it where none does.

        Raises OSError when no copy can be reached, Exhausted when all connections are full.
        """
        while (peer := self.ready()) is None:
            if self._closed:
                raise OSError("closed")
            if self._joining is None:
                self._join()
            await asyncio.shield(self._joined)
        return peer

    async def aclose(self) -> None:
        """Give up every connection, and return when the sockets are closed."""
        self._closed = True
        if self._joining is not None:
            self._joining.cancel()
            await asyncio.gather(self._joining, return_exceptions=True)
        for peer in tuple(self._peers):
            peer.connection.abort()
        if self._peers:
            self._empty = asyncio.get_running_loop().create_future()
            await self._empty

    def _join(self) -> None:
        loop = asyncio.get_running_loop()
        self._joined = loop.create_future()
        self._joining = loop.create_task(self._widen())
        self._joining.add_done_callback(self._over)

    async def _widen(self) -> None:
        """Connect to every copy to which there is no connection, or else to one of them once more."""
        self._looked_up = asyncio.get_running_loop().time()
        found = await targets.addresses(self._targets)
        known = {peer.address for peer in self._peers}
        first = self._turn % len(found)  # not all callers leave out the same ones
        missing = [one for one in dict.fromkeys((*found[first:], *found[:first])) if one not in known]
        full = not any(peer.connection.takes() for peer in self._peers)
        if not missing and full:
            missing = [found[first]]
        missing = missing[: self._most - len(self._peers)]
        if not missing and full:
            raise errors.Exhausted("call.exhausted", "Too many calls are in flight.", retry_after_ms=100)
        told = await asyncio.gather(*(self._connect(one) for one in missing), return_exceptions=True)
        failures = [failure for failure in told if failure is not None]
        if failures and len(failures) == len(missing):
            raise failures[0]

    async def _connect(self, address: targets.Address) -> None:
        connection = connections.Connection(accept=None, closed=self._lost)
        await address.connect(connection)
        if connection.gone:
            raise OSError("lost as soon as it was made")
        self._peers.append(Peer(connection, address))
        joined, self._joined = self._joined, asyncio.get_running_loop().create_future()
        joined.set_result(None)

    def _over(self, task: asyncio.Task[None]) -> None:
        """Tell those who wait how it ended; where nobody waits the next call finds out."""
        self._joining = None
        failure = OSError("closed") if task.cancelled() else task.exception()
        if failure is None:
            self._joined.set_result(None)
        else:
            self._joined.set_exception(failure)
            self._joined.exception()

    def _lost(self, connection: connections.Connection) -> None:
        self._peers = [peer for peer in self._peers if peer.connection is not connection]
        if self._empty is not None and not self._peers and not self._empty.done():
            self._empty.set_result(None)
