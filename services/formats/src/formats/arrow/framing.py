"""Cutting an Arrow IPC stream into frames: rows of a record batch, with what is needed to read them alone.

Room: formats.arrow; see `frames` for what a framer promises. A batch above its bound is passed over and
refused in its place, as an overlong line is; what is no Arrow at all ends the reading, because nothing says
where the next message would begin.
"""

from chassis import errors
from formats import frames
from formats.arrow import columns, envelopes

MAX_BATCH_BYTES = 16 * 1024 * 1024  # of a message: it is held whole, and its rows are read from it
MAX_DICTIONARY_BYTES = 16 * 1024 * 1024  # of all dictionaries together
ROWS = 256  # of a frame: so many claims are decided together
MAX_ROWS = 100_000  # of a batch: a row of claims takes some bytes at least


class BatchFramer:
    """Cuts one stream. A frame's `position` is its first row in the stream, from 1."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skip = 0  # bytes of a refused message that are still to come
        self._schema = b""
        self._dictionaries = bytearray()
        self._seen = 0  # rows of the batches before
        self._ended = False

    def feed(self, chunk: bytes) -> list[frames.Frame]:
        """Return the frames of the batches that this chunk completes."""
        found: list[frames.Frame] = []
        if self._ended:
            return found
        passed = min(self._skip, len(chunk))
        self._skip -= passed
        self._buffer += memoryview(chunk)[passed:]
        try:
            while self._next(found):
                pass
        except errors.Invalid as fault:
            found.append(self._end(fault))
        return found

    def close(self) -> list[frames.Frame]:
        """Return the refusal of a stream that breaks off or never began, or nothing."""
        if self._ended or not (self._buffer or self._skip):
            return []
        return [self._end(errors.Invalid("arrow.truncated", "The Arrow stream breaks off within a message."))]

    def _end(self, fault: errors.Invalid | None = None) -> frames.Frame:
        self._ended = True
        self._buffer.clear()
        return frames.Frame(self._seen + 1, b"", fault)

    def _next(self, found: list[frames.Frame]) -> bool:
        """Take the next whole message; return False when more bytes are needed."""
        buffer = self._buffer
        if self._skip or len(buffer) < envelopes.HEAD_BYTES:
            return False
        length = envelopes.metadata_length(buffer[: envelopes.HEAD_BYTES])
        if not length:
            self._end()
            return False
        start = envelopes.HEAD_BYTES + length
        if len(buffer) < start:
            return False
        told = envelopes.read(bytes(buffer[envelopes.HEAD_BYTES : start]))
        fault = self._refusal(told)
        if fault is not None and told.kind is not envelopes.Kind.RECORDS:
            raise fault
        if fault is not None:
            found.append(frames.Frame(self._seen + 1, b"", fault))
            self._seen += told.rows
            self._skip = max(0, told.size - len(buffer))
            del buffer[: told.size]
            return True
        if len(buffer) < told.size:
            return False
        message = bytes(buffer[: told.size])
        del buffer[: told.size]
        self._take(told, message, found)
        return True

    def _refusal(self, told: envelopes.Envelope) -> errors.Invalid | None:
        if told.compressed:
            return errors.Invalid("arrow.compressed", "Send Arrow without compression of its buffers.")
        if told.size > MAX_BATCH_BYTES or told.rows > MAX_ROWS:
            return errors.Invalid(
                "arrow.batch_too_large",
                f"A record batch has at most {MAX_BATCH_BYTES:,} bytes and {MAX_ROWS:,} rows: send more.",
            )
        return None

    def _take(self, told: envelopes.Envelope, message: bytes, found: list[frames.Frame]) -> None:
        if told.kind is envelopes.Kind.SCHEMA:
            if self._schema:
                raise envelopes.malformed()
            columns.check(message)
            self._schema = message
            return
        if not self._schema:
            raise envelopes.malformed()
        if told.kind is envelopes.Kind.DICTIONARY:
            self._dictionaries += message
            if len(self._dictionaries) > MAX_DICTIONARY_BYTES:
                raise errors.Invalid(
                    "arrow.dictionaries_too_large", "The dictionaries of the stream are too large."
                )
            return
        body = b"".join((self._schema, self._dictionaries, message))
        for start in range(0, told.rows, ROWS):
            rows = (start, min(ROWS, told.rows - start))
            found.append(frames.Frame(self._seen + start + 1, body, rows=rows))
        self._seen += told.rows
