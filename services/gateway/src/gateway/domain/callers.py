"""Who may do what: the roles of each action, in one table."""

import msgspec

from chassis import errors


class Caller(msgspec.Struct, frozen=True):
    """A verified identity; it comes from a token, never from a plain header."""

    tenant: str
    subject: str
    roles: tuple[str, ...]
    branch: str = ""


_PEOPLE_OF_CLAIMS = frozenset({"biller", "reviewer", "manager", "payer", "integrator", "auditor"})
_SENDERS = frozenset({"biller", "manager", "payer", "integrator"})

# claims asks again with rules of its own; this table only keeps out who has no business at a route at all.
ACTIONS: dict[str, frozenset[str]] = {
    "submit": _SENDERS,
    "check": _SENDERS | {"reviewer"},
    "read": _PEOPLE_OF_CLAIMS,
    "explain": _PEOPLE_OF_CLAIMS | {"scientist"},
    "decide": frozenset({"reviewer", "manager"}),
    "watch": _PEOPLE_OF_CLAIMS,
}


def require(caller: Caller, action: str) -> None:
    """Raise Denied `role.missing` unless one of the caller's roles may do `action`."""
    if ACTIONS[action].isdisjoint(caller.roles):
        raise errors.Denied(
            "role.missing", f"This needs one of the roles: {', '.join(sorted(ACTIONS[action]))}."
        )
