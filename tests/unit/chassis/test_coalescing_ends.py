"""How an item of a Coalescer ends early: its deadline, its caller going away, the service closing."""

import asyncio

import pytest

import streams_support
from chassis import errors
from coalescing_support import FAR, Bench


async def test_an_item_without_time_left_is_not_taken() -> None:
    """A deadline that has passed already is told at once."""
    bench = Bench()
    with pytest.raises(errors.Unavailable, match=r"deadline\.exceeded"):
        await bench.coalescer.submit("a", deadline=bench.time.monotonic())
    await streams_support.turns()
    assert bench.door.batches == []


async def test_an_item_whose_deadline_passes_in_the_queue_is_never_sent() -> None:
    """It is told when its time is over, and leaves room for the others."""
    bench = Bench()
    held = [bench.submit("a")]
    await streams_support.turns()
    held.append(bench.submit("b"))
    await streams_support.turns()
    short = bench.submit("c", deadline=bench.time.monotonic() + 1)
    long = bench.submit("d")
    await streams_support.turns()
    bench.time.advance(1.02)
    with pytest.raises(errors.Unavailable, match=r"deadline\.exceeded"):
        await short
    bench.door.answer(0)
    bench.door.answer(1)
    await streams_support.turns()
    assert bench.door.batches[2:] == [["d"]]
    bench.door.answer(2)
    assert await asyncio.gather(*held, long) == ["A", "B", "D"]


async def test_a_deadline_noticed_only_when_sending_keeps_the_item_back() -> None:
    """Time that passed between two timers is seen before a batch leaves."""
    bench = Bench()
    caller = bench.submit("a", deadline=bench.time.monotonic() + 1)
    await asyncio.sleep(0)
    bench.time.seconds += 2
    with pytest.raises(errors.Unavailable, match=r"deadline\.exceeded"):
        await caller
    assert bench.door.batches == []


async def test_a_deadline_in_flight_is_told_to_its_item_alone() -> None:
    """The others of the batch still get their answers."""
    bench = Bench()
    short, long = bench.submit("a", deadline=bench.time.monotonic() + 1), bench.submit("b")
    await streams_support.turns()
    bench.time.advance(1.5)
    with pytest.raises(errors.Unavailable, match=r"deadline\.exceeded"):
        await short
    bench.door.answer(0)
    assert await long == "B"


async def test_an_exchange_past_its_last_deadline_is_given_up() -> None:
    """A room that hangs does not keep the places of batches nobody waits for."""
    bench = Bench()
    hung = []
    for item in "ab":
        hung.append(bench.submit(item, deadline=bench.time.monotonic() + 1))
        await streams_support.turns()
    bench.time.advance(1.1)
    results = await asyncio.gather(*hung, return_exceptions=True)
    assert [type(result) for result in results] == [errors.Unavailable] * 2
    fresh = bench.submit("c")
    await streams_support.turns()
    assert bench.door.batches[2:] == [["c"]]
    bench.door.answer(2)
    assert await fresh == "C"


async def test_a_storm_of_deadlines_is_swept_at_most_every_ten_milliseconds() -> None:
    """Deadlines that lie close together share a wake-up."""
    bench = Bench(max_queue=1000)
    start = bench.time.monotonic()
    held = [bench.submit(item, deadline=FAR) for item in "ab"]
    callers = [bench.submit(f"{number}", deadline=start + 1 + number / 100_000) for number in range(500)]
    await streams_support.turns()
    before = len(bench.time.delays)
    bench.time.advance(1.1)
    assert len(bench.time.delays) - before <= 3
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert all(isinstance(result, errors.Unavailable) for result in results)
    for outcome in bench.door.outcomes:
        outcome.cancel()
    await asyncio.gather(*held, return_exceptions=True)


async def test_an_item_cancelled_in_the_queue_is_not_sent() -> None:
    """Its caller went away; nobody pays for it."""
    bench = Bench()
    held = []
    for item in "ab":
        held.append(bench.submit(item))
        await streams_support.turns()
    gone, kept = bench.submit("c"), bench.submit("d")
    await streams_support.turns()
    gone.cancel()
    await streams_support.turns()
    bench.door.answer(0)
    bench.door.answer(1)
    await streams_support.turns()
    assert bench.door.batches[2:] == [["d"]]
    bench.door.answer(2)
    assert await asyncio.gather(*held, kept) == ["A", "B", "D"]
    assert gone.cancelled()


async def test_an_item_cancelled_in_flight_leaves_the_others_alone() -> None:
    """Its answer is dropped; its neighbours get theirs."""
    bench = Bench()
    gone, kept = bench.submit("a"), bench.submit("b")
    await streams_support.turns()
    gone.cancel()
    await streams_support.turns()
    bench.door.answer(0)
    assert await kept == "B"
    assert gone.cancelled()


async def test_a_fault_for_an_item_that_went_away_does_not_touch_the_others() -> None:
    """There is nobody to tell it to, and its neighbour has an answer."""
    bench = Bench()
    gone, kept = bench.submit("a"), bench.submit("b")
    await streams_support.turns()
    gone.cancel()
    await streams_support.turns()
    bench.door.outcomes[0].set_result([errors.Conflict("key.reused", "Reused."), "B"])
    assert await kept == "B"


async def test_an_exchange_that_is_cancelled_from_within_is_unavailable() -> None:
    """A cancelled call below does not leave its items waiting."""
    bench = Bench()
    caller = bench.submit("a")
    await streams_support.turns()
    bench.door.outcomes[0].cancel()
    with pytest.raises(errors.Unavailable, match=r"exchange\.cancelled"):
        await caller


async def test_closing_waits_for_every_accepted_item_and_refuses_new_ones() -> None:
    """Nothing accepted is lost, nothing new gets in."""
    bench = Bench(max_rows=1)
    callers = [bench.submit(item) for item in "abc"]
    await streams_support.turns()
    closing = [asyncio.create_task(bench.coalescer.aclose()) for _ in range(2)]
    await streams_support.turns()
    with pytest.raises(errors.Unavailable, match=r"coalescer\.closed"):
        await bench.coalescer.submit("d", deadline=FAR)
    assert not any(task.done() for task in closing)
    for batch in range(3):
        bench.door.answer(batch)
        await streams_support.turns()
    await asyncio.gather(*closing)
    assert await asyncio.gather(*callers) == list("ABC")


async def test_closing_an_idle_coalescer_returns_at_once() -> None:
    """There is nothing to wait for, and its timer goes with it."""
    bench = Bench()
    caller = bench.submit("a")
    await streams_support.turns()
    bench.door.answer(0)
    await caller
    await bench.coalescer.aclose()
    bench.time.advance(FAR)
    assert bench.coalescer._alarm._timer is None


async def test_closing_ends_when_the_last_waiting_item_goes_away() -> None:
    """A cancelled item is an outcome too."""
    bench = Bench(max_rows=1)
    callers = [bench.submit(item) for item in "abc"]
    await streams_support.turns()
    closing = asyncio.create_task(bench.coalescer.aclose())
    bench.door.answer(0)
    bench.door.answer(1)
    callers[2].cancel()
    await streams_support.turns()
    for outcome in bench.door.outcomes[2:]:
        outcome.cancel()
    await closing
    assert await asyncio.gather(*callers[:2]) == ["A", "B"]
