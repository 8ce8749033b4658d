"""Gathers items that are in flight at the same time into batches; knows nothing of what an item is.

A message costs the same whatever it carries, so cost is the number of messages. There is no gathering timer:
before a batch leaves, the event loop turns until a turn brings nothing new (a lone item after a lone item has
no crowd to wait for), and at most `in_flight` batches are out, each with its share of what is at work; what
arrives meanwhile is the next batch. One lazy timer watches the deadlines of everything outstanding.
"""

import asyncio
import contextvars
import math
from collections.abc import Awaitable, Callable, Sequence

from chassis import clock as clocks
from chassis import errors, logs, outcomes, timers

QUEUE_BATCHES = 16  # Bytes waiting are bounded by this many full batches unless the caller says otherwise.
WORTH_A_MESSAGE = 16  # So many rows cost about what their message does; fewer are not split.
SMOOTHING = 0.2  # Share of the newest batch in the running mean behind retry_after_ms.

type Exchange[T, R] = Callable[[list[T]], Awaitable[Sequence[R | errors.Fault]]]
type Observer = Callable[[int, int], None]


class _Entry[T, R]:
    """One submitted item until its outcome is known."""

    __slots__ = ("deadline", "future", "item", "size")

    def __init__(self, item: T, size: int, deadline: float, future: outcomes.Promise[R]) -> None:
        self.item, self.size, self.deadline, self.future = item, size, deadline, future


class Coalescer[T, R]:
    """Turns `submit` of one item into `exchange` of a list; every submitted item has exactly one outcome.

    `exchange` answers a list of the same length and order; an answer that is a Fault is raised for that item
    alone, a Fault it raises is raised for every item of that batch and of no other. Batches hold at most
    `max_rows` items and `max_bytes` bytes as `size_of` counts them, except that an item larger than
    `max_bytes` travels alone. At most `max_queue` items and `max_queue_bytes` bytes wait, nor more
    full batches than the pace of recent ones clears in `max_wait` seconds. A batch leaves
    after `quiet_turns` turns of the loop that brought nothing new: one is enough for items that come from
    this loop, those that come off the wire one after another need some. `observe` is told
    the rows of each batch sent and the items left waiting. Belongs to one event loop.
    """

    def __init__(
        self,
        exchange: Exchange[T, R],
        *,
        max_rows: int,
        max_bytes: int,
        max_queue: int,
        size_of: Callable[[T], int],
        clock: clocks.Clock,
        in_flight: int = 2,
        quiet_turns: int = 1,
        max_queue_bytes: int | None = None,
        max_wait: float = math.inf,
        observe: Observer | None = None,
        wakes: timers.Timers | None = None,
    ) -> None:
        self._exchange = exchange
        self._max_rows, self._max_bytes = max_rows, max_bytes
        self._max_queue = max_queue
        self._max_queue_bytes = QUEUE_BATCHES * max_bytes if max_queue_bytes is None else max_queue_bytes
        self._max_wait = max_wait
        self._size_of, self._observe = size_of, observe
        self._in_flight, self._quiet_turns = in_flight, quiet_turns
        self._now = clock.monotonic
        self._alarm = timers.Alarm(self._sweep, self._now, wakes)
        self._context = contextvars.copy_context()  # A batch serves many callers: it runs in none's context.
        self._queue: dict[_Entry[T, R], None] = {}  # In order of arrival; a dict, so that any can leave.
        self._queued_bytes = 0
        self._flights: dict[asyncio.Task[None], list[_Entry[T, R]]] = {}
        self._turning = False
        self._seen = 0  # Items that were waiting when the last turn looked.
        self._still = 0  # Turns in a row that brought nothing new.
        self._alone = False  # The last batch was one item, and none waited.
        self._mean_seconds = 0.0
        self._closed = False
        self._idle: asyncio.Future[None] | None = None

    async def submit(self, item: T, *, deadline: float) -> R:
        """Return the answer for `item`; `deadline` is in seconds of the clock's monotonic time.

        Raises Exhausted `queue.full` at once when too much waits, Unavailable `deadline.exceeded` (an item
        still waiting is then never sent), Unavailable `coalescer.closed`, Internal `exchange.failed` or
        `exchange.mismatched`, Unavailable `exchange.cancelled`, and whatever Fault the exchange has for this
        item or its batch. Cancelling takes a waiting item back; the answer to one already sent is dropped.
        """
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        entry = self._enter(item, deadline, future)
        try:
            return await future
        except asyncio.CancelledError:
            self._forget(entry)
            raise

    def begin(self, item: T, *, deadline: float, promise: outcomes.Promise[R]) -> None:
        """Tell `promise` the answer for `item`; as `submit`, without a coroutine to wait in."""
        self._enter(item, deadline, promise)

    async def aclose(self) -> None:
        """Refuse new items and return when every accepted one has its outcome."""
        self._closed = True
        if self._queue or self._flights:
            if self._idle is None:
                self._idle = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._idle)
        self._alarm.stop()

    def _enter(self, item: T, deadline: float, promise: outcomes.Promise[R]) -> _Entry[T, R]:
        size = self._size_of(item)
        self._admit(size, deadline)
        entry = _Entry(item, size, deadline, promise)
        self._queue[entry] = None
        self._queued_bytes += size
        self._alarm.watch(deadline)
        if self._alone and not self._flights and not self._turning:
            self._send(self._take())
        elif not self._turning and len(self._flights) < self._in_flight:
            self._turn_later(seen=0)
        return entry

    def _admit(self, size: int, deadline: float) -> None:
        if self._closed:
            raise errors.Unavailable("coalescer.closed", "The service is shutting down.")
        waiting = len(self._queue)
        over = self._queued_bytes + size > self._max_queue_bytes
        if waiting >= self._max_queue or (over and waiting) or self._too_long():
            raise errors.Exhausted(
                "queue.full", "Too much is waiting; try again later.", retry_after_ms=self._retry_after_ms()
            )
        if deadline <= self._now():
            raise outcomes.late()

    def _too_long(self) -> bool:
        """Tell whether what waits takes longer than it may; less than a full round of batches never does."""
        if len(self._flights) < self._in_flight:
            return False
        return len(self._queue) // (self._max_rows * self._in_flight) * self._mean_seconds > self._max_wait

    def _retry_after_ms(self) -> int:
        """Return the time to drain what waits at the pace of recent batches, at least 1 ms."""
        rounds = math.ceil(len(self._queue) / (self._max_rows * self._in_flight)) + 1
        return max(1, math.ceil(rounds * self._mean_seconds * 1000))

    def _forget(self, entry: _Entry[T, R]) -> None:
        if entry in self._queue:
            del self._queue[entry]
            self._queued_bytes -= entry.size
            self._rest()

    def _turn_later(self, seen: int) -> None:
        self._turning, self._seen = True, seen
        asyncio.get_running_loop().call_soon(self._turn, context=self._context)

    def _turn(self) -> None:
        """Send when the last turns of the loop brought nothing new, or when a batch is full anyway."""
        self._turning = False
        self._still = self._still + 1 if len(self._queue) <= self._seen else 0
        quiet = self._still >= self._quiet_turns
        while self._queue and len(self._flights) < self._in_flight:
            full = len(self._queue) >= self._max_rows or self._queued_bytes >= self._max_bytes
            if not (full or quiet):
                self._turn_later(seen=len(self._queue))
                return
            self._send(self._take())

    def _share(self) -> int:
        """Return how many rows the next batch may take: its part of what waits and flies, never a few only.

        A crowd whose answers come together asks together; one batch of all of it would leave the other rooms
        idle while this one works, and this one while they do.
        """
        flying = sum(map(len, self._flights.values()))
        part = math.ceil((len(self._queue) + flying) / self._in_flight)
        return min(self._max_rows, max(WORTH_A_MESSAGE, part))

    def _take(self) -> list[_Entry[T, R]]:
        queue = self._queue
        most = self._share() if len(queue) > WORTH_A_MESSAGE else self._max_rows
        if len(queue) <= most and self._queued_bytes <= self._max_bytes:
            batch = list(queue)
            queue.clear()
            self._queued_bytes = 0
        else:
            batch, size = [], 0
            for entry in queue:
                if batch and (len(batch) == most or size + entry.size > self._max_bytes):
                    break
                batch.append(entry)
                size += entry.size
            for entry in batch:
                del queue[entry]
            self._queued_bytes -= size
        return batch

    def _send(self, taken: list[_Entry[T, R]]) -> None:
        now = self._now()
        batch = [entry for entry in taken if not _expire(entry, now)]
        if not batch:
            self._rest()
            return
        if self._observe is not None:
            self._observe(len(batch), len(self._queue))
        self._alone = len(batch) == 1 and not self._queue
        loop, context = asyncio.get_running_loop(), self._context.copy()
        flight = self._fly(batch, now)  # named, or a number would be made up and written for it
        task = asyncio.Task(flight, loop=loop, name="batch", context=context, eager_start=True)
        self._flights[task] = batch
        task.add_done_callback(self._landed, context=self._context)

    async def _fly(self, batch: list[_Entry[T, R]], started: float) -> None:
        try:
            _answer(batch, await self._exchange([entry.item for entry in batch]))
        except errors.Fault as fault:
            _refuse(batch, fault)
        except Exception as cause:  # noqa: BLE001 - the one door where an exchange's foreign exceptions arrive
            logs.get("chassis.coalescing").error("exchange failed", rows=len(batch), exc_info=cause)
            failed = errors.Internal("exchange.failed", "The batch could not be exchanged.")
            failed.__cause__ = cause
            _refuse(batch, failed)
        self._mean_seconds += SMOOTHING * (self._now() - started - self._mean_seconds)

    def _landed(self, task: asyncio.Task[None]) -> None:
        batch = self._flights.pop(task)
        if task.cancelled():
            _refuse(batch, errors.Unavailable("exchange.cancelled", "The exchange was given up."))
        if self._queue and not self._turning:
            self._turn_later(seen=0)
        self._rest()

    def _rest(self) -> None:
        if self._idle is not None and not self._queue and not self._flights and not self._idle.done():
            self._idle.set_result(None)

    def _sweep(self, now: float) -> list[float]:
        """Tell every item past its deadline, and return the deadlines that are left.

        An exchange past the last deadline of its batch is cancelled: it would hold its place for nobody.
        """
        for entry in [entry for entry in self._queue if _expire(entry, now)]:
            self._forget(entry)
        left = [entry.deadline for entry in self._queue]
        for task, batch in self._flights.items():
            for entry in batch:
                _expire(entry, now)
            ahead = [entry.deadline for entry in batch if entry.deadline > now]
            left += ahead
            if not ahead:
                task.cancel()
        return left


def _expire[T, R](entry: _Entry[T, R], now: float) -> bool:
    """Return whether the item needs no answer any more, telling it so when its deadline just passed."""
    if entry.future.done():
        return True
    if entry.deadline > now:
        return False
    entry.future.set_exception(outcomes.late())
    return True


def _refuse[T, R](batch: list[_Entry[T, R]], fault: errors.Fault) -> None:
    for entry in batch:
        outcomes.refuse(entry.future, fault)


def _answer[T, R](batch: list[_Entry[T, R]], answers: Sequence[R | errors.Fault]) -> None:
    if len(answers) != len(batch):
        raise errors.Internal("exchange.mismatched", "The exchange gave another number of answers.")
    for entry, answer in zip(batch, answers, strict=True):
        if isinstance(answer, errors.Fault):
            outcomes.refuse(entry.future, answer)
        elif not entry.future.done():
            entry.future.set_result(answer)
