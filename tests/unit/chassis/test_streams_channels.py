"""BatchStream on the channels services use: in-process, and real with its interceptors."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest

import partial_servicers
import streams_support
from chassis import apps, clock, coalescing, errors, local, streams, testing
from streams_support import items, request
from ultrathink.scoring.v1 import scoring_pb2, scoring_pb2_grpc

METHOD = "/ultrathink.scoring.v1.Scorer/ScoreStream"
LOCAL_AND_REAL = ["local", "real", "grpc"]  # grpc: our calling end against gRPC's own server


async def handle(batch: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
    """Repeat a batch; refuse one whose first item asks for it."""
    if batch.contexts[0].item_id == "refuse":
        raise errors.Invalid("batch.shape", "Columns differ in length.")
    return await streams_support.echo(batch)


class Servicer(partial_servicers.Scorer):
    """Serves ScoreStream alone."""

    def ScoreStream(  # noqa: N802 - the contract's name; a plain function is a handler too
        self, request_iterator: AsyncIterator[scoring_pb2.ScoreRequest], context: object
    ) -> AsyncIterator[scoring_pb2.ScoreResponse]:
        """Serve batches."""
        del context
        return streams.serve_batches(request_iterator, handle)


def register(server: grpc.aio.Server) -> None:
    """Put the servicer on a server."""
    scoring_pb2_grpc.add_ScorerServicer_to_server(Servicer(), server)


async def ready() -> apps.Readiness:
    """Be ready."""
    return apps.Readiness(ok=True, detail="")


@contextlib.asynccontextmanager
async def stream(
    kind: str,
) -> AsyncIterator[streams.BatchStream[scoring_pb2.ScoreRequest, scoring_pb2.ScoreResponse]]:
    """Yield a stream on a channel of this kind, closed at the end."""
    app = apps.App(
        name="store",
        register=register,
        service_names=("ultrathink.scoring.v1.Scorer",),
        callers={METHOD: frozenset({"caller"})},
        ready=ready,
    )
    async with contextlib.AsyncExitStack() as stack:
        channel: grpc.aio.Channel = local.LocalChannel(app, caller="caller")
        if kind != "local":
            serving = testing.serve(app, caller="caller", streams=kind == "real")
            channel = await stack.enter_async_context(serving)
        else:
            await stack.enter_async_context(channel)
        opened = streams.BatchStream(
            scoring_pb2_grpc.ScorerStub(channel).ScoreStream, clock=clock.SystemClock(), resend=True
        )
        yield opened
        await opened.aclose()


def patience() -> float:
    """Return a deadline that a healthy loopback never meets."""
    return time.monotonic() + 30


@pytest.mark.parametrize("kind", LOCAL_AND_REAL)
async def test_batches_are_exchanged(kind: str) -> None:
    """One call carries them all."""
    async with stream(kind) as opened:
        for number in range(50):
            assert items(await opened.exchange(request(f"{number}"), deadline=patience())) == [f"{number}"]


@pytest.mark.parametrize("kind", LOCAL_AND_REAL)
async def test_a_fault_of_a_batch_arrives_as_it_was_raised(kind: str) -> None:
    """Kind and reason cross the hop, the batch is not sent again, and the next one is served."""
    async with stream(kind) as opened:
        with pytest.raises(errors.Invalid, match=r"batch\.shape"):
            await opened.exchange(request("refuse"), deadline=patience())
        assert items(await opened.exchange(request("a"), deadline=patience())) == ["a"]


@pytest.mark.parametrize("kind", LOCAL_AND_REAL)
async def test_a_coalescer_in_front_makes_two_exchanges_of_many_callers(kind: str) -> None:
    """The two halves fit together as services use them."""
    async with stream(kind) as opened:
        sizes: list[int] = []

        async def exchange(names: list[str]) -> list[str]:
            sizes.append(len(names))
            return items(await opened.exchange(request(*names), deadline=patience()))

        coalescer = coalescing.Coalescer(
            exchange, max_rows=100, max_bytes=1000, max_queue=100, size_of=len, clock=clock.SystemClock()
        )
        async with asyncio.TaskGroup() as callers:
            told = [callers.create_task(coalescer.submit(f"{n}", deadline=patience())) for n in range(64)]
        assert [task.result() for task in told] == [f"{n}" for n in range(64)]
        assert sizes == [32, 32]
        await coalescer.aclose()
