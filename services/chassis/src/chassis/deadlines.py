"""Deadlines: each hop gets a little less than its caller has, and work that cannot finish is not begun."""

from chassis import clock as clocks
from chassis import contexts, errors

HOP_MARGIN_MS = 20
"""Kept back per hop, so that the inner timeout fires first and is the one reported: a loopback or zone-local
hop takes one to five milliseconds, and a busy event loop may be late by about ten."""

TOO_SHORT = "deadline.too_short"


def left_for_hop(
    context: contexts.CallContext, clock: clocks.Clock, *, margin_ms: int = HOP_MARGIN_MS, least_ms: int = 1
) -> float:
    """Return the seconds the next hop may take for this item.

    Raises Unavailable `deadline.too_short` when fewer than `least_ms` milliseconds would be left for it.
    """
    left_ms = context.remaining_ms(clock) - margin_ms
    if left_ms < least_ms:
        raise errors.Unavailable(TOO_SHORT, "Too little time is left to finish this.")
    return left_ms / 1000
