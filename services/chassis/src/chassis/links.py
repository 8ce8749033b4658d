"""One call of a batch stream: its sending half, and how its end is read; knows nothing of what comes next."""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator
from typing import Protocol, Self

import grpc

from chassis import errors, faults, outcomes, timers

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


class Pending[Req, Res]:
    """One batch until its outcome is known."""

    __slots__ = ("future", "link", "request")

    def __init__(self, request: Req, future: asyncio.Future[Res]) -> None:
        self.request = request
        self.future = future
        self.link: Link[Req, Res] | None = None


class Link[Req, Res]:
    """The sending half of one call: an iterator that waits for the next batch until it is finished."""

    def __init__(self, opened: float) -> None:
        self.opened = opened
        self.age: timers.Timer | None = None
        self._outbox: deque[Pending[Req, Res]] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._finished = False
        self.answered = False

    def send(self, pending: Pending[Req, Res]) -> None:
        """Let the transport take the batch when it is ready for it."""
        pending.link = self
        self._outbox.append(pending)
        self._wake()

    def finish(self) -> None:
        """Let what is in the outbox go out, then half-close."""
        self._finished = True
        self._wake()

    def drop(self) -> None:
        """Finish a call that has ended: nobody takes what is in the outbox."""
        self._outbox.clear()
        if self.age is not None:
            self.age.cancel()
        self.finish()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Req:
        while True:
            while self._outbox:
                pending = self._outbox.popleft()
                if not pending.future.done():
                    return pending.request
            if self._finished:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter


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
    fault = _translated(cause)
    if isinstance(fault, errors.Unavailable) or fault.reason in _TRANSPORT:
        fault = broken()
    fault.__cause__ = cause
    return fault


def _translated(cause: BaseException) -> errors.Fault:
    if isinstance(cause, errors.Fault):
        return outcomes.again(cause)
    if isinstance(cause, grpc.aio.AioRpcError):
        return faults.from_rpc(cause)
    return errors.Internal("stream.failed", "The stream could not be read.")
