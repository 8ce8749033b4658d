"""A gateway over in-memory twins, and clients that speak HTTP to it, in process or over a loopback socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import msgspec

from chassis import clock as clocks
from chassis import contexts
from chassis import testing as plumbing
from gateway import testing
from gateway.domain import callers
from gateway.inbound import apps, envelopes, limits, sockets
from gateway.usecases import judge_readiness

TOKENS = {
    "biller": callers.Caller("demo", "bilal", ("biller",), "riyadh"),
    "reviewer": callers.Caller("demo", "rima", ("reviewer",)),
    "neighbour": callers.Caller("other", "nour", ("biller",)),
    "guest": callers.Caller("demo", "ghada", ("guest",)),
}
BILLER = {"authorization": "Bearer biller"}
OTHERS = {"authorization": "Bearer neighbour"}  # of another tenant
REVIEWER = {"authorization": "Bearer reviewer"}
JSON = {"content-type": "application/json"}
NDJSON = {"content-type": "application/x-ndjson"}
CSV = {"content-type": "text/csv"}
FHIR = {"content-type": "application/fhir+json"}
SCHEMA = b'{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object"}'


class Item(msgspec.Struct, forbid_unknown_fields=True):
    """One entry of a problem's errors."""

    path: str
    code: str
    message: str


class Problem(msgspec.Struct, forbid_unknown_fields=True):
    """The shape every refusal must have, no more and no less."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[Item]
    request_id: str
    position: int | None = None


class Stage(msgspec.Struct):
    """A composed gateway and the twins behind it."""

    app: envelopes.Envelope
    claims: testing.MemoryClaims
    neighbour: testing.MemoryNeighbour
    rulebook: testing.MemoryRuleBook
    completer: testing.MemoryCompleter
    authenticator: testing.MemoryAuthenticator


def stage(
    *,
    bounds: limits.Limits | None = None,
    clock: clocks.Clock | None = None,
    schema: bytes | None = SCHEMA,
    origins: tuple[str, ...] = (),
) -> Stage:
    """Return a gateway over fresh twins."""
    claims, neighbour = testing.MemoryClaims(), testing.MemoryNeighbour()
    rulebook, completer = testing.MemoryRuleBook(), testing.MemoryCompleter()
    authenticator = testing.MemoryAuthenticator(TOKENS)
    clock = clock or clocks.SystemClock()
    parts = apps.Parts(
        door=claims,
        desk=claims,
        rulebook=rulebook,
        completer=completer,
        authenticator=authenticator,
        readiness=judge_readiness.Readiness(neighbour, clock),
        clock=clock,
        bounds=bounds or limits.Limits(),
        version="0.1.0",
        schema=schema,
        origins=origins,
    )
    return Stage(apps.build(parts), claims, neighbour, rulebook, completer, authenticator)


def client(app: envelopes.Envelope) -> httpx2.AsyncClient:
    """Return a client that calls the application in this process."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://gateway")


def problem(answer: httpx2.Response, status: int, reason: str) -> Problem:
    """Return the problem an answer holds after checking that it is one, whole and consistent."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = msgspec.json.decode(answer.content, type=Problem)
    assert told.status == status
    assert told.type == f"/problems/{reason}"
    assert told.request_id == answer.headers["x-request-id"]
    assert told.title
    assert told.detail
    return told


def door(**overrides: Any) -> sockets.Door:
    """Return a loopback door on a free port."""
    ordinary = sockets.Door(
        host="127.0.0.1",
        port=0,
        header_bytes=32 * 1024,
        header_seconds=10.0,
        keepalive_seconds=5,
        backlog=16,
        drain_seconds=2.0,
    )
    return msgspec.structs.replace(ordinary, **overrides)


class Wire:
    """A raw HTTP/1.1 connection: a test decides what is sent when, and sees what comes when."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, *parts: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(b"".join(parts))
        await self.writer.drain()

    async def chunk(self, data: bytes) -> None:
        """Send one chunk of a chunked body; an empty one ends it."""
        await self.send(b"%x\r\n" % len(data), data, b"\r\n")

    async def head(self) -> tuple[int, dict[str, str]]:
        """Return status and headers of the answer."""
        raw = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)
        first, *lines = raw.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines if line)
        return int(first.split(" ")[1]), headers

    async def piece(self) -> bytes:
        """Return the next chunk of a chunked answer; nothing at its end."""
        size = int(await asyncio.wait_for(self.reader.readline(), 5), 16)
        data = await asyncio.wait_for(self.reader.readexactly(size + 2), 5)
        return data[:-2]

    async def rest(self) -> bytes:
        """Return everything until the connection's end."""
        return await asyncio.wait_for(self.reader.read(), 5)


@asynccontextmanager
async def wire(app: envelopes.Envelope, **overrides: Any) -> AsyncIterator[Callable[[], Any]]:
    """Serve the application on loopback; yields a function that connects."""
    open_writers: list[asyncio.StreamWriter] = []
    async with sockets.listening(app, door(**overrides)) as port:

        async def connect() -> Wire:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            open_writers.append(writer)
            return Wire(reader, writer)

        try:
            yield connect
        finally:
            for writer in open_writers:
                writer.close()
            await asyncio.gather(*(writer.wait_closed() for writer in open_writers), return_exceptions=True)


def head(method: str, path: str, headers: dict[str, str]) -> bytes:
    """Return the head of a request."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "host: gateway",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def lines(body: bytes) -> Sequence[dict[str, Any]]:
    """Return the documents of an NDJSON body."""
    return [json.loads(line) for line in body.splitlines()]


def context(clock: clocks.Clock, **overrides: Any) -> contexts.CallContext:
    """Return the context of an item that has ten seconds left on `clock`."""
    return plumbing.context(**({"deadline": clock.monotonic() + 10} | overrides))


async def until[T](ask: Callable[[], Awaitable[T]], fits: Callable[[T], bool]) -> T:
    """Return the first answer that fits; fails after five seconds."""
    async with asyncio.timeout(5):
        while True:
            answer = await ask()
            if fits(answer):
                return answer
