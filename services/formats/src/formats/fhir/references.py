"""References: finding the resource one resource points to, inside the message only.

Room: formats.fhir. Nothing is fetched: a reference resolves to an entry of the bundle (by full URL, by type
and id, by a conditional `Type?identifier=` or by a logical identifier) or to a contained resource, or not at
all.
"""

from collections.abc import Callable
from typing import Any

from formats.fhir import codes, cursors


class Index:
    """The resources of one message by every name a reference may use."""

    def __init__(self) -> None:
        self._by_name: dict[str, tuple[dict[str, Any], str]] = {}
        self._by_identifier: dict[tuple[str, str], tuple[dict[str, Any], str]] = {}

    def add(
        self, resource: dict[str, Any], path: str, *, full_url: str | None = None, prefix: str = ""
    ) -> None:
        """Make a resource findable; `prefix` is `#` for contained ones."""
        found = (resource, path)
        identity, kind = resource.get("id"), resource.get("resourceType")
        if isinstance(full_url, str):
            self._by_name.setdefault(full_url, found)
        if isinstance(identity, str):
            name = f"#{identity}" if prefix else f"{kind}/{identity}"
            self._by_name.setdefault(name, found)
        identifiers = resource.get("identifier")
        for entry in identifiers if isinstance(identifiers, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("value"), str):
                self._by_identifier.setdefault((str(entry.get("system") or ""), entry["value"]), found)

    def find(self, reference: str) -> tuple[dict[str, Any], str] | None:
        """Return the resource a reference text names, and its path."""
        plain = reference.split("/_history/", 1)[0]
        if "?identifier=" in plain:
            system, _, value = plain.split("?identifier=", 1)[1].rpartition("|")
            return self._by_identifier.get((system, value))
        if plain in self._by_name or plain.startswith(("#", "urn:")):
            return self._by_name.get(plain)
        return self._by_name.get("/".join(plain.rsplit("/", 2)[-2:]))

    def identified(self, system: str | None, value: str) -> tuple[dict[str, Any], str] | None:
        """Return the resource that carries a business identifier, and its path."""
        return self._by_identifier.get((system or "", value))


class Reading:
    """The state of reading one claim: its sink, the index of its message, and resources already read."""

    def __init__(self, sink: cursors.Sink, index: Index, contained: Index) -> None:
        self.sink = sink
        self.index = index
        self.contained = contained
        self.currencies: dict[str, str] = {}
        self.unresolved: dict[str, None] = {}  # elements, in order, whose reference leads to nothing
        self._read: dict[tuple[int, str], Any] = {}

    def once[T](self, resource: dict[str, Any], path: str, read: Callable[[cursors.Cursor], T]) -> T:
        """Return what a reader makes of a resource, reading it only the first time it is referred to."""
        key = (id(resource), read.__name__)
        element = str(resource.get("resourceType"))
        if key not in self._read:
            self._read[key] = read(cursors.Cursor(resource, path, self.sink, element=element))
        found: T = self._read[key]
        return found


class Target:
    """What a reference said: the resource if it is there, the identifier and the text in any case."""

    def __init__(self, reading: Reading, cursor: cursors.Cursor) -> None:
        self.reference = cursor.text("reference")
        self.display = cursor.text("display")
        cursor.take("type")
        identity = cursor.child("identifier")
        self.identifier = codes.identifier(identity) if identity else None
        self.found = self._find(reading)
        if self.found is None and self.reference:
            reading.unresolved[cursor.element] = None
            reading.sink.note(f"reference not in the message: {cursor.element}")

    def _find(self, reading: Reading) -> tuple[dict[str, Any], str] | None:
        if self.reference:
            index = reading.contained if self.reference.startswith("#") else reading.index
            return index.find(self.reference)
        if self.identifier:
            return reading.index.identified(self.identifier.system, self.identifier.value)
        return None

    def is_a(self, kind: str) -> bool:
        """Tell whether the resource is there and of a type."""
        return self.found is not None and self.found[0].get("resourceType") == kind

    @property
    def name(self) -> str | None:
        """The shortest text that names the target: its identifier, its reference, its display."""
        return self.identifier.value if self.identifier else self.reference or self.display


def target(reading: Reading, parent: cursors.Cursor, name: str) -> Target | None:
    """Return the target of a reference member; None where absent."""
    cursor = parent.child(name)
    return Target(reading, cursor) if cursor else None


def targets(reading: Reading, parent: cursors.Cursor, name: str) -> list[Target]:
    """Return the targets of a list of references."""
    return [Target(reading, cursor) for cursor in parent.children(name)]
