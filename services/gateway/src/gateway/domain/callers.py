"""Who may do what: the roles of each action, in one table."""

import msgspec

from chassis import errors


class Caller(msgspec.Struct, frozen=True):
    """A verified identity; it comes from a token, never from a plain header."""

    tenant: str
    subject: str
    roles: tuple[str, ...]
    branch: str = ""


_SENDERS = frozenset({"biller", "manager", "integrator"})
_WATCHERS = _SENDERS | {"reviewer", "payer", "auditor", "operator"}

# claims asks again with rules of its own; this table only keeps out who has no business at a route at all.
ACTIONS: dict[str, frozenset[str]] = {
    "submit": _SENDERS,
    "check": _SENDERS | {"reviewer", "payer"},
    "read": _WATCHERS | {"scientist"},  # who may not see patients gets them masked by claims
    "decide": frozenset({"reviewer", "manager"}),
    "remit": _SENDERS | {"payer"},
    "watch": _WATCHERS,
}


def may(caller: Caller, action: str) -> bool:
    """Return whether one of the caller's roles may do `action`."""
    return not ACTIONS[action].isdisjoint(caller.roles)


def require(caller: Caller, action: str) -> None:
    """Raise Denied `role.missing` unless one of the caller's roles may do `action`."""
    if not may(caller, action):
        raise errors.Denied(
            "role.missing", f"This needs one of the roles: {', '.join(sorted(ACTIONS[action]))}."
        )
