"""The envelope of an Arrow IPC message: how long it is, what it holds, how many rows; nothing is decoded.

Room: formats.arrow. Source: "Encapsulated message format" of the Arrow columnar format
(arrow.apache.org/docs/format/Columnar.html) and its Message.fbs: a continuation of 0xFFFFFFFF, the length of
the metadata as int32, the metadata as a FlatBuffers table Message {version, header type, header, body
length}, then the body.
"""

import enum
import struct
from typing import NamedTuple

from chassis import errors

HEAD_BYTES = 8  # continuation and length of the metadata
MAX_METADATA = 1024 * 1024  # some hundred columns take a few ten thousand bytes
_CONTINUATION = 0xFFFFFFFF
_VERSION, _HEADER_TYPE, _HEADER, _BODY_LENGTH = range(4)
_LENGTH, _NODES, _BUFFERS, _COMPRESSION = range(4)  # of a RecordBatch
_ID, _DATA = range(2)  # of a DictionaryBatch


class Kind(enum.IntEnum):
    """What a message holds, by the numbers of Message.fbs."""

    SCHEMA = 1
    DICTIONARY = 2
    RECORDS = 3


class Envelope(NamedTuple):
    """One message: its kind, its bytes with head and body, its rows, whether its buffers are compressed."""

    kind: Kind
    size: int
    rows: int
    compressed: bool


def metadata_length(head: bytes | bytearray) -> int:
    """Return how long the metadata after the head of a message is; 0 at the end of a stream.

    Raises Invalid `arrow.malformed`.
    """
    continuation, length = struct.unpack_from("<Ii", head)
    if continuation != _CONTINUATION or not 0 <= length <= MAX_METADATA:
        raise malformed()
    return int(length)


def read(metadata: bytes) -> Envelope:
    """Return the envelope of a message; raises Invalid `arrow.malformed` for what is none."""
    try:
        return _read(metadata)
    except (struct.error, ValueError) as cause:
        raise malformed() from cause


def malformed() -> errors.Invalid:
    """Return the refusal of bytes that are no Arrow IPC stream."""
    return errors.Invalid("arrow.malformed", "The bytes are not an Arrow IPC stream.")


def _read(metadata: bytes) -> Envelope:
    message = _Table.root(metadata)
    kind = Kind(message.number(_HEADER_TYPE, "<B"))
    body = message.number(_BODY_LENGTH, "<q")
    if body < 0:
        raise malformed()
    size = HEAD_BYTES + len(metadata) + body
    if kind is Kind.SCHEMA:
        return Envelope(kind, size, 0, compressed=False)
    batch = message.table(_HEADER)
    if kind is Kind.DICTIONARY:
        batch = batch.table(_DATA)
    rows = batch.number(_LENGTH, "<q")
    if rows < 0:
        raise malformed()
    return Envelope(kind, size, rows, compressed=batch.has(_COMPRESSION))


class _Table:
    """A FlatBuffers table at a place of a buffer: fields are found through its vtable."""

    def __init__(self, buffer: bytes, at: int) -> None:
        if not 0 <= at <= len(buffer):
            raise malformed()
        self._buffer, self._at = buffer, at
        self._vtable = at - struct.unpack_from("<i", buffer, at)[0]
        if not 0 <= self._vtable <= len(buffer):
            raise malformed()
        self._vtable_size = struct.unpack_from("<H", buffer, self._vtable)[0]

    @classmethod
    def root(cls, buffer: bytes) -> "_Table":
        return cls(buffer, struct.unpack_from("<I", buffer)[0])

    def _place(self, field: int) -> int:
        entry = 4 + 2 * field
        if entry + 2 > self._vtable_size:
            return 0
        offset: int = struct.unpack_from("<H", self._buffer, self._vtable + entry)[0]
        return self._at + offset if offset else 0

    def has(self, field: int) -> bool:
        return self._place(field) != 0

    def number(self, field: int, form: str) -> int:
        place = self._place(field)
        return int(struct.unpack_from(form, self._buffer, place)[0]) if place else 0

    def table(self, field: int) -> "_Table":
        place = self._place(field)
        if not place:
            raise malformed()
        return _Table(self._buffer, place + struct.unpack_from("<I", self._buffer, place)[0])
