"""A closed-loop crowd of HTTP callers, light enough not to be what is measured.

Each caller holds one connection and sends its next claim when the last is answered. The client speaks just
enough HTTP/1.1 for that; every system is measured with the same one.
"""

import asyncio
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

ID_MARK = b"@@CLAIM-ID@@"


@dataclass(slots=True)
class Round:
    """What one measured round gave: latencies in seconds, counts, and the seconds it took."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    failed: int = 0

    @property
    def per_second(self) -> float:
        """Claims answered well per second."""
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        """Return the latency in milliseconds below which `share` of the answers came."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else float("nan")


def head(port: int, path: str, token: str = "") -> bytes:
    """Return a request's head up to the number of its body's bytes."""
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"{authorization}Content-Length: "
    ).encode()


class Crowd:
    """Sends claims made from `templates` (bytes with ID_MARK for the claim's id) to one URL."""

    def __init__(
        self, port: int, path: str, templates: list[bytes], token: str = "", prefix: str = "B"
    ) -> None:
        self._port, self._head = port, head(port, path, token)
        self._templates = itertools.cycle(templates)
        self._ids: Iterator[int] = itertools.count(time.time_ns() % 1_000_000_000)
        self._prefix = prefix

    async def run(self, callers: int, seconds: float) -> Round:
        """Return what `callers` callers got in `seconds` seconds."""
        measured = Round(seconds)
        ends = time.perf_counter() + seconds
        await asyncio.gather(*(self._caller(ends, measured) for _ in range(callers)))
        return measured

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection to ask over."""
        return await asyncio.open_connection("127.0.0.1", self._port)

    async def ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        """Send the next claim; return the status of its answer."""
        body = next(self._templates).replace(ID_MARK, f"{self._prefix}{next(self._ids)}".encode())
        writer.write(b"%s%d\r\n\r\n%s" % (self._head, len(body), body))
        return await _answer(reader)

    async def _caller(self, ends: float, measured: Round) -> None:
        reader, writer = await self.connect()
        try:
            while (began := time.perf_counter()) < ends:
                status = await self.ask(reader, writer)
                if status in {200, 201}:
                    measured.latencies.append(time.perf_counter() - began)
                else:
                    measured.failed += 1
        finally:
            writer.close()


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    lowered = head.lower()
    at = lowered.find(b"content-length:")
    if at >= 0:
        await reader.readexactly(int(lowered[at + 15 : lowered.index(b"\r\n", at)]))
    else:
        while size := int((await reader.readline()).strip(), 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    return int(head[9:12])
