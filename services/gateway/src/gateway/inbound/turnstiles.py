"""Where single claims are let in, tenants in shares: as many as are answered in time, and no more."""

import contextlib
from collections.abc import Iterator

from chassis import clock as clocks
from chassis import errors, outcomes, telemetry
from gateway.domain import paces, shares
from gateway.inbound import limits

FEWEST = 80  # claims under way, below which batches get so small that refusing costs more than waiting
FIRST = 256  # until the first look at a crowd: what a machine of two cores answers in a fifth of a second
BUSY = errors.Exhausted(
    "gateway.busy", "More claims are being sent than can be answered in time.", retry_after_ms=1000
)


class Turnstile:
    """Counts the claims under way, each until its answer; files have bounds of their own."""

    def __init__(self, clock: clocks.Clock, bounds: limits.Limits) -> None:
        self._now = clock.monotonic
        most = bounds.requests
        pace = paces.Bounds(bounds.claim_seconds, min(FEWEST, most), most, min(FIRST, most))
        self._pace = paces.Pace(pace)
        self._shares = shares.Shares(pace.first)
        self._gauge = telemetry.gauge("claims_at_once", "Single claims that one tenant may have under way.")
        self._gauge.set(pace.first)

    def enter(self, tenant: str) -> bool:
        """Let a claim of this tenant in and return True, or return False: it is one too many."""
        if self._shares.take(tenant):
            return True
        if not self._pace.refused(self._now()):
            return False
        self._shares.lend(self._pace.limit)
        self._gauge.set(self._pace.limit)
        return self._shares.take(tenant)

    def apart(self, tenant: str) -> bool:
        """Return whether a claim that was let in goes apart from those of others, who have many."""
        return self._shares.crowded(tenant)

    def leave(self, tenant: str, *, answered: bool) -> None:
        """Count a claim out; `answered` unless it failed for no reason of its own."""
        self._shares.give(tenant)
        if answered:
            self._pace.answered()

    @contextlib.contextmanager
    def inside(self, tenant: str) -> Iterator[bool]:
        """Have a claim under way inside the block, apart if it yields so; raises Exhausted `gateway.busy`."""
        if not self.enter(tenant):
            raise outcomes.again(BUSY)
        answered = False
        try:
            yield self.apart(tenant)
            answered = True
        except errors.Fault as fault:
            answered = tells(fault)
            raise
        finally:
            self.leave(tenant, answered=answered)


def tells(fault: errors.Fault) -> bool:
    """Return whether a Fault is about the claim, so that answering it took what any answer takes."""
    return not isinstance(fault, errors.Unavailable | errors.Exhausted | errors.Internal)
