"""How a call ended, as gRPC writes it into trailers: a code, a text, and our fault as its detail."""

import base64
import urllib.parse
from collections.abc import Iterable, Mapping

import grpc

from chassis import errors, faults
from chassis.http2 import streams

_CODES = {str(code.value[0]): code for code in grpc.StatusCode}
_HTTP = {  # What proxies answer, which know no status of gRPC.
    "400": grpc.StatusCode.INTERNAL,
    "401": grpc.StatusCode.UNAUTHENTICATED,
    "403": grpc.StatusCode.PERMISSION_DENIED,
    "404": grpc.StatusCode.UNIMPLEMENTED,
    **dict.fromkeys(("429", "502", "503", "504"), grpc.StatusCode.UNAVAILABLE),
}
_PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")  # gRPC's percent-encoding

type Metadata = Iterable[tuple[str, str | bytes]]

OK = "0"
LATE: streams.Headers = [
    ("grpc-status", str(grpc.StatusCode.DEADLINE_EXCEEDED.value[0])),
    ("grpc-message", "The answer did not come in time."),
]
"""Trailers of a call whose own deadline has passed."""
UNSERVED: streams.Headers = [
    ("grpc-status", str(grpc.StatusCode.UNIMPLEMENTED.value[0])),
    ("grpc-message", "That is not served at this door."),
]
"""Trailers of a call of an unknown method, or in an unknown encoding."""


def trailers(fault: errors.Fault | None) -> streams.Headers:
    """Return the trailers of a call that was refused with this fault, or that went well."""
    if fault is None:
        return [("grpc-status", OK)]
    return chosen(*faults.to_status(fault))


def chosen(code: grpc.StatusCode, text: str, metadata: Metadata = ()) -> streams.Headers:
    """Return the trailers of a call that ends with this status."""
    return [
        ("grpc-status", str(code.value[0])),
        ("grpc-message", urllib.parse.quote(text, safe=_PRINTABLE)),
        *texts(metadata),
    ]


def texts(metadata: Metadata) -> streams.Headers:
    """Return metadata as headers: bytes as base64."""
    return [
        (key, value if isinstance(value, str) else base64.b64encode(value).decode().rstrip("="))
        for key, value in metadata
    ]


def outcome(found: Mapping[str, str]) -> errors.Fault | None:
    """Return the fault that trailers tell of, None when the call went well."""
    told = found.get("grpc-status")
    if told == OK:
        return None
    known = _HTTP.get(found.get(":status", "")) if told is None else _CODES.get(told)
    code = known or grpc.StatusCode.UNKNOWN
    detail = binary(found.get(faults.DETAILS_KEY, ""))
    carried = grpc.aio.Metadata((faults.DETAILS_KEY, detail)) if detail else None
    return faults.from_status(code, carried)


def binary(text: str) -> bytes:
    """Return bytes of base64 with or without its padding; what is none of it is as good as nothing."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return b""
