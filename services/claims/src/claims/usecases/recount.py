"""Recount a claim's history: its transitions and audit entries; no content of the claim is shown."""

import msgspec

from chassis import contexts
from claims import ports
from claims.domain import roles


class Recount:
    """Shows what happened to a recorded claim."""

    def __init__(self, archive: ports.Archive) -> None:
        self._archive = archive

    async def __call__(self, context: contexts.CallContext, identifier: str) -> bytes:
        """Return canonical JSON {id, transitions, audit}, oldest first; raise Denied or NotFound."""
        roles.require(context.roles, "read")
        history = await self._archive.history(context, identifier)
        return msgspec.json.encode(
            {"id": identifier, "transitions": history.transitions, "audit": history.audit}
        )
