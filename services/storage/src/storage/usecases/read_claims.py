"""Read whole claims of a tenant, oldest first; that they were read is recorded before they are given out."""

from collections.abc import AsyncIterator, Collection

from chassis import clock as clocks
from chassis import errors
from storage import ports
from storage.domain import queries, views
from storage.usecases import append

CLAIMS = (
    100  # of one part: one audit entry each; even claims of a thousand lines stay within tens of megabytes
)
EVENT = "claims.read"
READERS = frozenset({"auditor", "operator"})
AUDIT_SECONDS = 10.0  # for one entry to become durable


async def read_claims(
    question: queries.Walk,
    *,
    subject: str,
    roles: Collection[str],
    reader: ports.Reader,
    journal: append.Journal,
    clock: clocks.Clock,
) -> AsyncIterator[list[views.StoredClaim]]:
    """Yield the claims of a walk in parts; each part's audit entry names the part's last claim.

    Denied `role.not_allowed` for a caller who is neither auditor nor operator.
    """
    if READERS.isdisjoint(roles):
        raise errors.Denied(
            "role.not_allowed", "Only an auditor or operator may read all claims of a tenant."
        )
    while True:
        found = await reader.whole(question, CLAIMS)
        if not found:
            return
        last = found[-1].id
        await journal.append(
            tenant=question.tenant,
            subject=subject,
            event=EVENT,
            identifier=last,
            deadline=clock.monotonic() + AUDIT_SECONDS,
        )
        yield found
        question = queries.behind(question, last)
