"""The channel within a process and channels over a socket behave alike: one suite, all subjects."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

import chassis_support as support
from chassis import errors, identity, local, testing

WORD = support.Word


class Subject:
    """A stub under test and the service behind it."""

    def __init__(self, stub: Any, echo: support.Echo) -> None:
        self.stub = stub
        self.echo = echo


@pytest.fixture(params=["local", "socket", "grpc"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    """The same service behind each channel: in the process, at both doors, at gRPC's alone."""
    echo = support.Echo()
    app = support.app(echo)
    if request.param == "local":
        async with local.LocalChannel(app, caller=support.CALLER) as channel:
            yield Subject(support.EchoStub(channel), echo)
    else:
        beside = request.param == "socket"
        async with testing.serve(app, caller=support.CALLER, streams=beside) as channel:
            yield Subject(support.EchoStub(channel), echo)


async def test_one_request_gets_one_response(subject: Subject) -> None:
    """A unary call returns what the handler returns, and ends with OK."""
    call = subject.stub.Unary(WORD(value="one"), timeout=5)
    assert (await call).value == "ONE"
    assert await call.code() is grpc.StatusCode.OK
    assert call.done()
    assert not call.cancelled()


async def test_one_request_gets_many_responses(subject: Subject) -> None:
    """A server stream yields every response in order."""
    assert await support.values(subject.stub.Down(WORD(value="abc"))) == ["a", "b", "c"]


async def test_many_requests_get_one_response(subject: Subject) -> None:
    """A client stream is read to its end before its one response."""
    assert (await subject.stub.Up(support.words("a", "b"))).value == "a b"


async def test_a_plain_iterable_of_requests_is_taken(subject: Subject) -> None:
    """Requests may come from an ordinary list."""
    assert (await subject.stub.Up([WORD(value="a"), WORD(value="b")])).value == "a b"


async def test_many_requests_get_many_responses(subject: Subject) -> None:
    """A bidirectional stream answers each request."""
    assert await support.values(subject.stub.Both(support.words("a", "b"))) == ["A", "B"]


async def test_a_stream_is_written_and_read_turn_by_turn(subject: Subject) -> None:
    """write, read and done_writing work as on gRPC's own call; after the last response read says EOF."""
    call = subject.stub.Both()
    for word in ("a", "b"):
        await call.write(WORD(value=word))
        assert (await call.read()).value == word.upper()
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


async def test_requests_are_written_to_a_client_stream(subject: Subject) -> None:
    """A client stream may be written instead of iterated."""
    call = subject.stub.Up()
    await call.write(WORD(value="a"))
    await call.done_writing()
    assert (await call).value == "a"


@pytest.mark.parametrize("kind", errors.KINDS)
async def test_a_fault_arrives_whole(subject: Subject, kind: str) -> None:
    """Kind, reason, message, violations and retry of a fault are the same on the caller's side."""
    with pytest.raises(errors.KINDS[kind]) as caught:
        await subject.stub.Unary(WORD(value=f"fault:{kind}"))
    fault = caught.value
    assert type(fault) is errors.KINDS[kind]
    assert (fault.reason, fault.message) == ("test.asked", "As asked.")
    assert fault.violations == support.VIOLATIONS
    assert fault.retry_after_ms == 250


async def test_a_stream_fails_where_its_next_response_would_be(subject: Subject) -> None:
    """Responses before the fault arrive; the fault comes in the place of the next one."""
    call = subject.stub.Down(WORD(value="ab fault:conflict"))
    assert [(await call.read()).value, (await call.read()).value] == ["a", "b"]
    with pytest.raises(errors.Conflict):
        await call.read()


@pytest.mark.parametrize("shape", support.METHODS)
async def test_every_shape_raises_the_fault(subject: Subject, shape: str) -> None:
    """A fault ends a call of any shape."""
    with pytest.raises(errors.Conflict):
        await support.say(subject.stub, shape, "fault:conflict")


@pytest.mark.parametrize("shape", support.METHODS)
async def test_an_exception_keeps_its_text(subject: Subject, shape: str) -> None:
    """What is not a fault arrives as Internal without a word of the exception."""
    with pytest.raises(errors.Internal) as caught:
        await support.say(subject.stub, shape, "crash")
    assert caught.value.reason == "internal.unexpected"
    assert "secret" not in str(caught.value)


async def test_a_missing_method_is_our_defect(subject: Subject) -> None:
    """A method nobody serves is Internal: the deploy is wrong, not the request."""
    with pytest.raises(errors.Internal) as caught:
        await subject.stub.Missing(WORD())
    assert caught.value.reason == "call.unimplemented"


async def test_an_abort_of_a_handler_becomes_its_kind(subject: Subject) -> None:
    """A handler that aborts with a status is understood by the table."""
    with pytest.raises(errors.Conflict) as caught:
        await subject.stub.Unary(WORD(value="abort"))
    assert caught.value.reason == "call.precondition"


async def test_the_deadline_of_a_call_is_told_as_unavailable(subject: Subject) -> None:
    """A call that outlives its timeout ends with deadline.exceeded, and its handler is cancelled."""
    with pytest.raises(errors.Unavailable) as caught:
        await subject.stub.Unary(WORD(value="hold"), timeout=0.05)
    assert caught.value.reason == "deadline.exceeded"
    await asyncio.wait_for(subject.echo.cancelled.wait(), 5)


async def test_a_cancelled_call_cancels_its_handler(subject: Subject) -> None:
    """Giving a call up ends its handler; whoever still awaits it is cancelled."""
    call = subject.stub.Unary(WORD(value="hold"))
    await asyncio.wait_for(subject.echo.began.wait(), 5)
    assert call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.wait_for(subject.echo.cancelled.wait(), 5)
    assert call.cancelled()
    assert await call.code() is grpc.StatusCode.CANCELLED


async def test_a_cancelled_waiter_gives_its_call_up(subject: Subject) -> None:
    """Cancelling the task that awaits a response cancels the call."""

    async def wait() -> None:
        await subject.stub.Unary(WORD(value="hold"))

    waiter = asyncio.create_task(wait())
    await asyncio.wait_for(subject.echo.began.wait(), 5)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    await asyncio.wait_for(subject.echo.cancelled.wait(), 5)


async def test_leaving_the_loop_gives_the_call_up(subject: Subject) -> None:
    """Whoever breaks out of the responses cancels the call; the handler does not run on for nobody."""
    call = subject.stub.Down(WORD(value="a hold"))
    async for response in call:
        assert response.value == "a"
        break
    await asyncio.wait_for(subject.echo.cancelled.wait(), 5)


async def test_writing_to_an_ended_stream_says_so(subject: Subject) -> None:
    """When the server has ended the stream, write raises Unavailable stream.closed."""
    call = subject.stub.Both()
    await call.write(WORD(value="end"))
    assert await call.read() is grpc.aio.EOF
    with pytest.raises(errors.Unavailable) as caught:
        await call.write(WORD(value="a"))
    assert caught.value.reason == "stream.closed"


async def test_writing_to_a_failed_stream_raises_its_fault(subject: Subject) -> None:
    """When the stream ended with a fault, write raises that fault."""
    call = subject.stub.Both()
    await call.write(WORD(value="fault:exhausted"))
    await call.code()
    with pytest.raises(errors.Exhausted):
        await call.write(WORD(value="a"))


async def test_writing_after_half_closing_is_a_defect(subject: Subject) -> None:
    """Writing after done_writing is a mistake of the code, not a fault of the other side."""
    call = subject.stub.Both()
    await call.write(WORD(value="hold"))
    await call.done_writing()
    with pytest.raises(asyncio.InvalidStateError):
        await call.write(WORD(value="a"))
    call.cancel()


@pytest.mark.parametrize("shape", support.METHODS)
async def test_the_handler_knows_its_caller(subject: Subject, shape: str) -> None:
    """identity.caller() names the calling service in handlers of every shape, and nobody outside."""
    await support.say(subject.stub, shape, "a")
    assert subject.echo.callers == [identity.Caller(service=support.CALLER)]
    assert identity.caller() == identity.NOBODY
