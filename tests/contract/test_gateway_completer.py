"""The gateway's port to suggestions: one suite for the twin, for claims in process and over a socket."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import grpc
import msgspec
import pytest

import wired
from chassis import apps, contexts, errors, local
from chassis import clock as clocks
from chassis import testing as plumbing
from gateway import testing
from gateway.outbound import completions
from ultrathink.claims.v1 import completions_pb2, completions_pb2_grpc

NAME = "ultrathink.claims.v1.Completer"


class _Completer(completions_pb2_grpc.CompleterServicer):
    """Completer over the twin."""

    def __init__(self, far: testing.MemoryCompleter) -> None:
        self._far, self._clock = far, clocks.SystemClock()

    async def Complete(self, request: Any, context: Any) -> completions_pb2.CompleteResponse:  # noqa: N802, ARG002 - the contract's names
        """Answer as the twin does."""
        who = wired.context(request.context, self._clock)
        return completions_pb2.CompleteResponse(document=await self._far.complete(request.body, who))


class Subject(msgspec.Struct):
    """The port under test and the twin at the far end."""

    completer: Any
    far: testing.MemoryCompleter


def _room(far: testing.MemoryCompleter, callers: frozenset[str] = frozenset({"gateway"})) -> apps.App:
    def register(server: grpc.aio.Server) -> None:
        completions_pb2_grpc.add_CompleterServicer_to_server(_Completer(far), server)

    async def ready() -> apps.Readiness:
        return apps.Readiness(ok=True)

    return apps.App("claims", register, (NAME,), {f"/{NAME}/Complete": callers}, ready)


@pytest.fixture(params=["twin", "local", "socket"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    """Yield the port over each way to claims."""
    far = testing.MemoryCompleter()
    if request.param == "twin":
        yield Subject(far, far)
        return
    async with AsyncExitStack() as stack:
        opened = local.LocalChannel if request.param == "local" else plumbing.serve
        channel: Any = await stack.enter_async_context(opened(_room(far), caller="gateway"))
        yield Subject(completions.Completer(channel, clocks.SystemClock()), far)


def _context(seconds: float = 10.0) -> contexts.CallContext:
    return plumbing.context(deadline=clocks.SystemClock().monotonic() + seconds)


async def test_the_claim_arrives_as_it_was_sent(subject: Subject) -> None:
    """Bytes are passed on untouched, for the tenant who asks."""
    body = '{ "lines": [{}, {"net": 1.10}], "note": "صافي" }'.encode()
    who = _context()
    told = msgspec.json.decode(await subject.completer.complete(body, who))
    assert subject.far.asked == [(body, who.tenant)]
    assert [one["path"] for one in told["refusals"]] == ["lines[0].net"]


async def test_a_claim_that_cannot_be_read_is_invalid(subject: Subject) -> None:
    """The fault keeps its kind and reason on the way."""
    with pytest.raises(errors.Invalid) as refused:
        await subject.completer.complete(b"{", _context())
    assert refused.value.reason == "json.malformed"


@pytest.mark.parametrize("reason", ["completion.unavailable", "deadline.exceeded"])
async def test_an_absent_model_is_told_as_absent(subject: Subject, reason: str) -> None:
    """With the time after which to come back."""
    subject.far.failure = errors.Unavailable(reason, "Not now.", retry_after_ms=900)
    with pytest.raises(errors.Unavailable) as refused:
        await subject.completer.complete(b"{}", _context())
    assert (refused.value.reason, refused.value.retry_after_ms) == (reason, 900)


async def test_a_claims_room_that_does_not_know_the_gateway_is_away() -> None:
    """The caller is not told to log in again."""
    far = testing.MemoryCompleter()
    async with plumbing.serve(_room(far, frozenset({"cli"})), caller="gateway") as channel:
        completer = completions.Completer(channel, clocks.SystemClock())
        with pytest.raises(errors.Unavailable) as refused:
            await completer.complete(b"{}", _context())
    assert refused.value.reason == "claims.refused_gateway"
    assert far.asked == []


async def test_a_call_without_time_left_is_not_made(subject: Subject) -> None:
    """Over a channel, the caller's time is asked first."""
    if subject.completer is subject.far:
        pytest.skip("the twin has no hop")
    with pytest.raises(errors.Unavailable) as refused:
        await subject.completer.complete(b"{}", _context(0.0))
    assert refused.value.reason == "deadline.too_short"
    assert subject.far.asked == []
