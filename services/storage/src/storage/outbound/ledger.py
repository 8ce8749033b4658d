"""The ledger in PostgreSQL: each write is one call of a function of the schema, in one transaction."""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from chassis import errors
from storage.domain import answers, chains, months, records, views
from storage.outbound import batches, bodies, documents, postgres, recalling

THREAD_BYTES = 256 * 1024  # compressing more than this would hold the event loop for over a millisecond

ATTEMPTS = 8  # to append to a chain that others move: only copies of one shard's name meet there

HEADS = "SELECT * FROM chain_heads($1, $2)"
CHANGE = f"SELECT record_change_with_outcomes({', '.join(f'${i}' for i in range(1, 29))})"
NOTHING = answers.Outcomes(
    source="", at_ms=0, line=[], outcome=[], nphies=[], carc=[], allowed_minor=[], paid_minor=[]
)
PARTIES = """
SELECT * FROM past_of($1, $2::text::text[], $3::text::text[], $4::text::integer[], $5::text::integer[],
  $6::text::text[], $7::text::uuid[], $8::text::uuid[], $9::text::uuid[], $10::text::integer[],
  $11::text::integer[], $12)
"""
KEYS = """
SELECT * FROM recall(
  $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
"""
UNSCORED = """
SELECT id FROM claims WHERE tenant = $1 AND score_state = 'not_scored' ORDER BY id LIMIT $2
"""


class PostgresLedger:
    """Implements ports.Ledger."""

    def __init__(self, database: postgres.Database, stored: bodies.Bodies) -> None:
        self._database, self._bodies = database, stored
        self._heads: dict[tuple[str, str], tuple[int, bytes]] = {}  # by chain and tenant, as last seen

    async def record(self, batch: records.Batch) -> dict[int, records.Earlier]:
        """Write a batch in one round trip; where some of its keys are known, what is new goes by a second."""
        contents = await _compressed(batch.bodies)
        firsts, repeats = records.firsts(batch.submission.items)
        earlier: dict[int, records.Earlier] = {}
        rows = firsts
        while rows:
            part = batch if len(rows) == len(batch.ids) else batch.pick(rows)
            known = {rows[place]: found for place, found in (await self._write(part, contents)).items()}
            earlier |= known
            rows = [row for row in rows if row not in known] if known else []
        items = batch.submission.items
        for row, first in repeats.items():
            made = records.Earlier(batch.ids[first], items[first].content_hash)
            earlier[row] = earlier.get(first, made)
        return earlier

    async def _write(self, batch: records.Batch, contents: Mapping[str, bytes]) -> dict[int, records.Earlier]:
        """Write a batch behind the heads of its chains, or return what its keys stand for."""
        tenants = sorted({item.tenant for item in batch.submission.items})
        postgres.tenants_setting(tenants)
        for _ in range(ATTEMPTS):
            heads = await self._known_heads(batch.chain, tenants)
            arguments, after = batches.arguments(batch, contents, heads)
            for tenant in tenants:
                del self._heads[batch.chain, tenant]  # until the answer is here
            try:
                found = await self._database.fetch(
                    batches.statement(batch), *arguments, seconds=batch.seconds
                )
            except postgres.ChainMovedError:
                continue
            for tenant in tenants:
                self._heads[batch.chain, tenant] = heads[tenant] if found else after[tenant]
            return {row[0] - 1: records.Earlier(str(row[1]), row[2]) for row in found}
        raise postgres.unavailable()

    async def _known_heads(self, chain: str, tenants: list[str]) -> batches.Heads:
        if not self._heads.keys() >= {(chain, tenant) for tenant in tenants}:
            for row in await self._database.fetch(HEADS, tenants, chain):
                self._heads[chain, row[0]] = (row[1], row[2])
        return {tenant: self._heads[chain, tenant] for tenant in tenants}

    async def first_decisions(self, tenant: str, ids: Sequence[str]) -> dict[str, bytes]:
        """Return the decisions recorded first for these claims."""
        async with self._database.within(tenant) as connection:
            found = await self._bodies.load(connection, tenant, ids)
        return {identifier: kept.decision for identifier, kept in found.items()}

    async def change(self, change: records.Change, entry: chains.Entry) -> int:
        """Append a revision behind the claim's row lock."""
        decision = documents.pack([change.decision_json]) if change.decision_json else None
        async with self._database.connection() as connection:
            revision = await connection.fetchval(
                CHANGE,
                *(change.tenant, entry.chain, change.id, change.expected_revision, change.event, decision),
                *(change.verdict, change.wire_status, change.business_status, change.review_status),
                *(change.score_state, change.probability, change.at_risk_minor, change.model_revision),
                *(
                    change.note,
                    change.subject,
                    entry.at_ms,
                    chains.canonical(entry).decode(),
                    entry.document_hash,
                ),
                list(change.inputs),
                *msgspec.structs.astuple(change.outcomes or NOTHING),
            )
        if revision == 0:
            raise errors.NotFound("claim.unknown", "There is no such claim.")
        if revision < 0:
            raise errors.Conflict("revision.stale", f"The claim stands at revision {-revision} by now.")
        return int(revision)

    async def lookup(self, questions: Sequence[records.Question], now_ms: int) -> list[records.Answer]:
        """Answer all questions with one call; by a second one where callers know no parties."""
        asked = recalling.Asked(questions, now_ms)
        [found] = await self._database.fetch(PARTIES, *asked.arguments())
        keyed = recalling.arguments(questions, older=found["older"])
        rows = [] if keyed is None else await self._database.fetch(KEYS, *keyed)
        return recalling.answers(asked, found, rows)

    async def unscored(self, tenant: str, limit: int) -> list[views.Unscored]:
        """Return claims without a score, oldest first, with their documents."""
        async with self._database.within(tenant) as connection:
            ids = [str(row[0]) for row in await connection.fetch(UNSCORED, tenant, limit)]
            found = await self._bodies.load(connection, tenant, ids)
            latest = await self._bodies.latest_decisions(connection, tenant, ids)
        return [
            views.Unscored(
                tenant=tenant,
                id=identifier,
                revision=found[identifier].revision,
                claim_json=found[identifier].claim,
                decision_json=latest.get(identifier) or found[identifier].decision,
            )
            for identifier in ids
        ]

    async def prepare_month(self, month: tuple[int, int]) -> None:
        """Make the partitions of a month."""
        start, end = months.start_ms(month), months.start_ms(months.following(month))
        async with self._database.connection() as connection:
            await connection.execute(
                "SELECT prepare_month($1, $2, $3)", start, end, f"{month[0]:04}_{month[1]:02}"
            )


async def _compressed(stored: Sequence[records.Body]) -> dict[str, bytes]:
    """Return the bodies compressed by id, off the event loop when they are large.

    The compressor releases the interpreter.
    """
    if sum([len(part) for body in stored for part in body.parts]) < THREAD_BYTES:
        return _packed(stored)
    return await asyncio.to_thread(_packed, stored)


def _packed(stored: Sequence[records.Body]) -> dict[str, bytes]:
    return {body.id: documents.pack(body.parts) for body in stored}
