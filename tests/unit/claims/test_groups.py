"""What one caller has at once goes on together; what lone callers have is gathered while others are out."""

import asyncio
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from chassis import errors, metrics
from chassis import testing as chassis_testing
from claims.outbound import calls

DEADLINE = 60.0


class Other:
    """The other side: keeps what comes, and answers each item with its square when it is let."""

    def __init__(self, *, open_: bool = False) -> None:
        self.messages: list[list[int]] = []
        self.deadlines: list[float] = []
        self.fault: Exception | None = None
        self.short = 0
        self.let = asyncio.Event()
        if open_:
            self.let.set()

    async def exchange(self, items: list[int], deadline: float) -> Sequence[int | errors.Fault]:
        """Return the squares."""
        self.messages.append(items)
        self.deadlines.append(deadline)
        await self.let.wait()
        if self.fault is not None:
            raise self.fault
        return [item * item for item in items][self.short :]


def groups(other: Other) -> calls.Groups[int, int]:
    """Return groups before this other side; an item has as many bytes and seconds as its value."""
    return calls.Groups(
        other.exchange, name="test", size_of=abs, deadline_of=float, clock=chassis_testing.ManualClock(),
        max_bytes=1_000,
    )  # fmt: skip


async def turns() -> None:
    """Let everything happen that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_batch_goes_on_at_once_as_it_came() -> None:
    """Nobody else is waited for while there is room in flight: the message is out before the loop turns."""
    other = Other()
    made = groups(other)
    first = asyncio.Task(made.send([1, 2]), loop=asyncio.get_running_loop(), eager_start=True)
    second = asyncio.Task(made.send([3, 4]), loop=asyncio.get_running_loop(), eager_start=True)
    assert other.messages == [[1, 2], [3, 4]]
    other.let.set()
    assert [await first, await second] == [[1, 4], [9, 16]]


async def test_a_lone_item_goes_whatever_its_size_and_has_its_own_time_or_the_callers() -> None:
    """Nothing is out: it needs no group, and a side that fails answers its fault for it."""
    other = Other(open_=True)
    made = groups(other)
    assert await made.send([5_000]) == [5_000**2]
    assert await made.send([7], deadline=3.0) == [49]
    assert (other.messages, other.deadlines) == ([[5_000], [7]], [5_000.0, 3.0])
    other.fault = errors.Unavailable("stream.broken", "x")
    assert await made.send([7]) == [other.fault]


async def test_lone_items_of_several_callers_share_a_message() -> None:
    """The first finds nothing in flight and goes; those beside it travel together and part again."""
    other = Other()
    made = groups(other)
    sent = asyncio.gather(*(made.send([number]) for number in (1, 2, 3)))
    await turns()
    assert other.messages == [[1], [2, 3]]
    other.let.set()
    assert await sent == [[1], [4], [9]]


async def test_batches_beyond_what_may_be_in_flight_are_gathered() -> None:
    """The first two of four go as they are, the others share a message, and each gets its own answers."""
    other = Other()
    made = groups(other)
    sent = asyncio.gather(*(made.send([number, number + 1]) for number in (1, 3, 5, 7)))
    await turns()
    assert other.messages == [[1, 2], [3, 4], [5, 6, 7, 8]]
    other.let.set()
    assert await sent == [[1, 4], [9, 16], [25, 36], [49, 64]]


async def test_nothing_overtakes_what_is_gathered() -> None:
    """While items wait to be gathered, a batch that comes later joins them."""
    other = Other()
    made = groups(other)
    sent = asyncio.gather(*(made.send(items) for items in ([1], [2], [3, 4])))
    await turns()
    assert other.messages == [[1], [2, 3, 4]]
    other.let.set()
    assert await sent == [[1], [4], [9, 16]]


async def test_an_idle_room_that_is_about_to_go_refuses() -> None:
    """After the end nothing is taken, however much room is in flight."""
    other = Other(open_=True)
    made = groups(other)
    await made.aclose()
    (answer,) = await made.send([1])
    assert isinstance(answer, errors.Unavailable)
    assert other.messages == []


async def test_a_fault_of_the_message_is_a_fault_of_each_item() -> None:
    """So is an exception that nobody expected, which is told as ours, and an answer that does not fit."""
    for fault, short, reason in (
        (errors.Exhausted("queue.full", "x"), 0, "queue.full"),
        (ValueError("secret"), 0, "exchange.failed"),
        (None, 1, "exchange.mismatched"),
    ):
        other = Other(open_=True)
        other.fault, other.short = fault, short
        answers = await groups(other).send([1, 2])
        told = [answer.reason if isinstance(answer, errors.Fault) else answer for answer in answers]
        assert told == [reason] * 2
        assert "secret" not in str(answers)


async def test_room_is_free_again_after_a_failure() -> None:
    """What ended, however it ended, counts no more as in flight."""
    other = Other(open_=True)
    made = groups(other)
    other.fault = errors.Unavailable("away", "x")
    for _ in range(3):
        await made.send([1, 2])
    given_up = asyncio.create_task(made.send([3, 4]))
    other.let.clear()
    await turns()
    given_up.cancel()
    await turns()
    other.fault = None
    other.let.set()
    assert await made.send([5]) == [25]
    assert other.messages[-1] == [5]


async def test_a_group_has_the_patience_of_its_most_patient_item() -> None:
    """Unless one deadline is given for all."""
    other = Other(open_=True)
    made = groups(other)
    await made.send([3, 9, 5])
    await made.send([3], deadline=DEADLINE)
    assert other.deadlines == [9.0, DEADLINE]


async def test_messages_are_counted_by_their_rows() -> None:
    """Those that went at once and those that were gathered, all by items and not by callers."""

    def rows(kind: str) -> float:
        return metrics.registry().get_sample_value(f"ultrathink_batch_rows_{kind}", {"queue": "test"}) or 0.0

    other = Other()
    made = groups(other)
    before = rows("count"), rows("sum")
    sent = asyncio.gather(*(made.send(items) for items in ([1], [2], [3, 4])))
    await turns()
    other.let.set()
    await sent
    assert (rows("count") - before[0], rows("sum") - before[1]) == (2, 4)


async def test_no_items_need_no_message() -> None:
    """Nothing is sent for nobody."""
    other = Other(open_=True)
    assert await groups(other).send([]) == []
    assert other.messages == []


@given(st.lists(st.integers(0, 120), max_size=600), st.integers(1, 200))
def test_groups_keep_order_and_fit_their_message(sizes: list[int], most: int) -> None:
    """None is split or lost; one larger than a message stands alone; each group's bytes are told."""
    made = calls.groups(sizes, abs, max_bytes=most)
    assert [size for group, _ in made for size in group] == sizes
    assert all(group and sum(group) == told for group, told in made)
    assert all(told <= most or len(group) == 1 for group, told in made)
    assert all(len(group) <= calls.MAX_GROUP_ROWS for group, _ in made)
