"""Answers that wait for a client who sends before it reads: a few in memory, the rest in a bounded file.

The file has no name and goes with the process. It is written behind and read from the front, and begins anew
whenever it was read to its end. When it is full the writer waits, so reading of the client's file pauses; a
client that takes no answer for long is told so, because both sides would wait for each other for ever.
"""

import asyncio
import struct
import tempfile
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from chassis import errors

IN_MEMORY = (
    8  # Messages kept without a file, of some hundred answers each: what a client that reads is behind.
)
_LENGTH = struct.Struct("<I")


class Spool:
    """A queue of byte strings in order, from one writer to one reader; belongs to one event loop."""

    def __init__(self, *, max_bytes: int, stall_seconds: float, directory: Path | None = None) -> None:
        self._max_bytes, self._stall_seconds, self._directory = max_bytes, stall_seconds, directory
        self._memory: deque[bytes] = deque()
        self._file: IO[bytes] | None = None
        self._read_at = self._write_at = 0
        self._ended = False
        self._failure: BaseException | None = None
        self._changed = asyncio.Event()

    @property
    def spilled(self) -> int:
        """Bytes in the file that were not read yet."""
        return self._write_at - self._read_at

    async def put(self, entry: bytes) -> None:
        """Append an entry; wait while the file is full.

        Raises Exhausted `file.answers_not_read` when no entry was taken for `stall_seconds`.
        """
        if not self.spilled and len(self._memory) < IN_MEMORY:
            self._memory.append(entry)
        else:
            while self._write_at + len(entry) + _LENGTH.size > self._max_bytes and self.spilled:
                await self._taken()
            self._spill(entry)
        self._changed.set()

    def end(self, failure: BaseException | None = None) -> None:
        """Say that nothing follows; `failure` is raised at the reader after the last entry."""
        self._ended, self._failure = True, failure
        self._changed.set()

    async def entries(self) -> AsyncIterator[bytes]:
        """Yield entries in the order they were put, until the end."""
        while True:
            if self._memory:
                entry = self._memory.popleft()
            elif self.spilled:
                entry = self._unspill()
            elif self._ended:
                break
            else:
                self._changed.clear()
                await self._changed.wait()
                continue
            self._changed.set()
            yield entry
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Drop what is left, with its file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    async def _taken(self) -> None:
        before = self._read_at
        self._changed.clear()
        try:
            async with asyncio.timeout(self._stall_seconds):
                while self._read_at == before and self.spilled:
                    await self._changed.wait()
                    self._changed.clear()
        except TimeoutError as cause:
            raise errors.Exhausted(
                "file.answers_not_read", "Answers must be read while a file is sent."
            ) from cause

    def _spill(self, entry: bytes) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115 - closed with the spool
        if not self.spilled:
            self._read_at = self._write_at = 0
        self._file.seek(self._write_at)
        self._write_at += self._file.write(_LENGTH.pack(len(entry)) + entry)

    def _unspill(self) -> bytes:
        if self._file is None:
            raise errors.Internal("file.spool_closed", "The answers of this file were dropped.")
        self._file.seek(self._read_at)
        (size,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
        entry = self._file.read(size)
        self._read_at += _LENGTH.size + size
        return entry
