"""Time that a test moves by hand, and both ends of a batch stream that a test can hold, break and restart."""

import asyncio
import heapq
from collections.abc import AsyncIterator, Awaitable, Callable, Sized
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import grpc
import grpc.aio

import partial_servicers
from chassis import streams
from ultrathink.scoring.v1 import scoring_pb2, scoring_pb2_grpc

FAR = 10_000.0
type Answer = asyncio.Task[scoring_pb2.ScoreResponse]
type Answering = Callable[[scoring_pb2.ScoreRequest], Awaitable[scoring_pb2.ScoreResponse]]

FAST_RECONNECT = [
    ("grpc.initial_reconnect_backoff_ms", 20),
    ("grpc.min_reconnect_backoff_ms", 20),
    ("grpc.max_reconnect_backoff_ms", 100),
]


class ManualTimer:
    """A call that `ManualTime.advance` makes unless it was taken back."""

    def __init__(self, callback: Callable[..., object], args: tuple[object, ...]) -> None:
        self.callback, self.args, self.cancelled = callback, args, False

    def cancel(self) -> None:
        """Take the call back."""
        self.cancelled = True


class ManualTime:
    """A clock and its timers, both standing still until told to move."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self._due: list[tuple[float, int, ManualTimer]] = []
        self._made = 0
        self.delays: list[float] = []

    def now(self) -> datetime:
        """Return the instant."""
        return datetime(2026, 8, 2, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """Return the seconds."""
        return self.seconds

    def call_later(self, delay: float, callback: Callable[..., object], /, *args: object) -> ManualTimer:
        """Remember the call for the time to come."""
        timer = ManualTimer(callback, args)
        self._made += 1
        self.delays.append(delay)
        heapq.heappush(self._due, (self.seconds + delay, self._made, timer))
        return timer

    def advance(self, seconds: float) -> None:
        """Move on, making each call at its time."""
        until = self.seconds + seconds
        while self._due and self._due[0][0] <= until:
            at, _, timer = heapq.heappop(self._due)
            self.seconds = max(self.seconds, at)
            if not timer.cancelled:
                timer.callback(*timer.args)
        self.seconds = until


async def turns(count: int = 10) -> None:
    """Let the event loop turn."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop turn until something outside it has happened; the test's own timeout bounds it."""
    while not condition():  # noqa: ASYNC110 - what is awaited happens in gRPC's threads, not at an event of ours
        await asyncio.sleep(0)


async def until_many(things: Sized, count: int) -> None:
    """Let the event loop turn until there are so many."""
    await until(lambda: len(things) >= count)


def request(*items: str) -> scoring_pb2.ScoreRequest:
    """Return a batch of items with these ids."""
    batch = scoring_pb2.ScoreRequest()
    for item in items:
        batch.contexts.add(item_id=item)
    return batch


def answer(batch: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
    """Return the answer that repeats the items of a batch."""
    return scoring_pb2.ScoreResponse(
        batch_id=batch.batch_id,
        claims=[scoring_pb2.ClaimScore(item_id=context.item_id) for context in batch.contexts],
    )


def items(response: scoring_pb2.ScoreResponse) -> list[str]:
    """Return the ids an answer repeats."""
    return [score.item_id for score in response.claims]


async def echo(batch: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
    """Answer at once, leaving the batch id to the server."""
    response = answer(batch)
    response.batch_id = 0
    return response


class OpenCall:
    """One call as its server end sees it: what was sent, and a hand on what comes back."""

    def __init__(self, requests: AsyncIterator[scoring_pb2.ScoreRequest]) -> None:
        self.requests = requests
        self._replies: asyncio.Queue[scoring_pb2.ScoreResponse | BaseException | None] = asyncio.Queue()
        self._pull = asyncio.get_running_loop().create_task(self._drain())
        self.sent: list[scoring_pb2.ScoreRequest] = []
        self._half_closed = False

    async def _drain(self) -> None:
        async for batch in self.requests:
            self.sent.append(batch)
        self._half_closed = True

    def half_closed(self) -> bool:
        """Return whether the sender said that nothing follows."""
        return self._half_closed

    def reply(self, response: scoring_pb2.ScoreResponse) -> None:
        """Answer."""
        self._replies.put_nowait(response)

    def end(self, failure: BaseException | None = None) -> None:
        """End the call, with OK when nothing is given."""
        self._replies.put_nowait(failure)

    def __aiter__(self) -> AsyncIterator[scoring_pb2.ScoreResponse]:
        return self

    async def __anext__(self) -> scoring_pb2.ScoreResponse:
        response = await self._replies.get()
        if response is None:
            raise StopAsyncIteration
        if isinstance(response, BaseException):
            raise response
        return response

    def cancel(self) -> bool:
        """Give the call up."""
        return self._pull.cancel()


class Calls:
    """A bidirectional method that remembers every call opened on it."""

    def __init__(self) -> None:
        self.opened: list[OpenCall] = []

    def __call__(self, request_iterator: AsyncIterator[scoring_pb2.ScoreRequest], /) -> OpenCall:
        """Open a call."""
        call = OpenCall(request_iterator)
        self.opened.append(call)
        return call


class StreamServer:
    """A real loopback server of ScoreStream that can be killed and started again on its port."""

    def __init__(self, handle: Answering, *, in_flight: int = 4) -> None:
        self.handle, self.in_flight = handle, in_flight
        self.calls = 0
        self.port = 0
        self.draining = asyncio.Event()
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Listen, on the port of before when there was one."""
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        scoring_pb2_grpc.add_ScorerServicer_to_server(
            _Servicer(self),
            server,
        )
        self.port = server.add_insecure_port(f"127.0.0.1:{self.port}")
        await server.start()
        self._server = server

    async def kill(self) -> None:
        """Break every connection at once and stop listening."""
        if self._server is not None:
            await self._server.stop(None)
            self._server = None


class _Servicer(partial_servicers.Scorer):
    def __init__(self, owner: StreamServer) -> None:
        self._owner = owner

    async def ScoreStream(  # noqa: N802 - the contract's name
        self,
        request_iterator: AsyncIterator[scoring_pb2.ScoreRequest],
        context: grpc.aio.ServicerContext[scoring_pb2.ScoreRequest, scoring_pb2.ScoreResponse],
    ) -> AsyncIterator[scoring_pb2.ScoreResponse]:
        del context
        owner = self._owner
        owner.calls += 1
        streams.draining.set(owner.draining)
        async for response in streams.serve_batches(
            request_iterator, owner.handle, in_flight=owner.in_flight
        ):
            yield response


@asynccontextmanager
async def stream_server(
    handle: Answering = echo, *, in_flight: int = 4
) -> AsyncIterator[tuple[StreamServer, "scoring_pb2_grpc.ScorerAsyncStub"]]:
    """Yield a started server and a stub connected to it."""
    server = StreamServer(handle, in_flight=in_flight)
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}", options=FAST_RECONNECT) as channel:
        try:
            yield server, scoring_pb2_grpc.ScorerStub(channel)
        finally:
            await server.kill()


class Bench:
    """A BatchStream on manual time over calls that the test answers."""

    def __init__(self, *, resend: bool = False, window: int = 2, lanes: int = 1, jitter: float = 1.0) -> None:
        self.time, self.calls = ManualTime(), Calls()
        self.stream = streams.BatchStream[scoring_pb2.ScoreRequest, scoring_pb2.ScoreResponse](
            self.calls,
            clock=self.time,
            wakes=self.time,
            resend=resend,
            window=window,
            lanes=lanes,
            jitter=lambda: jitter,
        )

    def exchange(self, *names: str, deadline: float = FAR) -> Answer:
        """Exchange from a caller of its own."""
        return asyncio.create_task(self.stream.exchange(request(*names), deadline=deadline))

    async def close(self) -> None:
        """End what is open and close."""
        closing = asyncio.create_task(self.stream.aclose())
        await turns()
        for call in self.calls.opened:
            call.end()
        await closing


def transport(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    """Return what gRPC raises by itself, without a fault of ours inside."""
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "text of the transport")
