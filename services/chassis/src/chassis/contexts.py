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


def to_wire(context: CallContext, clock: clocks.Clock, *, margin_ms: int) -> common_pb2.Context:
    """Return the context for the next hop, `margin_ms` shorter so that the inner timeout reports first."""
    return common_pb2.Context(
        item_id=context.item_id,
        tenant=context.tenant,
        subject=context.subject,
        roles=context.roles,
        branch=context.branch,
        remaining_ms=max(0, context.remaining_ms(clock) - margin_ms),
        traceparent=context.traceparent,
        idempotency_key=context.idempotency_key,
        request_id=context.request_id,
    )
