"""Free TCP ports on the loopback interface."""

import socket
from collections.abc import Collection


def free(count: int, *, besides: Collection[int] = ()) -> list[int]:
    """Return `count` different ports nobody listens on now, none of them in `besides`."""
    sockets = [socket.socket() for _ in range(count + len(besides))]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        ports = (int(one.getsockname()[1]) for one in sockets)
        return [port for port in ports if port not in besides][:count]
    finally:
        for one in sockets:
            one.close()


def taken(port: int) -> bool:
    """Return whether something listens on the loopback port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
