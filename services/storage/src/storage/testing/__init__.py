"""The in-memory twin of each port; the same contract suite runs over it and over PostgreSQL.

It keeps what PostgreSQL keeps and refuses what PostgreSQL refuses, in the simplest way that can be right:
dictionaries, one step at a time. Nothing is durable.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence

import msgspec

from chassis import errors
from storage import ports
from storage.domain import chains, ids, queries, records, views
from storage.testing import objects, past, rows

DAY_MS = 86_400_000
AGGREGATE_MS = 90 * DAY_MS


def world(*tenants: views.Tenant) -> "World":
    """Return twins of all ports over one state, with the tenant `demo` and those given."""
    demo = views.Tenant(tenant="demo", display_name="Demonstration")
    state = rows.State({tenant.tenant: tenant for tenant in (demo, *tenants)})
    return World(
        state=state,
        ledger=TwinLedger(state),
        reader=TwinReader(state),
        chains=TwinChains(state),
        objects=objects.TwinObjects(),
        bell=objects.TwinBell(),
        upkeep=objects.TwinUpkeep(state),
    )


class World(msgspec.Struct, frozen=True, kw_only=True):
    """The twins, named as compose names the ports."""

    state: rows.State
    ledger: ports.Ledger
    reader: ports.Reader
    chains: ports.Chains
    objects: ports.ObjectStore
    bell: ports.Bell
    upkeep: ports.Upkeep


class TwinLedger:
    """Implements ports.Ledger in memory."""

    def __init__(self, state: rows.State) -> None:
        self._state = state

    async def record(self, batch: records.Batch) -> dict[int, records.Earlier]:
        """Write a batch at once."""
        rows.refuse_unstorable(batch)
        earlier = {}
        for place, item in enumerate(batch.submission.items):
            known = self._state.keys.get((item.tenant, item.key))
            if known is not None:
                earlier[place] = known
                continue
            self._state.keys[item.tenant, item.key] = records.Earlier(batch.ids[place], item.content_hash)
            self._write(batch, place, item)
        return earlier

    def _write(self, batch: records.Batch, place: int, item: records.Item) -> None:
        entry = msgspec.json.decode(
            batch.entries[place], type=tuple[str, str, str, str, str, int, int, str, str]
        )
        columns = rows.row_of(batch.submission.claims, place)
        lines = [
            rows.row_of(batch.submission.lines, number)
            for number, owner in enumerate(batch.submission.lines.item)
            if owner == place
        ]
        kept = batch.submission.history
        row = rows.Row(
            id=batch.ids[place],
            tenant=item.tenant,
            columns=columns,
            item=item,
            lines=lines,
            history=kept.pick([number for number, owner in enumerate(kept.item) if owner == place]),
            transitions=[],
        )
        row.transitions.append(
            rows.transition(row, "claim.recorded", item.subject, batch.at_ms[place], item.decision_json)
        )
        self._state.rows[row.tenant, row.id] = row
        self._state.append(
            chains.Entry(
                **dict(zip(_ENTRY, entry[:7], strict=True)),  # type: ignore[arg-type]  # decoded by position
                content_hash=bytes.fromhex(entry[7]),
                document_hash=bytes.fromhex(entry[8]),
            )
        )
        self._state.publish(row, "claim.recorded", batch.at_ms[place])

    async def first_decisions(self, tenant: str, ids: Sequence[str]) -> dict[str, bytes]:
        """Return the decisions recorded first."""
        return {name: self._state.rows[tenant, name].item.decision_json for name in ids}

    async def change(self, change: records.Change, entry: chains.Entry) -> int:
        """Append a revision."""
        row = self._state.rows.get((change.tenant, change.id))
        if row is None:
            raise errors.NotFound("claim.unknown", "There is no such claim.")
        if len(row.transitions) != change.expected_revision:
            raise errors.Conflict("revision.stale", "The claim stands at another revision by now.")
        for name in (*rows.STATUSES, "score_state", "model_revision", "probability", "at_risk_minor"):
            value = rows.present(getattr(change, name))
            if value is not None:
                row.columns[name] = value
        row.columns |= {
            name: rows.present(value) for name, value in zip(records.LATER, change.inputs, strict=False)
        }
        if change.outcomes is not None:
            row.outcomes.append((len(row.transitions) + 1, change.outcomes))
        row.transitions.append(
            rows.transition(row, change.event, change.subject, entry.at_ms, change.decision_json)
        )
        self._state.append(entry)
        self._state.publish(row, change.event, entry.at_ms)
        return len(row.transitions)

    async def lookup(self, questions: Sequence[records.Question], now_ms: int) -> list[records.Answer]:
        """Answer by looking at every claim."""
        return [self._answer(asked, now_ms) for asked in questions]

    def _answer(self, asked: records.Question, now_ms: int) -> records.Answer:
        end = ids.ms_of(asked.before) if asked.before else now_ms
        since = max(0, end - AGGREGATE_MS)
        claims = self._state.of(asked.tenant)
        told = [row for row in claims if not asked.before or row.id < asked.before]
        days = range(since // DAY_MS, end // DAY_MS + (1 if asked.before else 2))
        return records.Answer(
            past.duplicates(asked, told),
            rows.aggregate(
                row
                for row in claims  # the roll-up is by day: the end's whole day counts
                if asked.provider_id
                and row.columns["provider_id"] == asked.provider_id
                and ids.ms_of(row.id) // DAY_MS in days
            ),
            rows.aggregate(
                row
                for row in told
                if asked.patient_key
                and row.columns["patient_key"] == asked.patient_key
                and row.id >= ids.floor(since)
            ),
            [past.answer(asked, one, told) for one in asked.past],
        )

    async def unscored(self, tenant: str, limit: int) -> list[views.Unscored]:
        """Return claims without a score, oldest first."""
        found = [row for row in self._state.of(tenant) if row.columns["score_state"] == "not_scored"]
        return [
            views.Unscored(
                tenant=tenant,
                id=row.id,
                revision=len(row.transitions),
                claim_json=row.item.claim_json,
                decision_json=rows.latest(row),
            )
            for row in found[:limit]
        ]

    async def prepare_month(self, month: tuple[int, int]) -> None:
        """Remember the month."""
        self._state.months.add(month)


_ENTRY = ("tenant", "chain", "event", "subject", "id", "revision", "at_ms")


class TwinReader:
    """Implements ports.Reader in memory."""

    def __init__(self, state: rows.State) -> None:
        self._state = state

    async def tenants(self) -> Mapping[str, views.Tenant]:
        """Return all tenants."""
        return dict(self._state.tenants)

    async def claim(self, tenant: str, identifier: str) -> views.StoredClaim | None:
        """Return a claim."""
        row = self._state.rows.get((tenant, identifier))
        if row is None:
            return None
        return views.StoredClaim(
            id=row.id,
            claim_id=row.text("claim_id"),
            revision=len(row.transitions),
            claim_json=row.item.claim_json,
            decision_json=rows.latest(row),
            content_hash=row.item.content_hash,
            **{name: row.text(name) for name in rows.STATUSES[1:]},
        )

    async def listing(self, question: queries.Listing) -> list[views.ClaimRow]:
        """Return one page: everything sorted, cut behind the cursor."""
        return rows.page(self._state.of(question.tenant), question)

    async def find(self, tenant: str, claim_ids: Sequence[str]) -> list[views.FoundClaim]:
        """Return the claims with these senders' ids."""
        found = [row for row in self._state.of(tenant) if row.columns["claim_id"] in claim_ids]
        claims = [await self.claim(tenant, row.id) for row in found]
        return [rows.found(row, claim) for row, claim in zip(found, claims, strict=True) if claim is not None]

    async def history(self, tenant: str, identifier: str) -> tuple[list[views.Transition], list[chains.Link]]:
        """Return transitions and audit entries."""
        row = self._state.rows.get((tenant, identifier))
        if row is None:
            return [], []
        links = [
            link
            for (owner, _), chain in self._state.links.items()
            for link in chain
            if owner == tenant and link.entry.id == identifier
        ]
        return list(row.transitions), sorted(links, key=lambda link: (link.entry.at_ms, link.sequence))

    async def events(self, tenant: str, after: str, limit: int) -> list[views.Event]:
        """Return events behind a position."""
        if after not in {"", "latest"} and not re.fullmatch(r"\d{1,18}-\d{1,18}-\d{1,18}", after):
            raise errors.Invalid("position.invalid", "The position is not one of ours.")
        mine = [event for owner, event in self._state.events if owner == tenant]
        if after == "latest":
            return mine[-1:]
        last = int(after.rsplit("-", 1)[1]) if after else 0
        return [event for event in mine if int(event.position.rsplit("-", 1)[1]) > last][:limit]

    async def export(self, tenant: str, after: str, claims: int) -> tuple[list[views.ExportRow], str]:
        """Return the lines of claims behind an id."""
        taken = [row for row in self._state.of(tenant) if row.id > after][:claims]
        exported = [rows.export_row(row, line) for row in taken for line in row.lines]
        return exported, taken[-1].id if taken else ""

    async def whole(self, question: queries.Walk, limit: int) -> list[views.StoredClaim]:
        """Return claims of a walk."""
        ids = [row.id for row in self._state.of(question.tenant) if rows.on_walk(row, question)][:limit]
        found = [await self.claim(question.tenant, identifier) for identifier in ids]
        return [claim for claim in found if claim is not None]


class TwinChains:
    """Implements ports.Chains in memory."""

    def __init__(self, state: rows.State) -> None:
        self._state = state

    async def append(self, chain: str, entries: Sequence[chains.Entry]) -> None:
        """Append entries."""
        for entry in entries:
            self._state.append(msgspec.structs.replace(entry, chain=chain))

    async def heads(self, tenant: str) -> list[chains.Head]:
        """Return the last link of each chain."""
        return [
            chains.Head(tenant=tenant, chain=chain, sequence=links[-1].sequence, hash=links[-1].hash)
            for (owner, chain), links in sorted(self._state.links.items())
            if owner == tenant
        ]

    async def links(self, tenant: str, chain: str, after: int, limit: int) -> list[chains.Link]:
        """Return links behind a sequence."""
        kept = self._state.links.get((tenant, chain), [])
        return [link for link in kept if link.sequence > after][:limit]

    async def evidence(self, tenant: str, links: Sequence[chains.Link]) -> dict[int, tuple[bytes, bytes]]:
        """Return what the documents hash to now."""
        found = {}
        for link in links:
            row = self._state.rows.get((tenant, link.entry.id))
            if row is None or not link.entry.document_hash:
                continue
            item = row.item
            digest = chains.document_hash(item.claim_json, item.decision_json, item.received_body)
            if link.entry.revision > 1:
                decision = row.transitions[link.entry.revision - 1].decision_json
                digest = hashlib.sha256(decision).digest()
            found[link.sequence] = (item.content_hash, digest)
        return found
