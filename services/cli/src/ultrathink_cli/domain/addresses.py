"""The doors of a platform on one machine."""

from dataclasses import dataclass

HTTP_PORT = 8080
GRPC_PORT = 50051


@dataclass(frozen=True, slots=True)
class Addresses:
    """Loopback ports: `http` and `grpc` are public names, the rest are the rooms' own.

    `streams` are the ports of claims, scoring and storage for batch streams; empty with --single.
    """

    http: int
    grpc: int
    scoring: int = 0
    storage: int = 0
    streams: tuple[int, ...] = ()

    @property
    def url(self) -> str:
        """Where a browser or a sender goes."""
        return f"http://127.0.0.1:{self.http}"

    @property
    def targets(self) -> dict[str, str]:
        """Addresses of gRPC doors by room; rooms without a port of their own are left out."""
        ports = {"claims": self.grpc, "scoring": self.scoring, "storage": self.storage}
        return {room: f"127.0.0.1:{port}" for room, port in ports.items() if port}

    @property
    def stream_targets(self) -> dict[str, str]:
        """Addresses of the rooms' doors for batch streams."""
        rooms = ("claims", "scoring", "storage")
        return {room: f"127.0.0.1:{port}" for room, port in zip(rooms, self.streams, strict=False)}
