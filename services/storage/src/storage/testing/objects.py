"""Twins of the object store, the bell and the upkeep."""

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator

from chassis import errors
from storage.domain import ids, records
from storage.testing import rows


class TwinObjects:
    """Implements ports.ObjectStore in memory; `most` bounds one object in bytes."""

    def __init__(self, most: int = 64 * 1024 * 1024) -> None:
        self._most = most
        self._objects: dict[bytes, bytes] = {}
        self._anchors: dict[int, bytes] = {}

    async def put(self, sha256: bytes, kind: str, chunks: AsyncIterator[bytes]) -> int:
        """Store an object."""
        if not re.fullmatch(r"[a-z][a-z0-9.-]{0,31}", kind):
            raise errors.Invalid("object.name", "An object is named by its sha256 and a short kind.")
        taken = bytearray()
        async for chunk in chunks:
            taken += chunk
            if len(taken) > self._most:
                raise errors.Invalid("object.too_large", f"An object holds at most {self._most} bytes.")
        if hashlib.sha256(taken).digest() != sha256:
            raise errors.Invalid("object.mismatch", "The bytes do not hash to the object's name.")
        self._objects[sha256] = bytes(taken)
        return len(taken)

    async def head(self, sha256: bytes) -> int:
        """Return an object's size."""
        if sha256 not in self._objects:
            raise errors.NotFound("object.unknown", "There is no such object.")
        return len(self._objects[sha256])

    async def get(self, sha256: bytes) -> AsyncIterator[bytes]:
        """Stream an object in pieces of 1 MiB."""
        size = await self.head(sha256)
        for start in range(0, size, 1024 * 1024):
            yield self._objects[sha256][start : start + 1024 * 1024]

    async def keep_anchor(self, at_ms: int, document: bytes) -> None:
        """Store an anchor."""
        self._anchors[at_ms] = document

    async def last_anchor(self) -> bytes | None:
        """Return the latest anchor."""
        return self._anchors[max(self._anchors)] if self._anchors else None


class TwinBell:
    """Implements ports.Bell within one event loop."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake everyone who waits now."""
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Return when rung or after `seconds`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), seconds)


class TwinUpkeep:
    """Implements ports.Upkeep in memory."""

    def __init__(self, state: rows.State) -> None:
        self._state = state

    async def forget_keys(self, tenant: str, before_ms: int) -> int:
        """Delete keys and history rows of older claims."""
        gone = [
            key
            for key, earlier in self._state.keys.items()
            if key[0] == tenant and ids.ms_of(earlier.id) < before_ms
        ]
        for key in gone:
            del self._state.keys[key]
        old = [row for row in self._state.of(tenant) if ids.ms_of(row.id) < before_ms]
        rows_gone = sum(len(row.history.key) for row in old)
        for row in old:
            row.history = records.History.empty()
        return len(gone) + rows_gone

    async def trim_events(self, tenant: str, before_ms: int) -> int:
        """Forget older events."""
        old = [pair for pair in self._state.events if pair[0] == tenant and pair[1].at_ms < before_ms]
        self._state.forget(old)
        return len(old)

    async def ready(self) -> str:
        """Memory is always ready."""
        return ""
