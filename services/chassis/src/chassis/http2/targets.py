"""Where the copies of a service listen: names as a person writes them, and the addresses behind them."""

import asyncio
import socket
from collections.abc import Iterable
from typing import Final, NamedTuple

from chassis import errors
from chassis.http2 import connections

CONNECT_SECONDS: Final = (
    2.0  # Within a data centre a connection takes a millisecond; a lost packet one second.
)


class Address(NamedTuple):
    """One copy of a service."""

    authority: str
    path: str  # of a unix socket; empty for host and port
    host: str
    port: int

    async def connect(self, connection: connections.Connection) -> None:
        """Connect; raises OSError, also when it takes too long."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS):
            if self.path:
                await loop.create_unix_connection(lambda: connection, self.path)
            else:
                await loop.create_connection(lambda: connection, self.host, self.port)


class Target:
    """Where a service listens, as a person writes it."""

    def __init__(self, text: str) -> None:
        self._path = text.removeprefix("unix:") if text.startswith("unix:") else ""
        host, _, port = text.removeprefix("dns:///").rpartition(":")
        if not self._path and not (host and port.isascii() and port.isdigit()):
            raise errors.Invalid("target.malformed", "A target is host:port, dns:///host:port or unix:path.")
        self._host, self._port = host.strip("[]"), port

    async def addresses(self) -> list[Address]:
        """Return every copy behind the name; raises OSError for an unknown name."""
        if self._path:
            return [Address("localhost", self._path, "", 0)]
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, int(self._port), type=socket.SOCK_STREAM)
        authority = f"{self._host}:{self._port}"
        return [Address(authority, "", str(address[0]), int(address[1])) for *_, address in found]


async def addresses(targets: Iterable[Target]) -> list[Address]:
    """Return every copy behind names of which one at least is known; raises OSError when none is."""
    found: list[Address] = []
    failure: OSError | None = None
    for target in targets:
        try:
            found += await target.addresses()
        except OSError as cause:
            failure = cause
    if not found:
        raise failure or OSError("no address")
    return found
