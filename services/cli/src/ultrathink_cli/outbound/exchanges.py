"""One HTTP request on a connection of its own, whose answer is read while the request is being sent.

A client that reads behind what it sent leaves the answers of a large file waiting at the platform, which
stops reading when they fill its disk: then both wait for each other for ever. So the two ways are apart.
"""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Self
from urllib import parse

import httptools
import msgspec

CONNECT_S = 5.0
ANSWER_S = 60.0  # nothing moves in either direction for so long: nobody is there any more
READ_BYTES = 256 * 1024
FIRST_FINAL = 200  # statuses below announce an answer, they are none


class Unreached(Exception):  # noqa: N818 - whoever asked says what it means
    """Nobody answered, or not to the end, or not in HTTP."""


class Place(msgspec.Struct, frozen=True):
    """Where a gateway is; `prefix` is the path it lies beneath, if any."""

    host: str
    port: int
    tls: bool
    prefix: str = ""

    @classmethod
    def at(cls, url: str) -> Self:
        """Return the place of a URL; ValueError for what is none."""
        parts = parse.urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("a URL begins with http:// or https:// and names a host")
        tls = parts.scheme == "https"
        host = parts.hostname
        if (
            not host.isascii()
        ):  # else the codec, which takes a hundredth of a second to load, has nothing to do
            host = host.encode("idna").decode()
        return cls(host, parts.port or (443 if tls else 80), tls, parts.path.rstrip("/"))

    def authority(self) -> str:
        """Return the place as a Host header names it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Answer:
    """An answer under way: its status, and its body in pieces as they come. The parser tells it of both."""

    def __init__(self, reader: asyncio.StreamReader, sending: "_Sending") -> None:
        self._reader, self._sending = reader, sending
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: deque[bytes] = deque()
        self._framed = False
        self._ended = False
        self.status = 0

    async def begin(self, seconds: float) -> None:
        """Read until the status is known."""
        self._seconds = seconds
        while not self.status:
            await self._read()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes."""
        while True:
            while self._pieces:
                yield self._pieces.popleft()
            if self._ended:
                return
            await self._read()

    async def whole(self) -> bytes:
        """Return the whole body."""
        return b"".join([piece async for piece in self.pieces()])

    def on_header(self, name: bytes, _: bytes) -> None:
        """Note whether the answer says where it ends; else the connection's end is its own."""
        self._framed |= name.lower() in {b"content-length", b"transfer-encoding"}

    def on_headers_complete(self) -> None:
        """Take the status, but of what only announces an answer."""
        status = self._parser.get_status_code()
        self.status = status if status >= FIRST_FINAL else 0

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of the body."""
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """Note the end."""
        self._ended = bool(self.status)

    async def _read(self) -> None:
        data = await self._received()
        if not data and self.status and not self._framed:
            self._ended = True
            return
        if not data:
            self._sending.check()
            raise Unreached("the connection ended before the answer did")
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as cause:
            raise Unreached("what answered does not speak HTTP") from cause

    async def _received(self) -> bytes:
        """Return what came next, nothing at the end; a wait is too long only while nothing is sent either."""
        while True:
            sent = self._sending.sent
            try:
                return await asyncio.wait_for(self._reader.read(READ_BYTES), self._seconds)
            except TimeoutError as cause:
                if self._sending.sent == sent:
                    raise Unreached("nothing moved for too long") from cause
            except OSError as cause:
                self._sending.check()
                raise Unreached("the connection broke") from cause


class _Sending:
    """The request on its way; ends the connection when what it sends cannot be had."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._failure: Exception | None = None
        self.sent = 0

    def check(self) -> None:
        """Raise what kept the request from being sent, unless it was the connection."""
        if self._failure is not None:
            raise self._failure

    async def send(self, head: bytes, body: bytes | AsyncIterator[bytes]) -> None:
        """Send head and body; a body in chunks goes as they come."""
        with contextlib.suppress(ConnectionError):  # the reader of the answer will say so
            if isinstance(body, bytes):
                await self._write(head + body)
                return
            await self._write(head)
            while (chunk := await self._next(body)) is not None:
                if chunk:
                    await self._write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            await self._write(b"0\r\n\r\n")

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()
        self.sent += len(data)

    async def _next(self, body: AsyncIterator[bytes]) -> bytes | None:
        try:
            return await anext(body, None)
        except Exception as failure:
            self._failure = failure
            self._writer.transport.abort()
            raise ConnectionAbortedError from failure


@contextlib.asynccontextmanager
async def exchange(
    place: Place,
    request: tuple[str, str],
    headers: Mapping[str, str],
    body: bytes | AsyncIterator[bytes] = b"",
    seconds: float = ANSWER_S,
) -> AsyncIterator[Answer]:
    """Send a request (method and path); yields its answer as soon as its status is known.

    Raises Unreached, and what reading `body` raises. Leaving the block ends the connection.
    """
    reader, writer = await _connected(place)
    sending = _Sending(writer)
    task = asyncio.create_task(sending.send(_head(place, request, headers, body), body))
    try:
        answer = Answer(reader, sending)
        await answer.begin(seconds)
        yield answer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        writer.transport.abort()


async def _connected(place: Place) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        async with asyncio.timeout(CONNECT_S):
            return await asyncio.open_connection(
                place.host, place.port, ssl=_trust() if place.tls else None, limit=READ_BYTES
            )
    except OSError as cause:
        raise Unreached("no connection") from cause


def _trust() -> ssl.SSLContext:
    """Return the certificates trusted here; where they lie differs by system, which the library knows."""
    import httpx2  # noqa: PLC0415 - only for a gateway that is reached by TLS

    return httpx2.create_ssl_context(trust_env=False)


def _head(
    place: Place, request: tuple[str, str], headers: Mapping[str, str], body: bytes | AsyncIterator[bytes]
) -> bytes:
    method, path = request
    framing = f"content-length: {len(body)}" if isinstance(body, bytes) else "transfer-encoding: chunked"
    lines = [f"{method} {place.prefix}{path} HTTP/1.1", f"host: {place.authority()}", "connection: close"]
    lines += [*(f"{name}: {value}" for name, value in headers.items()), framing, "", ""]
    return "\r\n".join(lines).encode("ascii")
