"""The Coalescer: what shares a batch, what is bounded, and how each item learns its outcome."""

import asyncio
import contextvars

import pytest

import streams_support
from chassis import coalescing, errors
from coalescing_support import FAR, Bench


async def test_items_submitted_together_share_one_batch_in_order() -> None:
    """Callers of the same turn meet in one message and each gets its own answer."""
    bench = Bench()
    callers = [bench.submit(item) for item in "abc"]
    await streams_support.turns()
    assert bench.door.batches == [["a", "b", "c"]]
    bench.door.answer(0)
    assert await asyncio.gather(*callers) == ["A", "B", "C"]
    assert bench.seen == [(3, 0)]


async def test_a_batch_leaves_only_after_a_turn_that_brought_nothing_new() -> None:
    """A caller who arrives one turn later still joins, without any timer."""
    bench = Bench()

    async def late(item: str, after: int) -> str:
        await streams_support.turns(after)
        return await bench.coalescer.submit(item, deadline=FAR)

    callers = [asyncio.create_task(late(item, after)) for after, item in enumerate("abcd")]
    await streams_support.turns(20)
    assert bench.door.batches == [["a", "b", "c", "d"]]
    assert [delay for delay in bench.time.delays if delay < 1] == []
    bench.door.answer(0)
    await asyncio.gather(*callers)


@pytest.mark.parametrize(("patience", "batches"), [(1, 2), (4, 1)])
async def test_a_batch_waits_for_as_many_quiet_turns_as_it_was_told(patience: int, batches: int) -> None:
    """Callers three turns apart miss each other after one quiet turn, and meet when four are waited for."""
    bench = Bench(quiet_turns=patience)

    async def late(item: str, after: int) -> str:
        await streams_support.turns(after)
        return await bench.coalescer.submit(item, deadline=FAR)

    callers = [asyncio.create_task(late(item, after)) for item, after in (("a", 0), ("b", 4))]
    await streams_support.turns(20)
    assert len(bench.door.batches) == batches
    for number in range(batches):
        bench.door.answer(number)
    await asyncio.gather(*callers)


async def test_a_lone_item_leaves_at_once() -> None:
    """One caller does not wait for company."""
    bench = Bench()
    caller = bench.submit("a")
    await streams_support.turns(5)
    assert bench.door.batches == [["a"]]
    bench.door.answer(0)
    assert await caller == "A"


async def test_two_batches_are_out_at_most_and_what_arrives_meanwhile_is_the_next() -> None:
    """The third group gathers until one of the two before it is answered."""
    bench = Bench()
    callers = []
    for group in ("ab", "cd", "ef", "gh"):
        callers += [bench.submit(item) for item in group]
        await streams_support.turns()
    assert bench.door.batches == [["a", "b"], ["c", "d"]]
    bench.door.answer(1)
    await streams_support.turns()
    assert bench.door.batches[2:] == [["e", "f", "g", "h"]]
    bench.door.answer(0)
    bench.door.answer(2)
    assert await asyncio.gather(*callers) == list("ABCDEFGH")


async def test_rows_and_bytes_bound_a_batch() -> None:
    """A batch ends before the row or byte that would be too many."""
    by_rows, by_bytes = Bench(max_rows=2), Bench(max_bytes=5)
    callers = [by_rows.submit(item) for item in "abc"]
    callers += [by_bytes.submit(item) for item in ("aaa", "bb", "c")]
    await streams_support.turns()
    assert by_rows.door.batches == [["a", "b"], ["c"]]
    assert by_bytes.door.batches == [["aaa", "bb"], ["c"]]
    for door in (by_rows.door, by_bytes.door):
        door.answer(0)
        door.answer(1)
    await asyncio.gather(*callers)


async def test_an_item_larger_than_a_batch_travels_alone() -> None:
    """The byte bound is for company; a single item is never refused for it."""
    bench = Bench(max_bytes=3)
    callers = [bench.submit("long item"), bench.submit("a")]
    await streams_support.turns()
    assert bench.door.batches == [["long item"], ["a"]]
    bench.door.answer(0)
    bench.door.answer(1)
    await asyncio.gather(*callers)


async def test_what_would_wait_too_long_is_refused_at_once() -> None:
    """Where recent batches were slow, fewer may wait; less than a full round of batches always may."""
    bench = Bench(max_rows=1, max_wait=1.0)
    first = bench.submit("a")
    await streams_support.turns()
    bench.time.advance(20.0)  # a mean of four seconds
    bench.door.answer(0)
    assert await first == "A"
    callers = [bench.submit(item) for item in "bc"]
    await streams_support.turns()
    callers += [bench.submit(item) for item in "de"]  # two fly, and a round of two waits
    await streams_support.turns()
    with pytest.raises(errors.Exhausted) as refusal:
        await bench.coalescer.submit("f", deadline=FAR)
    assert refusal.value.reason == "queue.full"
    assert refusal.value.retry_after_ms >= 4_000
    for batch in range(1, 5):
        await streams_support.turns()
        bench.door.answer(batch)
    assert await asyncio.gather(*callers) == ["B", "C", "D", "E"]


async def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    """What waits is bounded by number, and the refusal carries a hint that is not zero."""
    bench = Bench(max_rows=1, max_queue=2)
    callers = [bench.submit("a"), bench.submit("b")]
    await streams_support.turns()
    callers += [bench.submit("c"), bench.submit("d")]
    await streams_support.turns()
    with pytest.raises(errors.Exhausted) as refusal:
        await bench.coalescer.submit("e", deadline=FAR)
    assert refusal.value.reason == "queue.full"
    assert refusal.value.retry_after_ms >= 1
    for batch in range(4):
        bench.door.answer(batch)
        await streams_support.turns()
    assert await asyncio.gather(*callers) == list("ABCD")


async def test_the_hint_of_a_full_queue_follows_the_pace_of_recent_batches() -> None:
    """A slow room asks its callers to stay away longer than a fast one."""
    hints = []
    for pace in (0.1, 1.0):
        bench = Bench(max_rows=1, max_queue=1)
        first = bench.submit("a")
        await streams_support.turns()
        bench.time.advance(pace)
        bench.door.answer(0)
        await first
        callers = []
        for item in "bcd":
            callers.append(bench.submit(item))
            await streams_support.turns()
        with pytest.raises(errors.Exhausted) as refusal:
            await bench.coalescer.submit("e", deadline=FAR)
        hints.append(refusal.value.retry_after_ms)
        for batch in (1, 2, 3):
            bench.door.answer(batch)
            await streams_support.turns()
        await asyncio.gather(*callers)
    assert hints[0] * 9 < hints[1]


async def test_waiting_bytes_are_bounded_too() -> None:
    """Sixteen batches' bytes wait at most, however few items they are."""
    bench = Bench(max_bytes=10, max_queue=10_000)
    callers = [bench.submit("x" * 10) for _ in range(2)]
    await streams_support.turns()
    callers += [bench.submit("y" * 10) for _ in range(16)]
    await streams_support.turns()
    with pytest.raises(errors.Exhausted):
        await bench.coalescer.submit("z", deadline=FAR)
    for batch in range(18):
        bench.door.answer(batch)
        await streams_support.turns()
    await asyncio.gather(*callers)


async def test_a_fault_of_the_exchange_fails_exactly_its_batch() -> None:
    """Each item gets an equal fault of its own, and the other batch its answers."""
    bench = Bench(max_rows=2)
    callers = [bench.submit(item) for item in "abcd"]
    await streams_support.turns()
    violation = errors.Violation("lines[0]", "code", "text")
    bench.door.outcomes[0].set_exception(
        errors.Exhausted("store.busy", "Busy.", violations=(violation,), retry_after_ms=7)
    )
    bench.door.answer(1)
    results = await asyncio.gather(*callers, return_exceptions=True)
    first, second = results[:2]
    assert isinstance(first, errors.Exhausted)
    assert isinstance(second, errors.Exhausted)
    assert first is not second
    assert (first.reason, first.retry_after_ms, first.violations) == ("store.busy", 7, (violation,))
    assert results[2:] == ["C", "D"]


async def test_a_fault_as_an_answer_is_raised_for_that_item_alone() -> None:
    """A bad item fails alone, not its batch."""
    bench = Bench()
    callers = [bench.submit(item) for item in "ab"]
    await streams_support.turns()
    bench.door.outcomes[0].set_result(["A", errors.Conflict("key.reused", "Reused.")])
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert results[0] == "A"
    assert isinstance(results[1], errors.Conflict)


@pytest.mark.parametrize("answers", [[], ["A"], ["A", "B", "C"]])
async def test_another_number_of_answers_is_our_defect(answers: list[str]) -> None:
    """No item is given an answer that may be another's."""
    bench = Bench()
    callers = [bench.submit(item) for item in "ab"]
    await streams_support.turns()
    bench.door.outcomes[0].set_result(answers)
    for result in await asyncio.gather(*callers, return_exceptions=True):
        assert isinstance(result, errors.Internal)
        assert result.reason == "exchange.mismatched"


async def test_a_foreign_exception_becomes_a_fault_without_its_text() -> None:
    """The cause is chained for the log; the message says nothing of it."""
    bench = Bench()
    caller = bench.submit("a")
    await streams_support.turns()
    bench.door.outcomes[0].set_exception(ValueError("row of 1012345678"))
    with pytest.raises(errors.Internal, match=r"exchange\.failed") as failure:
        await caller
    assert "1012345678" not in str(failure.value)
    cause = failure.value.__cause__
    assert cause is not None
    assert isinstance(cause.__cause__, ValueError)


async def test_an_exchange_runs_in_the_context_of_no_caller() -> None:
    """A batch serves many callers, so it must not carry the identity of the first."""
    who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")

    async def tell(items: list[str]) -> list[str]:
        return [who.get() for _ in items]

    coalescer = coalescing.Coalescer(
        tell,
        max_rows=9,
        max_bytes=9,
        max_queue=9,
        size_of=len,
        clock=streams_support.ManualTime(),
        wakes=streams_support.ManualTime(),
    )
    who.set("somebody")
    assert await coalescer.submit("a", deadline=FAR) == "nobody"


async def test_a_crowd_is_split_among_the_batches_that_may_fly() -> None:
    """Answers that come together are asked for together: halves keep both sides at work, a few stay one."""
    bench = Bench()
    crowd = [bench.submit(f"x{number}") for number in range(4 * coalescing.WORTH_A_MESSAGE)]
    await streams_support.turns()
    assert [len(batch) for batch in bench.door.batches] == [2 * coalescing.WORTH_A_MESSAGE] * 2
    few = [bench.submit(f"y{number}") for number in range(coalescing.WORTH_A_MESSAGE)]
    bench.door.answer(0)
    await streams_support.turns()
    assert len(bench.door.batches[2]) == coalescing.WORTH_A_MESSAGE
    for number in (1, 2):
        bench.door.answer(number)
    await asyncio.gather(*crowd, *few)


async def test_a_lone_item_after_a_lone_item_leaves_in_its_own_turn() -> None:
    """Where no crowd was a moment ago nothing is waited for; where one was, company is."""
    bench = Bench()
    for number, item in enumerate("ab"):
        caller = bench.submit(item)
        await streams_support.turns(5)
        bench.door.answer(number)
        await caller
    promise: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    bench.coalescer.begin("c", deadline=FAR, promise=promise)
    assert bench.door.batches[2:] == [["c"]]
    crowd = [bench.submit(item) for item in "de"]  # with one out already
    await streams_support.turns()
    for number in (2, 3):
        bench.door.answer(number)
    assert await asyncio.gather(promise, *crowd) == ["C", "D", "E"]
    bench.coalescer.begin("f", deadline=FAR, promise=asyncio.get_running_loop().create_future())
    assert len(bench.door.batches) == 4
    crowd = [bench.submit("g")]
    await streams_support.turns()
    assert bench.door.batches[4:] == [["f", "g"]]
    bench.door.answer(4)
    await asyncio.gather(*crowd)


async def test_a_promise_is_told_in_the_turn_that_brought_its_answer() -> None:
    """Whoever has nothing to wait for needs no future, and no turn of the loop more than its batch."""

    class Kept(list[object]):
        """A promise that keeps what it was told."""

        def done(self) -> bool:
            return bool(self)

        def set_result(self, result: str, /) -> None:
            self.append(result)

        def set_exception(self, fault: errors.Fault, /) -> None:
            self.append(fault.reason)

    bench, answered, late = Bench(), Kept(), Kept()
    bench.coalescer.begin("a", deadline=FAR, promise=answered)
    bench.coalescer.begin("b", deadline=bench.time.seconds + 1, promise=late)
    await streams_support.turns()
    bench.time.advance(2)
    assert late == ["deadline.exceeded"]
    bench.door.answer(0)
    await asyncio.sleep(0)
    assert answered == ["A"]
    assert late == ["deadline.exceeded"]
    await bench.coalescer.aclose()
