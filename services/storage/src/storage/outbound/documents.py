"""Bodies as they are stored: the documents of several claims in one zstd frame."""

import threading
from collections.abc import Sequence

import zstandard

from storage.domain import records

LEVEL = 1  # 4 µs per claim and a fifth of the size; level 3 costs half as much again and saves 4 % more
FRAME_LIMIT = 64 * 1024 * 1024  # a frame that claims to hold more is not one of ours


_KEPT = threading.local()


def _compressor() -> zstandard.ZstdCompressor:
    """Return this thread's compressor: it serves one at a time, and making it costs as much as a claim."""
    made: zstandard.ZstdCompressor | None = getattr(_KEPT, "compressor", None)
    if made is None:
        made = _KEPT.compressor = zstandard.ZstdCompressor(level=LEVEL, write_content_size=True)
    return made


def pack(parts: Sequence[bytes]) -> bytes:
    """Return one compressed frame of all parts."""
    return _compressor().compress(b"".join(parts))


def unpack(content: bytes) -> bytes:
    """Return what a frame holds; ValueError when it is not one of ours.

    The size a frame states is looked at first: the library would set aside that much before reading on.
    """
    try:
        stated = zstandard.frame_content_size(content)
        if not 0 <= stated <= FRAME_LIMIT:
            raise ValueError("not a frame")
        return zstandard.ZstdDecompressor().decompress(content, allow_extra_data=False)
    except zstandard.ZstdError as cause:
        raise ValueError("not a frame") from cause


def cut(raw: bytes, place: records.Place) -> tuple[bytes, bytes, bytes]:
    """Return (claim, decision, received body) of one claim out of a body."""
    middle = place.start + place.claim_size
    after = middle + place.decision_size
    return raw[place.start : middle], raw[middle:after], raw[after : after + place.received_size]
