"""HTTP/1.1 on sockets: uvicorn with bounds it does not have itself, and answers in our words."""

import asyncio
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import msgspec
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http import httptools_impl

from chassis import errors
from gateway.domain import headers
from gateway.inbound import problems

STATUS = {400: b"400 Bad Request", 408: b"408 Request Timeout", 431: b"431 Request Header Fields Too Large"}
CORK_BYTES = 64 * 1024  # the transport's own high-water mark: beyond it writing must feel the pressure
HEAD = b"HTTP/1.1 %s\r\ncontent-type: %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"


class Door(msgspec.Struct, frozen=True):
    """How the HTTP door is held open; sizes in bytes, times in seconds."""

    host: str
    port: int
    header_bytes: int
    header_seconds: float
    keepalive_seconds: int
    backlog: int
    drain_seconds: float


class _Corked:
    """A transport that sends what one turn of the event loop writes in one system call.

    The server writes head and body apart; on small answers the second call costs more than making them.
    """

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._inner, self._loop = inner, loop
        self._parts: list[bytes] = []
        self._held = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def write(self, data: bytes) -> None:
        """Send at the end of this turn, or at once when much is waiting."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)
        self._held += len(data)
        if self._held >= CORK_BYTES:
            self._flush()

    def close(self) -> None:
        """Close after everything written was handed on."""
        self._flush()
        self._inner.close()

    def _flush(self) -> None:
        if self._parts:
            data = b"".join(self._parts)
            self._parts.clear()
            self._held = 0
            if not self._inner.is_closing():  # the caller may have gone in this very turn
                self._inner.write(data)


class Protocol(httptools_impl.HttpToolsProtocol):
    """Uvicorn's protocol with a bounded head: in size, and in the time it may take."""

    door: Door  # of the subclass that `protocol` makes: uvicorn builds protocols itself
    _head = 0
    _slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first head."""
        super().connection_made(cast("asyncio.Transport", _Corked(transport, self.loop)))
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._head_came()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to count a head; a later one on the same connection has its own time."""
        super().on_message_begin()
        self._head = 0
        if self._slow is None:
            self._expect_head()

    def on_url(self, url: bytes) -> None:
        """Count the target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Let the request begin."""
        self._head_came()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the library's words are not ours
        """Answer what could not be parsed."""
        if self._head > self.door.header_bytes:
            self._refuse(errors.Invalid("headers.too_large", "The head of the request is too large."))
        else:
            self._refuse(errors.Invalid("headers.malformed", "The request is not HTTP/1.1 that can be read."))

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > self.door.header_bytes:
            raise ValueError("head too large")  # the parser hands it on to send_400_response

    def _expect_head(self) -> None:
        self._slow = self.loop.call_later(self.door.header_seconds, self._too_slow)

    def _head_came(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _too_slow(self) -> None:
        self._slow = None
        self._refuse(errors.Invalid("body.too_slow", "The request did not arrive in time."))

    def _refuse(self, fault: errors.Fault) -> None:
        if self.transport.is_closing():
            return
        told = problems.body(fault, instance="", request_id=headers.request_id(""))
        status = STATUS[problems.status(fault)]
        media_type = problems.MEDIA_TYPE.encode()
        self.transport.write(HEAD % (status, media_type, len(told)) + told)
        self.transport.close()


def protocol(door: Door) -> type[asyncio.Protocol]:
    """Return the protocol bounded as `door` says."""
    return type("DoorProtocol", (Protocol,), {"door": door})


@asynccontextmanager
async def listening(app: ASGIApp, door: Door) -> AsyncIterator[int]:
    """Serve the application inside the block; yields the bound port.

    At the end no connection is accepted any more, and requests in flight have `drain_seconds`. Raises
    Unavailable `server.bind_failed`.
    """
    server = _Server(_config(app, door))
    bound = _bound(door)
    port = int(bound.getsockname()[1])
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        opened = asyncio.ensure_future(server.opened.wait())
        await asyncio.wait({serving, opened}, return_when=asyncio.FIRST_COMPLETED)
        yield port
    finally:
        opened.cancel()
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: the process decides when it ends."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.opened = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave the signals to the process."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept, and say so."""
        await super().startup(sockets)
        self.opened.set()


def _config(app: ASGIApp, door: Door) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=protocol(door),
        ws="none",
        lifespan="off",
        log_config=None,  # chassis writes the log; uvicorn's lines would hold paths
        access_log=False,
        proxy_headers=False,  # nothing here depends on the peer's address, so nobody can forge it
        server_header=False,
        backlog=door.backlog,
        timeout_keep_alive=door.keepalive_seconds,
        timeout_graceful_shutdown=max(1, round(door.drain_seconds)),
    )


def _bound(door: Door) -> socket.socket:
    family = socket.AF_INET6 if ":" in door.host else socket.AF_INET
    try:
        bound = socket.create_server((door.host, door.port), family=family, backlog=door.backlog)
    except OSError as cause:
        raise errors.Unavailable("server.bind_failed", f"Port {door.port} cannot be listened on.") from cause
    bound.setblocking(False)
    return bound
