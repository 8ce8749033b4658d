"""BatchStream over several calls at once: how batches spread over the copies of a service."""

import asyncio

import grpc

from streams_support import Bench, answer, items, transport, turns


async def test_a_second_call_is_opened_while_the_first_is_busy_and_no_third_beyond_the_lanes() -> None:
    """Batches go where fewest are unanswered; one at a time stays on one call."""
    bench = Bench(lanes=2)
    callers = [bench.exchange(name) for name in "abcde"]
    await turns()
    first, second = bench.calls.opened
    assert [[items(answer(batch)) for batch in call.sent] for call in (first, second)] == [
        [["a"], ["c"]],
        [["b"], ["d"]],
    ]
    second.reply(answer(second.sent[0]))
    await turns()
    assert items(answer(second.sent[-1])) == ["e"]
    for call in (first, second):
        for batch in call.sent:
            call.reply(answer(batch))
    assert [items(response) for response in await asyncio.gather(*callers)] == [[name] for name in "abcde"]
    await bench.close()


async def test_while_a_broken_call_rests_the_other_takes_its_batches() -> None:
    """A copy that cannot be reached does not hold up those that can."""
    bench = Bench(lanes=2, resend=True)
    callers = [bench.exchange(name) for name in "ab"]
    await turns()
    first, second = bench.calls.opened
    first.end(transport(grpc.StatusCode.UNAVAILABLE))
    await turns()
    assert len(bench.calls.opened) == 2
    for batch in second.sent:
        second.reply(answer(batch))
    assert [items(response) for response in await asyncio.gather(*callers)] == [["a"], ["b"]]
    await bench.close()
