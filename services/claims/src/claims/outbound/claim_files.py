"""Claims of a file of any supported format, one after the other; a claim that cannot be read stops no other.

Room: outbound. For the tools; the service takes files through its own door.
"""

from collections.abc import Iterator
from pathlib import Path

from chassis import errors
from formats import framing, readers

DETECTED_BYTES = 64 * 1024  # enough of a file to tell one format from another
CHUNK_BYTES = 256 * 1024


def read(file: Path) -> Iterator[readers.Read | readers.Refused]:
    """Yield what the messages of a file hold; raise NotFound for a file that cannot be opened.

    Raises Invalid `media_type.unsupported` for a format no reader is there for.
    """
    try:
        opened = file.open("rb")
    except OSError as cause:
        raise errors.NotFound("file.unreadable", f"cannot open {file}: {cause.strerror}") from cause
    with opened:
        chunk = opened.read(DETECTED_BYTES)
        media_type = readers.detect(file.name, chunk)
        framer = framing.framer(media_type)
        while chunk:
            for frame in framer.feed(chunk):
                yield from readers.read_frame(frame, media_type)
            chunk = opened.read(CHUNK_BYTES)
        for frame in framer.close():
            yield from readers.read_frame(frame, media_type)
