"""A service process of the plumbing alone: `python -m chassis_process`, settings from the environment."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import chassis_support as support
from chassis import apps, server, settings, streams


class Slow(support.Echo):
    """Answers `hold` when the process has begun to drain, so that a test sees a call survive it."""

    async def unary(self, request: object, context: object) -> object:
        """Answer one word, after the drain began when it is `hold`."""
        if getattr(request, "value", "") == "hold":
            print("holding", flush=True)  # noqa: T201 - the test waits for this line
            draining = streams.draining.get()
            assert draining is not None
            await draining.wait()
            return support.Word(value="HELD")
        return await super().unary(request, context)


@asynccontextmanager
async def compose() -> AsyncIterator[apps.App]:
    """Yield the app, slowly or not at all when the environment asks for it."""
    if os.environ.get("COMPOSE") == "hangs":
        print("composing", flush=True)  # noqa: T201 - the test waits for this line
        await asyncio.Event().wait()
    if os.environ.get("COMPOSE") == "fails":
        raise RuntimeError("secret")
    try:
        yield support.app(Slow())
    finally:
        sys.stdout.write("closed\n")


if __name__ == "__main__":
    server.run(compose, settings.ServiceSettings())
