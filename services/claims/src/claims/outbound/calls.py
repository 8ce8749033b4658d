"""What every outbound call shares: its faults, its time, and groups of items that fit one message."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from chassis import clock as clocks
from chassis import coalescing, contexts, deadlines, errors, metrics
from ultrathink.common.v1 import common_pb2

MAX_MESSAGE_BYTES = 4 * 1024 * 1024  # A quarter of what a message may have: room for columns and growth.
MAX_GROUP_ROWS = 256  # Claims of one caller in one message; more neither saves cost nor keeps latency flat.
MAX_GROUPS = 64  # Callers that share a message.
MAX_QUEUE = 4_096  # Groups that wait; beyond it the answer is "exhausted" at once.
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


def groups[T](items: Sequence[T], size_of: Callable[[T], int], *, max_bytes: int) -> Iterator[list[T]]:
    """Yield the items in order, in groups that fit one message; an item larger than that stands alone."""
    group: list[T] = []
    size = 0
    for item in items:
        more = size_of(item)
        if group and (size + more > max_bytes or len(group) >= MAX_GROUP_ROWS):
            yield group
            group, size = [], 0
        group.append(item)
        size += more
    if group:
        yield group


class Groups[T, R]:
    """Sends items through one coalescer in groups.

    What one caller has at once travels together at the cost of one entry; several callers share a message.
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
        self._max_bytes = max_bytes
        self._coalescer: coalescing.Coalescer[_Group[T], list[R | errors.Fault]] = coalescing.Coalescer(
            self._flush,
            max_rows=MAX_GROUPS,
            max_bytes=max_bytes,
            max_queue=MAX_QUEUE,
            size_of=_Group.size,
            clock=clock,
            observe=metrics.batches(name),
        )

    async def send(self, items: Sequence[T], *, deadline: float | None = None) -> list[R | errors.Fault]:
        """Return one answer per item, in order; without `deadline` each group has its most patient item's.

        A group that failed as a whole answers its fault for each of its items.
        """
        answers: list[R | errors.Fault] = []
        made = [
            _Group(part, sum(map(self._size_of, part)), self._latest(part, deadline))
            for part in groups(items, self._size_of, max_bytes=self._max_bytes)
        ]
        if len(made) == 1:
            return await self._send(made[0])
        for part in await asyncio.gather(*map(self._send, made)):
            answers += part
        return answers

    async def aclose(self) -> None:
        """Refuse new items and wait for the outcome of those accepted."""
        await self._coalescer.aclose()

    def _latest(self, items: list[T], deadline: float | None) -> float:
        return max(map(self._deadline_of, items)) if deadline is None else deadline

    async def _send(self, group: "_Group[T]") -> list[R | errors.Fault]:
        try:
            return await self._coalescer.submit(group, deadline=group.deadline)
        except errors.Fault as fault:
            return [fault] * len(group.items)

    async def _flush(self, waiting: list["_Group[T]"]) -> list[list[R | errors.Fault] | errors.Fault]:
        items = [item for group in waiting for item in group.items]
        answers = await self._exchange(items, max(group.deadline for group in waiting))
        if len(answers) != len(items):
            raise errors.Internal("exchange.mismatched", "The other side answered another number of items.")
        parts: list[list[R | errors.Fault] | errors.Fault] = []
        start = 0
        for group in waiting:
            parts.append(list(answers[start : start + len(group.items)]))
            start += len(group.items)
        return parts


class _Group[T]:
    """What one caller sends at once."""

    __slots__ = ("bytes", "deadline", "items")

    def __init__(self, items: list[T], size: int, deadline: float) -> None:
        self.items = items
        self.bytes = size
        self.deadline = deadline

    def size(self) -> int:
        return self.bytes


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
    """Write what `wire` returns into contexts that lie in their request already: nothing is copied then."""
    now = clock.monotonic()
    for place, (told, item) in enumerate(zip(empty, items, strict=True)):
        told.item_id = str(place)
        told.tenant = item.tenant
        told.subject = item.subject
        told.roles.extend(item.roles)
        told.branch = item.branch
        told.remaining_ms = max(0, int((item.deadline - now) * 1000) - deadlines.HOP_MARGIN_MS)
        told.traceparent = onward.get(item.traceparent, "") if item.traceparent else ""
        told.idempotency_key = item.idempotency_key
        told.request_id = item.request_id
