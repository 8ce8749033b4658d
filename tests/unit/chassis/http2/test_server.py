"""The serving end of batch streams, called by gRPC's own client and by peers that say what they like."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest

import http2_support as support
from chassis import errors, identity
from chassis.http2 import frames
from streams_support import answer, echo, items, request, until, until_many
from ultrathink.scoring.v1 import scoring_pb2, scoring_pb2_grpc

SIZES = [0, 1, 16_000, 16_384, 70_000, 1_000_000, 8_000_000]


class Held:
    """A handler whose batches wait until the test lets them go."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.cancelled: list[str] = []
        self.going = asyncio.Event()

    async def __call__(self, batch: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        """Wait."""
        name = batch.contexts[0].item_id
        self.began.append(name)
        try:
            await self.going.wait()
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise
        return answer(batch)

    async def begin(self, door: support.Door, peer: support.Peer) -> None:
        """Return when a batch of the peer is at work behind the door."""
        door.scorer.handle = self
        peer.ask()
        peer.stream.send(request("a").SerializeToString())
        await until_many(self.began, 1)


async def staying(*batches: scoring_pb2.ScoreRequest) -> AsyncIterator[scoring_pb2.ScoreRequest]:
    """Yield batches and stay open: a send that meets the status would hide it behind gRPC's INTERNAL."""
    for batch in batches:
        yield batch
    await asyncio.Event().wait()


@pytest.mark.parametrize("size", SIZES)
async def test_a_foreign_client_gets_its_batches_back(size: int) -> None:
    """Messages of any size cross both ways, through windows and frames of gRPC's own choosing."""
    async with support.door() as door, support.foreign(door.target) as stub, asyncio.timeout(30):
        batches = [support.large(size) for _ in range(3)]
        got = {
            reply.batch_id: items(reply)
            for reply in [r async for r in stub.ScoreStream(support.sent(batches))]
        }
    assert got == {number: ["x" * size] for number in (1, 2, 3)}


async def test_many_calls_share_a_connection() -> None:
    """A foreign client opens all its calls on one connection; each gets its own answers."""

    async def call(stub: "scoring_pb2_grpc.ScorerAsyncStub", name: str) -> list[list[str]]:
        batches = [request(f"{name}-{number}") for number in range(20)]
        return [items(reply) async for reply in stub.ScoreStream(support.sent(batches))]

    async with support.door() as door, support.foreign(door.target) as stub, asyncio.timeout(30):
        names = [f"call{number}" for number in range(support.MOST_CALLS)]
        told = await asyncio.gather(*(call(stub, name) for name in names))
    for name, replies in zip(names, told, strict=True):
        assert sorted(replies) == sorted([f"{name}-{number}"] for number in range(20))


async def test_one_call_too_many_is_refused_as_exhausted() -> None:
    """The bound of calls holds over all connections; those open go on."""
    async with (
        support.door() as door,
        asyncio.timeout(30),
        support.foreign(door.target) as first,
        support.foreign(door.target) as second,
    ):
        held = [first.ScoreStream(staying()) for _ in range(support.MOST_CALLS)]
        await until(lambda: len(door.gate.admitted) == support.MOST_CALLS)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await anext(aiter(second.ScoreStream(staying())))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        held[0].cancel()
        await until(lambda: len(door.server.calls) < support.MOST_CALLS)
        reply = await anext(aiter(second.ScoreStream(support.sent([request("a")]))))
        assert items(reply) == ["a"]
        for call in held:
            call.cancel()


async def test_the_caller_is_known_to_the_handler() -> None:
    """What the gate entered holds for every batch of the call."""
    seen: list[str | None] = []

    async def handle(batch: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        seen.append(identity.caller().service)
        return await echo(batch)

    async with support.door() as door, support.foreign(door.target) as stub:
        door.scorer.handle = handle
        assert [items(r) async for r in stub.ScoreStream(support.sent([request("a")]))] == [["a"]]
    assert seen == ["tester"]


async def test_whoever_is_not_admitted_is_told_why() -> None:
    """A refusal carries its fault; not a byte of the request was parsed."""
    async with support.door() as door, support.foreign(door.target) as stub:
        door.gate.fault = errors.Denied("token.missing", "A credential is needed.")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await anext(aiter(stub.ScoreStream(staying())))
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("error", [errors.Invalid("batch.shape", "Columns differ."), RuntimeError("secret")])
async def test_a_failing_batch_ends_the_call_after_the_others(error: Exception) -> None:
    """What was read with it is answered; the status carries the fault and no exception's text."""
    held = Held()

    async def handle(batch: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        if batch.contexts[0].item_id == "bad":
            raise error
        return await held(batch)

    async with support.door() as door, support.foreign(door.target) as stub, asyncio.timeout(30):
        door.scorer.handle = handle
        call = stub.ScoreStream(staying(request("good"), request("bad")))
        await until_many(held.began, 1)
        held.going.set()
        replies = aiter(call)
        assert items(await anext(replies)) == ["good"]
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await anext(replies)
        assert "secret" not in str(caught.value)
        wanted = (
            grpc.StatusCode.INVALID_ARGUMENT if isinstance(error, errors.Fault) else grpc.StatusCode.INTERNAL
        )
        assert caught.value.code() is wanted


async def test_a_caller_that_goes_away_cancels_its_batches() -> None:
    """Nobody works for a call that was given up."""
    held = Held()
    async with support.door() as door, support.foreign(door.target) as stub, asyncio.timeout(30):
        door.scorer.handle = held
        call = stub.ScoreStream(support.sent([request("a"), request("b")]))
        reading = asyncio.ensure_future(anext(aiter(call)))
        await until_many(held.began, 2)
        call.cancel()
        await until_many(held.cancelled, 2)
        await asyncio.gather(reading, return_exceptions=True)
        await until(lambda: not door.server.calls)


async def test_a_deadline_of_the_caller_ends_the_call() -> None:
    """grpc-timeout is kept here as by any server."""
    held = Held()
    async with support.door() as door, support.foreign(door.target) as stub, asyncio.timeout(30):
        door.scorer.handle = held
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await anext(aiter(stub.ScoreStream(staying(request("a")), timeout=0.05)))
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await until_many(held.cancelled, 1)


async def test_no_more_batches_are_at_work_than_may_be() -> None:
    """What was read beyond that waits; all are answered in the end."""
    held = Held()
    async with support.door() as door, support.foreign(door.target) as stub, asyncio.timeout(30):
        door.scorer.handle, door.scorer.in_flight = held, 2
        call = stub.ScoreStream(support.sent([request(name) for name in "abcde"]))
        reading = asyncio.ensure_future(anext(aiter(call)))
        await until_many(held.began, 2)
        for _ in range(50):
            await asyncio.sleep(0)
        assert held.began == ["a", "b"]
        held.going.set()
        first = items(await reading)
        rest = [items(reply) async for reply in call]
        assert sorted([first, *rest]) == [[name] for name in "abcde"]


async def test_a_client_that_does_not_read_is_not_worked_for() -> None:
    """Answers that the transport cannot take hold the places of batches."""
    began: list[int] = []

    async def handle(_: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        began.append(len(began))
        return scoring_pb2.ScoreResponse(claims=[scoring_pb2.ClaimScore(item_id="y" * 4_000_000)])

    async with support.door() as door, support.peer(door.port) as peer, asyncio.timeout(30):
        door.scorer.handle, door.scorer.in_flight = handle, 2
        peer.ask()
        for _ in range(40):
            peer.stream.send(request("a").SerializeToString())
        await until(lambda: len(peer.messages) >= 2)
        for _ in range(200):
            await asyncio.sleep(0)
        assert len(began) < 40
        taken = 0
        while taken < 40:
            await until(lambda: len(peer.messages) > taken)  # noqa: B023 - asked before it changes
            peer.stream.consumed(len(peer.messages[taken]))
            taken += 1
        assert len(peer.messages) == 40


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"__path": "/ultrathink.scoring.v1.Scorer/Nothing"}, grpc.StatusCode.UNIMPLEMENTED),
        ({"__path": "/ultrathink.scoring.v1.Scorer/ScoreFile"}, grpc.StatusCode.UNIMPLEMENTED),
        ({"__method": "GET"}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"content_type": "text/html"}, grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_what_is_not_served_here_is_refused(changed: dict[str, str], status: grpc.StatusCode) -> None:
    """Other methods, and whatever is not gRPC, get a status and not a hanging call."""
    async with support.door() as door, support.peer(door.port) as peer, asyncio.timeout(30):
        peer.ask(**changed)
        await peer.over.wait()
        assert peer.trailers["grpc-status"] == str(status.value[0])
        assert not door.server.calls


async def test_a_message_of_another_kind_is_refused() -> None:
    """Bytes that are not the method's message end the call as invalid."""
    async with support.door() as door, support.peer(door.port) as peer, asyncio.timeout(30):
        peer.ask()
        peer.stream.send(b"\xff\xff\xff")
        await peer.over.wait()
        assert peer.trailers["grpc-status"] == str(grpc.StatusCode.INVALID_ARGUMENT.value[0])


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"\x01\x00\x00\x00\x01x", grpc.StatusCode.INTERNAL),
        (b"\x00\xff\xff\xff\xff", grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
async def test_a_message_compressed_unannounced_or_too_large_is_refused_before_it_is_kept(
    head: bytes, status: grpc.StatusCode
) -> None:
    """Five bytes are enough to know."""
    async with support.door() as door, support.peer(door.port) as peer, asyncio.timeout(30):
        peer.ask()
        peer.connection.write(frames.frame(frames.DATA, 0, peer.stream.number, head))
        await peer.over.wait()
        assert peer.trailers["grpc-status"] == str(status.value[0])


async def test_draining_sends_the_other_end_elsewhere_and_answers_what_was_read() -> None:
    """The farewell comes at once, the answers follow, the call ends with OK when the peer half-closes."""
    held = Held()
    async with support.door() as door, support.peer(door.port) as peer, asyncio.timeout(30):
        await held.begin(door, peer)
        stopping = asyncio.create_task(door.server.stop(5))
        await until_many(peer.messages, 1)
        assert peer.messages == [b""]  # batch_id 0, no item
        held.going.set()
        await until_many(peer.messages, 2)
        peer.stream.finish()
        await stopping
        await peer.over.wait()
        assert peer.trailers["grpc-status"] == "0"


async def test_a_call_that_does_not_end_is_ended_after_the_grace() -> None:
    """A drain is bounded; the peer learns that its batches are in doubt."""
    held = Held()
    async with support.door() as door, support.peer(door.port) as peer, asyncio.timeout(30):
        await held.begin(door, peer)
        await door.server.stop(0)
        await peer.over.wait()
        assert peer.trailers["grpc-status"] == str(grpc.StatusCode.UNAVAILABLE.value[0])
        await until_many(held.cancelled, 1)


async def test_answers_that_a_slow_peer_has_not_taken_are_written_before_the_door_closes() -> None:
    """What waits for the peer's window leaves with the status behind it, within the grace."""

    async def handle(_: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        return scoring_pb2.ScoreResponse(claims=[scoring_pb2.ClaimScore(item_id="y" * 9_000_000)])

    async with support.door() as door, support.peer(door.port) as peer, asyncio.timeout(30):
        door.scorer.handle = handle
        peer.ask()
        for _ in range(3):
            peer.stream.send(request("a").SerializeToString())
        peer.stream.finish()
        await until_many(peer.messages, 1)
        stopping = asyncio.create_task(door.server.stop(10))
        taken: list[int] = []

        def over() -> bool:
            for message in peer.messages[len(taken) :]:
                peer.stream.consumed(len(message))
                taken.append(len(message))
            return peer.over.is_set()

        await until(over)
        assert sum(size > 9_000_000 for size in taken) == 3
        await stopping
        await peer.over.wait()
        assert peer.trailers["grpc-status"] == "0"


async def test_an_address_that_is_taken_is_told() -> None:
    """Two services cannot share a door."""
    async with support.door() as door:
        second = support.Door()
        for address in (door.target, "nowhere"):
            with pytest.raises(errors.Unavailable, match=r"server\.bind_failed"):
                await second.server.start(address)
        await second.server.stop(0)
