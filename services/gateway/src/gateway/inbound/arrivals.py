"""What the envelope noted of a request before anything else looked at it."""

from collections.abc import Iterable

import msgspec
from starlette.types import Scope

from chassis import errors
from gateway.domain import headers as names

_ONCE = frozenset({"authorization", "content-type", "content-length", "idempotency-key", "content-encoding"})
_KEY = "arrival"


class Arrival(msgspec.Struct, frozen=True):
    """Headers by lower-case name (the last of a repeated one) and the id that every answer repeats."""

    headers: dict[str, str]
    request_id: str


def note(scope: Scope) -> Arrival:
    """Return the arrival of a request and keep it in its scope."""
    found = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    arrival = Arrival(found, names.request_id(found.get("x-request-id", "")))
    scope.setdefault("state", {})[_KEY] = arrival
    return arrival


def of(scope: Scope) -> Arrival:
    """Return what `note` kept."""
    arrival: Arrival = scope["state"][_KEY]
    return arrival


def refuse_repeated(raw: Iterable[tuple[bytes, bytes]]) -> None:
    """Raise Invalid `headers.malformed` when a header that decides something was sent twice."""
    seen: set[str] = set()
    for name, _ in raw:
        text = name.decode("latin-1")
        if text in seen and text in _ONCE:
            raise errors.Invalid("headers.malformed", f"The header {text} may be sent once.")
        seen.add(text)
