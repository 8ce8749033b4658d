"""The calling end: batch streams as lines on connections of their own, unary calls on those of a pool.

A line lives for minutes and is replaced by the next, so that a connection for each costs nothing, finds
copies that came later and needs no pool. Whether to try again is the batch stream's to decide.
"""

import asyncio
import random
import time
from typing import Any

from google.protobuf import message as messages

from chassis import errors, links, metrics
from chassis.http2 import asking, connections, frames, pools, status, streams, targets


class Calls:
    """Opens calls to the copies of one service, one copy after another.

    `target` is host:port, dns:///host:port or unix:path, or several of them divided by commas; raises Invalid
    `target.malformed` for another. Each name stands for all its addresses; `turn` tells which goes first.
    """

    def __init__(self, target: str, *, turn: int | None = None) -> None:
        self._targets = [targets.Target(one.strip()) for one in target.split(",")]
        # Not all callers begin with the same copy.
        self._turn = random.randrange(2**16) if turn is None else turn  # noqa: S311 - hides nothing
        self._connecting: set[asyncio.Task[None]] = set()
        self._connections: set[connections.Connection] = set()
        self._pool = pools.Pool(self._targets, self._turn)
        self._gone: asyncio.Future[None] | None = None  # Done when no connection is left.

    def dial[Req, Res](
        self,
        method: asking.Shape[Req, Res],
        metadata: tuple[tuple[str, str], ...],
        receiver: links.Receiver[Res],
    ) -> "Line[Req, Res]":
        """Open a call whose answers and end `receiver` is told; what is sent before it is open waits."""
        line = Line(method, receiver)
        task = line.connecting = asyncio.get_running_loop().create_task(self._connect(line, metadata))
        self._connecting.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._connecting.discard)
        return line

    def ask[Req, Res](
        self, method: asking.Shape[Req, Res], request: Req, metadata: asking.Metadata, timeout: float | None
    ) -> asking.Question[Res]:
        """Make a unary call; it is on its way when this returns, or once there is a connection."""
        return asking.Question(self._pool, method, method.write(request), metadata, timeout)

    async def aclose(self) -> None:
        """Give up what is open, and return when the sockets are closed."""
        await self._pool.aclose()
        for task in tuple(self._connecting):
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        for connection in tuple(self._connections):
            connection.abort()
        if self._connections:
            self._gone = asyncio.get_running_loop().create_future()
            await self._gone

    def _closed(self, connection: connections.Connection) -> None:
        self._connections.discard(connection)
        if self._gone is not None and not self._connections and not self._gone.done():
            self._gone.set_result(None)

    async def _connect(self, line: "Line[Any, Any]", metadata: tuple[tuple[str, str], ...]) -> None:
        connection = connections.Connection(accept=None, closed=self._closed, going=line.going)
        try:
            authority = await self._reach(connection)
        except OSError:
            line.broken()
            return
        if connection.gone:  # lost as soon as it was made
            line.broken()
            return
        self._connections.add(connection)
        line.begin(connection, asking.headers(authority, line.method.name, metadata))

    async def _reach(self, connection: connections.Connection) -> str:
        """Connect to the copy whose turn it is, or the next that can be reached; return its authority."""
        found = await targets.addresses(self._targets)
        self._turn += 1
        first = self._turn % len(found)
        failure = OSError()
        for address in (*found[first:], *found[:first]):
            try:
                await address.connect(connection)
            except OSError as cause:
                failure = cause
            else:
                return address.authority
        raise failure


class Line[Req, Res]:
    """One call in flight, as a batch stream holds it; the owner of its HTTP/2 stream."""

    def __init__(self, method: asking.Shape[Req, Res], receiver: links.Receiver[Res]) -> None:
        self.method = method
        self.connecting: asyncio.Task[None]
        self._receiver = receiver
        self._began = time.monotonic()
        self._early: list[bytes] = []
        self._stream: streams.Stream | None = None
        self._finished = self._over = self._answered = False

    def send(self, request: Req) -> None:
        """Write the request, or keep it until the call is open; raises what turning it into bytes raises."""
        data = self.method.write(request)
        if self._stream is not None:
            self._stream.send(data)
        elif not self._over:
            self._early.append(data)

    def finish(self) -> None:
        """Half-close when everything was written."""
        self._finished = True
        if self._stream is not None:
            self._stream.finish()

    def cancel(self) -> None:
        """Give the call up now; the receiver learns that it broke."""
        if self._stream is not None:
            self._stream.cancel()
        self.connecting.cancel()
        self._end(links.broken(), "cancelled")

    def begin(self, connection: connections.Connection, found: streams.Headers) -> None:
        """Open the call on a connection that was made for it, and write what waited."""
        if self._over:
            connection.close()
            return
        self._stream = connection.open(self)
        self._stream.send_headers(found)
        for data in self._early:
            self._stream.send(data)
        self._early.clear()
        if self._finished:
            self._stream.finish()

    def headers(self, found: streams.Headers, *, ended: bool) -> None:
        """Take the answer's headers, or the trailers that end the call."""
        told = dict(found)
        if ended or self._answered or told.get(":status") != "200":  # a proxy's refusal may have a body
            self._conclude(links.settled(status.outcome(told)))
        self._answered = True

    def message(self, data: bytes) -> None:
        """Hand an answer over."""
        try:
            response = self.method.read(data)
        except messages.DecodeError:
            self._conclude(errors.Internal("call.unreadable", "The answer could not be read."))
            return
        if self._stream is not None:
            self._stream.consumed(len(data))
        self._receiver.answer(response)

    def half_closed(self) -> None:
        """Learn that the call ended without a status, which gRPC does not do."""
        self._conclude(links.broken())

    def drained(self) -> None:
        """Learn that requests were written: nothing waits for that."""

    def refused(self, fault: errors.Fault) -> None:
        """End a call whose answer cannot be taken."""
        self._conclude(fault)

    def going(self) -> None:
        """Send what follows elsewhere: a batch stream takes a message without any field for a farewell."""
        if not self._over:
            self._receiver.answer(self.method.read(b""))

    def broken(self) -> None:
        """Learn that the call was reset or its connection lost."""
        self._end(links.broken(), "unavailable")

    def _conclude(self, fault: errors.Fault | None) -> None:
        self._end(fault, "ok" if fault is None else fault.kind)

    def _end(self, fault: errors.Fault | None, outcome: str) -> None:
        if self._over:
            return
        self._over = True
        self._early.clear()
        metrics.observe_rpc(self.method.name, outcome, time.monotonic() - self._began, side="client")
        if self._stream is not None:
            self._stream.cancel(frames.CANCEL)
            self._stream.connection.close()
        self._receiver.ended(fault)
