"""Whose group of a file is next: so many at work over all files, tenants in rotation, nobody refused.

A file waits where a single claim would be refused: its sender cannot send one line again.
"""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable

FEW = 1  # While somebody waits for single claims: each hop then holds one group before them, not several.


class Turns:
    """At most `most` turns are taken at once; who waits is served tenant by tenant, in order within each.

    While `crowded` says so, no more than `FEW` are taken.
    """

    def __init__(self, most: int, crowded: Callable[[], bool] = lambda: False) -> None:
        self._most, self._crowded = most, crowded
        self._taken = 0
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @contextlib.asynccontextmanager
    async def turn(self, tenant: str) -> AsyncIterator[None]:
        """Hold a turn for the block."""
        if self._free():
            self._taken += 1
        else:
            await self._wait(tenant)
        try:
            yield
        finally:
            self._taken -= 1
            self._give()

    def _free(self) -> bool:
        return self._taken < (min(FEW, self._most) if self._crowded() else self._most)

    async def _wait(self, tenant: str) -> None:
        given = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(given)
        try:
            await given
        except asyncio.CancelledError:
            if given.done() and not given.cancelled():  # given in the very turn of the loop that cancelled
                self._taken -= 1
                self._give()
            raise

    def _give(self) -> None:
        """Hand what is free to the tenants who waited longest since their last turn."""
        while self._waiting and self._free():
            tenant, line = self._waiting.popitem(last=False)
            given = line.popleft()
            if line:
                self._waiting[tenant] = line
            if not given.done():
                self._taken += 1
                given.set_result(None)
