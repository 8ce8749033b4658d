"""Decide a claim in review: a person's verdict, guarded by the life cycle and by the revision they saw."""

from typing import Literal

from chassis import clock as clocks
from chassis import contexts, errors
from claims import ports
from claims.domain import decisions, documents, lifecycle, roles
from formats import canonical

EVENT = "review.decided"
MAX_NOTE = 4_000  # characters: a few paragraphs

type Judgement = Literal["accept", "reject"]


class Decide:
    """Appends a reviewer's decision to a recorded claim."""

    def __init__(self, archive: ports.Archive, store: ports.Store, clock: clocks.Clock) -> None:
        self._archive, self._store, self._clock = archive, store, clock

    async def __call__(
        self, context: contexts.CallContext, identifier: str, verdict: Judgement, *, note: str, revision: int
    ) -> bytes:
        """Return the canonical JSON of the decision after the review.

        Raises Denied `role.not_allowed`, NotFound `claim.not_found`, Invalid `decision.note_too_long`,
        Conflict `claim.revision_changed` or `lifecycle.not_allowed`.
        """
        roles.require(context.roles, "decide")
        if len(note) > MAX_NOTE:
            raise errors.Invalid("decision.note_too_long", f"A note has at most {MAX_NOTE} characters.")
        stored = await self._archive.claim(context, identifier)
        if stored.revision != revision:
            raise errors.Conflict("claim.revision_changed", "The claim changed since it was read.")
        change = self._change(context, stored, verdict, note)
        await self._store.append(change)
        return documents.with_id(change.document, identifier)

    def _change(
        self, context: contexts.CallContext, stored: ports.Stored, verdict: Judgement, note: str
    ) -> ports.Change:
        event: lifecycle.Event = "review.decided.accept" if verdict == "accept" else "review.decided.reject"
        status = lifecycle.advance(stored.status, event)
        now = documents.instant(self._clock.now())
        document = documents.amend(
            stored.decision,
            revision=stored.revision + 1,
            verdict=verdict,
            status=status,
            review=decisions.Review(verdict=verdict, subject=context.subject, at=now),
            decided_at=now,
        )
        return ports.Change(
            context=context,
            id=stored.id,
            revision=stored.revision,
            event=EVENT,
            verdict=verdict,
            status=status,
            risk=documents.decode(stored.decision).risk,
            document=document,
            note=note,
            outcomes=_outcomes(stored, verdict, self._clock),
        )


def _outcomes(stored: ports.Stored, verdict: Judgement, clock: clocks.Clock) -> ports.Outcomes:
    """Return the verdict as the word on every line: a reviewer judges the claim as a whole."""
    outcome: Literal["approved", "denied"] = "approved" if verdict == "accept" else "denied"
    lines = canonical.decode(stored.claim).lines
    return ports.Outcomes(
        source="reviewer",
        at_ms=int(clock.now().timestamp() * 1000),
        lines=[decisions.LineOutcome(sequence=line.sequence, outcome=outcome) for line in lines],
    )
