"""Timers as a port: who wakes a room up later; a running event loop is one, a test holds another."""

import asyncio
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """One call that has not happened yet."""

    def cancel(self) -> None:
        """Take the call back; harmless when it already happened."""
        ...


class Timers(Protocol):
    """What a room may ask of an event loop's timers; every asyncio loop fits."""

    def call_later(self, delay: float, callback: Callable[..., object], /, *args: object) -> Timer:
        """Call `callback(*args)` once, `delay` seconds from now."""
        ...


def running(timers: Timers | None) -> Timers:
    """Return the timers given, or those of the running event loop."""
    return asyncio.get_running_loop() if timers is None else timers
