"""HTTP/1.1 on sockets: uvicorn with bounds it does not have itself, and answers in our words."""

import asyncio
import socket
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import msgspec
import uvicorn
from uvicorn.protocols.http import httptools_impl

from chassis import errors
from gateway.domain import headers
from gateway.inbound import envelopes, express, problems

STATUS = {400: b"400 Bad Request", 408: b"408 Request Timeout", 431: b"431 Request Header Fields Too Large"}
TOO_LARGE = "head too large"  # the parser hands what is raised on to send_400_response
CORK_BYTES = 64 * 1024  # the transport's own high-water mark: beyond it writing must feel the pressure
NOBODY_WAITS = asyncio.Event()  # of an express request: nothing reads its body in pieces
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
        self.is_closing = inner.is_closing  # asked several times for each request
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

    def write_whole(self, data: bytes) -> None:
        """Send an answer that is whole at once; the loop sends it at the end of this turn by itself."""
        if self._parts:
            self._flush()
        self._inner.write(data)

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


class _Dates:
    """The headers that uvicorn makes anew each second, as bytes."""

    def __init__(self) -> None:
        self._seen: list[tuple[bytes, bytes]] = []
        self._line = b""

    def line(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """Return their lines."""
        if headers is not self._seen:
            self._seen, self._line = headers, b"".join(b"%b: %b\r\n" % one for one in headers)
        return self._line


class _Express:
    """A request on the short way, in the place of uvicorn's cycle: what the protocol asks of that."""

    __slots__ = ("disconnected", "keep_alive", "message_event", "protocol", "response_complete")

    def __init__(self, protocol: "Protocol") -> None:
        self.protocol = protocol
        self.message_event = NOBODY_WAITS
        self.keep_alive, self.disconnected, self.response_complete = True, False, False

    def reply(self, head: bytes, body: bytes, /, *, close: bool) -> None:
        """Send the one answer, and let the connection go on unless the process is about to end."""
        self.response_complete = True
        transport = self.protocol.corked
        if self.disconnected or transport.is_closing():
            return
        added = self.protocol.dates.line(self.protocol.server_state.default_headers)
        if not (close or self.keep_alive):
            added += b"connection: close\r\n"
        transport.write_whole(b"".join((head, added, b"\r\n", body)))
        if close or not self.keep_alive:
            transport.close()
        self.protocol.on_response_complete()


class Protocol(httptools_impl.HttpToolsProtocol):
    """Uvicorn's protocol with a bounded head, in size and in time, and a short way for ordinary requests.

    A request goes the short way when it came whole in one piece and nothing else is at work on its
    connection; any other takes uvicorn's. Timers cost more than what they watch: that of a head runs only
    when a piece ended inside it, that of an idle connection runs on and looks when it is due.
    """

    door: Door  # of the subclass that `protocol` makes: uvicorn builds protocols itself
    lanes: Mapping[bytes, express.Express]
    dates: _Dates
    corked: _Corked
    _lane: express.Express | None = None
    _whole = b""
    _head = 0
    _in_head = _counting = True
    _slow: asyncio.TimerHandle | None = None
    _idle: asyncio.TimerHandle | None = None
    _idle_since = 0.0

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first head."""
        self.corked = _Corked(transport, self.loop)
        super().connection_made(cast("asyncio.Transport", self.corked))
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._head_came()
        if self._idle is not None:
            self._idle.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request; what did not come whole goes the long way.

        A piece no longer than a head may be holds none that is too long, unless one goes on in it.
        """
        self._counting = self._slow is not None or len(data) > self.door.header_bytes
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_head and self._slow is None:
            self._head = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            self._expect_head()
        if self._lane is not None:
            self._lane = None
            self._go_long(self._whole)

    def on_message_begin(self) -> None:
        """Begin to count a head; a later one on the same connection has its own time."""
        self.url, self.headers, self.expect_100_continue = b"", [], False
        self._head, self._in_head = 0, True

    def on_url(self, url: bytes) -> None:
        """Count the target."""
        if self._counting:
            self._count(len(url))
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        if self._counting:
            self._count(len(name) + len(value))
        self.headers.append((name.lower(), value))

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > self.door.header_bytes:
            raise ValueError(TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Let the request begin, on the short way when it may take that."""
        self._head_came()
        lane = self.lanes.get(self.url)
        if lane is not None and self._may_be_short():
            self._lane, self._whole = lane, b""
        else:
            self._begin_long()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        if self._lane is None:
            super().on_body(body)
        else:
            self._whole = self._whole + body if self._whole else body

    def on_message_complete(self) -> None:
        """Hand a whole request over."""
        lane, self._lane = self._lane, None
        if lane is None:
            super().on_message_complete()
            return
        short = _Express(self)
        before, self.cycle = self.cycle, short  # type: ignore[assignment]  # what the protocol asks of it
        if not lane.take(self.headers, self._whole, short.reply):
            self.cycle = before
            self._go_long(self._whole)
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on with what was pipelined, else be idle."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self._idle is None:
            self._idle = self.loop.call_later(self.timeout_keep_alive, self._look_idle)

    def _look_idle(self) -> None:
        """Close a connection that has been idle for its time; look again when it has not."""
        self._idle = None
        if self._in_head or not self.cycle.response_complete:
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._idle = self.loop.call_later(left, self._look_idle)
        else:
            self.timeout_keep_alive_handler()

    def _may_be_short(self) -> bool:
        """Return whether this POST keeps the connection, which has nothing else to do and is being read."""
        parser = self.parser
        return (
            parser.get_method() == b"POST"
            and getattr(self.cycle, "response_complete", True)  # there is no cycle before the first
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self.flow.write_paused
        )

    def _begin_long(self) -> None:
        url, headers = self.url, self.headers
        super().on_message_begin()  # makes the scope; it begins with an empty head
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        super().on_headers_complete()

    def _go_long(self, body: bytes) -> None:
        self._begin_long()
        if body:
            super().on_body(body)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the library's words are not ours
        """Answer what could not be parsed."""
        if self._head > self.door.header_bytes:
            self._refuse(errors.Invalid("headers.too_large", "The head of the request is too large."))
        else:
            self._refuse(errors.Invalid("headers.malformed", "The request is not HTTP/1.1 that can be read."))

    def _expect_head(self) -> None:
        self._slow = self.loop.call_later(self.door.header_seconds, self._too_slow)

    def _head_came(self) -> None:
        self._in_head = False
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


def protocol(door: Door, lanes: Mapping[bytes, express.Express]) -> type[asyncio.Protocol]:
    """Return the protocol bounded as `door` says, with short ways by their path."""
    return type("DoorProtocol", (Protocol,), {"door": door, "lanes": lanes, "dates": _Dates()})


@asynccontextmanager
async def listening(app: envelopes.Envelope, door: Door) -> AsyncIterator[int]:
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


def _config(app: envelopes.Envelope, door: Door) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=protocol(door, app.express()),
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
