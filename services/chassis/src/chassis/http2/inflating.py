"""Messages that a peer compresses, as gRPC's clients may: inflated, never beyond the largest message."""

import functools
import zlib
from collections.abc import Callable
from typing import Final

from chassis import errors
from chassis.http2 import streams

_FORMATS: Final = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
ACCEPTED: Final = ",".join(("identity", *_FORMATS))
"""What `grpc-accept-encoding` tells peers."""


def inflater(encoding: str) -> Callable[[bytes], bytes]:
    """Return what inflates messages of this `grpc-encoding`; raises KeyError for one that is not known.

    What it returns raises Exhausted for a message that grows too large, Internal for one that is damaged.
    """
    return functools.partial(_inflated, _FORMATS[encoding])


def _inflated(bits: int, data: bytes) -> bytes:
    work = zlib.decompressobj(bits)
    try:
        found = work.decompress(data, streams.MAX_MESSAGE_BYTES + 1)
    except zlib.error as cause:
        raise _damaged() from cause
    if len(found) > streams.MAX_MESSAGE_BYTES:
        raise streams.too_large()
    if not work.eof or work.unused_data:
        raise _damaged()
    return found


def _damaged() -> errors.Internal:
    return errors.Internal("message.damaged", "A compressed message could not be inflated.")
