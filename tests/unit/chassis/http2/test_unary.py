"""Unary calls at our door alone: what gRPC's leaves open, slow peers, and bytes of any kind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import http2_support as support
from chassis import errors
from chassis.http2 import blocks, frames, streams
from streams_support import items, request, until, until_many
from ultrathink.scoring.v1 import scoring_pb2

UNARY = "/ultrathink.scoring.v1.Scorer/Score"


def wired(*messages: bytes) -> bytes:
    """Return messages as they travel."""
    return b"".join(streams.PREFIX.pack(0, len(one)) + one for one in messages)


A = request("a").SerializeToString()


@asynccontextmanager
async def asked(*data: bytes, **changed: str) -> AsyncIterator[tuple[support.Door, support.Peer]]:
    """Yield a door and a peer that asks with these frames, half-closed by the last."""
    async with support.door() as door, support.peer(door.port) as peer, asyncio.timeout(30):
        peer.ask(__path=UNARY, **changed)
        for place, payload in enumerate(data, 1):
            ended = frames.END_STREAM if place == len(data) else 0
            peer.connection.write(frames.frame(frames.DATA, ended, peer.stream.number, payload))
        yield door, peer


async def status(peer: support.Peer) -> grpc.StatusCode:
    """Return how the call of a peer ended."""
    await peer.over.wait()
    return next(code for code in grpc.StatusCode if str(code.value[0]) == peer.trailers["grpc-status"])


@pytest.mark.parametrize("data", [[b""], [wired(A, A)], [wired(A), wired(A)], [wired(A, A, A), b""]])
async def test_a_unary_call_has_one_request(data: list[bytes]) -> None:
    """None and two are our caller's defect; no handler begins."""
    async with asked(*data) as (door, peer):
        door.scorer.handle = _never
        assert await status(peer) is grpc.StatusCode.INTERNAL
        assert peer.messages == []


async def _never(_: Any) -> Any:
    raise AssertionError


async def test_half_a_request_breaks_its_call_alone() -> None:
    """It is reset; the next call on the connection is answered."""
    async with asked(wired(A)[:-1]) as (_, peer):
        await peer.over.wait()
        assert peer.found == []
        peer.over.clear()
        peer.stream = peer.connection.open(peer)
        peer.ask(__path=UNARY)
        peer.stream.send(A)
        peer.stream.finish()
        assert await status(peer) is grpc.StatusCode.OK


async def test_an_unknown_encoding_is_not_implemented_and_ours_are_told() -> None:
    """As the mapping of gRPC to HTTP/2 has it."""
    async with asked(wired(A), grpc_encoding="snappy") as (_, peer):
        assert await status(peer) is grpc.StatusCode.UNIMPLEMENTED
        assert peer.trailers["grpc-accept-encoding"] == "identity,gzip,deflate"


class Raw:
    """A peer in bytes: it grants no window but the first 65,535 bytes until it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self._parts = frames.Reader(frames.MOST_FRAME)
        self.frames: list[frames.Frame] = []

    def ask(self, number: int = 1, **more: str) -> None:
        """Send a whole call."""
        told = [(":method", "POST"), (":path", UNARY), ("content-type", "application/grpc")]
        told += [(name.replace("_", "-"), value) for name, value in more.items()]
        self.writer.write(
            frames.headers(number, blocks.written(told), ended=False)
            + frames.frame(frames.DATA, frames.END_STREAM, number, wired(A))
        )

    async def read(self, kind: int, flags: int = 0) -> list[frames.Frame]:
        """Read until a frame of this kind with these flags came on a stream; return those of streams."""
        while not any(one.kind == kind and one.flags & flags == flags for one in self.frames):
            data = await self._reader.read(65_536)
            assert data, "the connection ended"
            self.frames += [one for one in self._parts.feed(data) if one.stream]
        return self.frames


@asynccontextmanager
async def raw(port: int) -> AsyncIterator[Raw]:
    """Yield a peer that introduced itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(frames.PREFACE + frames.settings({}))
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()


async def test_an_answer_is_headers_a_message_and_a_status() -> None:
    """Three frames, of which the last ends the stream: no reset follows, no empty frame comes between."""
    async with support.door() as door, raw(door.port) as peer, asyncio.timeout(30):
        peer.ask()
        found = await peer.read(frames.HEADERS, frames.END_STREAM)
        assert [(one.kind, one.flags & frames.END_STREAM) for one in found] == [
            (frames.HEADERS, 0), (frames.DATA, 0), (frames.HEADERS, frames.END_STREAM)
        ]  # fmt: skip


async def large(_: Any) -> scoring_pb2.ScoreResponse:
    """Answer with more than the first window takes."""
    return scoring_pb2.ScoreResponse(claims=[scoring_pb2.ClaimScore(item_id="y" * 900_000)])


async def test_an_answer_that_is_not_read_counts_as_an_open_call() -> None:
    """Whoever asks and does not read meets the bound of calls, and not this process's memory."""
    async with support.door() as door, raw(door.port) as peer, raw(door.port) as other, asyncio.timeout(30):
        door.scorer.handle = large
        for place in range(support.MOST_CALLS):
            peer.ask(2 * place + 1)
        await peer.read(frames.DATA)
        await until(lambda: len(door.gate.admitted) == support.MOST_CALLS)
        assert len(door.server.calls) == support.MOST_CALLS
        other.ask()
        refusal, *_ = await other.read(frames.HEADERS, frames.END_STREAM)
        told = dict(blocks.Reader().read(refusal.payload))
        assert told["grpc-status"] == str(grpc.StatusCode.RESOURCE_EXHAUSTED.value[0])
        peer.writer.write(frames.window_update(0, 2**30))
        for place in range(support.MOST_CALLS):
            peer.writer.write(frames.window_update(2 * place + 1, 2**24))
        await until(lambda: not door.server.calls)


async def test_an_answer_that_is_not_read_is_given_up_at_its_deadline() -> None:
    """The caller does not want it any more."""
    async with support.door() as door, raw(door.port) as peer, asyncio.timeout(30):
        door.scorer.handle = large
        peer.ask(grpc_timeout="50m")
        found = await peer.read(frames.RST_STREAM)
        assert {one.kind for one in found[1:-1]} == {frames.DATA}
        assert not door.server.calls


async def test_a_peer_that_goes_leaves_nothing_behind() -> None:
    """Neither the answer that it did not read nor the call that is at work."""
    began: list[object] = []

    async def handle(batch: Any) -> Any:
        began.append(batch)
        return await large(batch) if len(began) == 1 else await asyncio.Future()

    async with support.door() as door, asyncio.timeout(30):
        door.scorer.handle = handle
        async with raw(door.port) as peer:
            peer.ask(1)
            peer.ask(3)
            await until_many(began, 2)
            assert len(door.server.calls) == 2
        await until(lambda: not door.server.calls)


async def test_whoever_is_admitted_late_is_answered_too() -> None:
    """A token that takes its time to be verified holds its own call and no other; its request waits."""
    passing = asyncio.Event()

    async def admit(method: str, _: object) -> None:
        await passing.wait()
        door.gate.admitted.append(method)

    async with support.door() as door, support.peer(door.port) as peer, asyncio.timeout(30):
        door.gate.admit = admit  # type: ignore[method-assign, assignment]
        peer.ask(__path=UNARY)
        peer.stream.send(A)
        peer.stream.finish()
        await until(lambda: len(door.server.calls) == 1)
        passing.set()
        assert await status(peer) is grpc.StatusCode.OK
        assert [items(scoring_pb2.ScoreResponse.FromString(one)) for one in peer.messages] == [["a"]]


async def test_whoever_is_refused_late_is_told_so_and_its_handler_never_begins() -> None:
    """Whatever came meanwhile."""
    async with support.door() as door, support.peer(door.port) as peer, asyncio.timeout(30):
        door.scorer.handle = _never
        door.gate.fault = errors.Denied("token.missing", "A credential is needed.")
        peer.ask(__path=UNARY)
        assert await status(peer) is grpc.StatusCode.UNAUTHENTICATED
        await until(lambda: not door.server.calls)


SCRAPS = st.one_of(
    st.binary(max_size=60),
    st.lists(st.binary(max_size=30), max_size=3).map(lambda parts: wired(*parts)),
    st.just(wired(A)),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(SCRAPS, max_size=4),
    st.sampled_from(["", "identity", "gzip", "deflate", "snappy"]),
    st.sampled_from(["", "1S", "0n", "99999999H", "x", "123456789S", "\u06611S"]),
)
def test_whatever_comes_is_answered_or_reset_and_the_door_goes_on(
    scraps: list[bytes], encoding: str, timeout: str
) -> None:
    """One status or one reset for each call, and the next call is answered."""

    async def tried() -> None:
        more = {"grpc_encoding": encoding} if encoding else {}
        more |= {"grpc_timeout": timeout} if timeout else {}
        async with asked(*scraps, b"", **more) as (door, peer):
            await peer.over.wait()
            assert len([one for one in peer.found if "grpc-status" in dict(one)]) <= 1
            async with support.foreign(door.target) as stub:
                assert items(await stub.Score(request("b"))) == ["b"]
            await until(lambda: not door.server.calls)

    asyncio.run(tried())
