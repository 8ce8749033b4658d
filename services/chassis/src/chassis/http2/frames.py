"""Frames of HTTP/2 as gRPC needs them (RFC 9113): made, and read from bytes as they come; no I/O.

Lengths are bounded before anything is kept: a frame by what this end announced, a block of headers by
MAX_HEADER_BYTES. What breaks the protocol raises Broken with the code that the connection ends with.
"""

import struct
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES: Final = 9

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE = 0, 1, 2, 3, 4, 5
PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITISED = 0x1, 0x1, 0x4, 0x8, 0x20

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_STREAMS, INITIAL_WINDOW, MAX_FRAME, MAX_HEADER_LIST = 1, 2, 3, 4, 5, 6

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED = 0, 1, 2, 3, 5
FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 6, 7, 8, 9, 11

FIRST_WINDOW: Final = 65_535  # What may be sent before settings say otherwise.
LEAST_FRAME: Final = 16_384  # The frame that every peer takes.
MOST_FRAME: Final = 2**24 - 1
MOST_WINDOW: Final = 2**31 - 1
MAX_HEADER_BYTES: Final = 16_384  # A call's headers are a path and a token; trailers carry 4 KiB of details.

_HEAD: Final = struct.Struct(">HBBBL")
_LONG: Final = struct.Struct(">L")
_SETTING: Final = struct.Struct(">HL")
_TWO: Final = struct.Struct(">LL")


class Broken(Exception):  # noqa: N818 - it names what happened
    """The peer broke the protocol; `code` is what the connection ends with."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Frame(NamedTuple):
    """One frame as read."""

    kind: int
    flags: int
    stream: int
    payload: bytes


def head(kind: int, flags: int, stream: int, length: int) -> bytes:
    """Return the nine bytes in front of a payload of this length."""
    return _HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return a whole frame."""
    return head(kind, flags, stream, len(payload)) + payload


def settings(values: Mapping[int, int]) -> bytes:
    """Return the frame that announces these settings."""
    return frame(SETTINGS, 0, 0, b"".join(_SETTING.pack(key, value) for key, value in values.items()))


def window_update(stream: int, more: int) -> bytes:
    """Return the frame that lets the peer send so many bytes more, on a stream or (0) on the connection."""
    return frame(WINDOW_UPDATE, 0, stream, _LONG.pack(more))


def reset(stream: int, code: int) -> bytes:
    """Return the frame that ends a stream at once."""
    return frame(RST_STREAM, 0, stream, _LONG.pack(code))


def goaway(last: int, code: int) -> bytes:
    """Return the frame that tells that no stream above `last` is served any more."""
    return frame(GOAWAY, 0, 0, _TWO.pack(last, code))


def headers(stream: int, block: bytes, *, ended: bool, most: int = LEAST_FRAME) -> bytes:
    """Return a block of encoded headers as one HEADERS frame and what does not fit as CONTINUATION."""
    parts = [block[start : start + most] for start in range(0, len(block), most)] or [b""]
    flags = END_STREAM if ended else 0
    told = [
        frame(
            CONTINUATION if number else HEADERS,
            (0 if number else flags) | (END_HEADERS if number == len(parts) - 1 else 0),
            stream,
            part,
        )
        for number, part in enumerate(parts)
    ]
    return b"".join(told)


def read_settings(payload: bytes) -> dict[int, int]:
    """Return the settings that a frame leaves behind; raises Broken for lengths and values not allowed."""
    if len(payload) % _SETTING.size:
        raise Broken(FRAME_SIZE_ERROR, "settings of odd length")
    found: dict[int, int] = {}
    for key, value in _SETTING.iter_unpack(payload):
        if key == INITIAL_WINDOW and value > MOST_WINDOW:
            raise Broken(FLOW_CONTROL_ERROR, "an initial window beyond the most")
        if key == MAX_FRAME and not LEAST_FRAME <= value <= MOST_FRAME:
            raise Broken(PROTOCOL_ERROR, "a frame size that is not allowed")
        if key == ENABLE_PUSH and value > 1:
            raise Broken(PROTOCOL_ERROR, "neither push nor no push")
        found[key] = value
    return found


def read_number(payload: bytes) -> int:
    """Return the 31 bits that a WINDOW_UPDATE and a RST_STREAM carry."""
    if len(payload) != _LONG.size:
        raise Broken(FRAME_SIZE_ERROR, "a payload that is not four bytes")
    number: int = _LONG.unpack(payload)[0]
    return number & MOST_WINDOW


def read_goaway(payload: bytes) -> int:
    """Return the last stream that the peer has taken."""
    if len(payload) < _TWO.size:
        raise Broken(FRAME_SIZE_ERROR, "a farewell that says too little")
    last: int = _TWO.unpack_from(payload)[0]
    return last & MOST_WINDOW


def widened(window: int, more: int) -> int:
    """Return a window after the peer widened it; raises Broken for one beyond the most."""
    if window + more > MOST_WINDOW:
        raise Broken(FLOW_CONTROL_ERROR, "a window beyond the most")
    return window + more


def unpadded(found: Frame) -> bytes:
    """Return the payload of DATA or HEADERS without padding and priority."""
    start, end = 0, len(found.payload)
    if found.flags & PADDED:
        if not found.payload:
            raise Broken(PROTOCOL_ERROR, "padding without a length")
        start, end = 1, end - found.payload[0]
    if found.kind == HEADERS and found.flags & PRIORITISED:
        start += 5
    if start > end:
        raise Broken(PROTOCOL_ERROR, "more padding than payload")
    return found.payload[start:end]


class Reader:
    """Cuts bytes into frames; keeps what is not whole yet, at most one frame of the announced size."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.kept = bytearray()  # Of a frame that is not whole yet.
        self._awaited = HEAD_BYTES  # No frame is whole before so many bytes are here.

    def feed(self, data: bytes) -> Iterable[Frame]:
        """Return the frames that these bytes make whole; raises Broken for one that is too large."""
        if self.kept:
            self.kept += data
            if len(self.kept) < self._awaited:
                return ()
            data = bytes(self.kept)
            self.kept.clear()
        found, start, end = [], 0, len(data)
        self._awaited = HEAD_BYTES
        while end - start >= HEAD_BYTES:
            high, low, kind, flags, stream = _HEAD.unpack_from(data, start)
            length = high << 8 | low
            if length > self._most:
                raise Broken(FRAME_SIZE_ERROR, "a frame larger than announced")
            whole = start + HEAD_BYTES + length
            if whole > end:
                self._awaited = HEAD_BYTES + length
                break
            found.append(Frame(kind, flags, stream & MOST_WINDOW, data[start + HEAD_BYTES : whole]))
            start = whole
        if start < end:
            self.kept += data[start:] if start else data
        return found
