"""Unary calls: gRPC's own client gets the same answers at our door as at gRPC's."""

import asyncio
import gzip
import zlib
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import chassis_support as support
from chassis import errors, faults, identity, metrics
from chassis.http2 import streams
from doors_support import DOORS, UNARY, Caller, Doors, doors, word
from streams_support import until

CODE = grpc.StatusCode
both = pytest.mark.parametrize("door", DOORS)


async def refused(call: Any) -> grpc.aio.AioRpcError:
    """Return how a call was refused."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def code(call: Any) -> grpc.StatusCode:
    """Return the status with which a call was refused."""
    found: grpc.StatusCode = (await refused(call)).code()
    return found


@both
async def test_a_call_is_answered_and_its_caller_known(door: str) -> None:
    """An empty message is one too; the handler sees who asks."""
    async with doors() as served, served.caller(door) as caller:
        assert [await caller.say("word"), await caller.say("")] == ["WORD", ""]
        assert served.echo.callers == [identity.Caller(service=support.CALLER)] * 2
        call = caller.ask("word")
        assert await call.code() is CODE.OK
        assert (tuple(await call.initial_metadata()), tuple(await call.trailing_metadata())) == ((), ())


@both
@pytest.mark.parametrize("size", [1, 16_000, 16_384, 70_000, 1_000_000, 8_000_000])
async def test_messages_of_any_size_cross(door: str, size: int) -> None:
    """Through windows and frames of gRPC's own choosing, both ways."""
    async with doors() as served, served.caller(door) as caller, asyncio.timeout(30):
        assert await caller.say("a" * size) == "A" * size


@both
async def test_many_calls_at_once_get_each_its_own_answer(door: str) -> None:
    """Hundreds share a connection."""
    async with doors() as served, served.caller(door) as caller, asyncio.timeout(30):
        words = [f"word {number}" for number in range(600)]
        assert await asyncio.gather(*map(caller.say, words)) == [one.upper() for one in words]


@both
@pytest.mark.parametrize("kind", sorted(errors.KINDS))
async def test_a_fault_arrives_whole(door: str, kind: str) -> None:
    """Its code, its text, and every detail: reason, violations, when to come back."""
    async with doors() as served, served.caller(door) as caller:
        found = await refused(caller.ask(f"fault:{kind}"))
    told, asked = faults.from_rpc(found), support.fault(f"fault:{kind}")
    assert (found.code(), found.details()) == (faults.code_of(asked), asked.message)
    assert (type(told), told.reason, told.violations, told.retry_after_ms) == (
        type(asked), asked.reason, asked.violations, asked.retry_after_ms,
    )  # fmt: skip


@both
async def test_the_text_of_an_exception_stays_inside(door: str) -> None:
    """Our defect is told as one, and no more."""
    async with doors() as served, served.caller(door) as caller:
        found = await refused(caller.ask("crash"))
    assert found.code() is CODE.INTERNAL
    assert "secret" not in f"{found.details()}{found.trailing_metadata()}"


@both
async def test_a_handler_may_choose_its_status(door: str) -> None:
    """Code, text of any letters, and metadata of both kinds pass as they are."""
    async with doors() as served, served.caller(door) as caller:
        plain, full = await refused(caller.ask("abort")), await refused(caller.ask("out of range"))
    assert (plain.code(), plain.details()) == (CODE.FAILED_PRECONDITION, "not now")
    assert (full.code(), full.details()) == (CODE.OUT_OF_RANGE, "Zu spät, 5 %")
    assert set(full.trailing_metadata()) == {("x-why", "so"), ("x-why-bin", b"\0\xff")}


@both
async def test_metadata_arrives_as_it_was_sent(door: str) -> None:
    """Text and bytes, one name twice; what belongs to the transport is not among it."""
    sent: tuple[tuple[str, str | bytes], ...] = (
        ("x-a", "1"), ("x-a", "2"), ("x-b", "with spaces, commas"), ("x-c-bin", b"\0\xff"), ("x-d-bin", b"")
    )  # fmt: skip
    async with doors() as served, served.caller(door) as caller:
        assert await caller.say("metadata", *sent) == str(sorted(sent))
        names = await caller.say("names", ("traceparent", "00-0-0-00"), timeout=5)
    assert names == str(["authorization", "traceparent", "user-agent"])


@both
async def test_a_handler_sees_how_much_time_is_left(door: str) -> None:
    """None when the caller set no deadline."""
    async with doors() as served, served.caller(door) as caller:
        assert await caller.say("time", timeout=30) == "30"
        assert await caller.say("no time") == "None"


@both
async def test_whoever_is_not_admitted_is_told_why(door: str) -> None:
    """Without a credential, with a wrong one, with two."""
    async with doors() as served, served.caller(door) as caller:
        unary = Caller(caller.channel, ())
        for metadata, reason in (
            ((), "token.missing"),
            ((("authorization", "Basic x"),), "token.malformed"),
            ((served.proof, served.proof), "token.malformed"),
        ):
            found = await refused(unary.ask("a", *metadata))
            assert (found.code(), faults.from_rpc(found).reason) == (CODE.UNAUTHENTICATED, reason)
    assert served.echo.callers == []


@both
@pytest.mark.parametrize("method", [support.method("Missing"), "/no.Service/Method", "/", "/x"])
async def test_an_unknown_method_is_not_implemented(door: str, method: str) -> None:
    """Nobody is asked who they are."""
    async with doors() as served, served.caller(door) as caller:
        unknown: Any = caller.channel.unary_unary(method)
        assert await code(unknown(b"", metadata=served.proofs)) is CODE.UNIMPLEMENTED
        assert await code(unknown(b"")) is CODE.UNIMPLEMENTED


@both
async def test_a_request_that_cannot_be_read_is_invalid(door: str) -> None:
    """And told in our words."""
    async with doors() as served, served.caller(door) as caller:
        found = await refused(caller.ask(b"\x0a\xff"))
    assert (found.code(), faults.from_rpc(found).reason) == (CODE.INVALID_ARGUMENT, "message.unreadable")


@both
async def test_a_message_that_is_too_large_is_refused_either_way(door: str) -> None:
    """The connection goes on."""
    async with doors() as served, served.caller(door) as caller, asyncio.timeout(30):
        assert await code(caller.ask(bytes(streams.MAX_MESSAGE_BYTES + 1))) is CODE.RESOURCE_EXHAUSTED
        assert await code(caller.ask("large")) is CODE.RESOURCE_EXHAUSTED
        assert await caller.say("a") == "A"


@both
@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_a_compressed_request_is_read(door: str, compression: grpc.Compression) -> None:
    """As gRPC's clients send it; one that grows too large is refused."""
    async with doors() as served, served.caller(door) as caller, asyncio.timeout(30):
        assert await caller.say("a" * 100_000, compression=compression) == "A" * 100_000
        grown = caller.ask("a" * (streams.MAX_MESSAGE_BYTES + 1), compression=compression)
        assert await code(grown) is CODE.RESOURCE_EXHAUSTED


def wired(data: bytes, flag: int = 0) -> bytes:
    """Return a message as it travels."""
    return streams.PREFIX.pack(flag, len(data)) + data


A = word("a")
RAW: dict[str, tuple[list[bytes], dict[str, str], grpc.StatusCode]] = {
    "in pieces": ([wired(A)[:3], wired(A)[3:6], b"", wired(A)[6:]], {}, CODE.OK),
    "another subtype": ([wired(A)], {"content_type": "application/grpc+proto"}, CODE.OK),
    "not compressed though it might be": ([wired(A)], {"grpc_encoding": "gzip"}, CODE.OK),
    "gzip": ([wired(gzip.compress(A), 1)], {"grpc_encoding": "gzip"}, CODE.OK),
    "deflate": ([wired(zlib.compress(A), 1)], {"grpc_encoding": "deflate"}, CODE.OK),
    "compressed unannounced": ([wired(gzip.compress(A), 1)], {}, CODE.INTERNAL),
    "damaged": ([wired(b"nonsense", 1)], {"grpc_encoding": "gzip"}, CODE.INTERNAL),
    "cut": ([wired(gzip.compress(A)[:-9], 1)], {"grpc_encoding": "gzip"}, CODE.INTERNAL),
    "no deadline": ([wired(A)], {"grpc_timeout": "soon"}, CODE.INTERNAL),
    "no time": ([wired(A)], {"grpc_timeout": "0m"}, CODE.DEADLINE_EXCEEDED),
    "all time": ([wired(A)], {"grpc_timeout": "99999999H"}, CODE.OK),
    "too late": ([wired(word("hold"))], {"grpc_timeout": "50m"}, CODE.DEADLINE_EXCEEDED),
}  # fmt: skip


@both
@pytest.mark.parametrize("case", RAW)
async def test_what_other_clients_may_send_is_answered_alike(door: str, case: str) -> None:
    """By its bytes, which gRPC's Python client would not send."""
    data, changed, expected = RAW[case]
    async with doors() as served:
        assert await served.raw(door, *data, **changed) == (
            expected,
            [word("A")] if expected is CODE.OK else [],
        )


@both
async def test_a_call_whose_caller_gives_up_is_cancelled(door: str) -> None:
    """By hand, and when its time is over; the connection goes on."""
    async with doors() as served, served.caller(door) as caller, asyncio.timeout(30):
        for options in ({}, {"timeout": 0.05}):
            served.echo.began.clear()
            served.echo.cancelled.clear()
            call = caller.ask("hold", **options)
            await served.echo.began.wait()
            if not options:
                call.cancel()
            assert await call.code() is (CODE.DEADLINE_EXCEEDED if options else CODE.CANCELLED)
            await served.echo.cancelled.wait()
        assert await caller.say("a") == "A"


@both
async def test_calls_are_bounded_and_room_is_made_when_one_ends(door: str) -> None:
    """One more is exhausted, whichever connection it comes on."""
    async with (
        doors(max_concurrent_calls=1) as served,
        served.caller(door) as first,
        served.caller(door) as second,
        asyncio.timeout(30),
    ):
        held = first.ask("hold")
        await served.echo.began.wait()
        for caller in (first, second):
            assert await code(caller.ask("a")) is CODE.RESOURCE_EXHAUSTED
        served.echo.held.set()
        assert await held == word("HOLD")
        assert await second.say("a") == "A"


async def turned_away(served: Doors, door: str) -> grpc.StatusCode:
    """Return how a new connection's call is refused, once it is; gRPC's server cancels what meets its end."""
    while True:
        async with served.caller(door) as late:
            try:
                await late.say("a")
            except grpc.aio.AioRpcError as cause:
                if cause.code() is not CODE.CANCELLED:
                    return cause.code()


@both
async def test_draining_answers_what_is_at_work_and_refuses_the_rest(door: str) -> None:
    """Nothing read is lost; a new connection is not taken."""
    async with doors(drain_seconds=20) as served, served.caller(door) as caller, asyncio.timeout(30):
        held = caller.ask("hold")
        await served.echo.began.wait()
        leaving = asyncio.create_task(served.leave())
        assert await turned_away(served, door) is CODE.UNAVAILABLE
        assert not leaving.done()
        served.echo.held.set()
        assert await held == word("HOLD")
        await leaving


@both
async def test_a_call_that_does_not_end_is_cut_after_the_drain(door: str) -> None:
    """Its caller learns that it is unavailable, its handler that it is over."""
    async with doors(drain_seconds=0.05) as served, served.caller(door) as caller, asyncio.timeout(30):
        held = asyncio.ensure_future(code(caller.ask("hold")))
        await served.echo.began.wait()
        await served.leave()
        assert await held is CODE.UNAVAILABLE
        await served.echo.cancelled.wait()


@both
async def test_calls_are_counted_by_outcome(door: str) -> None:
    """Method and kind; an unknown method is no label."""

    def counted(kind: str) -> float:
        name = "rpc_server_duration_seconds_count"
        return metrics.registry().get_sample_value(name, {"rpc_method": UNARY, "kind": kind}) or 0.0

    kinds = ("ok", "conflict", "invalid", "cancelled", "aborted")
    before = [counted(kind) for kind in kinds]
    async with doors() as served, served.caller(door) as caller, asyncio.timeout(30):
        await caller.say("a")
        for request in ("fault:conflict", b"\xff", "abort"):
            await refused(caller.ask(request))
        call = caller.ask("hold")
        await served.echo.began.wait()
        call.cancel()
        await served.echo.cancelled.wait()
        await until(lambda: [counted(kind) for kind in kinds] == [one + 1 for one in before])


@both
async def test_health_is_told_to_anyone(door: str) -> None:
    """A probe may ask either door."""
    async with doors() as served, served.caller(door) as caller:
        stub = health_pb2_grpc.HealthStub(caller.channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=support.SERVICE))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        assert await code(stub.Check(health_pb2.HealthCheckRequest(service="x"))) is CODE.NOT_FOUND
