"""For tests of every room: a clock that obeys, a call context, and an app behind a real socket."""

import datetime as dt
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import msgspec

from chassis import apps, channels, contexts, identity, server, settings
from chassis import clock as clocks

START = dt.datetime(2026, 8, 1, 9, 0, tzinfo=dt.UTC)
"""When a manual clock begins; any fixed instant would do."""

HEALTH_SECONDS = 0.01
"""Readiness is asked again this often, so that a test of a change does not wait."""

DRAIN_SECONDS = 2.0
"""A test that leaves a call open ends no later."""


class ManualClock:
    """A clock that moves when told to."""

    def __init__(self, start: dt.datetime = START) -> None:
        self._now = start
        self._monotonic = 0.0

    def now(self) -> dt.datetime:
        """Return the instant it was moved to, aware, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds it was advanced since it was made."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let this much time pass."""
        self._now += dt.timedelta(seconds=seconds)
        self._monotonic += seconds


def context(**overrides: Any) -> contexts.CallContext:
    """Return the context of an ordinary item, fields overridden; a minute is left on a new manual clock."""
    ordinary = contexts.CallContext(
        item_id="item-1",
        tenant="demo",
        subject="user-1",
        roles=("biller",),
        deadline=60.0,
        request_id="request-1",
    )
    return msgspec.structs.replace(ordinary, **overrides)


@asynccontextmanager
async def serve(
    app: apps.App,
    *,
    caller: str | None = None,
    token: str | None = None,
    clock: clocks.Clock | None = None,
    config: settings.ServiceSettings | None = None,
    streams: bool = True,
) -> AsyncIterator[grpc.aio.Channel]:
    """Serve the app on a free loopback port and yield a real channel to it.

    The channel proves the service `caller` (when neither it nor `token` is given: some service that the
    app's table names), or the user of `token`. Batch streams go to the door of their own unless `streams`
    is false: then to the gRPC server.
    """
    clock = clock or clocks.SystemClock()
    config = config or settings.ServiceSettings(
        drain_seconds=DRAIN_SECONDS, streams_bind="127.0.0.1:0" if streams else ""
    )
    with tempfile.TemporaryDirectory() as directory:
        name = caller or _some_caller(app)
        keys = identity.create_keys(Path(directory), [name])
        proof = identity.Bearer(token) if token else identity.signer(name, keys.private[name], clock)
        verifier = identity.verifier(keys.public, clock)
    async with (
        server.serving(app, config, verifier=verifier, clock=clock, health_seconds=HEALTH_SECONDS) as ports,
        channels.open_channel(
            f"127.0.0.1:{ports.grpc}",
            signer=proof,
            streams=f"127.0.0.1:{ports.streams}" if ports.streams else "",
        ) as channel,
    ):
        yield channel


def _some_caller(app: apps.App) -> str:
    named = {name for names in app.callers.values() for name in names} - {identity.USER}
    return min(named, default="caller")
