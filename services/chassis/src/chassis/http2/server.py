"""The serving end of batch streams and unary calls: a door beside the gRPC server, same gate and handlers.

Everything else is told that it is not served here (UNIMPLEMENTED) and goes to the gRPC server.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import grpc

from chassis import clock as clocks
from chassis import errors, handlers, identity
from chassis.http2 import batches, connections, served, streams, unary

CLOSE_SECONDS: Final = 1.0  # At least so long a peer may take what was written before it is cut off.
# By whether requests and responses stream.
_KINDS: Final = {(True, True): batches.Call, (False, False): unary.Call}


class Server:
    """Listens, and serves until it is told to stop; belongs to one event loop."""

    def __init__(
        self,
        register: Callable[[grpc.aio.Server], None],
        gate: identity.Gate,
        clock: clocks.Clock,
        most_calls: int,
    ) -> None:
        self.gate, self.now = gate, clock.monotonic
        self._handlers: Mapping[str, handlers.Handler] = handlers.collected(register)
        self.calls: set[served.Call] = set()
        self._most_calls = most_calls
        self._connections: set[connections.Connection] = set()
        self._listening: asyncio.Server | None = None
        self.leaving = False
        self._empty: asyncio.Future[None] | None = None  # Done when no call is left,
        self._gone: asyncio.Future[None] | None = None  # and when no connection is.

    async def start(self, address: str) -> int:
        """Listen on host:port and return the bound port; raises Unavailable `server.bind_failed`."""
        host, _, port = address.rpartition(":")
        loop = asyncio.get_running_loop()
        try:
            listening = await loop.create_server(self._connection, host.strip("[]"), int(port))
        except (OSError, ValueError) as cause:
            raise errors.Unavailable("server.bind_failed", f"Cannot listen on {address}.") from cause
        self._listening = listening
        bound: int = listening.sockets[0].getsockname()[1]
        return bound

    async def stop(self, seconds: float) -> None:
        """Take no more calls, tell those open to go elsewhere, and wait so long for their end."""
        self.leaving, began = True, self.now()
        if self._listening is not None:
            self._listening.close()
        for connection in tuple(self._connections):
            connection.leave()
        for call in tuple(self.calls):
            call.leave()
        if self.calls:
            self._empty = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._empty], timeout=seconds)
        for call in tuple(self.calls):
            call.end(errors.Unavailable("server.stopped", "The service has gone."))
        if self._connections:
            self._gone = asyncio.get_running_loop().create_future()
            left = max(CLOSE_SECONDS, began + seconds - self.now())
            await asyncio.wait([self._gone], timeout=left)
            for connection in tuple(self._connections):
                connection.abort()
            await self._gone

    def _connection(self) -> connections.Connection:
        connection = connections.Connection(accept=self._accept, closed=self._closed)
        self._connections.add(connection)
        return connection

    def _closed(self, connection: connections.Connection) -> None:
        self._connections.discard(connection)
        if self._gone is not None and not self._connections and not self._gone.done():
            self._gone.set_result(None)

    def _accept(self, stream: streams.Stream, found: streams.Headers) -> served.Call:
        told = dict(found)
        handler = self._handlers.get(told.get(":path", ""))
        kind: type[served.Call] | None = None
        if handler is not None:
            kind = _KINDS.get((handler.request_streaming, handler.response_streaming))
        call = (kind or unary.Call)(self, stream, told, handler if kind else None)
        self.calls.add(call)
        return call

    def full(self) -> bool:
        """Return whether more calls are open than may be."""
        return len(self.calls) > self._most_calls

    def over(self, call: served.Call) -> None:
        """Forget a call that has ended."""
        self.calls.discard(call)
        if not self.calls and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)
