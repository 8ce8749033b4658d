"""A Coalescer on manual time in front of a door whose batches a test answers by hand."""

import asyncio
import math
from collections.abc import Sequence

import streams_support
from chassis import coalescing, errors

FAR = 10_000.0
type Answers = Sequence[str | errors.Fault]


class Door:
    """An exchange that holds every batch until the test answers it."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.outcomes: list[asyncio.Future[Answers]] = []

    async def __call__(self, items: list[str]) -> Answers:
        """Hold the batch."""
        self.batches.append(items)
        self.outcomes.append(asyncio.get_running_loop().create_future())
        return await self.outcomes[-1]

    def answer(self, batch: int) -> None:
        """Answer each item with its capitals."""
        self.outcomes[batch].set_result([item.upper() for item in self.batches[batch]])


class Bench:
    """A Coalescer on manual time, its door, and what it told its observer."""

    def __init__(
        self,
        *,
        max_rows: int = 100,
        max_bytes: int = 1000,
        max_queue: int = 100,
        quiet_turns: int = 1,
        max_wait: float = math.inf,
    ) -> None:
        self.time, self.door = streams_support.ManualTime(), Door()
        self.seen: list[tuple[int, int]] = []
        self.coalescer = coalescing.Coalescer[str, str](
            self.door,
            max_rows=max_rows,
            max_bytes=max_bytes,
            max_queue=max_queue,
            quiet_turns=quiet_turns,
            max_wait=max_wait,
            size_of=len,
            clock=self.time,
            wakes=self.time,
            observe=lambda rows, left: self.seen.append((rows, left)),
        )

    def submit(self, item: str, deadline: float = FAR) -> asyncio.Task[str]:
        """Submit from a caller of its own."""
        return asyncio.create_task(self.coalescer.submit(item, deadline=deadline))
