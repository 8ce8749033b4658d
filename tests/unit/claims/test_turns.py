"""Turns of files: bounded over all of them, tenant by tenant, none lost when a sender goes away."""

import asyncio
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streams_support
from claims.inbound import turns


class Queue:
    """Takers of turns that hold theirs until told; `order` is who got one."""

    def __init__(self, most: int) -> None:
        self.crowded = False
        self.turns = turns.Turns(most, lambda: self.crowded)
        self.order: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}

    def take(self, name: str) -> asyncio.Task[None]:
        """Ask for a turn for the tenant that the name begins with."""
        self.ends[name] = asyncio.Event()
        return asyncio.create_task(self._hold(name))

    async def end(self, names: Iterable[str]) -> None:
        """Let these end theirs, one after another."""
        for name in names:
            self.ends[name].set()
            await streams_support.turns()

    async def _hold(self, name: str) -> None:
        async with self.turns.turn(name[0]):
            self.order.append(name)
            await self.ends[name].wait()


async def test_a_tenant_with_many_groups_does_not_keep_another_waiting() -> None:
    """Who waits is served tenant by tenant, and in order within each."""
    queue = Queue(most=1)
    takers = [queue.take(name) for name in ("a1", "a2", "a3", "a4", "b1", "b2")]
    await streams_support.turns()
    assert queue.order == ["a1"]
    await queue.end(["a1", "a2", "b1", "a3", "b2", "a4"])
    assert queue.order == ["a1", "a2", "b1", "a3", "b2", "a4"]
    await asyncio.gather(*takers)


async def test_so_many_at_once_and_no_more() -> None:
    """Turns that are free are taken without waiting; the rest wait, and nobody is refused."""
    queue = Queue(most=2)
    takers = [queue.take(f"a{number}") for number in range(5)]
    await streams_support.turns()
    assert queue.order == ["a0", "a1"]
    await queue.end(queue.ends)
    await asyncio.gather(*takers)
    assert len(queue.order) == 5


async def test_while_single_claims_are_waited_for_one_group_is_at_work() -> None:
    """Groups at work end, one goes on alone; when nobody waits any more, all turns are used again."""
    queue = Queue(most=3)
    takers = [queue.take(f"a{number}") for number in range(7)]
    await streams_support.turns()
    assert queue.order == ["a0", "a1", "a2"]
    queue.crowded = True
    await queue.end(["a0", "a1", "a2"])
    assert queue.order == ["a0", "a1", "a2", "a3"]
    queue.crowded = False
    await queue.end(["a3"])
    assert queue.order == [f"a{number}" for number in range(7)]
    await queue.end(["a4", "a5", "a6"])
    await asyncio.gather(*takers)


@pytest.mark.parametrize("given_first", [False, True])
async def test_who_goes_away_while_waiting_takes_no_turn_along(*, given_first: bool) -> None:
    """Cancelled before its turn, or in the very moment it is given: the next one gets it."""
    queue = Queue(most=1)
    holder, leaver, next_one = (queue.take(name) for name in ("a1", "b1", "c1"))
    await streams_support.turns()
    if given_first:
        queue.ends["a1"].set()
        await asyncio.sleep(0)
    leaver.cancel()
    await queue.end(["a1"])
    assert queue.order == ["a1", "c1"]
    await queue.end(["c1"])
    await asyncio.gather(holder, next_one)


@given(st.integers(1, 4), st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=20))
def test_every_turn_comes_back(most: int, takers: list[tuple[str, bool]]) -> None:
    """Whatever comes, goes away or ends, all turns are free afterwards."""

    async def play() -> None:
        queue = Queue(most)
        taking = [(queue.take(f"{tenant}{number}"), gone) for number, (tenant, gone) in enumerate(takers)]
        await streams_support.turns()
        for task, gone in taking:
            if gone:
                task.cancel()
        for end in queue.ends.values():
            end.set()
        await asyncio.gather(*(task for task, _ in taking), return_exceptions=True)
        again = [queue.take(f"z{number}") for number in range(most)]
        await streams_support.turns()
        assert queue.order[-most:] == [f"z{number}" for number in range(most)]
        await queue.end(f"z{number}" for number in range(most))
        await asyncio.gather(*again)

    asyncio.run(play())
