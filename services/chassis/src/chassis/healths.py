"""The health service of a server: what `App.ready` says, asked again and again, and nothing invented.

Before the first answer, when the answer fails or is late, and while draining, nothing is serving.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from chassis import apps, logs

INTERVAL_SECONDS = 1.0
"""A load balancer learns within a second what the service knows; asking costs a few microseconds."""

UNWELL_SECONDS = 0.1
"""Whoever waits for this service, at a start above all, should not wait for a timer."""

PATIENCE_SECONDS = 2.0
"""A service that cannot say for this long whether it is ready is not."""

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Health:
    """Follows one app; `""` (the whole server) and each of its service names have the same status."""

    def __init__(self, app: apps.App, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._app = app
        self._patience_seconds = patience_seconds
        self._servicer = health.aio.HealthServicer()
        self._names = ("", *app.service_names)
        self._last: apps.Readiness | None = None

    def register(self, server: grpc.aio.Server) -> None:
        """Put the health service on a server."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    @asynccontextmanager
    async def followed(self, interval_seconds: float) -> AsyncIterator[None]:
        """Keep the status true inside the block; its first answer is there when the block begins."""
        await self._tell(_NOT_SERVING)
        await self._ask()
        follower = asyncio.get_running_loop().create_task(self._follow(interval_seconds))
        try:
            yield
        finally:
            follower.cancel()
            await asyncio.gather(follower, return_exceptions=True)

    async def leave(self) -> None:
        """Say from now on that nothing is serving, whatever the app says."""
        await self._servicer.enter_graceful_shutdown()

    async def _follow(self, interval_seconds: float) -> None:
        while True:
            well = self._last is not None and self._last.ok
            await asyncio.sleep(interval_seconds if well else min(interval_seconds, UNWELL_SECONDS))
            await self._ask()

    async def _ask(self) -> None:
        readiness = await self.readiness()
        if readiness != self._last:
            self._last = readiness
            logs.get("chassis.health").info(
                "ready" if readiness.ok else "not ready", service=self._app.name, reason=readiness.detail
            )
        await self._tell(_SERVING if readiness.ok else _NOT_SERVING)

    async def readiness(self) -> apps.Readiness:
        """Return what the app says; that it is not ready when it fails to say so in time."""
        try:
            async with asyncio.timeout(self._patience_seconds):
                return await self._app.ready()
        except Exception as error:  # noqa: BLE001 - whatever it is, the service could not say that it is ready
            if self._last is None or self._last.ok:
                logs.get("chassis.health").error("readiness failed", service=self._app.name, exc_info=error)
            return apps.Readiness(ok=False, detail="readiness.failed")

    async def _tell(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for name in self._names:
            await self._servicer.set(name, status)
