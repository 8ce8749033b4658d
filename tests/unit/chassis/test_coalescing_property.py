"""Whatever callers, rooms and clocks do to a Coalescer, its promises hold."""

import asyncio
from collections import deque
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

import streams_support
from chassis import coalescing, errors

MAX_ROWS, MAX_BYTES, MAX_QUEUE, IN_FLIGHT = 3, 10, 6, 2

type Action = tuple[str, int, int]
actions = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), st.integers(0, 14), st.integers(1, 40)),
        st.tuples(st.just("cancel"), st.integers(0, 30), st.just(0)),
        st.tuples(st.just("advance"), st.integers(1, 25), st.just(0)),
        st.tuples(st.just("turn"), st.integers(1, 6), st.just(0)),
        st.tuples(
            st.sampled_from(["answer", "fault", "short", "mixed", "abort"]), st.integers(0, 3), st.just(0)
        ),
    ),
    max_size=60,
)


class Item:
    """One submitted item: its number, size and deadline."""

    def __init__(self, number: int, size: int, deadline: float) -> None:
        self.number, self.size, self.deadline = number, size, deadline


class World:
    """Plays actions against a Coalescer and checks its bounds whenever a batch leaves."""

    def __init__(self) -> None:
        self.time = streams_support.ManualTime()
        self.items: list[Item] = []
        self.callers: list[asyncio.Task[int]] = []
        self.out: dict[int, asyncio.Future[str]] = {}
        self.batches: list[list[int]] = []
        self.fates: dict[int, str] = {}
        self.departures: deque[tuple[float, set[int]]] = deque()
        self.coalescer = coalescing.Coalescer[Item, int](
            self.exchange,
            max_rows=MAX_ROWS,
            max_bytes=MAX_BYTES,
            max_queue=MAX_QUEUE,
            size_of=lambda item: item.size,
            clock=self.time,
            wakes=self.time,
            in_flight=IN_FLIGHT,
            observe=self.depart,
        )

    def depart(self, _rows: int, _left: int) -> None:
        """Note when a batch leaves, and who had gone away by then."""
        gone = {number for number, caller in enumerate(self.callers) if caller.cancelled()}
        self.departures.append((self.time.monotonic(), gone))

    async def exchange(self, items: list[Item]) -> Sequence[int | errors.Fault]:
        """Check the batch against every bound, then wait for its fate."""
        assert 1 <= len(items) <= MAX_ROWS
        assert len(items) == 1 or sum(item.size for item in items) <= MAX_BYTES
        left_at, gone = self.departures.popleft()
        assert all(item.deadline > left_at for item in items)
        assert not any(item.number in gone for item in items)
        batch = len(self.batches)
        self.batches.append([item.number for item in items])
        self.out[batch] = asyncio.get_running_loop().create_future()
        assert len(self.out) <= IN_FLIGHT
        try:
            fate = await self.out[batch]
        finally:
            del self.out[batch]
        self.fates[batch] = fate
        if fate == "fault":
            raise errors.Unavailable("door.fault", "Refused.")
        answers: list[int | errors.Fault] = [item.number for item in items]
        if fate == "mixed":
            answers[0] = errors.Conflict("door.item", "Refused.")
        return answers[1:] if fate == "short" else answers

    async def submit(self, size: int, patience: int) -> None:
        """Submit from a caller of its own."""
        item = Item(len(self.items), size, self.time.monotonic() + patience / 10)
        self.items.append(item)
        self.callers.append(
            asyncio.get_running_loop().create_task(self.coalescer.submit(item, deadline=item.deadline))
        )
        await asyncio.sleep(0)
        assert len(self.coalescer._queue) <= MAX_QUEUE

    async def play(self, action: Action) -> None:
        """Do one thing to it."""
        name, first, second = action
        if name == "submit":
            await self.submit(first, second)
        elif name == "cancel" and self.callers:
            self.callers[first % len(self.callers)].cancel()
        elif name == "advance":
            self.time.advance(first / 10)
        elif name == "turn":
            await streams_support.turns(first)
        elif self.out:
            waiting = list(self.out.values())[first % len(self.out)]
            if name == "abort":
                waiting.cancel()
            elif not waiting.done():
                waiting.set_result(name)

    async def finish(self) -> list[int | BaseException]:
        """Answer all that is out and close; return what every caller was told."""
        closing = asyncio.get_running_loop().create_task(self.coalescer.aclose())
        while not closing.done():
            for waiting in self.out.values():
                if not waiting.done():
                    waiting.set_result("answer")
            await streams_support.turns(3)
        await closing
        return await asyncio.gather(*self.callers, return_exceptions=True)

    def check(self, number: int, told: int | BaseException) -> None:
        """Compare one outcome with what happened to the item's batch."""
        batch = next((index for index, batch in enumerate(self.batches) if number in batch), None)
        if isinstance(told, int):
            assert batch is not None
            assert told == number
            assert self.fates[batch] in {"answer", "mixed"}
        elif isinstance(told, errors.Fault) and told.reason not in {
            "deadline.exceeded",
            "exchange.cancelled",
        }:
            expected = {
                "queue.full": None,
                "door.fault": "fault",
                "exchange.mismatched": "short",
                "door.item": "mixed",
            }[told.reason]
            assert expected == (None if batch is None else self.fates[batch])
        else:
            assert isinstance(told, errors.Unavailable | asyncio.CancelledError)


async def _play(script: list[Action]) -> None:
    world = World()
    for action in script:
        await world.play(action)
    outcomes = await world.finish()
    sent = [number for batch in world.batches for number in batch]
    assert len(sent) == len(set(sent))
    assert sent == sorted(sent)
    assert len(outcomes) == len(world.items)
    for number, told in enumerate(outcomes):
        world.check(number, told)
    assert not world.coalescer._queue
    assert world.coalescer._queued_bytes == 0
    assert not world.coalescer._flights


@settings(max_examples=300, deadline=None)
@given(actions)
def test_every_item_has_exactly_one_outcome_and_every_bound_holds(script: list[Action]) -> None:
    """Sent at most once, in order, within rows, bytes, places and time; answered once, by its own batch."""
    asyncio.run(_play(script))
