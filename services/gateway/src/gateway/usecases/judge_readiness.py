"""Tells whether the gateway can serve: the truth of the room behind, asked once in a short while."""

import asyncio

from chassis import clock as clocks
from gateway import ports
from gateway.domain import exchanges

FRESH_SECONDS = (
    1.0  # probes come every few seconds from several places; one question answers those of a second
)

UNWELL_SECONDS = 0.1  # who waits for a start asks often, and should not wait for this memory

DRAINING = exchanges.State(ok=False, detail="draining")


class Readiness:
    """Remembers the neighbour's state for a short while; says no for good once draining began."""

    def __init__(self, neighbour: ports.Neighbour, clock: clocks.Clock) -> None:
        self._neighbour, self._clock = neighbour, clock
        self._asked_at = float("-inf")
        self._state = exchanges.State(ok=False, detail="not asked yet")
        self._asking = asyncio.Lock()
        self.draining = asyncio.Event()

    async def judge(self) -> exchanges.State:
        """Return whether a request would be served now, and why not."""
        if self.draining.is_set():
            return DRAINING
        return await self.neighbour()

    async def neighbour(self) -> exchanges.State:
        """Return what claims said of itself at most `FRESH_SECONDS` ago; a no is forgotten sooner."""
        async with self._asking:
            fresh = FRESH_SECONDS if self._state.ok else UNWELL_SECONDS
            if self._clock.monotonic() - self._asked_at >= fresh:
                self._state = await self._neighbour.state()
                self._asked_at = self._clock.monotonic()
            return self._state
