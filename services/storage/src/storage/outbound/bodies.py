"""Finds and opens the stored documents of claims: in PostgreSQL, or in the object store when large."""

from collections.abc import Awaitable, Callable, Sequence

import asyncpg
import msgspec

from chassis import errors
from storage.domain import records
from storage.outbound import documents, postgres

# One probe of the primary key per id, whatever the planner believes of a table it has not analysed yet: asked
# for a list of ids at once, it may walk all claims of the tenant. OFFSET 0 keeps it from doing so.
PLACES = """
SELECT c.* FROM unnest($2::uuid[]) AS wanted(id), LATERAL (
  SELECT id, body, body_object, body_start, claim_size, decision_size, received_size, received_media_type,
    revision, content_hash
  FROM claims WHERE tenant = $1 AND id = wanted.id OFFSET 0) c
"""
CONTENTS = """
SELECT b.* FROM unnest($2::uuid[]) AS wanted(id), LATERAL (
  SELECT id, content FROM bodies WHERE tenant = $1 AND id = wanted.id OFFSET 0) b
"""
LATEST = """
SELECT t.* FROM unnest($2::uuid[]) AS wanted(id), LATERAL (
  SELECT id, decision FROM transitions WHERE tenant = $1 AND id = wanted.id AND decision IS NOT NULL
  ORDER BY revision DESC LIMIT 1) t
"""

type Fetch = Callable[[bytes], Awaitable[bytes]]


class Kept(msgspec.Struct, frozen=True):
    """A claim's documents as they are stored."""

    revision: int
    content_hash: bytes
    claim: bytes
    decision: bytes
    received: bytes


class Bodies:
    """Opens documents; `fetch` reads an object by its sha256."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def load(self, connection: postgres.Lent, tenant: str, ids: Sequence[str]) -> dict[str, Kept]:
        """Return the documents of these claims; Internal `body.damaged` when one cannot be opened."""
        if not ids:
            return {}
        rows = await connection.fetch(PLACES, tenant, ids)
        names = list({row["body"] for row in rows if row["body"] is not None})
        packed = {row[0]: row[1] for row in await connection.fetch(CONTENTS, tenant, names)} if names else {}
        opened: dict[object, bytes] = {}
        found = {}
        for row in rows:
            name = row["body"] or row["body_object"]
            if name not in opened:
                opened[name] = await self._open(packed, row)
            found[str(row["id"])] = _kept(row, opened[name])
        return found

    async def _open(self, packed: dict[object, bytes], row: asyncpg.Record) -> bytes:
        try:
            if row["body"] is None:
                return documents.unpack(await self._fetch(row["body_object"]))
            return documents.unpack(packed[row["body"]])
        except (KeyError, ValueError, errors.NotFound) as cause:
            raise errors.Internal(
                "body.damaged", "The stored documents of a claim cannot be opened."
            ) from cause

    async def latest_decisions(
        self, connection: postgres.Lent, tenant: str, ids: Sequence[str]
    ) -> dict[str, bytes]:
        """Return the newest decisions that came with a change."""
        rows = await connection.fetch(LATEST, tenant, ids)
        return {str(row[0]): decision_of(row[1]) for row in rows}


def _kept(row: asyncpg.Record, raw: bytes) -> Kept:
    place = records.Place(
        None,
        None,
        row["body_start"],
        row["claim_size"],
        row["decision_size"],
        row["received_size"],
        row["received_media_type"] or "",
    )
    return Kept(row["revision"], row["content_hash"], *documents.cut(raw, place))


def decision_of(packed: bytes) -> bytes:
    """Return the decision that came with a change; Internal `body.damaged` when it cannot be opened."""
    try:
        return documents.unpack(packed)
    except ValueError as cause:
        raise errors.Internal("body.damaged", "The stored documents of a claim cannot be opened.") from cause
