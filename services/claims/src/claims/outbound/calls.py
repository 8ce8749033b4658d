"""What every outbound call shares: its faults, its time, and groups of items that fit one message."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence, Sized
from typing import Any

from chassis import clock as clocks
from chassis import coalescing, contexts, deadlines, errors, logs, metrics
from ultrathink.common.v1 import common_pb2

MAX_MESSAGE_BYTES = 4 * 1024 * 1024  # A quarter of what a message may have: room for columns and growth.
MAX_GROUP_ROWS = 256  # Claims of one caller in one message; more neither saves cost nor keeps latency flat.
MAX_GROUPS = 64  # Callers that share a message.
MAX_QUEUE = 4_096  # Groups that wait; beyond it the answer is "exhausted" at once.
AT_ONCE = 2  # Groups that go out as they came, one message each: as many as a stream has in flight.
REFUSED_US = ("token.", "caller.")  # reasons of a door that does not let this service in
MISSING = -(2**63)  # The contract's NULL in int64 columns.


async def unary[Res](
    call: Callable[..., Awaitable[Res]], request: Any, context: contexts.CallContext, clock: clocks.Clock
) -> Res:
    """Return the answer of a unary call within the time its caller has left; raise a Fault otherwise."""
    with ours():
        return await call(request, timeout=deadlines.left_for_hop(context, clock))


@contextlib.contextmanager
def ours() -> Iterator[None]:
    """Raise a refusal of this service itself as Unavailable `claims.refused`.

    A key or a clock is wrong: whoever called this service can only try again, and must not be told to log in.
    """
    try:
        yield
    except errors.Denied as fault:
        if not fault.reason.startswith(REFUSED_US):
            raise
        raise errors.Unavailable("claims.refused", "A service behind does not accept this one.") from fault


def groups[T](
    items: Sequence[T], size_of: Callable[[T], int], *, max_bytes: int
) -> list[tuple[list[T], int]]:
    """Return the items in order, in groups that fit one message, each with its bytes.

    An item larger than a message stands alone.
    """
    sizes = list(map(size_of, items))
    whole = sum(sizes)
    if items and len(items) <= MAX_GROUP_ROWS and whole <= max_bytes:
        return [(list(items), whole)]
    made: list[tuple[list[T], int]] = []
    group: list[T] = []
    size = 0
    for item, more in zip(items, sizes, strict=True):
        if group and (size + more > max_bytes or len(group) >= MAX_GROUP_ROWS):
            made.append((group, size))
            group, size = [], 0
        group.append(item)
        size += more
    if group:
        made.append((group, size))
    return made


class Groups[T, R]:
    """Sends items of one caller together, and those of several callers in one message where that is cheaper.

    A batch that came together goes on together at once while there is room in flight, and so does a lone item
    while nothing else is: gathering has a price, and there is nothing to gather. Everything else goes
    through a coalescer.
    """

    def __init__(
        self,
        exchange: Callable[[list[T], float], Awaitable[Sequence[R | errors.Fault]]],
        *,
        name: str,
        size_of: Callable[[T], int],
        deadline_of: Callable[[T], float],
        clock: clocks.Clock,
        max_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        self._exchange, self._size_of, self._deadline_of = exchange, size_of, deadline_of
        self._max_bytes, self._observe = max_bytes, metrics.batches(name)
        self._out = self._gathered = 0  # groups that went at once, and those with the coalescer
        self._waiting = 0  # of the latter, when it last sent
        self._closed = False
        self._coalescer: coalescing.Coalescer[_Group[T], list[R | errors.Fault]] = coalescing.Coalescer(
            self._flush,
            max_rows=MAX_GROUPS,
            max_bytes=max_bytes,
            max_queue=MAX_QUEUE,
            size_of=_Group.size,
            clock=clock,
            observe=self._sent,
        )

    async def send(self, items: Sequence[T], *, deadline: float | None = None) -> list[R | errors.Fault]:
        """Return one answer per item, in order; without `deadline` each group has its most patient item's.

        A group that failed as a whole answers its fault for each of its items.
        """
        if len(items) == 1 and self._at_once(1):
            return await self._alone(items[0], deadline)
        made = [
            _Group(part, size, self._latest(part, deadline))
            for part, size in groups(items, self._size_of, max_bytes=self._max_bytes)
        ]
        if len(made) == 1:
            return await self._send(made[0])
        answers: list[R | errors.Fault] = []
        for part in await asyncio.gather(*map(self._send, made)):
            answers += part
        return answers

    async def _alone(self, item: T, deadline: float | None) -> list[R | errors.Fault]:
        """Return the answer to an item that goes by itself, whatever its size."""
        try:
            return await self._go([item], self._deadline_of(item) if deadline is None else deadline)
        except errors.Fault as fault:
            return [fault]

    async def aclose(self) -> None:
        """Refuse new items and wait for the outcome of those gathered; the others are their stream's."""
        self._closed = True
        await self._coalescer.aclose()

    def _latest(self, items: list[T], deadline: float | None) -> float:
        return max(map(self._deadline_of, items)) if deadline is None else deadline

    async def _send(self, group: "_Group[T]") -> list[R | errors.Fault]:
        try:
            if self._at_once(len(group.items)):
                return await self._go(group.items, group.deadline)
            self._gathered += 1
            try:
                return await self._coalescer.submit(group, deadline=group.deadline)
            finally:
                self._gathered -= 1
        except errors.Fault as fault:
            return [fault] * len(group.items)

    def _at_once(self, rows: int) -> bool:
        """Tell whether a group need not wait for others: a lone item beside other work has company soon."""
        if self._closed or self._gathered:
            return False
        return self._out < (AT_ONCE if rows > 1 else 1)

    def _sent(self, _: int, left: int) -> None:
        self._waiting = left

    async def _go(self, items: list[T], deadline: float) -> list[R | errors.Fault]:
        """Send items as they are."""
        self._out += 1
        self._observe(len(items), self._waiting)
        try:
            answers = await self._exchange(items, deadline)
        except errors.Fault:
            raise
        except Exception as cause:
            logs.get("claims.calls").error("exchange failed", rows=len(items), exc_info=cause)
            raise errors.Internal("exchange.failed", "The batch could not be exchanged.") from cause
        finally:
            self._out -= 1
        return list(_paired(answers, items))

    async def _flush(self, waiting: list["_Group[T]"]) -> list[list[R | errors.Fault] | errors.Fault]:
        items = [item for group in waiting for item in group.items]
        self._observe(len(items), self._waiting)
        answers = _paired(await self._exchange(items, max(group.deadline for group in waiting)), items)
        parts: list[list[R | errors.Fault] | errors.Fault] = []
        start = 0
        for group in waiting:
            parts.append(list(answers[start : start + len(group.items)]))
            start += len(group.items)
        return parts


def _paired[T, R](answers: Sequence[R], items: Sequence[T]) -> Sequence[R]:
    """Return the answers, as many as there are items."""
    if len(answers) != len(items):
        raise errors.Internal("exchange.mismatched", "The other side answered another number of items.")
    return answers


class _Group[T]:
    """What one caller sends at once."""

    __slots__ = ("bytes", "deadline", "items")

    def __init__(self, items: list[T], size: int, deadline: float) -> None:
        self.items = items
        self.bytes = size
        self.deadline = deadline

    def size(self) -> int:
        return self.bytes


def laid[S: Sized](items: Sequence[Any], kind: type[S]) -> S | None:
    """Return the sheet on which these items, and no others, were laid out beforehand.

    Nobody changes the order of a batch, so that it is enough to count them.
    """
    sheet = items[0].sheet if items else None
    if isinstance(sheet, kind) and [item.sheet for item in items].count(sheet) == len(sheet) == len(items):
        return sheet
    return None


def wire(
    items: Sequence[contexts.CallContext], onward: Mapping[str, str], clock: clocks.Clock
) -> list[common_pb2.Context]:
    """Return the contexts of a batch for the next hop: shorter by a margin, numbered within the batch.

    Items of several callers share the message, so their own ids could collide; answers are paired by place.
    """
    made = [common_pb2.Context() for _ in items]
    fill(made, items, onward, clock)
    return made


def fill(
    empty: Iterable[common_pb2.Context],
    items: Sequence[contexts.CallContext],
    onward: Mapping[str, str],
    clock: clocks.Clock,
) -> None:
    """Write what `wire` returns into contexts that lie in their request already.

    Who asks is the same for most items of a batch, so it is written once and copied.
    """
    now = clock.monotonic()
    senders: dict[tuple[str, str, tuple[str, ...], str], common_pb2.Context] = {}
    for place, (told, item) in enumerate(zip(empty, items, strict=True)):
        who = (item.tenant, item.subject, item.roles, item.branch)
        sender = senders.get(who)
        if sender is None:
            sender = senders[who] = common_pb2.Context(
                tenant=item.tenant, subject=item.subject, roles=item.roles, branch=item.branch
            )
        told.CopyFrom(sender)
        told.item_id = str(place)
        told.remaining_ms = max(0, int((item.deadline - now) * 1000) - deadlines.HOP_MARGIN_MS)
        told.request_id = item.request_id
        if item.traceparent:
            told.traceparent = onward.get(item.traceparent, "")
        if item.idempotency_key:
            told.idempotency_key = item.idempotency_key
