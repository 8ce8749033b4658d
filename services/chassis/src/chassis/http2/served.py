"""One call at the serving end: known and admitted before its messages are read, ended once, counted.

What its messages do is for the kinds of call to say: `batches` and `unary`.
"""

import abc
import asyncio
import contextvars
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from chassis import errors, faults, handlers, interceptors, metrics, outcomes
from chassis import streams as drains
from chassis.http2 import inflating, status, streams

if TYPE_CHECKING:
    from chassis.http2 import server

ANSWER: Final = [
    (":status", "200"),
    ("content-type", "application/grpc"),
    ("grpc-accept-encoding", inflating.ACCEPTED),
]
_NAME: Final = "call"  # Of tasks: without one they are numbered, which is a text to format for each.
_TIMEOUT: Final = re.compile(r"([0-9]{1,8})([HMSmun])")
_UNITS: Final = {"H": 3_600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}


class Call(abc.ABC):
    """One call; the owner of its HTTP/2 stream."""

    def __init__(
        self,
        server: "server.Server",
        stream: streams.Stream,
        told: Mapping[str, str],
        handler: handlers.Handler | None,
    ) -> None:
        self._server, self._stream, self._told = server, stream, told
        self._began = server.now()
        self._method = told.get(":path", "")
        self._handler: handlers.Handler
        if handler is not None:
            self._handler = handler
        self._known = handler is not None  # and the method is then fit to be a label
        self._context = contextvars.copy_context()
        self._tasks: set[asyncio.Task[None]] = set()  # What is at work for this call.
        self._timer: asyncio.TimerHandle | None = None
        self._asked = self._begun = self._half_closed = self._over = False

    def headers(self, found: streams.Headers, *, ended: bool) -> None:
        """Begin the call that these headers ask for; later ones only end the peer's half."""
        if not self._asked and not self._over:
            self._asked = True
            self._begin(found)
        if ended:
            self.half_closed()

    def _begin(self, found: streams.Headers) -> None:
        told = self._told
        timeout = told.get("grpc-timeout", "")
        if timeout and not self._limit(timeout):
            return
        if self._server.full():
            self.end(errors.Exhausted("server.full", "Too many calls are open; try again later."))
        elif told.get(":method") != "POST" or not told.get("content-type", "").startswith("application/grpc"):
            self.end(errors.Invalid("call.not_grpc", "This door speaks gRPC."))
        elif not self._known or not self._understood(told.get("grpc-encoding", "identity")):
            self.refuse(status.UNSERVED, "unserved")
        else:
            self.run(self._admit(found), self._context)

    def _limit(self, timeout: str) -> bool:
        """Let the call end when its time is over; return whether it may begin."""
        match = _TIMEOUT.fullmatch(timeout)
        if match is None:
            self.end(errors.Internal("call.timeout", "Its grpc-timeout is none."))
            return False
        seconds = int(match[1]) * _UNITS[match[2]]
        if seconds == 0:
            self.expire()
            return False
        self._timer = asyncio.get_running_loop().call_later(seconds, self.expire)
        return True

    def _understood(self, encoding: str) -> bool:
        """Return whether messages of this encoding can be read."""
        try:
            self._stream.inflate = None if encoding == "identity" else inflating.inflater(encoding)
        except KeyError:
            return False
        return True

    async def _admit(self, found: streams.Headers) -> None:
        """Let the caller pass and begin with what came meanwhile."""
        try:
            if not self._method.startswith(interceptors.OPEN_SERVICES):
                await self._server.gate.admit(self._method, found)
            drains.draining.set(None)  # who goes away is told here
            await self.serve()
        except Exception as error:  # noqa: BLE001 - the door answers for everything behind it
            self.end(faults.of_exception(error, self._method))

    def run(self, work: Any, context: contextvars.Context) -> None:
        """Begin work in this turn of the loop."""
        loop = asyncio.get_running_loop()
        task: asyncio.Task[None] = asyncio.Task(
            work, loop=loop, name=_NAME, context=context, eager_start=True
        )
        if not task.done():
            self._tasks.add(task)

    def worked(self) -> bool:
        """Forget the task that says this as its last word; return whether it has waited for anything."""
        task = asyncio.current_task()
        if task not in self._tasks:
            return False
        self._tasks.discard(task)
        return True

    @abc.abstractmethod
    async def serve(self) -> None:
        """Take messages from here on: the caller was admitted."""

    @abc.abstractmethod
    def message(self, data: bytes) -> None:
        """Take a message."""

    def half_closed(self) -> None:
        """Learn that no message follows."""
        self._half_closed = True

    def drained(self) -> None:
        """Forget a call whose last answer the transport has taken."""
        if self._over:
            self._forget()

    def refused(self, fault: errors.Fault) -> None:
        """End a call that sent what cannot be taken."""
        self.end(fault)

    def broken(self) -> None:
        """Give up what is at work for a peer that has gone."""
        self._conclude("cancelled")
        self._forget()

    @abc.abstractmethod
    def leave(self) -> None:
        """Learn that the server goes; what is at work has its time."""

    def end(self, fault: errors.Fault | None) -> None:
        """End the call with its status now."""
        self.refuse(status.trailers(fault), "ok" if fault is None else fault.kind)

    def expire(self) -> None:
        """End a call whose own deadline has passed, as gRPC's servers do."""
        if self._over:
            self._stream.cancel()  # answered, and the peer does not read it
            self._forget()
        else:
            self.refuse(status.LATE, outcomes.late().kind)

    def refuse(self, trailers: streams.Headers, outcome: str) -> None:
        """End the call with these trailers now, and count it."""
        if self._over:
            return
        self._conclude(outcome)
        self._stream.finish(trailers if self._begun else ANSWER + trailers)
        self.settle()

    def settle(self) -> None:
        """Forget an ended call, once what it was answered has left: until then it counts as open."""
        if self._stream.done:
            self._forget()

    def _conclude(self, outcome: str) -> None:
        """Count the call and give up what is still at work."""
        if self._over:
            return
        self._over = True
        for task in tuple(self._tasks):
            if task is not asyncio.current_task():
                task.cancel()
        method = self._method if self._known else "unknown"
        metrics.observe_rpc(method, outcome, self._server.now() - self._began, side="server")

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._server.over(self)
