"""The headers a caller may choose, and what they must look like; pure functions of text."""

import re
import secrets

from chassis import errors

REQUEST_ID = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}"
)  # safe in logs, headers and URLs; long enough to search
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,200}")  # visible ASCII; 200 is the width of storage's column
TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
POSITION = re.compile(r"[\x21-\x7e]{0,200}")  # a change's position is opaque here, but bounded
QUALITY = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


class _Ids:
    """New request ids, drawn many at a time: asking the system for each costs more than all else about it."""

    def __init__(self) -> None:
        self._drawn: list[str] = []

    def next(self) -> str:
        """Return 128 random bits in hexadecimal."""
        if not self._drawn:
            many = secrets.token_hex(16 * 64)
            self._drawn = [many[at : at + 32] for at in range(0, len(many), 32)]
        return self._drawn.pop()


_IDS = _Ids()


def request_id(offered: str) -> str:
    """Return the caller's request id when it is well formed, else a new one of 128 random bits."""
    return offered if offered and REQUEST_ID.fullmatch(offered) else _IDS.next()


def idempotency_key(offered: str | None) -> str:
    """Return the key, empty when none was sent; Invalid `idempotency.key_malformed` when it cannot be one."""
    if offered is None:
        return ""
    if IDEMPOTENCY_KEY.fullmatch(offered):
        return offered
    raise errors.Invalid(
        "idempotency.key_malformed",
        "Idempotency-Key must be 1 to 200 visible ASCII characters.",
        violations=(
            errors.Violation("header.Idempotency-Key", "idempotency.key_malformed", "Not a usable key."),
        ),
    )


def traceparent(offered: str) -> str:
    """Return the W3C trace context when it is well formed, else nothing."""
    return offered if TRACEPARENT.fullmatch(offered) else ""


def event_position(offered: str) -> str:
    """Return the position a watch goes on from; Invalid `events.position_malformed` when it cannot be one."""
    if POSITION.fullmatch(offered):
        return offered
    raise errors.Invalid(
        "events.position_malformed", "Last-Event-ID is not a position this service gave out."
    )


def media_type(content_type: str, allowed: frozenset[str]) -> str:
    """Return the bare media type of a body, lower case.

    Raises Invalid `media_type.unsupported` for a type outside `allowed` or a charset other than UTF-8.
    """
    bare, _, parameters = content_type.partition(";")
    bare = bare.strip().lower()
    if bare not in allowed:
        raise errors.Invalid("media_type.unsupported", f"Send one of: {', '.join(sorted(allowed))}.")
    for parameter in parameters.split(";") if parameters else ():
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip().strip('"').lower() not in {"utf-8", "utf8"}:
            raise errors.Invalid("media_type.unsupported", "Send the body in UTF-8.")
    return bare


def preferred(accept: str, offers: tuple[str, ...]) -> str:
    """Return which of `offers` the Accept header asks for most, the first of them when it names none.

    A wildcard names none: it leaves the choice to us. Among equal qualities the caller's order decides.
    """
    best, chosen = 0.0, offers[0]
    for part in accept.split(","):
        name, _, parameters = part.partition(";")
        found = QUALITY.search(parameters.replace(" ", ""))
        quality = float(found.group(1)) if found else 1.0
        if name.strip().lower() in offers and quality > best:
            best, chosen = quality, name.strip().lower()
    return chosen
