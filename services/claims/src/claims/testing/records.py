"""The system of record in memory: Store and Archive at once, with the promises of storage."""

import asyncio
import collections
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from chassis import clock as clocks
from chassis import contexts, errors
from claims import ports
from claims.domain import documents, histories, identities
from formats import canonical, hashing


class _Entry:
    """One recorded claim with all its revisions."""

    def __init__(self, tenant: str, identifier: str, item: ports.Submission, at: str) -> None:
        self.tenant, self.id, self.item, self.at = tenant, identifier, item, at
        self.original = self.document = item.document
        self.claim_json = canonical.encode(item.claim)
        self.revision = 1
        self.verdict = item.decision.verdict
        self.status = item.decision.status
        self.risk = item.decision.risk
        self.said: dict[str, ports.Outcomes] = {}
        self.transitions = [self.transition("claim.recorded", item.context.subject)]

    @property
    def stands(self) -> bool:
        """Whether the claim asks for something still."""
        return self.status.wire != "refused" and self.status.business != "cancelled"

    @property
    def denied(self) -> bool:
        """Whether payer or reviewer said no."""
        reviewed = self.status.review == "decided" and self.verdict == "reject"
        return reviewed or self.status.business == "rejected"

    def transition(self, event: str, subject: str) -> dict[str, Any]:
        """Return what happened now, as a history shows it."""
        return {
            "revision": self.revision,
            "event": event,
            "status": self.status,
            "subject": subject,
            "at": self.at,
            "verdict": self.verdict,
            "score_state": self.risk.state,
        }


class MemoryStore:
    """The system of record in a process: Store and Archive at once, true to key, content and revision."""

    def __init__(self, clock: clocks.Clock) -> None:
        self._clock = clock
        self._numbers = itertools.count(1)
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._keys: dict[tuple[str, str], _Entry] = {}
        self._left: dict[tuple[str, bytes], list[tuple[_Entry, histories.Left]]] = {}
        self._counts: collections.Counter[tuple[str, str]] = collections.Counter()
        self._events: list[tuple[str, ports.Event]] = []
        self._changed = asyncio.Condition()
        self.audit: list[dict[str, Any]] = []
        self.fault: errors.Fault | None = None

    def lay_out(self, drafts: Sequence[ports.Draft]) -> None:
        """Do nothing: there is nothing to make ready."""
        del drafts

    async def record(
        self, submissions: Sequence[ports.Submission]
    ) -> Sequence[ports.Recorded | errors.Fault]:
        """Record each once; repeat the original for the same key and content, refuse other content."""
        self._present()
        made = [self._record(item) for item in submissions]
        await self._tell()
        return made

    async def lookup(
        self, questions: Sequence[tuple[contexts.CallContext, histories.Question]], *, deadline: float
    ) -> Sequence[histories.Known | errors.Fault]:
        """Return what recorded lines of the tenant's other claims say, and counts."""
        del deadline
        self._present()
        return [self._known(context.tenant, question) for context, question in questions]

    async def append(self, change: ports.Change) -> int:
        """Append a revision; Conflict `claim.revision_changed` when another one came first."""
        self._present()
        entry = self._entry(change.context, change.id)
        if entry.revision != change.revision:
            raise errors.Conflict("claim.revision_changed", "The claim changed since it was read.")
        entry.revision += 1
        entry.document, entry.verdict = change.document, change.verdict
        entry.status, entry.risk = change.status, change.risk
        if change.outcomes is not None:
            entry.said[change.outcomes.source] = change.outcomes
        entry.transitions.append(entry.transition(change.event, change.context.subject))
        self._happened(entry, change.event, change.context.subject)
        await self._tell()
        return entry.revision

    async def append_each(self, changes: Sequence[ports.Change]) -> list[int | errors.Fault]:
        """Append each for itself."""
        self._present()
        made: list[int | errors.Fault] = []
        for change in changes:
            try:
                made.append(await self.append(change))
            except errors.Fault as fault:
                made.append(fault)
        return made

    async def unscored(self, limit: int) -> Sequence[ports.Stored]:
        """Return claims whose risk is not scored, oldest first."""
        self._present()
        waiting = [entry for entry in self._entries.values() if entry.risk.state == "not_scored"]
        return [self._stored(entry) for entry in waiting[:limit]]

    async def claim(self, context: contexts.CallContext, identifier: str) -> ports.Stored:
        """Return the latest revision of a claim."""
        self._present()
        return self._stored(self._entry(context, identifier))

    async def find(self, context: contexts.CallContext, claim_ids: Sequence[str]) -> Sequence[ports.Found]:
        """Return the tenant's claims with these senders' ids."""
        self._present()
        return [
            ports.Found(
                stored=self._stored(entry),
                claim_id=entry.item.claim.claim_id or "",
                use=entry.item.claim.use,
                provider=entry.item.claim.provider.id or "",
                payer=identities.focal_payer(entry.item.claim) or "",
                said=entry.said.get("payer"),
            )
            for entry in self._entries.values()
            if entry.tenant == context.tenant and entry.item.claim.claim_id in claim_ids
        ]

    async def page(self, context: contexts.CallContext, query: ports.Query) -> ports.Page:
        """Return the tenant's claims, newest first, that pass the filters on verdict, status and claim_id."""
        self._present()
        rows = [self._row(entry) for entry in self._entries.values() if entry.tenant == context.tenant]
        wanted = [row for row in reversed(rows) if _passes(row, query.filters)]
        start = int(query.cursor or 0)
        end = start + query.limit
        return ports.Page(items=wanted[start:end], next_cursor=str(end) if end < len(wanted) else "")

    async def history(self, context: contexts.CallContext, identifier: str) -> ports.History:
        """Return transitions and audit entries of a claim."""
        self._present()
        entry = self._entry(context, identifier)
        return ports.History(
            transitions=list(entry.transitions), audit=[line for line in self.audit if line["id"] == entry.id]
        )

    async def watch(self, context: contexts.CallContext, after: str) -> AsyncIterator[ports.Event]:
        """Yield the tenant's changes."""
        seen = int(after) if after else len(self._events)
        while True:
            async with self._changed:
                while len(self._events) <= seen:
                    await self._changed.wait()
            while seen < len(self._events):
                tenant, event = self._events[seen]
                seen += 1
                if tenant == context.tenant:
                    yield event

    async def note_read(self, context: contexts.CallContext, identifier: str, event: str) -> None:
        """Append an audit entry."""
        self._present()
        self._audit(identifier, event, context.subject)

    def _present(self) -> None:
        if self.fault is not None:
            raise self.fault

    def _record(self, item: ports.Submission) -> ports.Recorded | errors.Fault:
        tenant = item.context.tenant
        key = (tenant, item.context.idempotency_key or hashing.natural_key(item.claim))
        known = self._keys.get(key)
        if known is not None and known.item.content_hash != item.content_hash:
            return errors.Conflict("idempotency.key_reused", "The key was used for another claim.")
        if known is not None:
            return ports.Recorded(id=known.id, replayed=True, document=known.original)
        identifier = f"01890000-0000-7000-8000-{next(self._numbers):012d}"
        entry = _Entry(tenant, identifier, item, documents.instant(self._clock.now()))
        self._keys[key] = self._entries[tenant, identifier] = entry
        self._remember(entry)
        self._happened(entry, "claim.recorded", item.context.subject)
        return ports.Recorded(id=identifier)

    def _known(self, tenant: str, question: histories.Question) -> histories.Known:
        patient = [one for one in self._of(tenant, question) if one.item.identity.patient_key]
        return histories.Known(
            provider_claims=self._counts[tenant, question.provider_id],
            patient_claims=sum(one.item.identity.patient_key == question.patient_key for one in patient),
            past=[self._told(tenant, question, key) for key in question.keys],
        )

    def _of(self, tenant: str, question: histories.Question) -> list[_Entry]:
        entries = [entry for (owner, _), entry in self._entries.items() if owner == tenant]
        return [entry for entry in entries if not question.before or entry.id < question.before]

    def _told(self, tenant: str, question: histories.Question, key: histories.Key) -> histories.Told:
        own = (question.claim_id, question.provider_id)
        found = [
            (entry, left)
            for entry, left in self._left.get((tenant, key.key), [])
            if key.from_day <= left.day <= key.to_day and (not question.before or entry.id < question.before)
            if entry.stands and (entry.item.claim.claim_id, entry.item.claim.provider.id or "") != own
        ]
        found.sort(key=lambda pair: (pair[1].day, pair[0].id, pair[1].line), reverse=True)
        return histories.Told(
            rows=[_row(entry, left) for entry, left in found[: key.most]],
            quantity=sum(
                (left.quantity or Decimal(0) for entry, left in found if not entry.denied), Decimal(0)
            ),
        )

    def _remember(self, entry: _Entry) -> None:
        item = entry.item
        if item.claim.use == "claim":
            self._counts[entry.tenant, item.claim.provider.id or ""] += 1
        for left in item.left:
            self._left.setdefault((entry.tenant, left.key), []).append((entry, left))

    def _entry(self, context: contexts.CallContext, identifier: str) -> _Entry:
        entry = self._entries.get((context.tenant, identifier))
        if entry is None:
            raise errors.NotFound("claim.not_found", "There is no such claim.")
        return entry

    def _stored(self, entry: _Entry) -> ports.Stored:
        return ports.Stored(
            tenant=entry.tenant,
            id=entry.id,
            revision=entry.revision,
            claim=entry.claim_json,
            decision=entry.document,
            status=entry.status,
            received_at=self._clock.now(),
        )

    def _row(self, entry: _Entry) -> dict[str, Any]:
        return {
            "id": entry.id,
            "claim_id": entry.item.claim.claim_id,
            "verdict": entry.verdict,
            "status": entry.status,
            "revision": entry.revision,
            "received_at": entry.at,
        }

    def _happened(self, entry: _Entry, event: str, subject: str) -> None:
        self._audit(entry.id, event, subject)
        document = {
            "id": entry.id,
            "claim_id": entry.item.claim.claim_id,
            "event": event,
            "status": entry.status,
            "verdict": entry.verdict,
            "at": documents.instant(self._clock.now()),
        }
        position = str(len(self._events) + 1)
        self._events.append((entry.tenant, ports.Event(position=position, document=document)))

    def _audit(self, identifier: str, event: str, subject: str) -> None:
        at = documents.instant(self._clock.now())
        self.audit.append({"id": identifier, "event": event, "subject": subject, "at": at})

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def _row(entry: _Entry, left: histories.Left) -> histories.Row:
    claim = entry.item.claim
    return histories.Row(
        id=entry.id,
        claim_id=claim.claim_id or "",
        line=left.line,
        day=left.day,
        mark=left.mark,
        provider_id=claim.provider.id or "",
        payer_id=identities.focal_payer(claim) or "",
    )


def _passes(row: dict[str, Any], filters: Mapping[str, str]) -> bool:
    shown = {"verdict": row["verdict"], "status": row["status"].business, "claim_id": row["claim_id"]}
    return all(shown[name] == value for name, value in filters.items() if name in shown)
