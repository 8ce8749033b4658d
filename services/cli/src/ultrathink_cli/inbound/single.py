"""The whole platform in one process: `python -m ultrathink_cli.inbound.single`, started by `up --single`."""

import asyncio
import contextlib
import signal
import sys

import uvloop

from chassis import collecting, logs, settings, telemetry
from ultrathink_cli.compose import single

NAME = "platform"


async def _lived() -> int:
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    common = settings.ServiceSettings()
    with logs.configure(NAME, common.log_level), telemetry.configure(NAME, common):
        async with single.platform() as address:
            collecting.settle()
            logs.get(NAME).info("serving", bind=address)
            await ending.wait()
        logs.get(NAME).info("stopped", exit_code=0)
    return 0


def main() -> None:
    """Run until SIGTERM."""
    collecting.rest()
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(_lived()))


if __name__ == "__main__":
    main()
