"""A small TCP relay that stands between two rooms and can reset or stall what passes through it."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

from ultrathink_cli.outbound import loopback

PIECE = 64 * 1024
RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of no time: the kernel sends RST instead of FIN

type Upstream = Callable[[], str]


class Proxy:
    """Relays to whatever `upstream` names (host:port) when a connection comes; has a thread of its own."""

    def __init__(self, upstream: Upstream) -> None:
        (self.port,) = loopback.free(1)
        self._upstream = upstream
        self._loop: asyncio.AbstractEventLoop
        self._open: set[asyncio.StreamWriter] = set()
        self._flowing, self._ended = asyncio.Event(), asyncio.Event()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def address(self) -> str:
        """Where rooms reach the room behind."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return when it listens."""
        self._thread.start()
        self._listening.wait(10)

    def stop(self) -> None:
        """Close everything."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)

    def reset(self) -> None:
        """Reset every connection that is open now, on both of its sides."""
        self._loop.call_soon_threadsafe(self._reset)

    def stall(self) -> None:
        """Let nothing pass until `flow`."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def flow(self) -> None:
        """Let everything pass again."""
        self._loop.call_soon_threadsafe(self._flowing.set)

    def _reset(self) -> None:
        for writer in self._open:
            with contextlib.suppress(OSError):
                inner = writer.get_extra_info("socket")
                inner.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            writer.transport.abort()

    def _run(self) -> None:
        with asyncio.Runner() as runner:  # ends what is still relayed, and closes the loop
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._flowing.set()
        async with await asyncio.start_server(self._relay, "127.0.0.1", self.port):
            self._listening.set()
            await self._ended.wait()
            self._flowing.set()
            self._reset()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            host, _, port = self._upstream().rpartition(":")
            behind, onward = await asyncio.open_connection(host, int(port))
        except (OSError, ValueError, LookupError):
            writer.transport.abort()
            return
        self._open |= {writer, onward}
        try:
            await asyncio.gather(self._pump(reader, onward), self._pump(behind, writer))
        finally:
            self._open -= {writer, onward}

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(PIECE):
                await self._flowing.wait()
                target.write(piece)
                await target.drain()
        with contextlib.suppress(OSError):
            target.close()


@contextlib.contextmanager
def between(upstreams: dict[str, Upstream]) -> Iterator[dict[str, Proxy]]:
    """Run one proxy before each of these rooms."""
    made = {room: Proxy(upstream) for room, upstream in upstreams.items()}
    for proxy in made.values():
        proxy.start()
    try:
        yield made
    finally:
        for proxy in made.values():
            proxy.stop()
