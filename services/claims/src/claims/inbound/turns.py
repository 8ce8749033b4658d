"""Whose group of a file is next: so many at work over all files, tenants in rotation, nobody refused.

A file waits where a single claim would be refused: its sender cannot send one line again.
"""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import AsyncIterator


class Turns:
    """At most `most` turns are taken at once; who waits is served tenant by tenant, in order within each."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @contextlib.asynccontextmanager
    async def turn(self, tenant: str) -> AsyncIterator[None]:
        """Hold a turn for the block."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(tenant)
        try:
            yield
        finally:
            self._give()

    async def _wait(self, tenant: str) -> None:
        given = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(given)
        try:
            await given
        except asyncio.CancelledError:
            if given.done() and not given.cancelled():  # given in the very turn of the loop that cancelled
                self._give()
            raise

    def _give(self) -> None:
        """Hand a turn to the tenant who waited longest since its last one, or keep it."""
        while self._waiting:
            tenant, line = self._waiting.popitem(last=False)
            given = line.popleft()
            if line:
                self._waiting[tenant] = line
            if not given.done():
                given.set_result(None)
                return
        self._free += 1
