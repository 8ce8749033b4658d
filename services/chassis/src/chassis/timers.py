"""Timers as a port: who wakes a room up later; a running event loop is one, a test holds another."""

import asyncio
import math
from collections.abc import Callable, Iterable
from typing import Final, Protocol

SWEEP_SECONDS: Final = 0.01  # An alarm is at most this late, so that a storm of deadlines is swept together.


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


class Alarm:
    """One lazy timer for many deadlines: what ends in time costs one comparison for its own.

    It sleeps until the earliest deadline it was told of; `look` then tells whoever is late, given the time,
    and returns the deadlines that are left. Times are in seconds of `now`.
    """

    def __init__(
        self, look: Callable[[float], Iterable[float]], now: Callable[[], float], wakes: Timers | None
    ) -> None:
        self._look, self._now, self._wakes = look, now, wakes
        self._at = math.inf
        self._timer: Timer | None = None

    def watch(self, deadline: float) -> None:
        """Ring at this deadline, or before."""
        if deadline < self._at:
            self.stop()
            self._at = deadline
            delay = max(SWEEP_SECONDS, deadline - self._now())
            self._timer = running(self._wakes).call_later(delay, self._ring)

    def stop(self) -> None:
        """Watch nothing."""
        if self._timer is not None:
            self._timer.cancel()
        self._at, self._timer = math.inf, None

    def _ring(self) -> None:
        self.stop()
        self.watch(min(self._look(self._now()), default=math.inf))
