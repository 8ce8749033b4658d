"""The serving end of batch streams: a door beside the gRPC server, with the same gate and handlers.

Only methods whose handler answers with `streams.serve_batches` are served here; everything else is told that
it is not (UNIMPLEMENTED) and goes to the gRPC server. A message that arrives whole becomes a batch at work in
the turn of the loop that read it, and its answer is written by the turn that made it: no iterator, no queue,
no thread.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from google.protobuf import message as messages

from chassis import apps, errors, faults, handlers, identity, metrics, outcomes
from chassis import clock as clocks
from chassis import streams as batches
from chassis.http2 import connections, status, streams

CLOSE_SECONDS: Final = 1.0  # At least so long a peer may take what was written before it is cut off.
_UNITS: Final = {"H": 3_600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_ANSWER: Final = [(":status", "200"), ("content-type", "application/grpc")]
_FAREWELL: Final = b""  # An answer whose batch_id is GOING_AWAY: in protobuf the message without any field.


class Server:
    """Listens, and serves until it is told to stop; belongs to one event loop."""

    def __init__(self, app: apps.App, gate: identity.Gate, clock: clocks.Clock, most_calls: int) -> None:
        self.gate, self.now = gate, clock.monotonic
        self.handlers: Mapping[str, handlers.Handler] = handlers.collected(app.register)
        self.calls: set[Call] = set()
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

    def _accept(self, stream: streams.Stream) -> "Call":
        call = Call(self, stream)
        self.calls.add(call)
        if len(self.calls) > self._most_calls:
            call.end(errors.Exhausted("server.full", "Too many calls are open; try again later."))
        return call

    def over(self, call: "Call") -> None:
        """Forget a call that has ended."""
        self.calls.discard(call)
        if not self.calls and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)


class Call:
    """One call: admitted, then batches at work until the peer half-closes; the owner of its HTTP/2 stream."""

    def __init__(self, server: Server, stream: streams.Stream) -> None:
        self._server, self._stream = server, stream
        self._began = server.now()
        self._method = ""
        self._handler: handlers.Handler
        self._served: batches.Served[Any, Any] | None = None
        self._context = contextvars.copy_context()
        self._held: deque[bytes] = deque()  # Read and not begun: the peer's window bounds them.
        self._working: set[asyncio.Task[None]] = set()
        self._admission: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._untaken = 0  # Answers that the transport has not taken.
        self._failure: errors.Fault | None = None
        self._known = False  # the method, which is then fit to be a label
        self._begun = self._half_closed = self._leaving = self._over = False

    def headers(self, found: streams.Headers, *, ended: bool) -> None:
        """Begin the call that these headers ask for; later ones only end the peer's half."""
        if ended:
            self._half_closed = True
        if self._method or self._over:
            self._rest()
            return
        told = dict(found)
        self._method = told.get(":path", "")
        timeout = told.get("grpc-timeout", "")
        if timeout and timeout[:-1].isdigit() and timeout[-1] in _UNITS:
            seconds = int(timeout[:-1]) * _UNITS[timeout[-1]]
            self._timer = asyncio.get_running_loop().call_later(seconds, self.expire)
        handler = self._server.handlers.get(self._method)
        if told.get(":method") != "POST" or not told.get("content-type", "").startswith("application/grpc"):
            self.end(errors.Invalid("call.not_grpc", "This door speaks gRPC."))
        elif handler is None or not (handler.request_streaming and handler.response_streaming):
            self.end(_unserved())
        else:
            self._handler, self._known = handler, True
            loop = asyncio.get_running_loop()
            self._admission = loop.create_task(self._admit(found), context=self._context)

    async def _admit(self, found: streams.Headers) -> None:
        """Let the caller pass and begin with what came meanwhile."""
        try:
            await self._server.gate.admit(self._method, found)
            batches.draining.set(None)  # who goes away is told here
            served = handlers.behaviour(self._handler)(_nothing(), None)
            if not isinstance(served, batches.Served):
                raise _unserved()  # noqa: TRY301 - one door for everything that keeps a call out
        except Exception as error:  # noqa: BLE001 - the door answers for everything behind it
            self.end(faults.of_exception(error, self._method))
            return
        self._served = served
        if self._server.leaving:
            self.leave()
        self._next()

    def message(self, data: bytes) -> None:
        """Begin a batch, or hold it until there is a place."""
        self._held.append(data)
        self._next()

    def half_closed(self) -> None:
        """End when everything that was read has been answered."""
        self._half_closed = True
        self._rest()

    def drained(self) -> None:
        """Let batches begin in the places of answers that the transport has taken."""
        self._untaken = 0
        self._next()

    def oversized(self) -> None:
        """Refuse a message that is too large or compressed."""
        self._fail(errors.Exhausted("call.exhausted", "A message is too large, or compressed."))

    def broken(self) -> None:
        """Give up what is at work for a peer that has gone."""
        self._conclude("cancelled")

    def leave(self) -> None:
        """Tell the peer to go elsewhere with what follows."""
        if self._served is not None and not self._leaving and not self._over:
            self._leaving = True
            self._send(_FAREWELL)

    def end(self, fault: errors.Fault | None) -> None:
        """End the call with its status now."""
        if self._over:
            return
        found = status.trailers(fault)
        self._stream.finish(found if self._begun else _ANSWER + found)
        self._conclude("ok" if fault is None else fault.kind)

    def expire(self) -> None:
        """End a call whose own deadline has passed, as gRPC's servers do."""
        if not self._over:
            self._stream.finish(status.LATE if self._begun else _ANSWER + status.LATE)
            self._conclude(outcomes.late().kind)

    def _next(self) -> None:
        """Put held batches to work while there are places."""
        served = self._served
        if served is None:
            return
        while self._held and not self._over and self._failure is None:
            if len(self._working) + self._untaken >= served.in_flight:
                return
            data = self._held.popleft()
            self._stream.consumed(len(data))
            try:
                request = self._handler.request_deserializer(data)  # type: ignore[misc]
            except messages.DecodeError:
                self._fail(errors.Invalid("message.unreadable", "The message is not of the method's type."))
                return
            work = self._work(request, served)
            task = asyncio.Task(
                work, loop=asyncio.get_running_loop(), context=self._context.copy(), eager_start=True
            )
            if not task.done():
                self._working.add(task)
                task.add_done_callback(self._worked)
        self._rest()

    async def _work(self, request: Any, served: "batches.Served[Any, Any]") -> None:
        try:
            response = await served.handle(request)
        except asyncio.CancelledError:
            self._fail(errors.Unavailable("batch.cancelled", "The batch was given up."))
            raise
        except Exception as error:  # noqa: BLE001 - the door answers for everything behind it
            self._fail(faults.of_exception(error, self._method))
            return
        response.batch_id = request.batch_id
        self._send(self._handler.response_serializer(response))  # type: ignore[misc]

    def _worked(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        self._next()

    def _send(self, answer: bytes) -> None:
        if self._over:
            return
        if not self._begun:
            self._begun = True
            self._stream.send_headers(_ANSWER)
        self._stream.send(answer)
        if self._stream.backlog:
            self._untaken += 1

    def _fail(self, fault: errors.Fault) -> None:
        """Read nothing more; the status follows when what is at work has been answered."""
        self._failure = self._failure or fault
        self._held.clear()
        self._rest()

    def _rest(self) -> None:
        """End the call when nothing is left to do."""
        if self._working or self._over:
            return
        if self._failure is not None:
            self.end(self._failure)
        elif self._half_closed and not self._held and self._served is not None:
            self.end(None)

    def _conclude(self, outcome: str) -> None:
        """Count the call and give up what is still at work."""
        if self._over:
            return
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        self._held.clear()
        for task in (*self._working, *((self._admission,) if self._admission else ())):
            if task is not asyncio.current_task():
                task.cancel()
        seconds = self._server.now() - self._began
        method = self._method if self._known else "unknown"
        metrics.observe_rpc(method, outcome, seconds, side="server")
        self._server.over(self)


def _unserved() -> errors.Internal:
    return errors.Internal("call.unimplemented", "The method is not served at this door.")


async def _nothing() -> AsyncIterator[Any]:
    """Yield nothing: messages are handed over by the transport."""
    nothing: tuple[Any, ...] = ()
    for message in nothing:
        yield message
