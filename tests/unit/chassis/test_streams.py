"""BatchStream against a call held by hand: pairing, window, breaking, resting, turning over, closing."""

import asyncio
import contextvars
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest

import streams_support
from chassis import errors, streams
from streams_support import FAR, Bench, answer, items, request, transport, turns
from ultrathink.scoring.v1 import scoring_pb2


async def test_answers_are_paired_by_batch_id_in_any_order() -> None:
    """The second batch may be answered first; each caller gets its own."""
    bench = Bench()
    first, second = bench.exchange("a"), bench.exchange("b")
    await turns()
    (call,) = bench.calls.opened
    assert [batch.batch_id for batch in call.sent] == [1, 2]
    call.reply(answer(call.sent[1]))
    call.reply(answer(call.sent[0]))
    assert items(await first) == ["a"]
    assert items(await second) == ["b"]
    await bench.close()


async def test_the_window_bounds_unanswered_batches() -> None:
    """A third batch is written when one of two is answered."""
    bench = Bench()
    callers = [bench.exchange(name) for name in "abc"]
    await turns()
    (call,) = bench.calls.opened
    assert len(call.sent) == 2
    call.reply(answer(call.sent[0]))
    await turns()
    assert len(call.sent) == 3
    call.reply(answer(call.sent[1]))
    call.reply(answer(call.sent[2]))
    assert [items(response) for response in await asyncio.gather(*callers)] == [["a"], ["b"], ["c"]]
    await bench.close()


async def test_too_many_waiting_exchanges_are_refused() -> None:
    """What waits for the window is bounded."""
    bench = Bench(window=1)
    callers = [bench.exchange("x") for _ in range(1 + streams.MAX_WAITING)]
    await turns()
    with pytest.raises(errors.Exhausted, match=r"stream\.full"):
        await bench.stream.exchange(request("y"), deadline=FAR)
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    await bench.close()


async def test_an_answer_after_the_deadline_is_dropped() -> None:
    """The caller was told; the next exchange gets its own answer."""
    bench = Bench(window=1)
    late = bench.exchange("a", deadline=bench.time.monotonic() + 1)
    await turns()
    bench.time.advance(1)
    with pytest.raises(errors.Unavailable, match=r"deadline\.exceeded"):
        await late
    following = bench.exchange("b")
    await turns()
    (call,) = bench.calls.opened
    call.reply(answer(call.sent[0]))
    call.reply(answer(call.sent[1]))
    assert items(await following) == ["b"]
    await bench.close()


async def test_an_exchange_without_time_left_is_not_sent() -> None:
    """Nothing is opened for it."""
    bench = Bench()
    with pytest.raises(errors.Unavailable, match=r"deadline\.exceeded"):
        await bench.stream.exchange(request("a"), deadline=bench.time.monotonic())
    assert bench.calls.opened == []
    await bench.close()


async def test_an_exchange_that_expires_while_it_waits_is_never_written() -> None:
    """Its place in the window goes to the next."""
    bench = Bench(window=1)
    first = bench.exchange("a")
    short = bench.exchange("b", deadline=bench.time.monotonic() + 1)
    third = bench.exchange("c")
    await turns()
    bench.time.advance(1)
    with pytest.raises(errors.Unavailable):
        await short
    (call,) = bench.calls.opened
    call.reply(answer(call.sent[0]))
    await turns()
    call.reply(answer(call.sent[1]))
    assert items(await first) == ["a"]
    assert items(await third) == ["c"]
    assert [batch.contexts[0].item_id for batch in call.sent] == ["a", "c"]
    await bench.close()


async def test_a_cancelled_caller_leaves_the_stream_to_the_others() -> None:
    """Going away cancels neither the call nor a neighbour."""
    bench = Bench()
    gone, kept = bench.exchange("a"), bench.exchange("b")
    await turns()
    gone.cancel()
    await turns()
    (call,) = bench.calls.opened
    call.reply(answer(call.sent[0]))
    call.reply(answer(call.sent[1]))
    assert items(await kept) == ["b"]
    assert len(bench.calls.opened) == 1
    await bench.close()


async def test_the_sending_half_of_a_broken_call_ends() -> None:
    """The transport's own task, which waits for the next batch, is let go."""
    bench = Bench()
    caller = bench.exchange("a")
    await turns()
    (call,) = bench.calls.opened
    call.end(transport(grpc.StatusCode.UNAVAILABLE))
    await asyncio.gather(caller, return_exceptions=True)
    with pytest.raises(StopAsyncIteration):
        await anext(call.requests)
    await bench.close()


@pytest.mark.parametrize(
    "failure",
    [
        transport(grpc.StatusCode.UNAVAILABLE),
        transport(grpc.StatusCode.CANCELLED),
        transport(grpc.StatusCode.INTERNAL),
        errors.Unavailable("call.unavailable", "Gone."),
        asyncio.CancelledError(),
    ],
)
async def test_a_broken_stream_fails_its_batches_where_doubling_would_harm(failure: BaseException) -> None:
    """Whether they arrived is not known, and the caller is told so."""
    bench = Bench()
    callers = [bench.exchange("a"), bench.exchange("b")]
    await turns()
    bench.calls.opened[0].end(failure)
    for told in await asyncio.gather(*callers, return_exceptions=True):
        assert isinstance(told, errors.Unavailable)
        assert told.reason == "stream.broken"
        assert "text of the transport" not in str(told)
    await bench.close()


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL])
async def test_unanswered_batches_are_sent_again_where_the_receiver_knows_them(code: grpc.StatusCode) -> None:
    """Same ids, same order, on the next call; an answered one is not sent again."""
    bench = Bench(resend=True, window=3)
    callers = [bench.exchange(name) for name in "abc"]
    await turns()
    first = bench.calls.opened[0]
    first.reply(answer(first.sent[1]))
    first.end(transport(code))
    await turns()
    bench.time.advance(1)
    await turns()
    second = bench.calls.opened[1]
    assert [(batch.batch_id, batch.contexts[0].item_id) for batch in second.sent] == [(1, "a"), (3, "c")]
    for batch in second.sent:
        second.reply(answer(batch))
    assert [items(response) for response in await asyncio.gather(*callers)] == [["a"], ["b"], ["c"]]
    await bench.close()


async def test_a_fault_of_the_server_is_told_and_never_sent_again() -> None:
    """The same batch would end the next stream too."""
    bench = Bench(resend=True)
    caller = bench.exchange("a")
    await turns()
    bench.calls.opened[0].end(errors.Denied("caller.not_allowed", "Not allowed."))
    with pytest.raises(errors.Denied, match=r"caller\.not_allowed"):
        await caller
    bench.time.advance(60)
    await turns()
    assert len(bench.calls.opened) == 1
    await bench.close()


async def test_a_status_without_a_fault_of_ours_is_translated() -> None:
    """A message over the limit is the sender's to know, by kind and without the transport's text."""
    bench = Bench(resend=True)
    caller = bench.exchange("a")
    await turns()
    bench.calls.opened[0].end(transport(grpc.StatusCode.RESOURCE_EXHAUSTED))
    with pytest.raises(errors.Exhausted) as told:
        await caller
    assert "text of the transport" not in str(told.value)
    await bench.close()


async def test_a_foreign_exception_of_the_channel_is_internal() -> None:
    """A defect below is ours and is not repeated."""
    bench = Bench(resend=True)
    caller = bench.exchange("a")
    await turns()
    bench.calls.opened[0].end(ValueError("1012345678"))
    with pytest.raises(errors.Internal, match=r"stream\.failed") as told:
        await caller
    assert "1012345678" not in str(told.value)
    await bench.close()


@pytest.mark.parametrize("resend", [False, True])
async def test_a_stream_that_ends_with_ok_is_opened_again_unnoticed(resend: bool) -> None:  # noqa: FBT001 - pytest passes it by name
    """Batches its server never read go out on the next one."""
    bench = Bench(resend=resend)
    first = bench.exchange("a")
    await turns()
    opened = bench.calls.opened[0]
    opened.reply(answer(opened.sent[0]))
    await first
    second = bench.exchange("b")
    await turns()
    opened.end()
    await turns()
    again = bench.calls.opened[1]
    again.reply(answer(again.sent[0]))
    assert items(await second) == ["b"]
    await bench.close()


@pytest.mark.parametrize(("jitter", "share"), [(0.0, 0.5), (1.0, 1.0)])
async def test_a_target_that_stays_away_is_tried_ever_more_rarely(jitter: float, share: float) -> None:
    """Rests double from 50 ms to 2 s and are jittered down to half."""
    bench = Bench(resend=True, jitter=jitter)
    caller = bench.exchange("a")
    rests = []
    for attempt in range(9):
        await turns()
        assert len(bench.calls.opened) == attempt + 1
        bench.calls.opened[-1].end(transport(grpc.StatusCode.UNAVAILABLE))
        await turns()
        rests.append(bench.time.delays[-1] / share)
        bench.time.advance(bench.time.delays[-1])
    assert rests == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0])
    await turns()
    call = bench.calls.opened[-1]
    call.reply(answer(call.sent[0]))
    assert items(await caller) == ["a"]
    await bench.close()


async def test_a_stream_that_lived_is_opened_again_at_once() -> None:
    """One break after a long life is not a reason to rest."""
    bench = Bench(resend=True)
    caller = bench.exchange("a")
    await turns()
    bench.time.advance(3)
    bench.calls.opened[0].end(transport(grpc.StatusCode.UNAVAILABLE))
    await turns()
    call = bench.calls.opened[1]
    call.reply(answer(call.sent[0]))
    await caller
    await bench.close()


async def test_while_a_stream_rests_what_must_not_be_doubled_is_refused_at_once() -> None:
    """The caller can do without an answer sooner, and is served again after the rest."""
    bench = Bench()
    caller = bench.exchange("a")
    await turns()
    bench.calls.opened[0].end(transport(grpc.StatusCode.UNAVAILABLE))
    with pytest.raises(errors.Unavailable):
        await caller
    with pytest.raises(errors.Unavailable, match=r"stream\.broken"):
        await bench.stream.exchange(request("b"), deadline=FAR)
    bench.time.advance(1)
    served = bench.exchange("c")
    await turns()
    call = bench.calls.opened[1]
    call.reply(answer(call.sent[0]))
    assert items(await served) == ["c"]
    await bench.close()


async def test_a_call_that_reached_its_age_gives_way_without_losing_an_answer() -> None:
    """The old call is half-closed and answers what it has; the next batch opens another."""
    bench = Bench()
    first = bench.exchange("a")
    await turns()
    bench.time.advance(streams.MAX_AGE_SECONDS)
    second = bench.exchange("b")
    await turns()
    old, new = bench.calls.opened
    assert old.half_closed()
    assert not new.half_closed()
    old.reply(answer(old.sent[0]))
    old.end()
    new.reply(answer(new.sent[0]))
    assert items(await first) == ["a"]
    assert items(await second) == ["b"]
    await bench.close()


async def test_closing_waits_for_answers_and_refuses_new_exchanges() -> None:
    """What was accepted has its outcome, then the call is half-closed."""
    bench = Bench()
    caller = bench.exchange("a")
    await turns()
    closing = [asyncio.create_task(bench.stream.aclose()) for _ in range(2)]
    await turns()
    with pytest.raises(errors.Unavailable, match=r"stream\.closed"):
        await bench.stream.exchange(request("b"), deadline=FAR)
    (call,) = bench.calls.opened
    assert not call.half_closed()
    call.reply(answer(call.sent[0]))
    assert items(await caller) == ["a"]
    await turns()
    assert call.half_closed()
    call.end()
    await asyncio.gather(*closing)


async def test_the_call_runs_in_the_context_of_no_caller() -> None:
    """The identity of whoever came first does not stick to a stream of many."""
    who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")
    seen = []

    def call(requests: AsyncIterator[scoring_pb2.ScoreRequest], /) -> streams_support.OpenCall:
        seen.append(who.get())
        return streams_support.OpenCall(requests)

    stream = streams.BatchStream[scoring_pb2.ScoreRequest, scoring_pb2.ScoreResponse](
        call, clock=streams_support.ManualTime()
    )
    who.set("somebody")
    caller = asyncio.create_task(stream.exchange(request("a"), deadline=FAR))
    await turns()
    assert seen == ["nobody"]
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
