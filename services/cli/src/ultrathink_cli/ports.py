"""What the verbs need of the world."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Protocol


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


class Shelf(Protocol):
    """Dated tables, told as plain documents."""

    def listed(self) -> list[dict[str, Any]]:
        """Return every table with its issues."""
        ...

    def entry(self, name: str, key: list[str], day: date) -> dict[str, Any]:
        """Return what a table says of a key on a day; raise NotFound `table.unknown`."""
        ...

    def add(self, file: Path, kind: str, issue: Mapping[str, Any], *, dry: bool) -> dict[str, Any]:
        """Make a customer's file an issue of a table; return {rows, folder}."""
        ...
