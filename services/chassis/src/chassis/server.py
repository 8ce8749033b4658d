"""The server of every service: bounded, kept alive, watched, and emptied before it goes.

`serving` opens the doors of a composed app; `run` is the life of a process: compose, serve until SIGTERM,
drain, close. Nothing here knows a method.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import NamedTuple, Never

import grpc
import uvloop
from google.protobuf.internal import api_implementation
from grpc_reflection.v1alpha import reflection

from chassis import (
    apps,
    channels,
    collecting,
    errors,
    healths,
    identity,
    interceptors,
    logs,
    metrics,
    telemetry,
)
from chassis import clock as clocks
from chassis import settings as configuration
from chassis import tokens as principals
from chassis.http2 import server as exchanges

CONNECTION_AGE_MS = 300_000
"""Clients reconnect every five minutes, so that copies added since then get their share (gRPC spreads it by
a tenth). Batch streams turn over by themselves before that."""

CONNECTION_GRACE_MS = 600_000
"""After its age a connection takes no new call; those in flight, an upload of a large file among them, have
ten minutes."""

MIN_PING_INTERVAL_MS = 10_000  # Who pings more often is cut off; ours ping every 30 s.

OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_send_message_length", channels.MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", channels.MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", channels.KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", channels.KEEPALIVE_TIMEOUT_MS),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", MIN_PING_INTERVAL_MS),
    ("grpc.max_connection_age_ms", CONNECTION_AGE_MS),
    ("grpc.max_connection_age_grace_ms", CONNECTION_GRACE_MS),
    ("grpc.so_reuseport", 0),  # a second process on the same port must fail, not share its calls
)


class Ports(NamedTuple):
    """Where a service listens: its gRPC server, and its door for batch streams and unary calls (0: none)."""

    grpc: int
    streams: int


type Compose = Callable[[], AbstractAsyncContextManager[apps.App]]


@asynccontextmanager
async def serving(
    app: apps.App,
    settings: configuration.ServiceSettings,
    *,
    verifier: identity.ServiceVerifier | None = None,
    tokens: principals.TokenVerifier | None = None,
    clock: clocks.Clock | None = None,
    health_seconds: float = healths.INTERVAL_SECONDS,
) -> AsyncIterator[Ports]:
    """Serve the app inside the block; yields the bound ports.

    Without `verifier` the one of `settings.service_keys_file` is used, without `tokens` the app's. At the
    end health says NOT_SERVING, new calls are refused, batch streams end after their last answer, and calls
    in flight have `settings.drain_seconds`. Raises Unavailable `server.bind_failed`, Invalid
    `key.unreadable`.
    """
    clock = clock or clocks.SystemClock()
    draining = asyncio.Event()
    services = verifier or identity.verifier(settings.service_keys_file, clock)
    gate = identity.Gate(app.callers, services, tokens or app.tokens)
    door = interceptors.Door(gate, clock=clock, draining=draining)
    server = grpc.aio.server(
        interceptors=(door,), options=OPTIONS, maximum_concurrent_rpcs=settings.max_concurrent_calls
    )
    health = healths.Health(app)
    _register(server, app, health)
    port = _bound(server, settings.grpc_bind)
    exchange = exchanges.Server(
        lambda target: _register(target, app, health), gate, clock, settings.max_concurrent_calls
    )
    async with health.followed(health_seconds):
        await server.start()
        streams = await exchange.start(settings.streams_bind) if settings.streams_bind else 0
        try:
            yield Ports(port, streams)
        finally:
            await health.leave()
            draining.set()
            seconds = settings.drain_seconds
            await asyncio.gather(exchange.stop(seconds), server.stop(seconds))


def _register(server: grpc.aio.Server, app: apps.App, health: healths.Health) -> None:
    app.register(server)
    health.register(server)
    names = (*app.service_names, "grpc.health.v1.Health", reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)


def _bound(server: grpc.aio.Server, address: str) -> int:
    try:
        return server.add_insecure_port(address)
    except RuntimeError as cause:
        raise errors.Unavailable("server.bind_failed", f"Cannot listen on {address}.") from cause


def run(compose: Compose, settings: configuration.ServiceSettings) -> None:
    """Live as a service process and leave it: exit code 0 after a drain, 1 when it could not start or broke.

    `compose` is entered inside the event loop (uvloop) and left after the drain. Writes nothing but logs.
    """
    collecting.rest()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(_lived(compose, settings)))


async def _lived(compose: Compose, settings: configuration.ServiceSettings) -> int:
    """Return the exit code of the process; its service is named like the package of its settings."""
    service = type(settings).__module__.partition(".")[0]
    with logs.configure(service, settings.log_level), telemetry.configure(service, settings):
        life = asyncio.get_running_loop().create_task(_life(compose, settings))
        _cancel_on_signal(life)
        try:
            await life
        except asyncio.CancelledError:
            logs.get("chassis.server").info("stopped", exit_code=0)
            return 0
        except Exception as error:  # noqa: BLE001 - the last door: told as a log line and an exit code
            logs.get("chassis.server").error("failed", exit_code=1, exc_info=error)
            return 1


async def _life(compose: Compose, settings: configuration.ServiceSettings) -> Never:
    """Compose and serve until cancelled; being cancelled unwinds whatever has been built by then."""
    require_fast_protobuf(api_implementation.Type())
    with metrics.listening(settings.metrics_bind):
        async with compose() as app, serving(app, settings) as ports:
            host = settings.grpc_bind.rpartition(":")[0]
            if settings.grpc_address_file is not None:
                _publish(settings.grpc_address_file, f"{host}:{ports.grpc}")
            collecting.settle()
            logs.get("chassis.server").info(
                "serving", bind=settings.grpc_bind, port=ports.grpc, streams=ports.streams
            )
            await asyncio.get_running_loop().create_future()
    raise AssertionError  # a future nobody completes does not return


def _cancel_on_signal(life: "asyncio.Task[Never]") -> None:
    """Cancel the task at the first SIGTERM or SIGINT; a second one must not cut the drain short."""
    signals = (signal.SIGTERM, signal.SIGINT)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for number in signals:
            loop.add_signal_handler(number, lambda: None)
        life.cancel()

    for number in signals:
        loop.add_signal_handler(number, stop)


def _publish(file: Path, address: str) -> None:
    """Write the address whole or not at all: who waits for the file never reads half of it."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(address)
    draft.replace(file)


def require_fast_protobuf(implementation: str) -> None:
    """Return when protobuf runs on upb; raises Internal `protobuf.slow` for the pure Python fallback.

    It is about twenty times slower, which would show as a puzzling loss of speed and as nothing else.
    """
    if implementation != "upb":
        raise errors.Internal("protobuf.slow", "The protobuf package has no compiled part on this machine.")
