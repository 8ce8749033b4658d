"""The health of a room as it says itself (grpc.health.v1)."""

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

PATIENCE_S = 2.0


async def state(target: str) -> str:
    """Return ready, not ready, or no answer."""
    async with grpc.aio.insecure_channel(target) as channel:
        try:
            answer = await health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=PATIENCE_S
            )
        except grpc.aio.AioRpcError:
            return "no answer"
    return "ready" if answer.status == health_pb2.HealthCheckResponse.SERVING else "not ready"
