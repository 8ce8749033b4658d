"""The audit chains in PostgreSQL; hashes are made there, behind the lock of a chain's head."""

import hashlib
from collections.abc import Sequence

from chassis import errors
from storage.domain import chains
from storage.outbound import bodies, postgres, reader

APPEND = f"SELECT append_events({', '.join(f'${i}' for i in range(1, 13))})"
# Chains by their heads and, hopping along the key, by their entries: a head that was removed is told as -1.
HEADS = """
WITH RECURSIVE named(chain) AS (
  (SELECT chain FROM audit_entries WHERE tenant = $1 ORDER BY chain LIMIT 1)
  UNION ALL
  SELECT (SELECT e.chain FROM audit_entries e WHERE e.tenant = $1 AND e.chain > named.chain
    ORDER BY e.chain LIMIT 1)
  FROM named WHERE named.chain IS NOT NULL)
SELECT $1 AS tenant, chain, coalesce(h.sequence, -1) AS sequence, coalesce(h.hash, '') AS hash
FROM (SELECT chain FROM named WHERE chain IS NOT NULL UNION SELECT chain FROM audit_heads WHERE tenant = $1) c
LEFT JOIN audit_heads h USING (chain) WHERE h.tenant IS NULL OR h.tenant = $1 ORDER BY chain
"""
LINKS = f"{reader.LINK} WHERE tenant = $1 AND chain = $2 AND sequence > $3 ORDER BY sequence LIMIT $4"
DECISIONS = """
SELECT t.* FROM unnest($2::uuid[]) AS wanted(id), LATERAL (
  SELECT id, revision, decision FROM transitions
  WHERE tenant = $1 AND id = wanted.id AND decision IS NOT NULL OFFSET 0) t
"""


class PostgresChains:
    """Implements ports.Chains."""

    def __init__(self, database: postgres.Database, stored: bodies.Bodies) -> None:
        self._database, self._bodies = database, stored

    async def append(self, chain: str, entries: Sequence[chains.Entry]) -> None:
        """Append entries in one transaction."""
        tenants = [entry.tenant for entry in entries]
        places = sorted(range(1, len(entries) + 1), key=lambda place: tenants[place - 1])
        async with self._database.connection() as connection:
            await connection.execute(
                APPEND,
                postgres.tenants_setting(sorted(set(tenants))),
                chain,
                places,
                tenants,
                [chains.canonical(entry).decode() for entry in entries],
                [entry.event for entry in entries],
                [entry.subject for entry in entries],
                [entry.at_ms for entry in entries],
                [entry.id for entry in entries],
                [entry.revision for entry in entries],
                [entry.content_hash for entry in entries],
                [entry.document_hash for entry in entries],
            )

    async def heads(self, tenant: str) -> list[chains.Head]:
        """Return the recorded heads of a tenant's chains."""
        async with self._database.within(tenant) as connection:
            rows = await connection.fetch(HEADS, tenant)
        return [chains.Head(**row) for row in rows]

    async def links(self, tenant: str, chain: str, after: int, limit: int) -> list[chains.Link]:
        """Return the links behind a sequence."""
        async with self._database.within(tenant) as connection:
            rows = await connection.fetch(LINKS, tenant, chain, after, limit)
        return [reader.link_of(row) for row in rows]

    async def evidence(self, tenant: str, links: Sequence[chains.Link]) -> dict[int, tuple[bytes, bytes]]:
        """Return what the stored documents hash to now; one that cannot be opened is missing."""
        named = [link for link in links if link.entry.document_hash]
        ids = list({link.entry.id for link in named})
        async with self._database.within(tenant) as connection:
            kept = await self._load(connection, tenant, ids)
            changed = list({link.entry.id for link in named if link.entry.revision > 1})
            rows = await connection.fetch(DECISIONS, tenant, changed) if changed else []
        changes = {(str(row[0]), row[1]): row[2] for row in rows}
        found = {}
        for link in named:
            digest = _digest(link.entry, kept, changes)
            if digest is not None:
                found[link.sequence] = (kept[link.entry.id].content_hash, digest)
        return found

    async def _load(
        self, connection: postgres.Lent, tenant: str, ids: Sequence[str]
    ) -> dict[str, bodies.Kept]:
        try:
            return await self._bodies.load(connection, tenant, ids)
        except errors.Internal:  # one damaged body hides its neighbours: open each claim by itself
            kept: dict[str, bodies.Kept] = {}
            for identifier in ids:
                try:
                    kept |= await self._bodies.load(connection, tenant, [identifier])
                except errors.Internal:
                    continue
            return kept


def _digest(
    entry: chains.Entry, kept: dict[str, bodies.Kept], changes: dict[tuple[str, int], bytes]
) -> bytes | None:
    """Return the document hash of an entry as it would be made today, None where nothing is left to hash."""
    claim = kept.get(entry.id)
    if claim is None:
        return None
    if entry.revision == 1:
        return chains.document_hash(claim.claim, claim.decision, claim.received)
    packed = changes.get((entry.id, entry.revision))
    if packed is None:
        return None
    try:
        return hashlib.sha256(bodies.decision_of(packed)).digest()
    except errors.Internal:
        return None
