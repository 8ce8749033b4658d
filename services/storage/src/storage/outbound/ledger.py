"""The ledger in PostgreSQL: each write is one call of a function of the schema, in one transaction."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from chassis import errors
from storage.domain import chains, months, records, views
from storage.outbound import bodies, documents, postgres, recalling

THREAD_BYTES = 256 * 1024  # compressing more than this would hold the event loop for over a millisecond

COLUMN, VALUE = "\x1e", "\x1f"  # no admitted text holds a control character, see admission

RECORD = "SELECT * FROM record_with_history($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
CHANGE = f"SELECT record_change_with_outcomes({', '.join(f'${i}' for i in range(1, 29))})"
NOTHING = records.Outcomes(
    source="", at_ms=0, line=[], outcome=[], nphies=[], carc=[], allowed_minor=[], paid_minor=[]
)
LOOKUP = """
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

    async def record(self, batch: records.Batch) -> dict[int, records.Earlier]:
        """Write a batch in one round trip."""
        contents = await _compressed(batch.bodies)
        async with self._database.connection() as connection:
            rows = await connection.fetch(RECORD, *_arguments(batch, contents))
        return {row[0] - 1: records.Earlier(str(row[1]), row[2]) for row in rows}

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
        """Answer all questions with one call."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(LOOKUP, *recalling.arguments(questions, now_ms))
        return recalling.answers(questions, rows)

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


async def _compressed(stored: Sequence[records.Body]) -> list[bytes]:
    """Compress the bodies, off the event loop when they are large.

    The compressor releases the interpreter.
    """
    if sum(len(part) for body in stored for part in body.parts) < THREAD_BYTES:
        return [documents.pack(body.parts) for body in stored]
    return await asyncio.to_thread(lambda: [documents.pack(body.parts) for body in stored])


def _arguments(batch: records.Batch, contents: list[bytes]) -> list[Any]:
    """Return the arguments of RECORD in its order; how columns travel is told beside the function itself."""
    submission, bodies_ = batch.submission, batch.bodies
    items, tenants = submission.items, [item.tenant for item in submission.items]
    distinct = sorted(set(tenants))
    return [
        postgres.tenants_setting(distinct),
        batch.chain,
        COLUMN.join((*_own_columns(batch, tenants, grouped=len(distinct) == 1), *_texts(submission.claims))),
        COLUMN.join((_literal([item + 1 for item in submission.lines.item]), *_texts(submission.lines)[1:])),
        COLUMN.join(
            (_literal([item + 1 for item in submission.findings.item]), *_texts(submission.findings)[1:])
        ),
        b"".join([item.key for item in items]),
        b"".join([item.content_hash for item in items]),
        b"".join(batch.document_hashes),
        [body.id for body in bodies_],
        [body.tenant for body in bodies_],
        contents,
        _history(submission.history),
    ]


def _history(rows: records.History) -> str:
    return COLUMN.join(
        (
            _literal([item + 1 for item in rows.item]),
            _literal(rows.line),
            _bytes(rows.key),
            _literal(rows.day),
            _literal(rows.quantity_e4),
            _bytes(rows.mark),
        )
    )


def _bytes(column: list[bytes]) -> str:
    """Return an array literal of bytea; nothing is NULL."""
    return f"{{{','.join([f'\\\\x{value.hex()}' if value else 'NULL' for value in column])}}}"


def _own_columns(batch: records.Batch, tenants: list[str], *, grouped: bool) -> list[str]:
    """Return the columns that storage adds to the claims' own, and the order of chaining.

    Chaining goes tenant by tenant.
    """
    places, items = batch.places, batch.submission.items
    order = list(range(1, len(tenants) + 1))
    if not grouped:
        order.sort(key=lambda place: tenants[place - 1])
    return [
        _literal(order),
        f"{{{','.join(batch.ids)}}}",
        _literal(batch.at_ms),
        f"{{{','.join([place.body or 'NULL' for place in places])}}}",
        _literal([place.start for place in places]),
        _literal([place.claim_size for place in places]),
        _literal([place.decision_size for place in places]),
        _literal([place.received_size for place in places]),
        _joined(tenants),
        _joined([item.subject for item in items]),
        _joined([entry.decode() for entry in batch.entries]),
        _joined([place.media_type for place in places]),
        _joined(["" if place.object is None else place.object.hex() for place in places]),
    ]


def _texts(columns: records.Columns) -> list[str]:
    """Return columns as they travel: a column of texts is joined, one of numbers is an array literal."""
    return [
        _joined(column) if name in records.TEXTS else _literal(column)
        for name, column in zip(columns.__struct_fields__, msgspec.structs.astuple(columns), strict=True)
    ]


def _joined(column: list[str]) -> str:
    return VALUE.join([*column, ""])


def _literal(column: list[int] | list[float]) -> str:
    return f"{{{str(column)[1:-1]}}}"
