"""Lets a caller in: who it is, and whether it may do what it asks."""

from collections.abc import Mapping

from gateway import ports
from gateway.domain import callers


async def admit(
    headers: Mapping[str, str], action: str, *, authenticator: ports.Authenticator
) -> callers.Caller:
    """Return the verified caller of a request that wants `action`.

    Raises Denied (`token.…` when it is not known who calls, `role.missing` when it is known and not
    allowed), Unavailable when the token cannot be verified now.
    """
    caller = await authenticator.authenticate(headers)
    callers.require(caller, action)
    return caller
