"""Both ends of a batch stream: the serving half alone, and over a real loopback server that is killed."""

import asyncio
import collections
import random
import time
from collections.abc import AsyncIterator

import pytest

import streams_support
from chassis import clock, errors, streams
from streams_support import answer, echo, items, request, turns, until, until_many
from ultrathink.scoring.v1 import scoring_pb2


class Feed:
    """Requests as a transport delivers them, counting how many were taken."""

    def __init__(self, *batches: scoring_pb2.ScoreRequest, endless: bool = False) -> None:
        self.batches, self.endless = batches, endless
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[scoring_pb2.ScoreRequest]:
        for batch in self.batches:
            self.taken += 1
            yield batch
        if self.endless:
            await asyncio.get_running_loop().create_future()


class Work:
    """A handler whose batches the test finishes by the name of their first item."""

    def __init__(self) -> None:
        self.held: dict[str, asyncio.Future[None]] = {}
        self.cancelled: list[str] = []

    async def __call__(self, batch: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        """Hold the batch."""
        name = batch.contexts[0].item_id
        self.held[name] = asyncio.get_running_loop().create_future()
        try:
            await self.held[name]
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise
        return await echo(batch)

    def finish(self, name: str, failure: Exception | None = None) -> None:
        """Let a batch end."""
        if failure is None:
            self.held[name].set_result(None)
        else:
            self.held[name].set_exception(failure)


def numbered(*names: str) -> list[scoring_pb2.ScoreRequest]:
    """Return one batch per name, with batch ids from 11."""
    batches = [request(name) for name in names]
    for number, batch in enumerate(batches):
        batch.batch_id = 11 + number
    return batches


async def test_answers_leave_as_they_get_ready_with_their_batch_id() -> None:
    """A slow batch does not hold a fast one back."""
    work = Work()
    served = streams.serve_batches(Feed(*numbered("a", "b")), work)
    first = asyncio.ensure_future(anext(served))
    await turns()
    work.finish("b")
    told = await first
    assert (told.batch_id, items(told)) == (12, ["b"])
    work.finish("a")
    rest = [response async for response in served]
    assert [(told.batch_id, items(told)) for told in rest] == [(11, ["a"])]


async def test_no_more_is_read_than_may_be_in_flight() -> None:
    """A client that does not take its answers is not read from either."""
    work = Work()
    feed = Feed(*numbered(*"abcdef"))
    served = streams.serve_batches(feed, work, in_flight=2)
    first = asyncio.ensure_future(anext(served))
    await turns()
    assert sorted(work.held) == ["a", "b"]
    work.finish("a")
    work.finish("b")
    await first
    await turns()
    assert feed.taken == 2
    second = asyncio.ensure_future(anext(served))
    await turns()
    await second
    assert sorted(work.held) == ["a", "b", "c"]
    await served.aclose()


async def test_a_fault_of_a_batch_ends_the_stream_after_the_others_are_answered() -> None:
    """What was read with it gets its answer; nothing more is read."""
    work = Work()
    feed = Feed(*numbered(*"abc"), endless=True)
    served = streams.serve_batches(feed, work, in_flight=2)
    first = asyncio.ensure_future(anext(served))
    await turns()
    work.finish("a", errors.Invalid("batch.shape", "Columns differ in length."))
    await turns()
    work.finish("b")
    assert items(await first) == ["b"]
    with pytest.raises(errors.Invalid, match=r"batch\.shape"):
        await anext(served)
    assert feed.taken == 2


async def test_a_failure_of_the_transport_is_raised_after_what_was_read_is_answered() -> None:
    """Answers that are ready leave before the failure does."""

    async def broken() -> AsyncIterator[scoring_pb2.ScoreRequest]:
        yield numbered("a")[0]
        raise errors.Unavailable("call.unavailable", "Gone.")

    served = streams.serve_batches(broken(), echo)
    assert items(await anext(served)) == ["a"]
    with pytest.raises(errors.Unavailable):
        await anext(served)


async def test_closing_the_stream_cancels_the_batches_at_work() -> None:
    """Nobody will take their answers."""
    work = Work()
    served = streams.serve_batches(Feed(*numbered("a", "b"), endless=True), work)
    first = asyncio.ensure_future(anext(served))
    await turns()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert sorted(work.cancelled) == ["a", "b"]


async def test_a_draining_server_sends_the_other_end_elsewhere_and_serves_it_until_it_goes() -> None:
    """The farewell follows the first answer; a batch that was on its way meanwhile is answered too."""
    stop = asyncio.Event()
    streams.draining.set(stop)
    work, half_close = Work(), asyncio.Event()

    async def requests() -> AsyncIterator[scoring_pb2.ScoreRequest]:
        yield numbered("a")[0]
        await stop.wait()
        yield numbered("x", "b")[1]
        await half_close.wait()

    served = streams.serve_batches(requests(), work)
    first = asyncio.ensure_future(anext(served))
    await turns()
    stop.set()
    await turns()
    work.finish("a")
    assert items(await first) == ["a"]
    assert (await anext(served)).batch_id == streams.GOING_AWAY
    work.finish("b")
    assert items(await anext(served)) == ["b"]
    half_close.set()
    assert [response async for response in served] == []


async def test_an_idle_stream_is_sent_elsewhere_as_soon_as_its_server_drains() -> None:
    """An answer given long ago is enough to know the form of a farewell."""
    stop = asyncio.Event()
    streams.draining.set(stop)
    served = streams.serve_batches(Feed(*numbered("a"), endless=True), echo)
    await anext(served)
    farewell = asyncio.ensure_future(anext(served))
    await turns()
    stop.set()
    assert (await farewell).batch_id == streams.GOING_AWAY
    await served.aclose()


async def test_a_stream_on_which_nothing_was_asked_ends_when_its_server_drains() -> None:
    """There is nobody to answer."""
    stop = asyncio.Event()
    streams.draining.set(stop)
    served = streams.serve_batches(Feed(endless=True), echo)
    ending = asyncio.ensure_future(anext(served, None))
    await turns()
    stop.set()
    assert await ending is None


async def test_a_foreign_client_that_numbers_no_batch_is_served_without_end() -> None:
    """Batch id 0 on a request is no farewell: its place is free again after its answer."""
    batches = [request(f"{number}") for number in range(10)]
    served = streams.serve_batches(Feed(*batches), echo, in_flight=2)
    assert len([response async for response in served]) == 10


async def test_a_batch_that_is_cancelled_from_within_ends_the_stream_as_unavailable() -> None:
    """Its client learns that it may try again, instead of waiting."""
    work = Work()
    served = streams.serve_batches(Feed(*numbered("a"), endless=True), work)
    first = asyncio.ensure_future(anext(served))
    await turns()
    work.held["a"].cancel()
    with pytest.raises(errors.Unavailable, match=r"batch\.cancelled"):
        await first


def patience() -> float:
    """Return a deadline that a healthy loopback never meets."""
    return time.monotonic() + 30


async def test_a_real_server_that_answers_out_of_order_is_paired() -> None:
    """Over HTTP/2, with the generated stub and serving half, each caller gets its own answer."""
    work = Work()
    async with streams_support.stream_server(work) as (_, stub):
        stream = streams.BatchStream(stub.ScoreStream, clock=clock.SystemClock(), window=3)
        callers = [asyncio.create_task(stream.exchange(request(name), deadline=patience())) for name in "abc"]
        await until(lambda: len(work.held) == 3)
        for name in "cab":
            work.finish(name)
        assert [items(response) for response in await asyncio.gather(*callers)] == [["a"], ["b"], ["c"]]
        await stream.aclose()


async def test_a_real_server_that_answers_late_disturbs_nobody() -> None:
    """Its answer to an expired batch is dropped; the next exchange on the same call is served."""
    work = Work()
    manual = streams_support.ManualTime()
    async with streams_support.stream_server(work) as (server, stub):
        stream = streams.BatchStream(stub.ScoreStream, clock=manual, wakes=manual, window=1)
        late = asyncio.create_task(stream.exchange(request("a"), deadline=manual.monotonic() + 1))
        await until(lambda: "a" in work.held)
        manual.advance(1)
        with pytest.raises(errors.Unavailable, match=r"deadline\.exceeded"):
            await late
        following = asyncio.create_task(stream.exchange(request("b"), deadline=manual.monotonic() + 1))
        await until(lambda: "b" in work.held)
        work.finish("a")
        work.finish("b")
        assert items(await following) == ["b"]
        assert server.calls == 1
        await stream.aclose()


async def test_nothing_is_lost_or_answered_twice_while_a_server_is_killed_again_and_again() -> None:
    """Every batch has exactly one answer, its own, through six kills in the middle of traffic."""
    handled: collections.Counter[str] = collections.Counter()
    dice = random.Random(7)  # noqa: S311 - the order of a test, not a secret

    async def slowly(batch: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        await turns(dice.randrange(30))
        handled[batch.contexts[0].item_id] += 1
        return await echo(batch)

    async with streams_support.stream_server(slowly) as (server, stub):
        stream = streams.BatchStream(stub.ScoreStream, clock=clock.SystemClock(), resend=True)
        answered: list[str] = []

        async def caller(number: int) -> None:
            for turn in range(50):
                name = f"{number}-{turn}"
                response = await stream.exchange(request(name), deadline=patience())
                assert items(response) == [name]
                answered.append(name)

        async def killer() -> None:
            for kill in range(1, 7):
                await until_many(answered, kill * 50)
                await server.kill()
                await server.start()

        await asyncio.gather(killer(), *(caller(number) for number in range(8)))
        assert sorted(answered) == sorted(f"{number}-{turn}" for number in range(8) for turn in range(50))
        assert set(handled) == set(answered)
        assert server.calls >= 7
        await stream.aclose()


async def test_a_server_that_drains_in_the_middle_of_traffic_is_not_noticed() -> None:
    """Streams that end with OK lose nothing even where batches must not be sent twice."""
    handled: collections.Counter[str] = collections.Counter()

    async def once(batch: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        handled[batch.contexts[0].item_id] += 1
        return await echo(batch)

    async with streams_support.stream_server(once) as (server, stub):
        stream = streams.BatchStream(stub.ScoreStream, clock=clock.SystemClock(), lanes=1)

        async def caller(number: int) -> None:
            for turn in range(50):
                response = await stream.exchange(request(f"{number}-{turn}"), deadline=patience())
                assert items(response) == [f"{number}-{turn}"]

        async def drainer() -> None:
            for drain in range(1, 6):
                await until_many(handled, drain * 30)
                server.draining.set()
                server.draining = asyncio.Event()

        await asyncio.gather(drainer(), *(caller(number) for number in range(4)))
        assert server.calls == 6
        assert set(handled.values()) == {1}
        await stream.aclose()


async def test_a_client_that_turns_over_its_calls_in_traffic_loses_nothing() -> None:
    """Each call is half-closed at its age while the next one carries on."""
    async with streams_support.stream_server() as (server, stub):
        stream = streams.BatchStream(stub.ScoreStream, clock=clock.SystemClock(), max_age=0.01)
        for number in range(200):
            response = await stream.exchange(request(f"{number}"), deadline=patience())
            assert items(response) == [f"{number}"]
        assert server.calls > 2
        await stream.aclose()


async def test_a_stream_waits_for_a_server_that_starts_after_it() -> None:
    """The order in which processes start does not matter where batches may be sent again."""
    async with streams_support.stream_server() as (server, stub):
        await server.kill()
        stream = streams.BatchStream(stub.ScoreStream, clock=clock.SystemClock(), resend=True)
        caller = asyncio.create_task(stream.exchange(request("a"), deadline=patience()))
        await turns(50)
        await server.start()
        assert items(await caller) == ["a"]
        await stream.aclose()


async def test_a_message_over_the_servers_limit_fails_its_own_exchange() -> None:
    """It is told as exhausted, is not sent again, and the stream serves the next."""
    async with streams_support.stream_server() as (_, stub):
        stream = streams.BatchStream(stub.ScoreStream, clock=clock.SystemClock(), resend=True)
        with pytest.raises(errors.Exhausted):
            await stream.exchange(request("x" * (5 << 20)), deadline=patience())
        assert items(await stream.exchange(request("b"), deadline=patience())) == ["b"]
        await stream.aclose()


async def test_an_answer_repeats_its_request() -> None:
    """The support of these tests pairs what it should."""
    batch = numbered("a")[0]
    assert answer(batch).batch_id == 11
