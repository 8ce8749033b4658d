"""Connections in memory: a transport that keeps what is written, owners that remember, a pipe that counts."""

import asyncio
import itertools
from collections.abc import Callable, Iterable

import hpack

from chassis import errors
from chassis.http2 import connections, frames, streams
from streams_support import ManualTime

ASK: streams.Headers = [(":method", "POST"), (":path", "/some/Method")]
TRAILERS: streams.Headers = [("grpc-status", "0")]


def wired(*messages: bytes) -> bytes:
    """Return messages as they travel."""
    return b"".join(streams.PREFIX.pack(0, len(one)) + one for one in messages)


def data(stream: int, *messages: bytes, ended: bool = False) -> bytes:
    """Return a frame of data with these messages."""
    return frames.frame(frames.DATA, frames.END_STREAM if ended else 0, stream, wired(*messages))


class Transport(asyncio.Transport):
    """A socket that takes everything and sends nothing; `fill` says that its peer does not read."""

    def __init__(self, connection: connections.Connection) -> None:
        super().__init__()
        self.connection = connection
        self.written = bytearray()
        self.closing = self.aborted = self.ended = False
        self.full_at: int | None = None

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Take the limits, which `full_at` stands for."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep bytes, and pause the writer when they are too many."""
        assert not self.closing, "written after the end"
        self.written += data
        if self.full_at is not None and len(self.written) > self.full_at:
            self.connection.pause_writing()

    def take(self, most: int) -> bytes:
        """Return so many of the oldest bytes; the writer may go on when none are left."""
        taken = bytes(self.written[:most])
        del self.written[:most]
        if taken and not self.written and self.full_at is not None:
            self.connection.resume_writing()
        return taken

    def is_closing(self) -> bool:
        """Return whether the end was asked for."""
        return self.closing

    def write_eof(self) -> None:
        """Remember that nothing more is written."""
        self.ended = True

    def close(self) -> None:
        """Remember that the end was asked for."""
        self.closing = True

    def abort(self) -> None:
        """Remember that the end was asked for at once."""
        self.closing = self.aborted = True


class Owner:
    """Whoever a stream belongs to: remembers what it is told, and does what the test gave it for that."""

    def __init__(self, *, consuming: bool = True) -> None:
        self.stream: streams.Stream
        self.told: list[str] = []
        self.found: list[streams.Headers] = []
        self.messages: list[bytes] = []
        self.consuming = consuming
        self.when: dict[str, Callable[[Owner], object]] = {}

    def headers(self, found: streams.Headers, *, ended: bool) -> None:
        """Remember headers."""
        self.found.append(found)
        self._tell("trailers" if ended else "headers")

    def message(self, data: bytes) -> None:
        """Remember a message, and let the peer send as much again."""
        self.messages.append(data)
        if self.consuming:
            self.stream.consumed(len(data))
        self._tell("message")

    def half_closed(self) -> None:
        """Remember the end of the peer's half."""
        self._tell("half_closed")

    def drained(self) -> None:
        """Remember that nothing waits any more."""
        self._tell("drained")

    def refused(self, _: errors.Fault) -> None:
        """Remember that a message was refused."""
        self._tell("refused")

    def broken(self) -> None:
        """Remember the loss."""
        self._tell("broken")

    def _tell(self, event: str) -> None:
        self.told.append(event)
        act = self.when.get(event)
        if act is not None:
            act(self)


class End:
    """One connection of ours on such a transport, on manual time; what it writes is read as frames."""

    def __init__(self, *, serving: bool, owner: Callable[[], Owner] = Owner) -> None:
        self.time = ManualTime()
        self.owners: list[Owner] = []
        self.lost = 0
        self._owner = owner
        self._reader = frames.Reader(frames.MOST_FRAME)
        self._encoder = hpack.Encoder()
        self._decoder = hpack.Decoder()
        self.serving = serving
        self.connection = connections.Connection(
            accept=self._accept if serving else None, closed=self._closed, wakes=self.time
        )
        self.transport = Transport(self.connection)
        self.connection.connection_made(self.transport)

    def _accept(self, stream: streams.Stream, _: streams.Headers) -> Owner:
        owner = self._owner()
        owner.stream = stream
        self.owners.append(owner)
        return owner

    def _closed(self, connection: connections.Connection) -> None:
        assert connection is self.connection
        self.lost += 1

    def open(self, owner: Owner | None = None) -> Owner:
        """Open a stream of a client's end and ask."""
        opened = owner or self._owner()
        opened.stream = self.connection.open(opened)
        self.owners.append(opened)
        opened.stream.send_headers(ASK)
        return opened

    def hear(self, *data: bytes) -> None:
        """Read bytes that a peer sent."""
        self.connection.data_received(b"".join(data))

    def greeted(self, **settings: int) -> "End":
        """Hear how a peer introduces itself; forget what was written so far."""
        told = frames.settings({getattr(frames, name.upper()): value for name, value in settings.items()})
        self.hear((frames.PREFACE if self.serving else b"") + told)
        self.said()
        return self

    def asked(self, number: int = 1, *, ended: bool = False) -> bytes:
        """Return the headers that a peer opens a stream with, or answers on one."""
        told = ASK if self.serving else [(":status", "200")]
        return frames.headers(number, self._encoder.encode(told), ended=ended)

    def said(self) -> list[frames.Frame]:
        """Return the frames that were written since this was last asked."""
        data = self.transport.take(len(self.transport.written))
        return list(self._reader.feed(data.removeprefix(frames.PREFACE)))

    def read(self, found: frames.Frame) -> streams.Headers:
        """Return the headers of a frame that was written."""
        return [(str(name), str(value)) for name, value in self._decoder.decode(found.payload)]


class Pipe:
    """A client's end and a server's, whose bytes travel in pieces of any size; each frame is counted."""

    def __init__(self, *, owner: Callable[[], Owner] = Owner) -> None:
        self.client, self.server = End(serving=False, owner=owner), End(serving=True, owner=owner)
        self.up, self.down = Ledger(preface=len(frames.PREFACE)), Ledger()

    def carry(self, cuts: Iterable[int] = (65_536,)) -> None:
        """Carry bytes, one piece each way in turn, until both ends are silent."""
        sizes = itertools.cycle(cuts)
        one, other = self.client, self.server
        while one.transport.written or other.transport.written:
            self._piece(one, other, next(sizes), self.up, self.down)
            self._piece(other, one, next(sizes), self.down, self.up)

    def _piece(self, source: End, target: End, size: int, sent: "Ledger", granted: "Ledger") -> None:
        data = source.transport.take(size)
        for found in sent.read(data):
            sent.count(found)
            granted.grant(found)
        if data:
            target.hear(data)


class Ledger:
    """What one end was granted and what it has sent, counted by RFC 9113 and by nobody else."""

    def __init__(self, preface: int = 0) -> None:
        self._reader = frames.Reader(frames.MOST_FRAME)
        self._preface = preface
        self.frame, self.first, self.whole = frames.LEAST_FRAME, frames.FIRST_WINDOW, frames.FIRST_WINDOW
        self.windows: dict[int, int] = {}

    def read(self, data: bytes) -> Iterable[frames.Frame]:
        """Return the frames that the sender's next bytes complete, after its preface."""
        skipped = min(self._preface, len(data))
        self._preface -= skipped
        return self._reader.feed(data[skipped:])

    def grant(self, found: frames.Frame) -> None:
        """Count what a frame of the receiver allows."""
        if found.kind == frames.SETTINGS and not found.flags & frames.ACK:
            told = frames.read_settings(found.payload)
            self.frame = told.get(frames.MAX_FRAME, self.frame)
            change = told.get(frames.INITIAL_WINDOW, self.first) - self.first
            self.first += change
            self.windows = {number: window + change for number, window in self.windows.items()}
        elif found.kind == frames.WINDOW_UPDATE:
            more = frames.read_number(found.payload)
            if found.stream == 0:
                self.whole += more
            else:
                self.windows[found.stream] = self.windows.get(found.stream, self.first) + more

    def count(self, found: frames.Frame) -> None:
        """Take what a frame of the sender uses; it may not use more than there is."""
        if found.kind != frames.DATA or not found.payload:
            return
        size = len(found.payload)
        left = self.windows.get(found.stream, self.first) - size
        self.windows[found.stream] = left
        self.whole -= size
        assert size <= self.frame, "a frame larger than allowed"
        assert left >= 0, "more than the stream's window"
        assert self.whole >= 0, "more than the connection's window"


def served() -> End:
    """Return a server's end whose peer has opened stream 1."""
    end = End(serving=True).greeted()
    end.hear(end.asked(1))
    end.said()
    return end
