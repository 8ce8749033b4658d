"""Keep processes alive: start them, start again what dies, end them in order."""

import asyncio
from collections.abc import Sequence

from chassis import clock as clocks
from chassis import errors
from ultrathink_cli import ports
from ultrathink_cli.domain import backoff

GRACE_S = 12.0  # a little over the ten seconds a service may drain


class Supervisor:
    """Watches `children`, in the order they depend on each other (the first is stopped last)."""

    def __init__(self, children: Sequence[ports.Child], voice: ports.Voice, clock: clocks.Clock) -> None:
        self.children = tuple(children)
        self.restarts: dict[str, int] = {child.name: 0 for child in children}
        self._voice = voice
        self._clock = clock
        self._stopping = asyncio.Event()
        self._keepers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start every child and begin to watch it."""
        await self._start(self.children)

    async def start_beneath(self, children: Sequence[ports.Child]) -> None:
        """Start and watch what the others stand on, later than they; it is stopped after them."""
        self.children = (*children, *self.children)
        await self._start(children)

    async def stop(self) -> None:
        """End the children, last started first, each within its grace."""
        self._stopping.set()
        for child in reversed(self.children):
            await child.stop(GRACE_S)
        await asyncio.gather(*self._keepers)

    async def _start(self, children: Sequence[ports.Child]) -> None:
        for child in children:
            self.restarts[child.name] = 0
            await child.start()
            self._keepers.append(asyncio.create_task(self._keep(child), name=f"keep-{child.name}"))

    async def _keep(self, child: ports.Child) -> None:
        waits = backoff.Backoff()
        while True:
            started = self._clock.monotonic()
            status = await child.wait()
            if self._stopping.is_set():
                return
            delay = waits.after(self._clock.monotonic() - started)
            self._voice.say(f"{child.name} ended ({_told(status)}); starting it again in {delay:.1f} s")
            if await self._stopped_within(delay):
                return
            await self._start_again(child)

    async def _start_again(self, child: ports.Child) -> None:
        """Start it; one that cannot be started counts as dead at once, and the wait grows."""
        self.restarts[child.name] += 1
        try:
            await child.start()
        except errors.Fault as fault:
            self._voice.say(f"{child.name} cannot be started: {fault.message}")
        except OSError as error:
            self._voice.say(f"{child.name} cannot be started: {error.strerror}")
        if self._stopping.is_set():  # the shutdown passed by while it was being started
            await child.stop(GRACE_S)

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True


def _told(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
