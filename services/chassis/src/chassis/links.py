"""One call of a batch stream: its sending half, and how its end is read; knows nothing of what comes next."""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator
from typing import Protocol, Self

import grpc

from chassis import errors, timers

_IN_DOUBT = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.ABORTED})
_KINDS: dict[grpc.StatusCode, type[errors.Fault]] = {
    grpc.StatusCode.INVALID_ARGUMENT: errors.Invalid,
    grpc.StatusCode.UNAUTHENTICATED: errors.Denied,
    grpc.StatusCode.PERMISSION_DENIED: errors.Denied,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.Exhausted,
}


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
    if cause is None or (isinstance(cause, errors.Fault) and not isinstance(cause, errors.Unavailable)):
        return cause
    if isinstance(cause, errors.Unavailable) or _status(cause) in _IN_DOUBT:
        fault: errors.Fault = broken()
    else:
        kind = _KINDS.get(_status(cause), errors.Internal)
        fault = kind("stream.refused", "The other side refused the stream.")
    fault.__cause__ = cause
    return fault


def _status(cause: BaseException) -> grpc.StatusCode:
    """Return the status of a call that failed; anything else that was raised is UNKNOWN."""
    return cause.code() if isinstance(cause, grpc.aio.AioRpcError) else grpc.StatusCode.UNKNOWN
