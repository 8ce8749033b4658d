"""What the envelope noted of a request before anything else looked at it."""

import msgspec
from starlette.types import Scope

from chassis import errors
from gateway.domain import headers as names

_ONCE = frozenset({"authorization", "content-type", "content-length", "idempotency-key", "content-encoding"})
_KEY = "arrival"


class Arrival(msgspec.Struct, frozen=True):
    """Headers by lower-case name (the last of a repeated one), and the id that every answer repeats."""

    headers: dict[str, str]
    request_id: str
    repeated: bool


def note(scope: Scope) -> Arrival:
    """Return the arrival of a request and keep it in its scope."""
    found = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    arrival = Arrival(
        found, names.request_id(found.get("x-request-id", "")), len(found) < len(scope["headers"])
    )
    scope.setdefault("state", {})[_KEY] = arrival
    return arrival


def of(scope: Scope) -> Arrival:
    """Return what `note` kept."""
    arrival: Arrival = scope["state"][_KEY]
    return arrival


def refuse_repeated(scope: Scope) -> None:
    """Raise Invalid `headers.malformed` when a header that decides something was sent twice."""
    if not of(scope).repeated:
        return
    seen: set[str] = set()
    for name, _ in scope["headers"]:
        text = name.decode("latin-1")
        if text in seen and text in _ONCE:
            raise errors.Invalid("headers.malformed", f"The header {text} may be sent once.")
        seen.add(text)
