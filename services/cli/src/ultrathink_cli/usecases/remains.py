"""What of a table or an Arrow stream has no answer yet, by the very framers the platform cuts it with."""

import contextlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

import msgspec

from chassis import errors
from formats import media

READ_BYTES = 256 * 1024
RESUMED = frozenset({media.CSV, media.ARROW})


class Rest(msgspec.Struct, frozen=True):
    """What is left to send of a file.

    `head` goes before it: a table's header, a stream's schema and dictionaries. `begins` is its first byte.
    A place told of what is sent is one of the file by adding `before`. The first `known` answers are kept.
    """

    head: bytes = b""
    begins: int = 0
    before: int = 0
    known: int = 0


def rest(file: Path, media_type: str, answered: int) -> Rest | None:
    """Return what is behind the first `answered` answers of a file, None when nothing is."""
    if not answered:
        return Rest()
    with file.open("rb") as body:
        return _claims(body, answered) if media_type == media.CSV else _batches(body, answered)


def _claims(body: BufferedReader, answered: int) -> Rest | None:
    """Return a table from the claim on that comes behind so many."""
    from formats.tabular import framing  # noqa: PLC0415 - only for a run that was interrupted

    framer, seen, first, ended = framing.ClaimFramer(), 0, 0, False
    while not ended:
        chunk = body.read(READ_BYTES)
        ended = not chunk
        for frame in framer.close() if ended else framer.feed(chunk):
            first = first or frame.position
            if seen == answered:
                body.seek(0)
                head = _lines(body, first - 1)
                between = _lines(body, frame.position - first)
                return Rest(head, len(head) + len(between), frame.position - first)
            seen += 1
    return None


def _lines(body: BufferedReader, count: int) -> bytes:
    return b"".join(body.readline() for _ in range(count))


def _batches(body: BufferedReader, answered: int) -> Rest | None:
    """Return a stream from the batch on in which the next answer lies; its first ones are known."""
    from formats.arrow import envelopes, framing  # noqa: PLC0415 - as above, and a third of a second

    framer, seen, rows, head, begins, ended = framing.BatchFramer(), 0, 0, b"", 0, False
    with contextlib.suppress(errors.Invalid):  # the platform told of it where it stands, and will again
        while len(start := body.read(envelopes.HEAD_BYTES)) == envelopes.HEAD_BYTES:
            length = envelopes.metadata_length(start)
            if ended := not length:
                break
            start += body.read(length)
            told = envelopes.read(start[envelopes.HEAD_BYTES :])
            answers = sum(
                frame.rows[1] if frame.rows else 1
                for piece in _pieces(body, start, told.size)
                for frame in framer.feed(piece)
            )
            if seen + answers > answered or body.tell() < begins + told.size:
                break
            if told.kind is envelopes.Kind.RECORDS:
                rows += told.rows
            else:
                body.seek(begins)
                head += body.read(told.size)
            seen, begins = seen + answers, begins + told.size
        else:
            ended = not start  # a stream may lack its end, not a part of one
    return None if ended and seen == answered else Rest(head, begins, rows, answered - seen)


def _pieces(body: BufferedReader, start: bytes, size: int) -> Iterator[bytes]:
    """Yield a message whose start was read, never whole: one that is too large is refused by its start."""
    yield start
    left = size - len(start)
    while left > 0 and (piece := body.read(min(READ_BYTES, left))):
        yield piece
        left -= len(piece)
