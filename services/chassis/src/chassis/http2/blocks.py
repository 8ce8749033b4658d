"""Blocks of headers (RFC 7541): written so that nobody keeps them, read once while they stay the same."""

from collections.abc import Iterable
from typing import Final

import hpack

from chassis.http2 import frames

MAX_KEPT, MAX_KEPT_BYTES = 8, 2_048  # A steady caller says its path and token again with every call.
NO_TABLE: Final = b"\x20"  # In front of a block: the table has room for nothing from here on.
_NEVER_INDEXED: Final = b"\x10"  # Tokens are among them.
_SHORT: Final = 127  # A length below it is one byte.

type Headers = list[tuple[str, str]]


def written(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Return headers as a block that does not depend on what was sent before."""
    return b"".join(_NEVER_INDEXED + _text(name) + _text(value) for name, value in pairs)


def _text(text: str) -> bytes:
    data = text.encode()
    left = len(data) - _SHORT
    if left < 0:
        return bytes((len(data),)) + data
    size = bytearray((_SHORT,))
    while left > _SHORT:
        size.append(left & _SHORT | _SHORT + 1)
        left >>= 7
    return bytes((*size, left)) + data


class Reader:
    """Reads the blocks of one connection; the table that they may refer to is the peer's, bounded."""

    def __init__(self) -> None:
        self._decoder = hpack.Decoder(max_header_list_size=frames.MAX_HEADER_BYTES)
        self._kept: dict[bytes, Headers] = {}  # What blocks say while the table stays as it is.
        self.first: frames.Frame | None = None  # Of a block whose continuation is awaited,
        self._part = bytearray()  # and what came of it.

    def may_take(self, found: frames.Frame) -> None:
        """Return when this frame may come now; raises Broken for one that interrupts a block."""
        first = self.first
        if first is not None and (found.kind != frames.CONTINUATION or found.stream != first.stream):
            raise frames.Broken(frames.PROTOCOL_ERROR, "headers interrupted")

    def begin(self, found: frames.Frame) -> bytes | None:
        """Return the block that a frame of HEADERS is, None when more of it follows; raises Broken."""
        self.first, self._part = found, bytearray(frames.unpadded(found))
        return self._whole(found)

    def go_on(self, found: frames.Frame) -> tuple[frames.Frame, bytes | None]:
        """Return the first frame of the block that goes on here, and the block when it is whole."""
        if self.first is None:
            raise frames.Broken(frames.PROTOCOL_ERROR, "a continuation of nothing")
        first = self.first
        self._part += found.payload
        return first, self._whole(found)

    def _whole(self, found: frames.Frame) -> bytes | None:
        if len(self._part) > frames.MAX_HEADER_BYTES:
            raise frames.Broken(frames.ENHANCE_YOUR_CALM, "headers too large")
        if not found.flags & frames.END_HEADERS:
            return None
        self.first = None
        return bytes(self._part)

    def read(self, block: bytes) -> Headers:
        """Return the headers of a block, not to be changed; raises HPACKError for one that is none."""
        known = self._kept.get(block)
        if known is not None:
            return known
        before = self._table()
        pairs = [(str(name), str(value)) for name, value in self._decoder.decode(block)]
        if any(old is not new for old, new in zip(before, self._table(), strict=True)):
            self._kept.clear()
        elif len(block) <= MAX_KEPT_BYTES:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[block] = pairs
        return pairs

    def _table(self) -> tuple[object, ...]:
        """Return what differs, by identity, whenever the table does: it grows at its front alone."""
        entries = self._decoder.header_table.dynamic_entries
        return self._decoder.header_table.maxsize, len(entries), entries[0] if entries else None
