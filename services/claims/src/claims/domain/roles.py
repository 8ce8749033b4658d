"""Who may do what: one table of permissions by role; knows no token and no transport."""

from collections.abc import Collection
from typing import Literal

from chassis import errors

type Permission = Literal["submit", "check", "decide", "remit", "read", "watch"]

_ALLOWED: dict[Permission, frozenset[str]] = {
    "submit": frozenset({"biller", "integrator", "manager"}),
    "check": frozenset({"biller", "integrator", "manager", "reviewer", "payer"}),
    "decide": frozenset({"reviewer", "manager"}),
    "remit": frozenset({"biller", "integrator", "manager", "payer"}),
    "read": frozenset(
        {"biller", "reviewer", "manager", "payer", "integrator", "auditor", "operator", "scientist"}
    ),
    "watch": frozenset({"biller", "reviewer", "manager", "payer", "integrator", "auditor", "operator"}),
}
_SEES_PATIENTS = frozenset({"biller", "reviewer", "manager", "payer", "integrator", "auditor"})


def require(roles: Collection[str], permission: Permission) -> None:
    """Return when one of `roles` carries `permission`; raise Denied `role.not_allowed` otherwise."""
    if _ALLOWED[permission].isdisjoint(roles):
        raise errors.Denied("role.not_allowed", f"None of the caller's roles may {permission} claims.")


def sees_patients(roles: Collection[str]) -> bool:
    """Whether the patient's identity is shown to a caller with these roles; unknown roles see it masked."""
    return not _SEES_PATIENTS.isdisjoint(roles)
