"""One stream of a connection: what waits to be written, what was received and not consumed."""

import struct
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Protocol

from chassis import errors
from chassis.http2 import blocks, frames

if TYPE_CHECKING:
    from chassis.http2 import connections

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024  # A batch is bounded at 4 MiB or one item of at most 10 MB.
PREFIX: Final = struct.Struct(">BL")  # In front of each message: whether it is compressed, its length.
LONE: Final = struct.Struct(">LBLBL")  # A frame's head and the prefix, of data that is one message.
UNTOLD: Final = 4 * 1024 * 1024  # So much is free again before it is worth a frame that says so.
GRANTED: Final = MAX_MESSAGE_BYTES + UNTOLD + 65_536  # A window that takes the largest message whole.

type Headers = blocks.Headers


def too_large() -> errors.Exhausted:
    """Return the fault of a message beyond MAX_MESSAGE_BYTES."""
    return errors.Exhausted("call.exhausted", "A message is too large.")


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

    def refused(self, fault: errors.Fault) -> None:
        """Learn that the peer sent, or began, a message that cannot be taken; end the stream."""
        ...

    def broken(self) -> None:
        """Learn that the stream was reset or its connection lost."""
        ...


class Stream:
    """One stream: what waits to be written, and what was received and not consumed."""

    __slots__ = (
        "_last",
        "_refused",
        "_spent",
        "backlog",
        "connection",
        "done",
        "granted",
        "inflate",
        "number",
        "owner",
        "partial",
        "remote_done",
        "unseen",
        "window",
    )

    def __init__(self, connection: "connections.Connection", number: int, window: int) -> None:
        self.connection, self.number, self.window = connection, number, window
        self.owner: Owner
        self.inflate: Callable[[bytes], bytes] | None = None  # Of messages that the peer compresses.
        self.backlog: deque[memoryview] = deque()
        self.granted = GRANTED
        self.done = self.remote_done = self._refused = False
        self.unseen = False  # The peer said that it did nothing for this stream: it may be asked again.
        self._last: bytes | None = None  # The frame that ends this half, once the backlog is written.
        self.partial = bytearray()  # Of a message that is not whole yet.
        self._spent = 0

    def send_headers(self, found: Headers) -> None:
        """Write headers."""
        if not self.done:
            self.connection.write(self.connection.headers(self, blocks.written(found), ended=False))

    def send(self, message: bytes) -> None:
        """Write a message as far as windows and the transport allow, the rest when they do."""
        if self.done or self._last is not None:
            return
        size = PREFIX.size + len(message)
        if self.backlog or size > self._room():
            self.backlog.append(memoryview(PREFIX.pack(0, len(message)) + message))
            self._pour()  # tells nobody: an owner that sends when it learns of room would call itself
            return
        self.window -= size
        self.connection.window -= size
        self.connection.write(LONE.pack(size << 8, 0, self.number, 0, len(message)) + message)

    def finish(self, trailers: Headers | None = None) -> None:
        """End this half when what waits is written: with trailers (a server's), or without (a client's)."""
        if self.done or self._last is not None:
            return
        if trailers is None:
            self._last = frames.frame(frames.DATA, frames.END_STREAM, self.number)
        else:
            self._last = self.connection.headers(self, blocks.written(trailers), ended=True)
        self.flush()

    def whole(self, opening: bytes, message: bytes, trailers: bytes | None = None) -> None:
        """Write headers, one message and the end of this half, in one piece where there is room."""
        if self.done or self._last is not None:
            return
        first, size = self.connection.headers(self, opening, ended=False), PREFIX.size + len(message)
        last = b"" if trailers is None else self.connection.headers(self, trailers, ended=True)
        if self.backlog or size > self._room():
            self.connection.write(first)
            self.send(message)
            self._last = last or frames.frame(frames.DATA, frames.END_STREAM, self.number)
            self.flush()
            return
        self.done = True
        head = self._spend(size, 0 if last else frames.END_STREAM)
        self.connection.write(b"".join((first, head, PREFIX.pack(0, len(message)), message, last)))
        self.connection.settle(self)

    def _room(self) -> int:
        """Return how many bytes the next frame may carry."""
        link = self.connection
        return 0 if link.paused else min(link.window, self.window, link.frame)

    def _spend(self, size: int, flags: int = 0) -> bytes:
        """Return the head of a frame of data for which there is room, and count it against the windows."""
        self.window -= size
        self.connection.window -= size
        return frames.head(frames.DATA, flags, self.number, size)

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
        if waited:
            self.owner.drained()

    def _pour(self) -> bool:
        """Write what waits as far as it goes; return whether all of it went."""
        while self.backlog:
            part = self.backlog[0]
            room = self._room()
            if room <= 0:
                return False
            head = self._spend(min(room, len(part)))
            self.connection.write(b"".join((head, part[:room])))
            if room < len(part):
                self.backlog[0] = part[room:]
            else:
                self.backlog.popleft()
        return True

    def receive(self, payload: bytes) -> None:
        """Take bytes of messages and hand over those that are whole."""
        if self._refused:
            return
        whole = PREFIX.size
        self.partial += payload
        while len(self.partial) >= whole:
            compressed, length = PREFIX.unpack_from(self.partial)
            if length > MAX_MESSAGE_BYTES:
                self._refuse(too_large())
                return
            if compressed and (compressed > 1 or self.inflate is None):
                self._refuse(errors.Internal("message.compression", "Its compression was not announced."))
                return
            if len(self.partial) < whole + length:
                return
            message = bytes(self.partial[whole : whole + length])
            del self.partial[: whole + length]
            if not self._hand_over(message, compressed=bool(compressed)):
                return

    def _hand_over(self, message: bytes, *, compressed: bool) -> bool:
        """Hand a whole message over; return whether more is read."""
        if compressed and self.inflate is not None:
            try:
                inflated = self.inflate(message)
            except errors.Fault as fault:
                self._refuse(fault)
                return False
            self._spent += len(message) - len(inflated)  # the window counts what was sent
            message = inflated
        self.owner.message(message)
        return self.connection.streams.get(self.number) is self  # the owner may have given the stream up

    def _refuse(self, fault: errors.Fault) -> None:
        """Tell the owner that what remains of the stream cannot be read."""
        self._refused = True
        self.partial.clear()
        self.owner.refused(fault)

    def cut_short(self) -> bool:
        """Return whether the peer's half ended within a message that was not refused."""
        return bool(self.partial) and not self._refused

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


def alone(known: Mapping[int, Stream], data: bytes) -> bool:
    """Hand over what was read if it is one message in one frame, as most are; return False for all else."""
    size = len(data) - frames.HEAD_BYTES
    if size < PREFIX.size:
        return False
    first, flags, number, compressed, length = LONE.unpack_from(data)
    if first != size << 8 or flags or compressed or length != size - PREFIX.size:
        return False
    stream = known.get(number)
    if stream is None or size > stream.granted or stream.partial or stream.remote_done:
        return False
    stream.granted -= size
    stream.owner.message(data[LONE.size :])
    return True
