"""Error kinds: what went wrong in terms every room shares; no transport status is known here.

A Fault carries a kind (its class), a stable machine-readable reason, a message for a person that holds no
person's data, and the violations found. Foreign exceptions are translated into a Fault at the single door
where they enter a room, chaining the cause; the text of a cause never leaves the service.
"""

from typing import ClassVar

import msgspec


class Violation(msgspec.Struct, frozen=True):
    """One thing wrong with what was sent: `path` in the sender's document, stable `code`, `message`."""

    path: str
    code: str
    message: str


class Fault(Exception):  # noqa: N818 - a Fault is refused work, named as the field names it, not a Python error
    """Base of the seven kinds; raise one of its subclasses."""

    kind: ClassVar[str] = "internal"

    def __init__(
        self, reason: str, message: str, *, violations: tuple[Violation, ...] = (), retry_after_ms: int = 0
    ) -> None:
        super().__init__(f"{self.kind}: {reason}: {message}")
        self.reason = reason
        self.message = message
        self.violations = violations
        self.retry_after_ms = retry_after_ms


class Invalid(Fault):
    """What was sent cannot be right, now or later."""

    kind = "invalid"


class NotFound(Fault):
    """What was named does not exist for this caller."""

    kind = "not_found"


class Conflict(Fault):
    """It contradicts what is already there."""

    kind = "conflict"


class Denied(Fault):
    """The caller is not known, or known and not allowed."""

    kind = "denied"


class Exhausted(Fault):
    """Too much at once; `retry_after_ms` says when to come back."""

    kind = "exhausted"


class Unavailable(Fault):
    """A room this one needs does not answer, or not within the deadline."""

    kind = "unavailable"


class Internal(Fault):
    """Our defect; the cause is in the log, never in the answer."""

    kind = "internal"


KINDS: dict[str, type[Fault]] = {
    fault.kind: fault for fault in (Invalid, NotFound, Conflict, Denied, Exhausted, Unavailable, Internal)
}
