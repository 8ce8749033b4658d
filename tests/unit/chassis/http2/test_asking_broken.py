"""Unary calls of our calling end against servers that say anything: one end, never half an answer."""

from collections.abc import Awaitable
from typing import Any

import pytest

from chassis import errors
from chassis.http2 import asking, blocks, frames, pools, streams
from ultrathink.scoring.v1 import scoring_pb2
from wire_support import End

SHAPE: asking.Shape[scoring_pb2.ScoreRequest, scoring_pb2.ScoreResponse] = asking.Shape(
    "/ultrathink.scoring.v1.Scorer/Score",
    scoring_pb2.ScoreRequest.SerializeToString,
    scoring_pb2.ScoreResponse.FromString,
)


async def fault_of(call: Awaitable[Any]) -> errors.Fault:
    """Return the fault with which a call was refused."""
    with pytest.raises(errors.Fault) as caught:
        await call
    return caught.value


class Script:
    """A server's end in memory behind a pool of one connection: the test says what it answers."""

    def __init__(self) -> None:
        self.ends: list[End] = []
        self.pool = _Pool(self.ends)

    def ask(self) -> asking.Question[scoring_pb2.ScoreResponse]:
        """Ask on the connection that is open."""
        return asking.Question(self.pool, SHAPE, b"x", (), None)  # type: ignore[arg-type]  # a pool by shape


class _Pool:
    def __init__(self, ends: list[End]) -> None:
        self._ends = ends

    def ready(self) -> pools.Peer:
        """Return a connection that takes a call, made in memory."""
        if not self._ends or not self._ends[-1].connection.takes():
            self._ends.append(End(serving=False).greeted())
        return pools.Peer(self._ends[-1].connection, _Address())  # type: ignore[arg-type]


class _Address:
    authority = "test"


OPENED = [(":status", "200"), ("content-type", "application/grpc")]


def told(number: int, *pairs: tuple[str, str], ended: bool = True) -> bytes:
    """Return headers of a server."""
    return frames.headers(number, blocks.written(pairs), ended=ended)


def message(number: int, data: bytes = b"", flags: int = 0) -> bytes:
    """Return a frame with a message."""
    return frames.frame(frames.DATA, flags, number, streams.PREFIX.pack(0, len(data)) + data)


STATUS = ("grpc-status", "0")
ENDINGS = {
    "a status without an answer": ([told(1, *OPENED, STATUS)], "call.internal"),
    "an answer without a status": (
        [told(1, *OPENED, ended=False), message(1, b"", frames.END_STREAM)], "call.unknown",
    ),
    "two answers": ([told(1, *OPENED, ended=False), message(1) + message(1)], "call.answers"),
    "a proxy's refusal": ([told(1, (":status", "503"), ended=False)], "call.unavailable"),
    "a proxy's page": ([told(1, (":status", "200"), ("content-type", "text/html"))], "call.unknown"),
    "a reset": ([frames.reset(1, frames.INTERNAL_ERROR)], "call.unavailable"),
    "a reset after the answer": (
        [told(1, *OPENED, ended=False), message(1), frames.reset(1, 0)], "call.unavailable",
    ),
    "nonsense": ([b"GET / HTTP/1.1\r\n\r\n" * 2], "call.unavailable"),
    "a message too large": (
        [told(1, *OPENED, ended=False), frames.frame(0, 0, 1, b"\0\xff\xff\xff\xff")], "call.exhausted",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ENDINGS)
async def test_whatever_a_server_says_ends_the_call_once(case: str) -> None:
    """With a fault, never with half an answer."""
    said, reason = ENDINGS[case]
    script = Script()
    call = script.ask()
    (end,) = script.ends
    end.hear(*said)
    if end.transport.closing:
        end.connection.connection_lost(None)
    assert (await fault_of(call)).reason == reason
    assert end.connection.streams == {}


UNSEEN = {
    "refused": lambda number: frames.reset(number, frames.REFUSED_STREAM),
    "not taken any more": lambda number: frames.goaway(number - 1, frames.NO_ERROR),
}


@pytest.mark.parametrize("case", UNSEEN)
async def test_a_call_that_no_server_looked_at_is_made_again_and_not_for_ever(case: str) -> None:
    """Three times, on whatever connection takes it; then it is unavailable."""
    script = Script()
    call, tries = script.ask(), 0
    while not call.done():
        tries += 1
        end = script.ends[-1]
        (number,) = end.connection.streams
        end.hear(UNSEEN[case](number))
    assert tries == asking.MAX_TRIES
    assert (await fault_of(call)).reason == "call.unavailable"


async def test_a_call_that_was_taken_is_not_made_again() -> None:
    """It is in doubt: whoever asked decides. What a server that goes has taken is waited for."""
    script = Script()
    first, second = script.ask(), script.ask()
    (end,) = script.ends
    end.hear(frames.goaway(3, frames.NO_ERROR))
    assert not end.connection.takes()
    end.hear(told(1, *OPENED, ended=False), message(1), told(1, STATUS))
    assert await first == scoring_pb2.ScoreResponse()
    end.connection.connection_lost(None)
    assert (await fault_of(second)).reason == "call.unavailable"
    assert len(script.ends) == 1


async def test_a_connection_whose_server_goes_is_closed_behind_its_last_call() -> None:
    """And not before."""
    script = Script()
    call = script.ask()
    (end,) = script.ends
    end.hear(frames.goaway(1, frames.NO_ERROR))
    assert not end.transport.ended
    end.hear(told(1, *OPENED, ended=False), message(1), told(1, STATUS))
    await call
    assert end.transport.ended
