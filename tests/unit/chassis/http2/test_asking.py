"""Unary calls of our calling end: at our door, gRPC's own server, copies that come and go, broken peers."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest

import http2_support as support
from chassis import errors, metrics
from chassis.http2 import asking, calls, connections, pools, targets
from streams_support import echo, items, request, until, until_many
from ultrathink.scoring.v1 import scoring_pb2, scoring_pb2_grpc

UNARY = "/ultrathink.scoring.v1.Scorer/Score"
SHAPE: support.Shape = asking.Shape(
    UNARY, scoring_pb2.ScoreRequest.SerializeToString, scoring_pb2.ScoreResponse.FromString
)

type Ask = Callable[..., asking.Question[scoring_pb2.ScoreResponse]]


@asynccontextmanager
async def asker(target: str, turn: int = 0, shape: support.Shape = SHAPE) -> AsyncIterator[Ask]:
    """Yield what asks a target for the answer to an item."""
    opened = calls.Calls(target, turn=turn)
    try:
        yield lambda name="a", metadata=(), timeout=20.0: opened.ask(shape, request(name), metadata, timeout)
    finally:
        await opened.aclose()


async def fault_of(call: Awaitable[Any]) -> errors.Fault:
    """Return the fault with which a call was refused."""
    with pytest.raises(errors.Fault) as caught:
        await call
    return caught.value


@asynccontextmanager
async def grpcs(handle: Callable[[Any], Awaitable[Any]] = echo) -> AsyncIterator[str]:
    """Yield where gRPC's own server answers the same method."""
    scorer = support.Scorer()
    scorer.handle = handle
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
    scoring_pb2_grpc.add_ScorerServicer_to_server(scorer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@asynccontextmanager
async def either(kind: str) -> AsyncIterator[str]:
    """Yield where a server of this kind listens."""
    if kind == "grpc":
        async with grpcs() as target:
            yield target
    else:
        async with support.door() as door:
            yield door.target


@pytest.mark.parametrize("kind", ["ours", "grpc"])
@pytest.mark.parametrize("size", [0, 1, 16_000, 70_000, 1_000_000, 8_000_000])
async def test_messages_of_any_size_are_answered(kind: str, size: int) -> None:
    """By either server, through the windows that it grants."""
    async with either(kind) as target, asker(target) as ask, asyncio.timeout(30):
        for _ in range(2):
            assert items(await ask("x" * size)) == ["x" * size]


@pytest.mark.parametrize("kind", ["ours", "grpc"])
async def test_a_crowd_shares_connections(kind: str) -> None:
    """Each gets its own answer; no connection is made for a call that finds room on one."""
    async with either(kind) as target, asker(target) as ask, asyncio.timeout(30):
        for _ in range(3):
            names = [f"{number}" for number in range(200)]
            told = await asyncio.gather(*map(ask, names))
            assert [items(one) for one in told] == [[name] for name in names]


@pytest.mark.parametrize(("count", "expected"), [(10, 1), (connections.MAX_STREAMS, 1), (600, 3)])
async def test_a_crowd_opens_one_connection_and_more_only_when_it_is_full(count: int, expected: int) -> None:
    """What a server takes on one is respected, and nobody is refused for it."""
    going, began = asyncio.Event(), []

    async def handle(batch: Any) -> Any:
        began.append(batch)
        await going.wait()
        return await echo(batch)

    async with support.door(most_calls=1_000) as door, asker(door.target) as ask, asyncio.timeout(30):
        door.scorer.handle = handle
        asked = [ask(f"{number}") for number in range(count)]
        await until_many(began, count)
        assert door.connected == expected
        going.set()
        assert [items(await one) for one in asked] == [[f"{number}"] for number in range(count)]


async def test_more_calls_than_all_connections_take_are_refused() -> None:
    """The number of connections is bounded, and with it what waits."""
    most = 2 * connections.MAX_STREAMS
    async with support.door(most_calls=2 * most) as door, asyncio.timeout(60):
        door.scorer.handle = hang
        pool = pools.Pool([targets.Target(door.target)], 0, most=2)
        asked = [asking.Question(pool, SHAPE, b"", (), None) for _ in range(most + 20)]
        await until(lambda: sum(call.done() for call in asked) == 20)
        refused = [await fault_of(call) for call in asked if call.done()]
        assert {(type(one), one.reason) for one in refused} == {(errors.Exhausted, "call.exhausted")}
        assert (len(door.gate.admitted), door.connected) == (most, 2)
        await pool.aclose()


async def test_calls_spread_over_the_copies_of_a_service() -> None:
    """One after another; a copy that cannot be reached is left out."""
    async with support.door() as first, support.door() as second, asyncio.timeout(30):
        async with asker(f"{first.target},127.0.0.1:1,nowhere.invalid:1,{second.target}") as ask:
            await ask()
            await until(lambda: first.connected + second.connected == 2)
            for _ in range(20):
                await ask()
        assert min(len(first.gate.admitted), len(second.gate.admitted)) >= 10


async def test_a_copy_that_goes_is_left_without_a_call_lost() -> None:
    """What it took it answers; what it did not look at goes to another, and so do the next."""
    async with support.door() as kept, AsyncExitStack() as stack, asyncio.timeout(60):
        going = await stack.enter_async_context(support.door())
        async with asker(f"{going.target},{kept.target}") as ask:
            await ask()
            await until(lambda: going.connected + kept.connected == 2)
            done = asyncio.Event()

            async def crowd() -> int:
                count = 0
                while not done.is_set():
                    assert items(await ask(f"{count}")) == [f"{count}"]
                    count += 1
                return count

            crowds = [asyncio.create_task(crowd()) for _ in range(8)]
            await until(lambda: len(going.gate.admitted) > 100)
            await going.server.stop(5)
            before = len(kept.gate.admitted)
            await until(lambda: len(kept.gate.admitted) > before + 100)
            done.set()
            answered = sum(await asyncio.gather(*crowds)) + 1
        assert len(going.gate.admitted) + len(kept.gate.admitted) == answered


async def test_a_service_that_is_back_is_found_by_the_next_call() -> None:
    """While it is away calls fail at once."""
    async with AsyncExitStack() as stack, asyncio.timeout(30):
        first = support.Door()
        first.port = await first.server.start("127.0.0.1:0")
        ask = await stack.enter_async_context(asker(first.target))
        await ask()
        await first.server.stop(0)
        assert (await fault_of(ask())).reason == "call.unavailable"
        second = support.Door()
        await second.server.start(first.target)
        assert items(await ask()) == ["a"]
        await second.server.stop(0)


@pytest.mark.parametrize("kind", sorted(errors.KINDS))
async def test_a_fault_arrives_whole(kind: str) -> None:
    """Kind, reason, text, violations, and when to come back."""
    sent = errors.KINDS[kind](
        "test.asked", "Zu spät.", violations=(errors.Violation("a", "b", "c"),), retry_after_ms=250
    )

    async def handle(_: Any) -> Any:
        raise sent

    async with support.door() as door, asker(door.target) as ask:
        door.scorer.handle = handle
        told = await fault_of(ask())
    assert (type(told), told.reason, told.message) == (type(sent), sent.reason, sent.message)
    assert (told.violations, told.retry_after_ms) == (sent.violations, 250)


async def test_metadata_is_sent_and_repeated_headers_are_not_made_again() -> None:
    """Of both kinds; the deadline is told in tenths of a second."""
    seen: list[list[tuple[str, str]]] = []

    async def admit(_: str, found: Any) -> None:
        seen.append(found)

    async with support.door() as door, asker(door.target) as ask:
        door.gate.admit = admit  # type: ignore[method-assign, assignment]
        for timeout in (None, 19.95, 19.91, 0.04, 1e9):
            await ask(metadata=(("x-a", "1"), ("x-b-bin", b"\0\xff")), timeout=timeout)
    assert all({("x-a", "1"), ("x-b-bin", "AP8")} <= set(found) for found in seen)
    told = [dict(found).get("grpc-timeout") for found in seen]
    assert told == [None, "20000m", "20000m", "100m", "99999900m"]
    assert seen[1] is seen[2]  # read once


async def hang(_: Any) -> Any:
    """Never answer."""
    await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("connected", [True, False])
async def test_a_call_ends_at_its_deadline(*, connected: bool) -> None:
    """Also while it waits for a connection; the handler is told, the connection goes on."""
    async with support.door() as door, asyncio.timeout(30):
        silent = socket.create_server(("127.0.0.1", 0))
        port = door.port if connected else silent.getsockname()[1]
        async with asker(f"127.0.0.1:{port}") as ask:
            door.scorer.handle = hang
            told = await fault_of(ask(timeout=0.05))
            assert (type(told), told.reason) == (errors.Unavailable, "deadline.exceeded")
            await until(lambda: not door.server.calls)
            if connected:
                door.scorer.handle = echo
                assert items(await ask()) == ["a"]
                assert door.connected == 1
        silent.close()


@pytest.mark.parametrize("how", ["cancel", "waiter", "early"])
async def test_a_call_that_is_given_up_is_reset(how: str) -> None:
    """By hand, by whoever waits, or before it was connected; it is counted once as cancelled."""
    count = "rpc_client_duration_seconds_count"
    labels = {"rpc_method": UNARY, "kind": "cancelled"}
    before = metrics.registry().get_sample_value(count, labels) or 0.0
    async with support.door() as door, asker(door.target) as ask, asyncio.timeout(30):
        door.scorer.handle = hang
        call = ask()
        assert not call.done()
        if how != "early":
            await until(lambda: bool(door.gate.admitted))
        if how == "waiter":
            waiting = asyncio.ensure_future(_awaited(call))
            await asyncio.wait([waiting], timeout=0)
            waiting.cancel()
            await asyncio.wait([waiting])
        else:
            assert call.cancel()
            assert not call.cancel()
        assert call.cancelled()
        assert await call.code() is grpc.StatusCode.CANCELLED
        await until(lambda: not door.server.calls)
        door.scorer.handle = echo
        assert items(await ask()) == ["a"]
    assert metrics.registry().get_sample_value(count, labels) == before + 1


async def _awaited(call: Awaitable[Any]) -> Any:
    return await call


async def test_whoever_closes_ends_every_call() -> None:
    """Those at work and those that wait for a connection; the next is refused."""
    async with support.door() as door, asyncio.timeout(30):
        door.scorer.handle = hang
        async with asker(door.target) as ask:
            first, second = ask(), ask()
            await until(lambda: len(door.gate.admitted) == 2)
            late = ask
        for call in (first, second, late()):
            assert (await fault_of(call)).reason == "call.unavailable"


async def test_an_answer_that_cannot_be_read_is_a_defect() -> None:
    """Theirs or ours; not a broken connection, for it would come again."""
    shape: support.Shape = asking.Shape(
        UNARY,
        scoring_pb2.ScoreRequest.SerializeToString,
        lambda _: scoring_pb2.ScoreResponse.FromString(b"\xff"),
    )
    async with support.door() as door, asker(door.target, shape=shape) as ask:
        assert (await fault_of(ask())).reason == "call.unreadable"


async def test_a_method_that_is_not_served_is_told_as_our_defect() -> None:
    """As gRPC tells it."""
    shape: support.Shape = asking.Shape("/ultrathink.scoring.v1.Scorer/Missing", SHAPE.write, SHAPE.read)
    for kind in ("ours", "grpc"):
        async with either(kind) as target, asker(target, shape=shape) as ask:
            told = await fault_of(ask())
            assert (type(told), told.reason) == (errors.Internal, "call.unimplemented")


@pytest.mark.parametrize("target", ["127.0.0.1:1", "nowhere.invalid:1", "unix:/nowhere"])
async def test_whoever_cannot_be_reached_is_told_at_once(target: str) -> None:
    """Nothing is tried for ever."""
    async with asker(target) as ask, asyncio.timeout(30):
        told = await asyncio.gather(*(fault_of(ask()) for _ in range(20)))
    assert {(type(one), one.reason) for one in told} == {(errors.Unavailable, "call.unavailable")}


async def test_a_connection_that_is_lost_as_soon_as_it_is_made_is_none() -> None:
    """Calls on it fail, and whoever closes does not wait for it."""
    listening = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening, asyncio.timeout(30):
        for _ in range(20):
            async with asker(f"127.0.0.1:{port}") as ask:
                assert (await fault_of(ask(timeout=5.0))).kind == "unavailable"
