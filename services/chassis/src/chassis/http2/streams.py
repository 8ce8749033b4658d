"""One stream of a connection: what waits to be written, what was received and not consumed."""

import struct
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from chassis.http2 import frames

if TYPE_CHECKING:
    from chassis.http2 import connections

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024  # A batch is bounded at 4 MiB or one item of at most 10 MB.
PREFIX: Final = struct.Struct(">BL")  # In front of each message: whether it is compressed, its length.
UNTOLD: Final = 4 * 1024 * 1024  # So much is free again before it is worth a frame that says so.
GRANTED: Final = MAX_MESSAGE_BYTES + UNTOLD + 65_536  # A window that takes the largest message whole.

type Headers = list[tuple[str, str]]


class Owner(Protocol):
    """Whoever a stream belongs to; told in the order of the wire, nothing after `broken`."""

    def headers(self, found: Headers, *, ended: bool) -> None:
        """Take headers or trailers; `ended`: the peer sends nothing more."""
        ...

    def message(self, data: bytes) -> None:
        """Take a message; its bytes count against the window until `Stream.consumed` is told."""
        ...

    def half_closed(self) -> None:
        """Learn that no message follows."""
        ...

    def drained(self) -> None:
        """Learn that what waited for window or transport has been written."""
        ...

    def oversized(self) -> None:
        """Learn that the peer began a message that is too large or compressed; end the stream."""
        ...

    def broken(self) -> None:
        """Learn that the stream was reset or its connection lost."""
        ...


class Stream:
    """One stream: what waits to be written, and what was received and not consumed."""

    __slots__ = (
        "_last",
        "_partial",
        "_refused",
        "_spent",
        "backlog",
        "connection",
        "done",
        "granted",
        "number",
        "owner",
        "remote_done",
        "window",
    )

    def __init__(self, connection: "connections.Connection", number: int, window: int) -> None:
        self.connection, self.number, self.window = connection, number, window
        self.owner: Owner
        self.backlog: deque[memoryview] = deque()
        self.granted = GRANTED
        self.done = self.remote_done = self._refused = False
        self._last: bytes | None = None  # The frame that ends this half, once the backlog is written.
        self._partial = bytearray()
        self._spent = 0

    def send_headers(self, found: Headers) -> None:
        """Write headers."""
        if not self.done:
            self.connection.write(frames.headers(self.number, self.connection.encode(found), ended=False))

    def send(self, message: bytes) -> None:
        """Write a message as far as windows and the transport allow, the rest when they do."""
        if self.done or self._last is not None:
            return
        prefix, size = PREFIX.pack(0, len(message)), PREFIX.size + len(message)
        if not self.backlog and size <= self.connection.room(self):
            self.connection.write_data(self, prefix, message)
        else:
            self.backlog.append(memoryview(prefix + message))
            self._pour()  # tells nobody: an owner that sends when it learns of room would call itself

    def finish(self, trailers: Headers | None = None) -> None:
        """End this half when what waits is written: with trailers (a server's), or without (a client's)."""
        if self.done or self._last is not None:
            return
        if trailers is None:
            self._last = frames.frame(frames.DATA, frames.END_STREAM, self.number)
        else:
            self._last = frames.headers(self.number, self.connection.encode(trailers), ended=True)
        self.flush()

    def cancel(self, code: int = frames.CANCEL) -> None:
        """End both halves now; the owner is told nothing more."""
        if self.connection.forget(self):
            self.connection.write(frames.reset(self.number, code))

    def flush(self) -> None:
        """Write what waits as far as it goes, and tell the owner when nothing waits any more."""
        waited = bool(self.backlog)
        if not self._pour():
            return
        if self._last is not None and not self.done:
            self.done = True
            self.connection.write(self._last)
            self.connection.settle(self)
        elif waited:
            self.owner.drained()

    def _pour(self) -> bool:
        """Write what waits as far as it goes; return whether all of it went."""
        while self.backlog:
            part = self.backlog[0]
            room = self.connection.room(self)
            if room <= 0:
                return False
            self.connection.write_data(self, b"", part[:room])
            if room < len(part):
                self.backlog[0] = part[room:]
            else:
                self.backlog.popleft()
        return True

    def receive(self, payload: bytes) -> None:
        """Take bytes of messages and hand over those that are whole."""
        whole = PREFIX.size
        if not self._partial and len(payload) >= whole:
            compressed, length = PREFIX.unpack_from(payload)
            if not compressed and whole + length == len(payload) and length <= MAX_MESSAGE_BYTES:
                self.owner.message(payload[whole:])  # the rule: a message in a frame of its own
                return
        if self._refused:
            return
        self._partial += payload
        while len(self._partial) >= whole:
            compressed, length = PREFIX.unpack_from(self._partial)
            if compressed or length > MAX_MESSAGE_BYTES:
                self._refused = True  # what remains of the stream cannot be read
                del self._partial[whole:]
                self.owner.oversized()
                return
            if len(self._partial) < whole + length:
                return
            message = bytes(self._partial[whole : whole + length])
            del self._partial[: whole + length]
            self.owner.message(message)
            if self.connection.streams.get(self.number) is not self:
                return  # the owner gave the stream up

    def cut_short(self) -> bool:
        """Return whether the peer's half ended within a message that was not refused."""
        return bool(self._partial) and not self._refused

    def consumed(self, message_bytes: int) -> None:
        """Let the peer send as much again as a message took."""
        self.give_back(PREFIX.size + message_bytes)

    def give_back(self, taken: int) -> None:
        """Count bytes of the window as free again, and say so when they are worth a frame."""
        self._spent += taken
        if self._spent >= UNTOLD and not self.remote_done:
            self.granted += self._spent
            self.connection.write(frames.window_update(self.number, self._spent))
            self._spent = 0
