"""The calling half of a unary call: asked on a shared connection, awaited for its answer or the fault."""

import asyncio
import functools
import math
import time
from collections.abc import Callable, Generator
from typing import Any, Final

import grpc
from google.protobuf import message as messages

from chassis import errors, faults, metrics
from chassis.http2 import blocks, pools, status, streams

USER_AGENT: Final = "ultrathink-chassis"
MAX_TRIES: Final = 3  # Of a call that no server has looked at: copies that go away answer so.

type Metadata = tuple[tuple[str, str | bytes], ...]


class Shape[Req, Res]:
    """A method as generated stubs describe it: its full name, and how messages become bytes and back."""

    __slots__ = ("name", "read", "write")

    def __init__(self, name: str, write: Callable[[Req], bytes], read: Callable[[bytes], Res]) -> None:
        self.name, self.write, self.read = name, write, read


def headers(authority: str, method: str, metadata: Metadata, timeout: str = "") -> streams.Headers:
    """Return the headers that open a call."""
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", method),
        (":authority", authority),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", USER_AGENT),
        *([("grpc-timeout", timeout)] if timeout else ()),
        *status.texts(metadata),
    ]


@functools.lru_cache(maxsize=64)
def _opening(authority: str, method: str, metadata: Metadata, timeout: str) -> bytes:
    """Return the block of these headers: a caller's calls have the same ones for minutes."""
    return blocks.written(headers(authority, method, metadata, timeout))


class Question[Res]:
    """One call in flight: what stubs' users use of a grpc.aio call; the owner of its HTTP/2 stream.

    Awaiting it returns the answer; raises the fault with which it was refused, Unavailable
    `deadline.exceeded` when `timeout` seconds were not enough, `call.unavailable` when nobody could be
    reached or the connection broke. Only a call that no server has looked at is made again.
    """

    def __init__(
        self,
        pool: pools.Pool,
        method: Shape[Any, Res],
        data: bytes,
        metadata: Metadata,
        timeout: float | None,
    ) -> None:
        self._pool, self._method, self._data, self._metadata = pool, method, data, metadata
        loop = asyncio.get_running_loop()
        self._began = time.monotonic()
        self._ends: asyncio.Future[Res] = loop.create_future()
        self._timer = None if timeout is None else loop.call_later(timeout, self._late)
        self._stream: streams.Stream | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._response: bytes | None = None
        self._tries = 0
        self._over = self._answered = False
        self._try()

    def __await__(self) -> Generator[Any, None, Res]:
        try:
            return (yield from self._ends)
        except asyncio.CancelledError:
            self.cancel()
            raise

    def cancel(self) -> bool:
        """Give the call up; return False when it had ended before."""
        ended = self._end("cancelled")
        self._ends.cancel()
        return ended

    def cancelled(self) -> bool:
        """Return whether the call was given up."""
        return self._ends.cancelled()

    def done(self) -> bool:
        """Return whether the call has ended."""
        return self._ends.done()

    async def code(self) -> grpc.StatusCode:
        """Return the status the call ends with, waiting for its end."""
        await asyncio.wait([self._ends])
        if self._ends.cancelled():
            return grpc.StatusCode.CANCELLED
        fault = self._ends.exception()
        return faults.code_of(fault) if isinstance(fault, errors.Fault) else grpc.StatusCode.OK

    def _try(self) -> None:
        self._tries += 1
        peer = self._pool.ready()
        if peer is not None:
            self._send(peer)
        else:
            self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        try:
            peer = await self._pool.connected()
        except errors.Fault as fault:
            self._conclude(fault)
        except OSError:
            self._conclude(_unavailable())
        else:
            if not self._over:
                self._send(peer)

    def _send(self, peer: pools.Peer) -> None:
        opening = _opening(peer.address.authority, self._method.name, self._metadata, self._timeout())
        self._stream = peer.connection.open(self)
        self._stream.whole(opening, self._data)

    def _timeout(self) -> str:
        """Return the time left in tenths of a second, rounded up: it ends here first, and headers repeat."""
        if self._timer is None:
            return ""
        left = self._timer.when() - asyncio.get_running_loop().time()
        return f"{min(max(1, math.ceil(left * 10)), 999_999)}00m"

    def headers(self, found: streams.Headers, *, ended: bool) -> None:
        """Take the answer's headers, or the trailers that end the call."""
        told = dict(found)
        if not (ended or self._answered or told.get(":status") != "200"):
            self._answered = True
            return
        fault = status.outcome(told)
        if fault is not None or self._response is None:
            self._conclude(fault or faults.from_status(grpc.StatusCode.INTERNAL))
            return
        try:
            response = self._method.read(self._response)
        except messages.DecodeError:
            self._conclude(errors.Internal("call.unreadable", "The answer could not be read."))
            return
        if self._end("ok") and not self._ends.done():
            self._ends.set_result(response)

    def message(self, data: bytes) -> None:
        """Keep the answer until its status tells that it is one."""
        if self._response is not None:
            self._conclude(errors.Internal("call.answers", "A unary call has one answer."))
        self._response = data

    def half_closed(self) -> None:
        """Learn that the call ended without a status, which gRPC does not do."""
        self._conclude(faults.from_status(grpc.StatusCode.UNKNOWN))

    def drained(self) -> None:
        """Learn that the request was written: nothing waits for that."""

    def refused(self, fault: errors.Fault) -> None:
        """End a call whose answer cannot be taken."""
        self._conclude(fault)

    def broken(self) -> None:
        """Ask another copy when this one did not look at the call; it is in doubt otherwise."""
        if self._over:
            return
        if self._stream is not None and self._stream.unseen and self._tries < MAX_TRIES:
            self._answered, self._response = False, None
            self._try()
        else:
            self._conclude(_unavailable())

    def _late(self) -> None:
        self._conclude(faults.from_status(grpc.StatusCode.DEADLINE_EXCEEDED))

    def _conclude(self, fault: errors.Fault) -> None:
        if self._end(fault.kind) and not self._ends.done():
            self._ends.set_exception(fault)
            self._ends.exception()  # whoever does not await the call does not want to hear of it

    def _end(self, outcome: str) -> bool:
        """Count the call and let go of what is open for it; return False when it had ended before."""
        if self._over:
            return False
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        if self._connecting is not None:
            self._connecting.cancel()
        stream = self._stream
        if stream is not None and not (stream.done and stream.remote_done):
            stream.cancel()
        metrics.observe_rpc(self._method.name, outcome, time.monotonic() - self._began, side="client")
        return True


def _unavailable() -> errors.Fault:
    return faults.from_status(grpc.StatusCode.UNAVAILABLE)
