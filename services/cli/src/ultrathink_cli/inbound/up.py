"""up: the whole platform in the foreground."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated

import typer

from chassis import clock as clocks
from chassis import errors
from ultrathink_cli.compose import keys, rooms
from ultrathink_cli.domain import addresses, layout
from ultrathink_cli.inbound import console, options
from ultrathink_cli.outbound import gateway_client, loopback, run_file
from ultrathink_cli.usecases import supervise

READY_S = 60.0  # a first start makes the database; a machine that needs longer is broken
READY_POLL_S = 0.05


def up(
    port: options.Port = addresses.HTTP_PORT,
    grpc_port: options.GrpcPort = addresses.GRPC_PORT,
    data: options.Data = None,
    single: Annotated[bool, typer.Option("--single", help="everything in one process")] = False,
    auth: Annotated[
        str, typer.Option(help="dev: tokens of `ultrathink token`; oidc: ULTRATHINK_OIDC_ISSUER")
    ] = "dev",
) -> None:
    """Run the platform in the foreground until Ctrl-C; start again what dies."""
    with console.faults_shown():
        asyncio.run(_until_stopped(options.layout_of(data), port, grpc_port, single=single, auth=auth))


async def _until_stopped(files: layout.Layout, port: int, grpc_port: int, *, single: bool, auth: str) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with running(files, port, grpc_port, single=single, auth=auth, stopping=stopping) as url:
        if url:
            typer.echo(f"ready {url}")
            await stopping.wait()
            console.Voice().say("stopping")


@asynccontextmanager
async def running(
    files: layout.Layout, port: int, grpc_port: int, *, single: bool, auth: str, stopping: asyncio.Event
) -> AsyncIterator[str]:
    """Run the platform inside the block; yields its URL once it is ready, "" when stopped before.

    The database is made while the rooms that can do without it load what they need.
    """
    _refuse_conflicts(files, port, grpc_port, auth)
    signers = keys.prepare(files, auth)
    storage, scoring, *streams = loopback.free(5, besides=(port, grpc_port))
    aside = () if single else tuple(streams)
    doors = addresses.Addresses(port, grpc_port, scoring=scoring, storage=storage, streams=aside)
    settings = rooms.environments(files, signers, doors, auth)
    early = rooms.rooms_without_data(files, settings, single=single)
    supervisor = supervise.Supervisor(early, console.Voice(), clocks.SystemClock())
    with contextlib.ExitStack() as database:  # it ends after the rooms
        try:
            await supervisor.start()
            server = database.enter_context(rooms.embedded_database(files))
            await supervisor.start_beneath(rooms.rooms_with_data(files, server, settings, single=single))
            run_file.write(files.run_file, _told(doors, single=single, auth=auth))
            yield doors.url if await _ready(doors.url, stopping, lambda: str(files.logs)) else ""
        finally:
            await supervisor.stop()
            run_file.remove(files.run_file)


def _told(doors: addresses.Addresses, *, single: bool, auth: str) -> run_file.Running:
    return run_file.Running(
        pid=os.getpid(),
        mode="single" if single else "processes",
        http=doors.url,
        grpc=f"127.0.0.1:{doors.grpc}",
        targets=doors.targets,
        streams=doors.stream_targets,
        auth=auth,
        started_at=clocks.SystemClock().now().isoformat(),
    )


def _refuse_conflicts(files: layout.Layout, port: int, grpc_port: int, auth: str) -> None:
    if auth not in {"dev", "oidc"}:
        raise errors.Invalid("auth.unknown", f"--auth is dev or oidc, not {auth}")
    if auth == "oidc" and not os.environ.get("ULTRATHINK_OIDC_ISSUER"):
        raise errors.Invalid("issuer.missing", "--auth oidc needs the issuer's URL in ULTRATHINK_OIDC_ISSUER")
    if (other := run_file.read(files.run_file)) is not None:
        raise errors.Conflict(
            "platform.running", f"a platform runs on {files.data} already (pid {other.pid}, {other.http})"
        )
    if port == grpc_port:
        raise errors.Invalid("port.same", f"--port and --grpc-port are both {port}; choose two")
    for number, option in ((port, "--port"), (grpc_port, "--grpc-port")):
        if loopback.taken(number):
            raise errors.Conflict("port.taken", f"port {number} is in use; choose another with {option}")


async def _ready(url: str, stopping: asyncio.Event, logs: Callable[[], str]) -> bool:
    """Return True once the gateway is ready, False when stopped before; Unavailable after READY_S."""
    gateway = gateway_client.GatewayClient(url, "")
    ends = asyncio.get_running_loop().time() + READY_S
    while not await gateway.ready():
        if asyncio.get_running_loop().time() > ends:
            raise errors.Unavailable("platform.not_ready", f"not ready within {READY_S:.0f} s; see {logs()}")
        try:
            await asyncio.wait_for(stopping.wait(), READY_POLL_S)
        except TimeoutError:
            continue
        return False
    return True
