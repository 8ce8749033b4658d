"""BatchStream where a call cannot be opened, or a request cannot be written."""

import asyncio
from collections.abc import AsyncIterator

import pytest

import streams_support
from chassis import links, streams
from streams_support import FAR, answer, items, request
from ultrathink.scoring.v1 import scoring_pb2


class _Refusing:
    """A method whose calls can be opened only when it is said so; what is sent is answered at once."""

    def __init__(self) -> None:
        self.works = False

    def dial(self, receiver: links.Receiver[scoring_pb2.ScoreResponse]) -> "_Echo":
        """Open a call, or break as a signer without its key would."""
        if not self.works:
            raise OSError("no key")
        return _Echo(receiver)

    def __call__(self, _: AsyncIterator[scoring_pb2.ScoreRequest], /) -> streams_support.OpenCall:
        """Is not used where lines are opened."""
        raise AssertionError


class _Echo:
    """A line that answers what it is sent, but for what it cannot write."""

    def __init__(self, receiver: links.Receiver[scoring_pb2.ScoreResponse]) -> None:
        self._receiver = receiver

    def send(self, one: scoring_pb2.ScoreRequest) -> None:
        """Answer in the next turn; raise for a request that cannot be written."""
        if items(answer(one)) == ["unwritable"]:
            raise ValueError
        asyncio.get_running_loop().call_soon(self._receiver.answer, answer(one))

    def finish(self) -> None:
        """End in the next turn."""
        asyncio.get_running_loop().call_soon(self._receiver.ended, None)

    def cancel(self) -> None:
        """End now."""
        self._receiver.ended(None)


async def test_a_call_that_cannot_be_opened_leaves_nothing_behind() -> None:
    """Only the batch that wanted it fails; the next opens the call and is answered."""
    method = _Refusing()
    stream = streams.BatchStream[scoring_pb2.ScoreRequest, scoring_pb2.ScoreResponse](
        method, clock=streams_support.ManualTime(), wakes=streams_support.ManualTime()
    )
    with pytest.raises(OSError, match="no key"):
        await stream.exchange(request("a"), deadline=FAR)
    method.works = True
    assert items(await stream.exchange(request("b"), deadline=FAR)) == ["b"]
    await stream.aclose()


async def test_requests_that_cannot_be_written_take_no_place_in_the_window() -> None:
    """More of them than a call has room for do not keep the next from being answered."""
    method = _Refusing()
    method.works = True
    stream = streams.BatchStream[scoring_pb2.ScoreRequest, scoring_pb2.ScoreResponse](
        method, clock=streams_support.ManualTime(), wakes=streams_support.ManualTime(), window=2, lanes=1
    )
    for _ in range(3):
        with pytest.raises(ValueError, match=r"^$"):
            await stream.exchange(request("unwritable"), deadline=FAR)
    assert items(await stream.exchange(request("b"), deadline=FAR)) == ["b"]
    await stream.aclose()
