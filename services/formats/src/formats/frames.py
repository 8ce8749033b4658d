"""Frames: messages cut from a stream of bytes with bounded memory; whole documents and lines.

Room: formats. A framer is fed chunks of any size and answers with the frames that are complete; each can be
read alone by `readers`. A message above 10 MB is not kept: its frame carries the refusal instead, and the
framer goes on with the next one.
"""

from typing import Protocol

import msgspec

from chassis import errors
from formats import jsontext

_NEWLINE = b"\n"


class Frame(msgspec.Struct, frozen=True):
    """One message: `position` is its first line in the stream, from 1; `fault` set when it is too large.

    `rows` are where the frame's share of a body of many records begins, and how many they are.
    """

    position: int
    body: bytes
    fault: errors.Invalid | None = None
    rows: tuple[int, int] | None = None


class Framer(Protocol):
    """Cuts one stream; not to be shared between streams."""

    def feed(self, chunk: bytes) -> list[Frame]:
        """Return the frames that this chunk completes."""
        ...

    def close(self) -> list[Frame]:
        """Return what the end of the stream completes."""
        ...


def too_large() -> errors.Invalid:
    """Return the refusal of a message above the bound."""
    return errors.Invalid("claim.too_large", f"A message must have at most {jsontext.MAX_BYTES:,} bytes.")


class WholeFramer:
    """The whole stream is one message."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[Frame]:
        """Keep the chunk while the message is within its bound."""
        self._size += len(chunk)
        if self._size > jsontext.MAX_BYTES:
            self._pieces.clear()
        else:
            self._pieces.append(chunk)
        return []

    def close(self) -> list[Frame]:
        """Return the one message, or none for an empty stream."""
        if self._size > jsontext.MAX_BYTES:
            return [Frame(1, b"", too_large())]
        return [Frame(1, b"".join(self._pieces))] if self._size else []


class LineFramer:
    """Each line is a message; the last one may lack its newline; blank ones are skipped unless asked for."""

    def __init__(self, *, keep_blank: bool = False) -> None:
        self._keep_blank = keep_blank
        self._line = 1
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[Frame]:
        """Return the lines that end within this chunk."""
        head, *rest = chunk.split(_NEWLINE)
        self._keep(head)
        frames: list[Frame] = []
        for piece in rest:
            self._finish(frames)
            self._keep(piece)
        return frames

    def close(self) -> list[Frame]:
        """Return the last line when it had no newline."""
        frames: list[Frame] = []
        if self._size:
            self._finish(frames)
        return frames

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > jsontext.MAX_BYTES:
            self._pieces.clear()
        elif piece:
            self._pieces.append(piece)

    def _finish(self, frames: list[Frame]) -> None:
        if self._size > jsontext.MAX_BYTES:
            frames.append(Frame(self._line, b"", too_large()))
        else:
            body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
            if self._keep_blank or (body and not body.isspace()):
                frames.append(Frame(self._line, body))
        self._line += 1
        self._pieces.clear()
        self._size = 0
