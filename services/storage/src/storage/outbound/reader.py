"""Reads from PostgreSQL, each inside a transaction that sees exactly one tenant."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from chassis import errors
from storage.domain import chains, queries, views
from storage.outbound import bodies, exporting, listing, postgres, tables

TENANTS = "SELECT tenant, display_name, review_threshold, default_regime, active FROM tenants"
STATE = """
SELECT claim_id, wire_status, business_status, review_status, verdict, audit_chain, audit_sequence
FROM claims WHERE tenant = $1 AND id = $2
"""
# A sender's id is one provider's own: a few claims of a tenant share it at most.
FOUND = """
SELECT id, claim_id, use, provider_id, payer_id, wire_status, business_status, review_status
FROM claims WHERE claim_id = ANY ($2) AND tenant = $1 ORDER BY id LIMIT 2000
"""
TRANSITIONS = """
SELECT revision, event, wire_status, business_status, review_status, subject, at_ms
FROM transitions WHERE tenant = $1 AND id = $2 ORDER BY revision
"""
DECISIONS = (
    "SELECT revision, decision FROM transitions WHERE tenant = $1 AND id = $2 AND decision IS NOT NULL"
)
LINK = """
SELECT tenant, chain, event, subject, id, revision, at_ms, content_hash, document_hash, sequence,
  previous_hash, hash
FROM audit_entries
"""
AUDIT = f"""
({LINK} WHERE tenant = $1 AND chain = $3 AND sequence = $4)
UNION ALL ({LINK} WHERE tenant = $1 AND id = $2 AND event <> 'claim.recorded')
ORDER BY at_ms, sequence LIMIT 1000
"""
# Past the oldest transaction still running there can be no earlier event to come.
EVENTS = """
SELECT xid::text::bigint AS xid, position, id, claim_id, event, verdict, wire_status, business_status,
  review_status, at_ms
FROM outbox WHERE tenant = $1 AND (xid, position) > ($2::text::xid8, $3)
  AND xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY xid, position LIMIT $4
"""
LATEST = EVENTS.replace("ORDER BY xid, position", "ORDER BY xid DESC, position DESC")
POSITION_MAX = 10**18  # below 2^63; no count of ours gets there
EPOCH = "SELECT epoch FROM platform"


class PostgresReader:
    """Implements ports.Reader."""

    def __init__(self, database: postgres.Database, stored: bodies.Bodies) -> None:
        self._database, self._bodies = database, stored

    async def tenants(self) -> Mapping[str, views.Tenant]:
        """Return all tenants by name."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(TENANTS)
        return {row["tenant"]: views.Tenant(**row) for row in rows}

    async def claim(self, tenant: str, identifier: str) -> views.StoredClaim | None:
        """Return a claim with its documents."""
        async with self._database.within(tenant) as connection:
            state = await connection.fetchrow(STATE, tenant, identifier)
            if state is None:
                return None
            kept = (await self._bodies.load(connection, tenant, [identifier]))[identifier]
            latest = await self._bodies.latest_decisions(connection, tenant, [identifier])
        return views.StoredClaim(
            id=identifier,
            claim_id=state["claim_id"],
            revision=kept.revision,
            claim_json=kept.claim,
            decision_json=latest.get(identifier, kept.decision),
            wire_status=state["wire_status"],
            business_status=state["business_status"],
            review_status=state["review_status"],
            content_hash=kept.content_hash,
        )

    async def listing(self, question: queries.Listing) -> list[views.ClaimRow]:
        """Return one page by keyset: the cost of a page does not grow with its distance from the first."""
        async with self._database.within(question.tenant) as connection:
            in_lanes = await listing.is_long(connection, question)
            rows = list(await tables.fetch(connection, listing.page(question, in_lanes=in_lanes)))
            if question.column != "id" and len(rows) < question.limit:
                rest = listing.valueless(question, question.limit - len(rows), in_lanes=in_lanes)
                rows += await tables.fetch(connection, rest)
        return [views.ClaimRow(**{**row, "id": str(row["id"])}) for row in rows]

    async def history(self, tenant: str, identifier: str) -> tuple[list[views.Transition], list[chains.Link]]:
        """Return transitions and audit entries; the first transition is the recording itself."""
        async with self._database.within(tenant) as connection:
            state = await connection.fetchrow(STATE, tenant, identifier)
            if state is None:
                return [], []
            kept = (await self._bodies.load(connection, tenant, [identifier]))[identifier]
            rows = await connection.fetch(TRANSITIONS, tenant, identifier)
            packed = await connection.fetch(DECISIONS, tenant, identifier)
            links = [
                link_of(row)
                for row in await connection.fetch(
                    AUDIT, tenant, identifier, state["audit_chain"], state["audit_sequence"]
                )
            ]
        decisions = {row[0]: bodies.decision_of(row[1]) for row in packed} | {1: kept.decision}
        return _transitions(state, rows, decisions, links), links

    async def events(self, tenant: str, after: str, limit: int) -> list[views.Event]:
        """Return events in the order of (transaction, position); `latest` gives the last one alone."""
        async with self._database.within(tenant) as connection:
            epoch = await connection.fetchval(EPOCH)
            latest = after == "latest"
            xid, position = _position("" if latest else after, epoch)
            statement = LATEST if latest else EVENTS
            rows = await connection.fetch(statement, tenant, str(xid), position, 1 if latest else limit)
        return [
            views.Event(
                position=f"{epoch}-{row['xid']}-{row['position']}",
                id=str(row["id"]),
                **{name: row[name] for name in ("claim_id", "event", "verdict", "wire_status")},
                **{name: row[name] for name in ("business_status", "review_status", "at_ms")},
            )
            for row in rows
        ]

    async def export(self, tenant: str, after: str, claims: int) -> tuple[list[views.ExportRow], str]:
        """Return lines by keyset of their claims."""
        async with self._database.within(tenant) as connection:
            return await exporting.export(connection, tenant, after, claims)

    async def whole(self, question: queries.Walk, limit: int) -> list[views.StoredClaim]:
        """Return claims by keyset with their documents."""
        async with self._database.within(question.tenant) as connection:
            rows = await tables.fetch(connection, steps(question).limit(limit))
            return await self._stored(connection, question.tenant, {str(row["id"]): row for row in rows})

    async def find(self, tenant: str, claim_ids: Sequence[str]) -> list[views.FoundClaim]:
        """Return claims by the index of senders' ids, with their documents and the payer's word."""
        async with self._database.within(tenant) as connection:
            rows = {str(row["id"]): row for row in await connection.fetch(FOUND, tenant, list(claim_ids))}
            claims = await self._stored(connection, tenant, rows)
            said = await exporting.said(connection, tenant, list(rows), "payer")
        return [
            views.FoundClaim(
                claim=claim,
                payer=said.get(claim.id, {}),
                **{name: rows[claim.id][name] for name in ("use", "provider_id", "payer_id")},
            )
            for claim in claims
        ]

    async def _stored(
        self, connection: postgres.Lent, tenant: str, states: Mapping[str, Any]
    ) -> list[views.StoredClaim]:
        """Return claims with their documents, in the order of their states."""
        kept = await self._bodies.load(connection, tenant, list(states))
        latest = await self._bodies.latest_decisions(connection, tenant, list(states))
        return [
            views.StoredClaim(
                id=identifier,
                claim_id=state["claim_id"],
                revision=kept[identifier].revision,
                claim_json=kept[identifier].claim,
                decision_json=latest.get(identifier, kept[identifier].decision),
                content_hash=kept[identifier].content_hash,
                **{name: state[name] for name in ("wire_status", "business_status", "review_status")},
            )
            for identifier, state in states.items()
        ]


def steps(question: queries.Walk) -> sa.Select[Any]:
    """Return the statement of a walk's next claims."""
    c = tables.CLAIMS.c
    names = ("id", "claim_id", "wire_status", "business_status", "review_status")
    statement = sa.select(*(c[name] for name in names)).where(c.tenant == question.tenant).order_by(c.id)
    if question.after:
        statement = statement.where(c.id > question.after)
    if question.from_id is not None:
        statement = statement.where(c.id >= question.from_id)
    if question.until_id is not None:
        statement = statement.where(c.id < question.until_id)
    return statement


def link_of(row: Any) -> chains.Link:
    """Return the link in a row of LINK."""
    entry = chains.Entry(
        **{name: row[name] for name in ("tenant", "chain", "event", "subject", "revision", "at_ms")},
        id=str(row["id"]),
        content_hash=row["content_hash"],
        document_hash=row["document_hash"],
    )
    return chains.Link(
        entry=entry, sequence=row["sequence"], previous_hash=row["previous_hash"], hash=row["hash"]
    )


def _transitions(
    state: Any, rows: Sequence[Any], decisions: Mapping[int, bytes], links: Sequence[chains.Link]
) -> list[views.Transition]:
    if rows:
        return [views.Transition(**row, decision_json=decisions.get(row["revision"], b"")) for row in rows]
    recorded = next((link.entry for link in links if link.entry.event == "claim.recorded"), None)
    return [
        views.Transition(
            revision=1,
            event="claim.recorded",
            **{name: state[name] for name in ("wire_status", "business_status", "review_status")},
            subject=recorded.subject if recorded else "",
            at_ms=recorded.at_ms if recorded else 0,
            decision_json=decisions[1],
        )
    ]


def _position(after: str, epoch: int) -> tuple[int, int]:
    """Return (transaction, position).

    One from before a restore begins again: at least once, never skipped.
    """
    if not after:
        return 0, 0
    try:
        kept, xid, position = (int(part) for part in after.split("-"))
    except ValueError as cause:
        raise errors.Invalid("position.invalid", "The position is not one of ours.") from cause
    if min(kept, xid, position) < 0 or max(kept, xid, position) >= POSITION_MAX:
        raise errors.Invalid("position.invalid", "The position is not one of ours.")
    return (xid, position) if kept == epoch else (0, 0)
