"""The state of the room behind: its health service, or its own word when it lives in this process."""

from collections.abc import Awaitable, Callable

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis import apps, errors
from gateway.domain import exchanges

PATIENCE_SECONDS = (
    1.0  # a probe waits about as long; a room that is slower to answer this cannot serve claims
)


class GrpcNeighbour:
    """Asks claims' grpc.health.v1."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = health_pb2_grpc.HealthStub(channel)

    async def state(self) -> exchanges.State:
        """Return what claims says of itself; a silent room is `ok=False`."""
        try:
            told = await self._stub.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE_SECONDS)
        except errors.Fault as fault:
            return exchanges.State(ok=False, detail=f"claims: {fault.reason}")
        serving = told.status == health_pb2.HealthCheckResponse.SERVING
        return exchanges.State(ok=serving, detail="" if serving else "claims: not serving")


class LocalNeighbour:
    """Asks the room that was composed into this process."""

    def __init__(self, ready: Callable[[], Awaitable[apps.Readiness]]) -> None:
        self._ready = ready

    async def state(self) -> exchanges.State:
        """Return what claims says of itself."""
        told = await self._ready()
        return exchanges.State(ok=told.ok, detail=told.detail)
