"""Answers that wait for a reader: some in memory, the rest in an unnamed file, both bounded.

A caller may send a whole file before it reads the first answer. Were the answers to wait in memory alone, the
platform would have to stop reading, and both sides would wait for each other for ever.
"""

import asyncio
import tempfile
from collections import deque
from pathlib import Path
from typing import IO

MEMORY_BYTES = 1024 * 1024  # waits without touching a disk; a caller who reads along never fills it
PIECE_BYTES = 256 * 1024  # answers leave joined into pieces of this size, so that bulk costs few writes


class Spool:
    """A bounded queue of bytes between one writer and one reader.

    `put` waits when memory and file are full, so that the pressure then reaches the sender after all. The
    file is written and read from the event loop: pieces are small and go to the page cache.
    """

    def __init__(self, file_bytes: int, directory: Path | None = None) -> None:
        self._file_bytes, self._directory = file_bytes, directory
        self._memory: deque[bytes] = deque()
        self._held = 0
        self._file: IO[bytes] | None = None
        self._written, self._read = 0, 0
        self._closed = False
        self._changed = asyncio.Condition()

    async def put(self, data: bytes) -> None:
        """Add bytes at the end; waits while there is no room."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._fits(len(data)))
            if self._spilled() or self._held + len(data) > MEMORY_BYTES:
                self._spill(data)
            else:
                self._memory.append(data)
                self._held += len(data)
            self._changed.notify_all()

    async def close(self) -> None:
        """Say that nothing more comes."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    async def get(self) -> bytes:
        """Return what waits, at most about `PIECE_BYTES`; nothing when the spool is closed and empty."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._held or self._spilled() or self._closed)
            piece = self._from_memory() or self._from_file()
            self._changed.notify_all()
            return piece

    def discard(self) -> None:
        """Give the file back to the system."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _fits(self, size: int) -> bool:
        if not self._spilled() and (not self._held or self._held + size <= MEMORY_BYTES):
            return True
        return self._written + size <= self._file_bytes

    def _spilled(self) -> int:
        return self._written - self._read

    def _spill(self, data: bytes) -> None:
        if self._written + len(data) > self._file_bytes:  # larger than any room: it goes alone, from memory
            self._memory.append(data)
            self._held += len(data)
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0, dir=self._directory)  # noqa: SIM115 - lives as the spool does
        self._file.seek(self._written)
        self._file.write(data)
        self._written += len(data)

    def _from_memory(self) -> bytes:
        taken, size = [], 0
        while self._memory and size < PIECE_BYTES:
            taken.append(self._memory.popleft())
            size += len(taken[-1])
        self._held -= size
        return b"".join(taken)

    def _from_file(self) -> bytes:
        if self._file is None or not self._spilled():
            return b""
        self._file.seek(self._read)
        piece = self._file.read(PIECE_BYTES)
        self._read += len(piece)
        if not self._spilled():  # all read: begin again at the front, so that the bound is of what waits
            self._file.truncate(0)
            self._written = self._read = 0
        return piece
