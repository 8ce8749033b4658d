"""An open loop: claims are sent at a rate, whatever comes back and whenever; and what the client costs.

Unlike the crowd of `load`, which waits for its answers, this one goes on. It speaks just enough HTTP/1.1 for
that over plain protocols, so that it does not take the processor from what is measured.
"""

import asyncio
import collections
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import load

CONNECTIONS = 4_000  # open at once at most: what cannot be sent is told as "unsent"
PAUSE = 0.002  # between two looks at what is due


@dataclass(slots=True)
class Told:
    """What became of an offer: statuses, latencies of what was accepted in seconds, the client's CPU time."""

    rate: float
    seconds: float
    offered: int = 0
    statuses: collections.Counter[str] = field(default_factory=collections.Counter)
    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    emptied: float = 0.0
    client: float = 0.0

    @property
    def good(self) -> load.Round:
        """What was accepted."""
        return load.Round(self.seconds, self.accepted)


class Offer:
    """Sends claims made from `templates` to one path at a rate."""

    def __init__(self, port: int, path: str, templates: list[bytes], token: str, prefix: str) -> None:
        self._port, self._head = port, load.head(port, path, token)
        self._templates = itertools.cycle(templates)
        self._ids: Iterator[int] = itertools.count(time.time_ns() % 1_000_000_000)
        self._prefix = prefix

    async def run(self, rate: float, seconds: float) -> Told:
        """Send `rate` claims a second for so long; return when all are answered."""
        crowd = _Connections(self._port, Told(rate, seconds))
        told, spent, began = crowd.told, time.process_time(), time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds:
            while told.offered < passed * rate:
                told.offered += 1
                crowd.send(self._request())
            await asyncio.sleep(PAUSE)
        ended = time.perf_counter()
        await crowd.answered()
        told.emptied = time.perf_counter() - ended
        told.client = time.process_time() - spent
        return told

    def _request(self) -> bytes:
        body = next(self._templates).replace(load.ID_MARK, f"{self._prefix}{next(self._ids)}".encode())
        return b"%s%d\r\n\r\n%s" % (self._head, len(body), body)


class _Connections:
    """Connections that are used again when their answer came, and opened when none is free."""

    def __init__(self, port: int, told: Told) -> None:
        self._port, self.told = port, told
        self._free: list[_Connection] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._busy = 0
        self._loop = asyncio.get_running_loop()

    def send(self, request: bytes) -> None:
        """Begin one request."""
        if self._busy >= CONNECTIONS:
            self.told.statuses["unsent"] += 1
            return
        self._busy += 1
        if self._free:
            self._free.pop().send(request, time.perf_counter())
        else:
            opening = self._loop.create_task(self._open(request, time.perf_counter()))
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)

    async def answered(self) -> None:
        """Return when every request has its answer, and let the connections go."""
        while self._busy:  # noqa: ASYNC110 - an event set for each answer would cost more
            await asyncio.sleep(PAUSE)
        for one in self._free:
            one.close()

    async def _open(self, request: bytes, began: float) -> None:
        try:
            _, made = await self._loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
        except OSError:
            self._busy -= 1
            self.told.statuses["unconnected"] += 1
        else:
            made.send(request, began)

    def ended(self, one: "_Connection", status: str, began: float) -> None:
        """Count an answer; the connection is free again unless it broke."""
        self._busy -= 1
        self.told.statuses[status] += 1
        if status in {"200", "201"}:
            self.told.accepted.append(time.perf_counter() - began)
        elif status == "429":
            self.told.refused.append(time.perf_counter() - began)
        if status != "broken":
            self._free.append(one)


class _Connection(asyncio.Protocol):
    """One connection with at most one request on its way."""

    def __init__(self, all_of_them: _Connections) -> None:
        self._all = all_of_them
        self._transport: asyncio.Transport
        self._asked = False
        self._began = 0.0
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what writes."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def send(self, request: bytes, began: float) -> None:
        """Send a request that is due since `began`."""
        self._asked, self._began, self._got = True, began, b""
        self._transport.write(request)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Look whether the answer is whole."""
        got = self._got = self._got + data if self._got else data
        end = got.find(b"\r\n\r\n")
        if end < 0:
            return
        at = got.index(b"content-length: ") + 16
        if len(got) - end - 4 >= int(got[at : got.index(b"\r", at)]):
            self._asked = False
            self._all.ended(self, got[9:12].decode(), self._began)

    def connection_lost(self, _: Exception | None) -> None:
        """Tell when an answer was still due."""
        if self._asked:
            self._asked = False
            self._all.ended(self, "broken", self._began)
