"""Whole answers: status, headers, bytes; and a Fault in the words its caller speaks."""

import functools
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import Scope, Send

from chassis import errors, faults
from gateway.domain import exchanges
from gateway.inbound import arrivals, outcomes, problems

# The API answers data, never a page that loads anything; the docs page brings its own stricter policy.
SECURITY: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"strict-transport-security", b"max-age=31536000"),  # ignored by browsers over plain HTTP
)
POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
DEFECT = errors.Internal(faults.UNEXPECTED, "The service failed; the log of this request knows why.")
FHIR_ROUTES = "/api/fhir/"
NONE: Mapping[str, str] = {}
PRIVATE: Mapping[str, str] = {"cache-control": "no-store"}  # what one caller may see is not for caches


def request_id(scope: Scope) -> str:
    """Return the id of the request, as the envelope chose it."""
    return arrivals.of(scope).request_id


async def send(
    send: Send, status: int, media_type: str, body: bytes, headers: Mapping[str, str] = NONE
) -> None:
    """Send a whole answer."""
    raw = [(b"content-type", media_type.encode()), (b"content-length", b"%d" % len(body))]
    raw.extend((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items())
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def head(status: int, media_type: str, size: int, headers: Mapping[str, str], request_id: str) -> bytes:
    """Return the head of an answer whose body has `size` bytes, with what every answer carries.

    It is as on the wire of HTTP/1.1, but for the empty line at its end: the server has headers of its own.
    """
    varying = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if varying.count("\n") > len(headers):
        raise ValueError("a header's value holds the end of a line")
    tail = f"{varying}x-request-id: {request_id}\r\ncontent-length: {size}\r\n"
    return _fixed(status, media_type) + tail.encode("latin-1")


@functools.lru_cache(maxsize=64)
def _fixed(status: int, media_type: str) -> bytes:
    fixed = ((b"content-type", media_type.encode()), *SECURITY, POLICY)
    line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()
    return line + b"".join(b"%b: %b\r\n" % one for one in fixed)


async def start(send: Send, media_type: str) -> None:
    """Begin an answer that streams."""
    raw = [
        (b"content-type", media_type.encode()),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": raw})


async def more(send: Send, body: bytes) -> None:
    """Send a piece of an answer that streams."""
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def end(send: Send) -> None:
    """End an answer that streams."""
    await send({"type": "http.response.body", "body": b""})


def refusal(scope: Scope, fault: errors.Fault, headers: Mapping[str, str] = NONE) -> Response:
    """Return a Fault as an answer: an OperationOutcome on the FHIR routes, problem+json everywhere else."""
    wanted = {**problems.headers(fault), **headers}
    if scope["path"].startswith(FHIR_ROUTES):
        media_type, body = exchanges.FHIR, outcomes.body(fault)
    else:
        media_type = problems.MEDIA_TYPE
        body = problems.body(fault, instance=scope["path"], request_id=request_id(scope))
    return Response(body, problems.status(fault), wanted, media_type)


def document(body: bytes) -> Response:
    """Return canonical JSON as claims wrote it."""
    return Response(body, headers=dict(PRIVATE), media_type=exchanges.JSON)
