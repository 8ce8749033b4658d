"""Doors for batch streams as tests need them: handlers to hold, clients of both kinds, a wire."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

import partial_servicers
import streams_support
from chassis import apps, errors, identity, streams
from chassis import clock as clocks
from chassis.http2 import asking, calls, connections, server
from chassis.http2 import streams as halves
from ultrathink.scoring.v1 import scoring_pb2, scoring_pb2_grpc

METHOD = "/ultrathink.scoring.v1.Scorer/ScoreStream"
type Shape = asking.Shape[scoring_pb2.ScoreRequest, scoring_pb2.ScoreResponse]
SHAPE: Shape = asking.Shape(
    METHOD,
    scoring_pb2.ScoreRequest.SerializeToString,
    scoring_pb2.ScoreResponse.FromString,
)
MOST_CALLS = 8


class Open(identity.Gate):
    """A gate that lets everybody pass, or refuses with a fault."""

    def __init__(self) -> None:
        super().__init__({}, None, None)
        self.fault: errors.Fault | None = None
        self.admitted: list[str] = []

    async def admit(self, method: str, metadata: Iterable[tuple[str, str | bytes]] | None) -> None:
        """Let the call pass."""
        del metadata
        if self.fault is not None:
            raise self.fault
        self.admitted.append(method)
        identity.enter(identity.Caller(service="tester"))


class Scorer(partial_servicers.Scorer):
    """Answers batches by a function that the test gives; also a method that is no batch stream."""

    def __init__(self) -> None:
        self.handle: streams_support.Answering = streams_support.echo
        self.in_flight = 4

    def ScoreStream(self, requests: Any, _: Any) -> Any:  # noqa: N802 - the contract's name
        """Serve batches."""
        return streams.serve_batches(requests, self.handle, in_flight=self.in_flight)

    async def Score(self, request: Any, _: Any) -> Any:  # noqa: N802
        """Answer one batch."""
        return await self.handle(request)


class Door:
    """A listening door and what is behind it."""

    def __init__(self, most_calls: int = MOST_CALLS) -> None:
        self.gate, self.scorer = Open(), Scorer()
        self.port = 0
        self.server = server.Server(self._app().register, self.gate, clocks.SystemClock(), most_calls)

    def _app(self) -> apps.App:
        def register(target: grpc.aio.Server) -> None:
            scoring_pb2_grpc.add_ScorerServicer_to_server(self.scorer, target)

        async def ready() -> apps.Readiness:
            return apps.Readiness(ok=True)

        return apps.App("scoring", register, ("ultrathink.scoring.v1.Scorer",), {}, ready)

    @property
    def connected(self) -> int:
        """How many connections are open."""
        return len(self.server._connections)

    @property
    def target(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"


@asynccontextmanager
async def door(most_calls: int = MOST_CALLS) -> AsyncIterator[Door]:
    """Yield a door that listens."""
    opened = Door(most_calls)
    opened.port = await opened.server.start("127.0.0.1:0")
    try:
        yield opened
    finally:
        await opened.server.stop(0)


@asynccontextmanager
async def foreign(target: str, **options: int) -> AsyncIterator["scoring_pb2_grpc.ScorerAsyncStub"]:
    """Yield gRPC's own client."""
    settings = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    settings += [(f"grpc.{name}", value) for name, value in options.items()]
    async with grpc.aio.insecure_channel(target, options=settings) as channel:
        yield scoring_pb2_grpc.ScorerStub(channel)


@asynccontextmanager
async def ours(
    target: str, *, resend: bool = True, lanes: int = 1
) -> AsyncIterator[streams.BatchStream[scoring_pb2.ScoreRequest, scoring_pb2.ScoreResponse]]:
    """Yield a batch stream over our calling end."""
    opening = calls.Calls(target)
    stream = streams.BatchStream[scoring_pb2.ScoreRequest, scoring_pb2.ScoreResponse](
        Dialled(opening), clock=clocks.SystemClock(), resend=resend, lanes=lanes
    )
    try:
        yield stream
    finally:
        await stream.aclose()
        await opening.aclose()


@asynccontextmanager
async def dialled(
    target: str, heard: "Heard", opening: calls.Calls | None = None, shape: Shape = SHAPE
) -> AsyncIterator[calls.Line[scoring_pb2.ScoreRequest, scoring_pb2.ScoreResponse]]:
    """Yield a call of our calling end, without a batch stream."""
    opening = opening or calls.Calls(target)
    try:
        yield opening.dial(shape, (), heard)
    finally:
        await opening.aclose()


class Dialled:
    """The method of a stub on our calling end alone."""

    def __init__(self, opening: calls.Calls, metadata: tuple[tuple[str, str], ...] = ()) -> None:
        self._calls, self._metadata = opening, metadata
        self.dialled = 0

    def __call__(self, requests: Any, /) -> Any:
        """Refuse: a batch stream dials."""
        raise AssertionError(requests)

    def dial(self, receiver: Any) -> Any:
        """Open a call."""
        self.dialled += 1
        return self._calls.dial(SHAPE, self._metadata, receiver)


class Heard:
    """A receiver that remembers what it heard."""

    def __init__(self) -> None:
        self.answers: list[scoring_pb2.ScoreResponse] = []
        self.ends: list[errors.Fault | None] = []
        self.over = asyncio.Event()

    def answer(self, response: scoring_pb2.ScoreResponse) -> None:
        """Remember an answer."""
        self.answers.append(response)

    def ended(self, fault: errors.Fault | None) -> None:
        """Remember the end."""
        self.ends.append(fault)
        self.over.set()


class Peer:
    """A client's end that says what a test wants: the connection of our own, and its socket to write on."""

    def __init__(self) -> None:
        self.found: list[list[tuple[str, str]]] = []
        self.messages: list[bytes] = []
        self.over = asyncio.Event()
        self.lost = asyncio.Event()
        self.stream: halves.Stream
        self.connection = connections.Connection(accept=None, closed=lambda _: self.lost.set())

    async def connect(self, port: int) -> None:
        """Connect and open a stream."""
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self.connection, "127.0.0.1", port)
        self.stream = self.connection.open(self)

    def ask(self, **changed: str) -> None:
        """Send the headers of a call, some of them changed."""
        ordinary = {
            ":method": "POST", ":scheme": "http", ":path": METHOD, ":authority": "test",
            "te": "trailers", "content-type": "application/grpc",
        }  # fmt: skip
        told = ordinary | {
            name.replace("_", "-").replace("--", ":"): value for name, value in changed.items()
        }
        self.stream.send_headers(list(told.items()))

    def headers(self, found: halves.Headers, *, ended: bool) -> None:
        """Remember headers."""
        self.found.append(found)
        if ended:
            self.over.set()

    def message(self, data: bytes) -> None:
        """Remember a message."""
        self.messages.append(data)

    def half_closed(self) -> None:
        """Count as over."""
        self.over.set()

    def drained(self) -> None:
        """Do nothing."""

    def refused(self, _: errors.Fault) -> None:
        """Count as over."""
        self.over.set()

    def broken(self) -> None:
        """Count as over."""
        self.over.set()

    @property
    def trailers(self) -> dict[str, str]:
        """The last headers."""
        return dict(self.found[-1])


@asynccontextmanager
async def peer(port: int) -> AsyncIterator[Peer]:
    """Yield a peer that is connected."""
    connected = Peer()
    await connected.connect(port)
    try:
        yield connected
    finally:
        connected.connection.abort()
        await connected.lost.wait()


def large(size: int) -> scoring_pb2.ScoreRequest:
    """Return a batch whose message has about so many bytes."""
    return streams_support.request("x" * size)


async def sent(batches: list[scoring_pb2.ScoreRequest]) -> AsyncIterator[scoring_pb2.ScoreRequest]:
    """Yield batches, numbered from one, then half-close."""
    for number, batch in enumerate(batches, 1):
        batch.batch_id = number
        yield batch
