"""Bodies of requests, bounded in size, in time and in what all of them together may hold."""

import asyncio
from collections.abc import AsyncIterator, Mapping

from starlette.types import Message, Receive

from chassis import errors


class Disconnected(Exception):  # noqa: N818 - the caller's going away is no error of ours
    """The caller went away; there is nobody to answer."""


class Memory:
    """What all bodies being read may hold together; each reader reserves what it takes and gives it back."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    def reserve(self, size: int) -> None:
        """Take `size` bytes; Exhausted `body.memory_full` when they are not there."""
        if size > self._left:
            raise errors.Exhausted(
                "body.memory_full", "Too many bodies are being received at once.", retry_after_ms=1000
            )
        self._left -= size

    def release(self, size: int) -> None:
        """Give `size` bytes back."""
        self._left += size


def refuse_encoding(headers: Mapping[str, str]) -> None:
    """Raise Invalid `content_encoding.unsupported` for a compressed body: its size could not be bounded."""
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise errors.Invalid("content_encoding.unsupported", "Send the body without Content-Encoding.")


def announced(headers: Mapping[str, str], limit: int, reason: str = "body.too_large") -> None:
    """Raise Invalid: `reason` when Content-Length says too much, `headers.malformed` when it is no size."""
    length = headers.get("content-length")
    if length is None:
        return
    if not (length.isascii() and length.isdigit()):
        raise errors.Invalid("headers.malformed", "Content-Length must be a number.")
    if int(length) > limit:
        raise too_large(limit, reason)


async def read(
    receive: Receive, headers: Mapping[str, str], *, limit: int, seconds: float, memory: Memory
) -> bytes:
    """Return the whole body, at most `limit` bytes, received within `seconds`.

    Raises Invalid `body.too_large` (the rest is not read) or `body.too_slow`, Exhausted `body.memory_full`,
    Disconnected.
    """
    announced(headers, limit)
    message = await _next(receive, seconds)
    body: bytes = message.get("body", b"")
    if len(body) > limit:
        raise too_large(limit)
    if not message.get("more_body", False):
        return body
    return await _gather(receive, bytearray(body), limit, seconds, memory)


async def chunks(
    receive: Receive, *, limit: int, idle_seconds: float, ended: asyncio.Event
) -> AsyncIterator[bytes]:
    """Yield the pieces of a body as they come and set `ended` after the last one.

    Raises Invalid `upload.too_large` past `limit` bytes, `body.too_slow` when nothing comes for
    `idle_seconds`, Disconnected.
    """
    total, more = 0, True
    while more:
        message = await _next(receive, idle_seconds)
        piece, more = message.get("body", b""), message.get("more_body", False)
        total += len(piece)
        if total > limit:
            raise too_large(limit, "upload.too_large")
        if piece:
            yield piece
    ended.set()


def too_large(limit: int, reason: str = "body.too_large") -> errors.Invalid:
    """Return the refusal of a body over `limit` bytes."""
    return errors.Invalid(reason, f"The body is larger than {limit} bytes.")


async def _gather(receive: Receive, body: bytearray, limit: int, seconds: float, memory: Memory) -> bytes:
    reserved = len(body)
    memory.reserve(reserved)
    try:
        async with asyncio.timeout(seconds) as timer:
            more = True
            while more:
                message = await _checked(receive)
                piece, more = message.get("body", b""), message.get("more_body", False)
                memory.reserve(len(piece))
                reserved += len(piece)
                if reserved > limit:
                    raise too_large(limit)
                body += piece
    except TimeoutError as cause:
        if timer.expired():
            raise _too_slow() from cause
        raise
    finally:
        memory.release(reserved)
    return bytes(body)


async def _next(receive: Receive, seconds: float) -> Message:
    try:
        async with asyncio.timeout(seconds):
            return await _checked(receive)
    except TimeoutError as cause:
        raise _too_slow() from cause


async def _checked(receive: Receive) -> Message:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Disconnected
    return message


def _too_slow() -> errors.Invalid:
    return errors.Invalid("body.too_slow", "The body did not arrive in time.")
