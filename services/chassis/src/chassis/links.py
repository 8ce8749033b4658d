"""One call of a batch stream: what is sent on it and how its end is read; not what comes next."""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator
from typing import Protocol, Self, runtime_checkable

import grpc

from chassis import errors, faults, outcomes

# INTERNAL and UNKNOWN without a fault of ours: gRPC's own words for a send that met a dying connection.
_TRANSPORT = frozenset({"call.internal", "call.unknown"})


class Batch(Protocol):
    """A message of a batch stream."""

    batch_id: int


class Replies[Res](AsyncIterable[Res], Protocol):
    """An open call: the answers as they come, and a way to give it up."""

    def cancel(self) -> bool:
        """End the call now."""
        ...


class Call[Req, Res](Protocol):
    """A bidirectional method of a generated stub, on a grpc.aio or an in-process channel."""

    def __call__(self, request_iterator: AsyncIterator[Req], /) -> Replies[Res]:
        """Open the call; requests are pulled from the iterator as the transport takes them."""
        ...


class Receiver[Res](Protocol):
    """Whoever hears what an open call brings; `ended` comes once, and nothing after it."""

    def answer(self, response: Res) -> None:
        """Take an answer."""
        ...

    def ended(self, fault: errors.Fault | None) -> None:
        """Learn that the call is over: with OK, broken (Unavailable), or refused with a fault."""
        ...


class Line[Req](Protocol):
    """The sending half of an open call."""

    def send(self, request: Req) -> None:
        """Let the transport take the request when it is ready for it."""
        ...

    def finish(self) -> None:
        """Half-close behind what was sent."""
        ...

    def cancel(self) -> None:
        """End the call now; the receiver is told."""
        ...


@runtime_checkable
class Dialling[Req, Res](Protocol):
    """A method that is called through a line instead of iterators: the cheaper way, where there is one."""

    def dial(self, receiver: Receiver[Res]) -> Line[Req]:
        """Open a call."""
        ...


def dialling[Req, Res](call: Call[Req, Res]) -> Dialling[Req, Res]:
    """Return the way to open lines on a method: its own, or through iterators."""
    return call if isinstance(call, Dialling) else _Iterated(call)


class _Iterated[Req, Res]:
    """Opens lines on a method that takes and returns iterators, as generated stubs have it."""

    def __init__(self, call: Call[Req, Res]) -> None:
        self._call = call

    def dial(self, receiver: Receiver[Res]) -> "IteratedLine[Req, Res]":
        """Open a call."""
        return IteratedLine(self._call, receiver)


class IteratedLine[Req, Res]:
    """A call through iterators: requests wait in an outbox until pulled, a task reads the answers."""

    def __init__(self, call: Call[Req, Res], receiver: Receiver[Res]) -> None:
        self._outbox: deque[Req] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._finished = False
        self._receiver = receiver
        self._reader = asyncio.get_running_loop().create_task(self._read(call))
        self._reader.add_done_callback(self._ended)

    def send(self, request: Req) -> None:
        """Put the request where the transport takes it."""
        self._outbox.append(request)
        self._wake()

    def finish(self) -> None:
        """Let what is in the outbox go out, then half-close."""
        self._finished = True
        self._wake()

    def cancel(self) -> None:
        """End the call now."""
        self._reader.cancel()

    async def _read(self, call: Call[Req, Res]) -> None:
        replies = call(self)
        try:
            async for response in replies:
                self._receiver.answer(response)
        finally:
            replies.cancel()

    def _ended(self, reader: asyncio.Task[None]) -> None:
        self._outbox.clear()
        self.finish()
        self._receiver.ended(ending(reader))

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Req:
        while not self._outbox:
            if self._finished:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._outbox.popleft()


def broken() -> errors.Unavailable:
    """Return the fault of a batch whose call broke before its answer came."""
    return errors.Unavailable(
        "stream.broken", "The connection broke; whether the batch arrived is not known."
    )


def ending(reader: asyncio.Task[None]) -> errors.Fault | None:
    """Return how a call ended: None for OK, Unavailable when its batches are in doubt."""
    if reader.cancelled():
        return broken()
    cause = reader.exception()
    if cause is None:
        return None
    fault = settled(_translated(cause))
    if fault is not None:
        fault.__cause__ = cause
    return fault


def settled(fault: errors.Fault | None) -> errors.Fault | None:
    """Return how a call ended for its batches: where the transport failed they are in doubt."""
    if isinstance(fault, errors.Unavailable) or (fault is not None and fault.reason in _TRANSPORT):
        return broken()
    return fault


def _translated(cause: BaseException) -> errors.Fault:
    if isinstance(cause, errors.Fault):
        return outcomes.again(cause)
    if isinstance(cause, grpc.aio.AioRpcError):
        return faults.from_rpc(cause)
    return errors.Internal("stream.failed", "The stream could not be read.")
