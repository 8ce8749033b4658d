"""Who asks and how long it may take: the call context that travels with each item of a batch."""

import msgspec

from chassis import clock as clocks
from ultrathink.common.v1 import common_pb2


class CallContext(msgspec.Struct, frozen=True, kw_only=True):
    """Identity and limits of one item.

    `deadline` is in monotonic seconds of this process's clock; on the wire it is the milliseconds left.
    `tenant`, `subject`, `roles` and `branch` come from a verified token, never from a plain header.
    """

    item_id: str
    tenant: str
    subject: str
    roles: tuple[str, ...] = ()
    branch: str = ""
    deadline: float
    traceparent: str = ""
    idempotency_key: str = ""
    request_id: str = ""

    def remaining_ms(self, clock: clocks.Clock) -> int:
        """Return the whole milliseconds left, 0 when none are."""
        return max(0, int((self.deadline - clock.monotonic()) * 1000))


def to_wire(
    context: CallContext, clock: clocks.Clock, *, margin_ms: int, into: common_pb2.Context | None = None
) -> common_pb2.Context:
    """Return the context for the next hop, `margin_ms` shorter so that the inner timeout reports first.

    Written `into` a message that is empty so far, where there is one: that is half the cost of a new one.
    """
    wire = common_pb2.Context() if into is None else into
    wire.item_id, wire.tenant, wire.subject = context.item_id, context.tenant, context.subject
    wire.roles.extend(context.roles)
    wire.remaining_ms = max(0, context.remaining_ms(clock) - margin_ms)
    wire.request_id = context.request_id
    if context.branch:  # an empty text is what stands there: writing it would cost as much as another
        wire.branch = context.branch
    if context.traceparent:
        wire.traceparent = context.traceparent
    if context.idempotency_key:
        wire.idempotency_key = context.idempotency_key
    return wire
