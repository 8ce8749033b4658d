"""A channel without a socket: stubs call the handlers of an app in the same process and event loop.

Messages are handed over as they are, without serialising, and belong to the receiver from then on. Who may
call what, deadlines, cancellation, bounded streams and faults are as over a socket; one suite tests both.
"""

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Generator, Iterable
from types import TracebackType
from typing import Any, Self

import grpc

from chassis import apps, channels, errors, faults, handlers, identity, metrics, outcomes, streams, tokens

MAX_AHEAD = 16
"""Messages a sender may be ahead of its receiver; over a socket, flow control allows about as many."""


class LocalChannel(grpc.aio.Channel):
    """Stands in for a channel to `app`, called by the service `caller` or for the user `principal`.

    Generated stubs work on it unchanged. Raises Denied per call where the app's table does not name the
    caller. Closing it cancels the calls in flight after their grace.
    """

    def __init__(self, app: apps.App, *, caller: str = "", principal: tokens.Principal | None = None) -> None:
        self._app = app
        self._who = identity.Caller(service=caller or None, principal=principal)
        self._calls: set[asyncio.Task[None]] = set()
        self._handlers = handlers.collected(app.register)

    def unary_unary(self, method: str, *_: Any, **__: Any) -> Any:
        """Return the callable of a method, as generated stubs ask for it."""
        return self._callable(method)

    unary_stream = stream_unary = stream_stream = unary_unary

    def _callable(self, method: str) -> Callable[..., "LocalCall"]:
        def call(
            request: Any = None, timeout: float | None = None, metadata: Any = None, **_: Any
        ) -> LocalCall:
            exchange = _Exchange(method, self._handlers.get(method), timeout, tuple(metadata or ()))
            task = asyncio.get_running_loop().create_task(exchange.run(request, self._admit))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)
            return LocalCall(exchange, task)

        return call

    def _admit(self, method: str) -> None:
        """Make the caller known to the handler; raises Denied. Runs in the context of the call."""
        streams.draining.set(None)  # the drain of a server that serves our caller is not ours
        identity.permit(self._app.callers, method, self._who)
        identity.enter(self._who)

    async def close(self, grace: float | None = None) -> None:
        """Let calls in flight finish for `grace` seconds, then cancel them and wait for their end."""
        if self._calls and grace:
            await asyncio.wait(self._calls, timeout=grace)
        for task in tuple(self._calls):
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: ARG002, FBT001, FBT002 - gRPC's signature
        """Return READY: within a process nothing can be disconnected."""
        return grpc.ChannelConnectivity.READY

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Return when the state differs from the one last observed, which for READY is never."""
        if last_observed_state is grpc.ChannelConnectivity.READY:
            await asyncio.get_running_loop().create_future()

    async def channel_ready(self) -> None:
        """Return at once."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class _Pipe:
    """Messages one way, at most MAX_AHEAD waiting; closing lets the receiver drain it and senders fail."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Any] = asyncio.Queue()
        self._room = asyncio.Semaphore(MAX_AHEAD)
        self.closed = False

    async def put(self, message: Any) -> bool:
        """Hand over a message when there is room; return False when the pipe is closed."""
        await self._room.acquire()
        if self.closed:
            self._room.release()  # so that every other sender that waits learns it too
            return False
        self._waiting.put_nowait(message)
        return True

    async def get(self) -> Any:
        """Return the next message, grpc.aio.EOF after the last one, as often as asked."""
        message = await self._waiting.get()
        if message is grpc.aio.EOF:
            self._waiting.put_nowait(message)
        else:
            self._room.release()
        return message

    def close(self) -> None:
        """Say that no message follows."""
        if not self.closed:
            self.closed = True
            self._waiting.put_nowait(grpc.aio.EOF)
            self._room.release()

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (message := await self.get()) is not grpc.aio.EOF:
            yield message


class _Exchange:
    """One call as its handler sees it (the servicer context) and what came of it."""

    def __init__(
        self, method: str, handler: handlers.Handler | None, timeout: float | None, metadata: tuple[Any, ...]
    ) -> None:
        self._method = method
        self._handler = handler
        self._ends_at = None if timeout is None else time.monotonic() + timeout
        self._metadata = metadata
        self.requests = _Pipe()
        self.responses = _Pipe()
        self.fault: errors.Fault | None = None
        self.read: Callable[[], Awaitable[Any]] = self.requests.get
        self.write = self.responses.put

    async def run(self, request: Any, admit: Callable[[str], None]) -> None:
        """Serve the call to its end; what went wrong is kept in `fault`, not raised."""
        began, outcome = time.monotonic(), "cancelled"
        try:
            async with asyncio.timeout(self.time_remaining()) as limit:
                admit(self._method)
                await self._serve(self._handler, request)
            outcome = "ok"
        except Exception as error:  # noqa: BLE001 - the door answers for everything behind it
            late = isinstance(error, TimeoutError) and limit.expired()
            fault = outcomes.late() if late else faults.of_exception(error, self._method)
            self.fault, outcome = outcomes.again(fault), fault.kind
        finally:
            self.requests.close()
            self.responses.close()
            metrics.observe_rpc(self._method, outcome, time.monotonic() - began)

    async def _serve(self, handler: handlers.Handler | None, request: Any) -> None:
        if handler is None:
            raise faults.from_status(grpc.StatusCode.UNIMPLEMENTED)
        function = handlers.behaviour(handler)
        given = self._incoming(request) if handler.request_streaming else request
        if not handler.response_streaming:
            await self.responses.put(await handlers.answer(function, given, self))
            return
        async for response in handlers.answers(function, given, self):
            await self.responses.put(response)

    def _incoming(self, requests: Any) -> AsyncIterator[Any]:
        """Return the requests as the handler iterates them: the caller's own iterator, or what it writes."""
        if requests is None:
            return aiter(self.requests)
        return aiter(requests) if isinstance(requests, AsyncIterable) else _iterated(requests)

    def time_remaining(self) -> float | None:
        """Return the seconds left, None when the call has no deadline."""
        return None if self._ends_at is None else max(0.0, self._ends_at - time.monotonic())

    def invocation_metadata(self) -> tuple[Any, ...]:
        """Return the metadata the caller sent."""
        return self._metadata

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()) -> None:  # noqa: ARG002 - gRPC's signature
        """End the call with this status."""
        raise faults.from_status(code, grpc.aio.Metadata(*trailing_metadata))


async def _iterated(requests: Iterable[Any]) -> AsyncIterator[Any]:
    for request in requests:
        yield request


class LocalCall:
    """The caller's side of a call: what generated stubs' users use of a grpc.aio call."""

    def __init__(self, exchange: _Exchange, task: asyncio.Task[None]) -> None:
        self._exchange = exchange
        self._task = task
        self._half_closed = False

    def __await__(self) -> Generator[Any, None, Any]:
        return self._response().__await__()

    async def _response(self) -> Any:
        response = await self._next()
        await self._ended()
        return response

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            while (response := await self.read()) is not grpc.aio.EOF:
                yield response
        except GeneratorExit:
            self.cancel()  # whoever leaves the loop does not want the rest
            raise

    async def read(self) -> Any:
        """Return the next response, or grpc.aio.EOF after the last; raises a fault when the call failed."""
        response = await self._next()
        if response is grpc.aio.EOF:
            await self._ended()
        return response

    async def write(self, request: Any) -> None:
        """Send a request; raises the fault that ended the call, Unavailable `stream.closed` if none did."""
        if self._half_closed:
            raise asyncio.InvalidStateError("The call is half-closed.")
        if not await self._exchange.requests.put(request):
            await self._ended()
            raise channels.closed()

    async def done_writing(self) -> None:
        """Half-close: no request follows."""
        self._half_closed = True
        self._exchange.requests.close()

    async def _next(self) -> Any:
        try:
            return await self._exchange.responses.get()
        except asyncio.CancelledError:
            self.cancel()
            raise

    async def _ended(self) -> None:
        """Wait for the end of the call; raise what ended it, CancelledError when it was cancelled."""
        await asyncio.wait((self._task,))
        if self._task.cancelled():
            raise asyncio.CancelledError
        if self._exchange.fault is not None:
            raise self._exchange.fault

    def cancel(self) -> bool:
        """Give the call up; return False when it had ended before."""
        return self._task.cancel()

    def cancelled(self) -> bool:
        """Return whether the call was given up."""
        return self._task.cancelled()

    def done(self) -> bool:
        """Return whether the call has ended."""
        return self._task.done()

    async def code(self) -> grpc.StatusCode:
        """Return the status the call ends with, waiting for its end."""
        await asyncio.wait((self._task,))
        if self._task.cancelled():
            return grpc.StatusCode.CANCELLED
        fault = self._exchange.fault
        return grpc.StatusCode.OK if fault is None else faults.code_of(fault)
