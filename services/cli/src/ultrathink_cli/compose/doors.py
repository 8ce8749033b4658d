"""Ways into the rooms of a data directory, whether its platform runs or not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import grpc

from chassis import channels, errors, identity, local
from chassis import clock as clocks
from ultrathink_cli.domain import layout
from ultrathink_cli.outbound import run_file

if TYPE_CHECKING:
    from storage.outbound import registry

CALLER = "cli"  # how the command line signs its calls


@asynccontextmanager
async def storage(files: layout.Layout) -> AsyncIterator[grpc.aio.Channel]:
    """Yield a channel to the storage of a data directory, whether its platform runs or not."""
    running = run_file.read(files.run_file)
    if running is not None:
        async with _calling(running.targets["storage"], files) as channel:
            yield channel
        return
    from storage import compose as keeping  # noqa: PLC0415 - see the package

    async with keeping.open_stopped(files.data) as app:
        yield local.LocalChannel(app, caller=CALLER)


@asynccontextmanager
async def scoring(files: layout.Layout) -> AsyncIterator[grpc.aio.Channel]:
    """Yield a channel to the scoring room of a running platform; NotFound when none runs."""
    running = run_file.read(files.run_file)
    if running is None:
        raise errors.NotFound(
            "platform.not_running", f"no platform runs on {files.data}; start `ultrathink up` there"
        )
    async with _calling(running.targets["scoring"], files) as channel:
        yield channel


@asynccontextmanager
async def _calling(target: str, files: layout.Layout) -> AsyncIterator[grpc.aio.Channel]:
    signer = identity.signer(CALLER, files.keys / f"{CALLER}.pem", clocks.SystemClock())
    channel = channels.open_channel(target, signer=signer)
    try:
        yield channel
    finally:
        await channel.close()


@asynccontextmanager
async def tenants(files: layout.Layout) -> "AsyncIterator[registry.Registry]":
    """Yield the tenants of a platform, whether it runs or not, for the owner of its database."""
    from storage import compose as keeping  # noqa: PLC0415 - see the package

    async with keeping.tenants(files.data) as found:
        yield found
