"""Watch a tenant's claims: changes as they are recorded; no patient's data is in them."""

from collections.abc import AsyncIterator

from chassis import contexts, errors
from claims import ports
from claims.domain import roles

MAX_POSITION = 512


class Watch:
    """Follows recorded changes."""

    def __init__(self, archive: ports.Archive) -> None:
        self._archive = archive

    def __call__(self, context: contexts.CallContext, after: str) -> AsyncIterator[ports.Event]:
        """Return the changes after a position, at least once each, in order per claim.

        Raises Denied `role.not_allowed` and Invalid `watch.position` before the first change.
        """
        roles.require(context.roles, "watch")
        if len(after) > MAX_POSITION:
            raise errors.Invalid("watch.position", "This is no position of ours.")
        return self._archive.watch(context, after)
