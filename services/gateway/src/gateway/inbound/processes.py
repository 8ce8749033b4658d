"""The life of the gateway's process: serve until SIGTERM, drain, leave with an exit code."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Never, Protocol

import uvloop

from chassis import collecting, logs, telemetry

NAME = "gateway"

type Serve = Callable[[], AbstractAsyncContextManager[str]]


class Settings(Protocol):
    """What a process needs to know beside its work."""

    @property
    def log_level(self) -> str:
        """Least severity that is logged."""
        ...

    @property
    def trace_ratio(self) -> float:
        """Share of requests that are followed."""
        ...

    @property
    def http_address_file(self) -> Path | None:
        """File that receives the address."""
        ...


def run(serve: Serve, settings: Settings) -> Never:
    """Live and leave: exit code 0 after a drain, 1 when it could not start. `serve` yields host:port."""
    collecting.rest()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(_lived(serve, settings)))


async def _lived(serve: Serve, settings: Settings) -> int:
    with logs.configure(NAME, settings.log_level), telemetry.configure(NAME, settings):
        life = asyncio.create_task(_life(serve, settings))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, _end_once, life)
        try:
            await life
        except asyncio.CancelledError:
            logs.get("gateway.process").info("stopped", exit_code=0)
            return 0
        except Exception as cause:  # noqa: BLE001 - the last door: told as a log line and an exit code
            logs.get("gateway.process").error("failed", exit_code=1, exc_info=cause)
            return 1


async def _life(serve: Serve, settings: Settings) -> Never:
    async with serve() as address:
        if settings.http_address_file is not None:
            _publish(settings.http_address_file, address)
        collecting.settle()
        logs.get("gateway.process").info("serving", bind=address)
        await asyncio.get_running_loop().create_future()
    raise AssertionError  # a future nobody completes does not return


def _end_once(life: "asyncio.Task[Never]") -> None:
    """Cancel the life once: a second signal must not cut the drain short."""
    if not life.cancelling():
        life.cancel()


def _publish(file: Path, address: str) -> None:
    """Write the address whole or not at all: who waits for the file never reads half of it."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(address)
    draft.replace(file)
