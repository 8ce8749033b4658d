"""Bodies: whole or refused, whatever pieces they come in, and no memory kept afterwards."""

import asyncio
from collections.abc import Awaitable, Callable

import hypothesis
import pytest
from hypothesis import strategies
from starlette.types import Message

from chassis import errors
from gateway.inbound import bodies

PIECES = strategies.lists(strategies.binary(max_size=50), max_size=8)


def sender(*pieces: bytes, leave: bool = False) -> Callable[[], Awaitable[Message]]:
    """Return an ASGI receive that brings these pieces, then the end or the caller's going."""
    messages: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.disconnect"} if leave else {"type": "http.request", "body": b""})
    waiting = iter(messages)

    async def receive() -> Message:
        return next(waiting)

    return receive


async def read(receive: Callable[[], Awaitable[Message]], limit: int, memory: bodies.Memory) -> bytes:
    """Read a body with a second of time."""
    return await bodies.read(receive, {}, limit=limit, seconds=1, memory=memory)


@hypothesis.given(PIECES, strategies.integers(0, 200))
def test_a_body_is_whole_or_refused(pieces: list[bytes], limit: int) -> None:
    """Up to the limit every byte is there, however it was cut; beyond it the body is refused."""

    async def run() -> None:
        whole, memory = b"".join(pieces), bodies.Memory(1000)
        if len(whole) <= limit:
            assert await read(sender(*pieces), limit, memory) == whole
        else:
            with pytest.raises(errors.Invalid, match=r"body\.too_large"):
                await read(sender(*pieces), limit, memory)
        memory.reserve(1000)  # raises when anything was kept

    asyncio.run(run())


@hypothesis.given(PIECES, strategies.integers(0, 200))
def test_a_stream_is_whole_or_ends_in_a_refusal(pieces: list[bytes], limit: int) -> None:
    """Chunks arrive as they were sent; the end is told only when it was reached."""

    async def run() -> None:
        ended, got = asyncio.Event(), bytearray()
        stream = bodies.chunks(sender(*pieces), limit=limit, idle_seconds=1, ended=ended)
        try:
            async for piece in stream:
                got += piece
        except errors.Invalid as fault:
            refused = fault.reason
        else:
            refused = ""
        whole = b"".join(pieces)
        assert ended.is_set() == (len(whole) <= limit)
        assert refused == ("" if len(whole) <= limit else "upload.too_large")
        assert whole.startswith(got)

    asyncio.run(run())


async def test_a_caller_who_leaves_is_no_body() -> None:
    """Half a body raises Disconnected and keeps no memory."""
    memory = bodies.Memory(100)
    with pytest.raises(bodies.Disconnected):
        await read(sender(b"half", leave=True), 100, memory)
    memory.reserve(100)


async def test_a_caller_who_leaves_breaks_the_stream() -> None:
    """A file whose sender goes away never ends properly."""
    ended = asyncio.Event()
    stream = bodies.chunks(sender(b"half", leave=True), limit=100, idle_seconds=1, ended=ended)
    assert await anext(stream) == b"half"
    with pytest.raises(bodies.Disconnected):
        await anext(stream)
    assert not ended.is_set()


async def test_memory_that_is_taken_is_refused_to_others() -> None:
    """What one body holds another cannot have, until it is given back."""
    memory = bodies.Memory(10)
    memory.reserve(8)
    with pytest.raises(errors.Exhausted, match=r"body\.memory_full"):
        memory.reserve(3)
    memory.release(8)
    memory.reserve(10)


async def test_a_body_that_stops_is_given_up_and_forgotten() -> None:
    """After its time a body is refused, and what it held is free again."""
    memory = bodies.Memory(100)
    first = sender(b"some")

    async def receive() -> Message:
        message = await first()
        if not message.get("more_body"):
            await asyncio.Event().wait()
        return message

    with pytest.raises(errors.Invalid, match=r"body\.too_slow"):
        await bodies.read(receive, {}, limit=100, seconds=0.01, memory=memory)
    memory.reserve(100)


@pytest.mark.parametrize(
    ("length", "reason"),
    [("101", "body.too_large"), ("99999999999999999999", "body.too_large"), ("1e2", "headers.malformed"),
     ("-1", "headers.malformed"), ("", "headers.malformed"), ("٣", "headers.malformed")],
)  # fmt: skip
def test_an_announcement_is_judged_before_reading(length: str, reason: str) -> None:
    """Too large or not a number: nothing needs to be read to say so."""
    with pytest.raises(errors.Invalid) as refusal:
        bodies.announced({"content-length": length}, 100)
    assert refusal.value.reason == reason


@pytest.mark.parametrize("headers", [{}, {"content-length": "0"}, {"content-length": "100"}])
def test_an_announcement_within_the_limit_passes(headers: dict[str, str]) -> None:
    """A missing Content-Length is no fault: the body is counted as it comes."""
    bodies.announced(headers, 100)


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "identity, gzip", "x"])
def test_a_coded_body_is_refused(coding: str) -> None:
    """The real size of a compressed body cannot be bounded by what is received."""
    with pytest.raises(errors.Invalid, match=r"content_encoding\.unsupported"):
        bodies.refuse_encoding({"content-encoding": coding})


@pytest.mark.parametrize("headers", [{}, {"content-encoding": ""}, {"content-encoding": "Identity"}])
def test_a_plain_body_passes(headers: dict[str, str]) -> None:
    """No coding is no coding, however it is said."""
    bodies.refuse_encoding(headers)
