"""Contexts as the other end of a hop reads them: what a service does with its own checks, without them."""

from chassis import clock as clocks
from chassis import contexts
from ultrathink.common.v1 import common_pb2


def context(wire: common_pb2.Context, clock: clocks.Clock) -> contexts.CallContext:
    """Return the context of a received item; its deadline is counted from now."""
    return contexts.CallContext(
        item_id=wire.item_id,
        tenant=wire.tenant,
        subject=wire.subject,
        roles=tuple(wire.roles),
        branch=wire.branch,
        deadline=clock.monotonic() + wire.remaining_ms / 1000,
        traceparent=wire.traceparent,
        idempotency_key=wire.idempotency_key,
        request_id=wire.request_id,
    )
