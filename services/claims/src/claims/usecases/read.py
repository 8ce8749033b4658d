"""Read one claim: its content, masked by role, with an audit entry before anything is shown."""

from typing import Any

import msgspec

from chassis import contexts
from claims import ports
from claims.domain import documents, masking, roles

EVENT = "claim.read"


class Read:
    """Shows a recorded claim."""

    def __init__(self, archive: ports.Archive) -> None:
        self._archive = archive

    async def __call__(self, context: contexts.CallContext, identifier: str) -> bytes:
        """Return canonical JSON {id, claim, decision, status, received_at}.

        Raises Denied `role.not_allowed`, NotFound `claim.not_found`, and Unavailable when the read cannot be
        audited: content that nobody can account for is not shown.
        """
        roles.require(context.roles, "read")
        stored = await self._archive.claim(context, identifier)
        await self._archive.note_read(context, identifier, EVENT)
        return msgspec.json.encode(_document(stored, whole=roles.sees_patients(context.roles)))


def _document(stored: ports.Stored, *, whole: bool) -> dict[str, Any]:
    decision = documents.with_id(stored.decision, stored.id)
    return {
        "id": stored.id,
        "claim": msgspec.Raw(stored.claim if whole else documents.masked(stored.claim, masking.claim)),
        "decision": msgspec.Raw(decision if whole else documents.masked(decision, masking.decision)),
        "status": stored.status,
        "received_at": documents.instant(stored.received_at),
    }
