"""The claims service as other systems meet it: over a real socket, with clients that behave badly."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import msgspec
import pytest

import claims_support as support
from chassis import clock as clocks
from chassis import errors
from chassis import testing as chassis_testing
from ultrathink.claims.v1 import claims_pb2, claims_pb2_grpc

NDJSON = "application/x-ndjson"
CHUNK = 64 * 1024


def file(count: int) -> bytes:
    """Return NDJSON of so many claims."""
    return b"".join(support.body(number) + b"\n" for number in range(1, count + 1))


async def chunks(data: bytes, sent: asyncio.Event | None = None) -> AsyncIterator[claims_pb2.FileChunk]:
    """Yield a file in chunks, and say when the last one was taken."""
    yield claims_pb2.FileChunk(context=support.wire(), media_type=NDJSON, data=data[:CHUNK])
    for start in range(CHUNK, len(data), CHUNK):
        yield claims_pb2.FileChunk(data=data[start : start + CHUNK])
    if sent is not None:
        sent.set()


async def test_a_client_that_sends_before_it_reads_is_not_locked_out() -> None:
    """Megabytes are sent without reading one answer; afterwards every answer is there, in order."""
    count = 4_000
    sent = asyncio.Event()
    async with (
        support.world(clocks.SystemClock()) as made,
        chassis_testing.serve(made.app, caller="gateway") as channel,
    ):
        call = claims_pb2_grpc.ClaimIntakeStub(channel).SubmitFile(chunks(file(count), sent))
        async with asyncio.timeout(60):
            await sent.wait()
            positions = [result.position async for result in call]
    assert positions == list(range(1, count + 1))


async def test_a_spool_that_is_full_makes_the_file_wait_for_its_reader() -> None:
    """With little room for unread answers the file pauses and goes on; nothing is lost."""
    count = 8_000
    async with (
        support.world(clocks.SystemClock(), spool_bytes=4 * 1024**2) as made,
        chassis_testing.serve(made.app, caller="gateway") as channel,
    ):
        call = claims_pb2_grpc.ClaimIntakeStub(channel).SubmitFile(chunks(file(count)))
        async with asyncio.timeout(90):
            await asyncio.sleep(0)
            positions = [result.position async for result in call]
    assert positions == list(range(1, count + 1))


async def test_a_client_that_never_reads_is_told_in_the_end() -> None:
    """When the spool is full and nothing is read for the stall time, the call ends as exhausted."""
    async with (
        support.world(clocks.SystemClock(), spool_bytes=4 * 1024**2, spool_stall_seconds=0.05) as made,
        chassis_testing.serve(made.app, caller="gateway") as channel,
    ):
        call = claims_pb2_grpc.ClaimIntakeStub(channel).SubmitFile(chunks(file(12_000)))
        with pytest.raises(errors.Exhausted, match=r"file\.answers_not_read"):  # noqa: PT012 - what came before is read too
            async with asyncio.timeout(60):
                await _quiet(made)
                async for _ in call:
                    pass


async def _quiet(made: support.World) -> None:
    """Wait until the service records no more: it waits for a reader, or has given up."""
    before, same = -1, 0
    while same < 100:  # a second: many times the stall time, also on a busy machine
        await asyncio.sleep(0.01)
        same = same + 1 if before == len(made.store._entries) > 0 else 0
        before = len(made.store._entries)


async def test_a_stream_carries_batches_of_several_callers() -> None:
    """Batches of one stream are answered by id, whatever their order."""

    async def requests() -> AsyncIterator[claims_pb2.SubmitRequest]:
        for number in range(1, 21):
            request = support.batch([support.body(number * 10 + place) for place in range(3)])
            request.batch_id = number
            yield request

    async with (
        support.world(clocks.SystemClock()) as made,
        chassis_testing.serve(made.app, caller="gateway") as channel,
    ):
        stub = claims_pb2_grpc.ClaimIntakeStub(channel)
        answers = {response.batch_id: response async for response in stub.Submit(requests())}
    assert sorted(answers) == list(range(1, 21))
    for number, response in answers.items():
        told = [msgspec.json.decode(result.rendered.body)["claim_id"] for result in response.results]
        assert told == [f"CLM-{number * 10 + place:06d}" for place in range(3)]


@pytest.mark.parametrize("caller", ["scoring", "storage", "stranger"])
async def test_the_door_is_closed_to_others(caller: str) -> None:
    """Only gateway, cli and verified users may call, whatever context they send."""
    async with (
        support.world(clocks.SystemClock()) as made,
        chassis_testing.serve(made.app, caller=caller) as channel,
    ):
        with pytest.raises(errors.Denied):
            await claims_pb2_grpc.ClaimIntakeStub(channel).SubmitClaim(support.batch([support.body()]))
        assert made.store._entries == {}


async def test_a_call_without_any_credential_is_refused() -> None:
    """A plain client of the port gets no further than the door."""
    async with (
        support.world(clocks.SystemClock()) as made,
        chassis_testing.serve(made.app, caller="gateway") as channel,
    ):
        signed: Any = channel
        stub = claims_pb2_grpc.ClaimIntakeStub(signed.inner)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.SubmitClaim(support.batch([support.body()]))
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
