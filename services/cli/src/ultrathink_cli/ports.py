"""What the verbs need of the world."""

from typing import Protocol


class Child(Protocol):
    """A process kept alive by the supervisor."""

    name: str

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        ...

    async def start(self) -> None:
        """Start it; return when the process exists, not when it is ready."""
        ...

    async def wait(self) -> int:
        """Return its exit status once it has ended."""
        ...

    async def stop(self, grace_s: float) -> None:
        """Ask it to end, then insist after `grace_s` seconds."""
        ...


class Voice(Protocol):
    """How the platform speaks to the person who started it."""

    def say(self, message: str) -> None:
        """Show one line."""
        ...
