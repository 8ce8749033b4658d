"""Is the process alive, can it serve, what does it measure, and what is known of the rooms behind."""

from datetime import datetime

import fastapi
import msgspec
from fastapi import Request
from starlette.responses import Response

from chassis import clock as clocks
from chassis import metrics
from gateway.domain import exchanges
from gateway.inbound import contracts
from gateway.usecases import judge_readiness

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
NO_STORE = {"cache-control": "no-store"}


class Room(msgspec.Struct, frozen=True):
    """One room: `state` is up, down or unknown, with the words it used itself."""

    state: str
    detail: str


class Health(msgspec.Struct, frozen=True):
    """What `GET /api/health` answers."""

    status: str
    version: str
    since: datetime
    at: datetime
    rooms: dict[str, Room]


class Probes:
    """The endpoints of whoever watches this process."""

    def __init__(self, readiness: judge_readiness.Readiness, clock: clocks.Clock, version: str) -> None:
        self._readiness, self._clock, self._version = readiness, clock, version
        self._since = clock.now()

    def add_to(self, routes: fastapi.FastAPI) -> None:
        """Add the routes."""
        for path, endpoint, name in (
            ("/healthz", self._healthz, "healthz"),
            ("/readyz", self._readyz, "readyz"),
            ("/metrics", self._metrics, "metrics"),
            ("/api/health", self._health, "health"),
        ):
            routes.add_api_route(path, endpoint, methods=["GET"], **contracts.operation(name))

    async def _healthz(self, _: Request) -> Response:
        return Response(b"ok\n", headers=NO_STORE, media_type="text/plain")

    async def _readyz(self, _: Request) -> Response:
        state = await self._readiness.judge()
        status = 200 if state.ok else 503
        return Response(f"{state.detail or 'ready'}\n", status, NO_STORE, "text/plain")

    async def _metrics(self, _: Request) -> Response:
        return Response(metrics.render(), headers=NO_STORE, media_type=PROMETHEUS)

    async def _health(self, _: Request) -> Response:
        """Answer 200 whatever the state: this is a report, the probe is /readyz."""
        claims = await self._readiness.neighbour()
        draining = self._readiness.draining.is_set()
        behind = Room("unknown", "seen only through claims")
        told = Health(
            status="ready" if claims.ok and not draining else "not ready",
            version=self._version,
            since=self._since,
            at=self._clock.now(),
            rooms={
                "gateway": Room("up", "draining" if draining else ""),
                "claims": Room("up" if claims.ok else "down", claims.detail),
                "scoring": behind,
                "storage": behind,
            },
        )
        return Response(msgspec.json.encode(told), headers=NO_STORE, media_type=exchanges.JSON)
