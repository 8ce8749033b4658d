"""The ledger in PostgreSQL: each write is one call of a function of the schema, in one transaction."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from chassis import errors
from storage.domain import chains, months, records, views
from storage.outbound import bodies, documents, postgres

THREAD_BYTES = 256 * 1024  # compressing more than this would hold the event loop for over a millisecond
DUPLICATES_MOST = 5  # hits told per line: one is enough for a rule, a few for a person
AGGREGATE_MS = 90 * 86_400_000

RECORD = f"SELECT item, id, content_hash FROM record({', '.join(f'${i}' for i in range(1, 60))})"
CHANGE = f"SELECT record_change({', '.join(f'${i}' for i in range(1, 20))})"
LOOKUP = f"SELECT * FROM lookup({', '.join(f'${i}' for i in range(1, 11))})"
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
                *(change.note, change.subject, entry.at_ms, chains.canonical(entry), entry.document_hash),
            )
        if revision == 0:
            raise errors.NotFound("claim.unknown", "There is no such claim.")
        if revision < 0:
            raise errors.Conflict("revision.stale", f"The claim stands at revision {-revision} by now.")
        return int(revision)

    async def lookup(self, questions: Sequence[records.Question], now_ms: int) -> list[records.Answer]:
        """Answer all questions with one call."""
        keyed = [
            (number, index, key)
            for number, question in enumerate(questions, start=1)
            if question.use == "claim"
            for index, key in enumerate(question.service_keys)
            if key
        ]
        tenants = [question.tenant for question in questions]
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                LOOKUP,
                postgres.tenants_setting(sorted(set(tenants))),
                max(0, now_ms - AGGREGATE_MS),
                tenants,
                [question.claim_id for question in questions],
                [question.provider_id for question in questions],
                [question.patient_key for question in questions],
                [row[0] for row in keyed],
                [row[1] for row in keyed],
                [row[2] for row in keyed],
                DUPLICATES_MOST,
            )
        return _answers(questions, rows)

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
    """Compress the bodies, off the event loop when they are large; the compressor releases the interpreter."""
    if sum(len(part) for body in stored for part in body.parts) < THREAD_BYTES:
        return [documents.pack(body.parts) for body in stored]
    return await asyncio.to_thread(lambda: [documents.pack(body.parts) for body in stored])


def _arguments(batch: records.Batch, contents: list[bytes]) -> list[Any]:
    """Return the arguments of RECORD in its order; items are numbered from 1 there."""
    submission = batch.submission
    items, lines, findings = submission.items, submission.lines, submission.findings
    tenants = [item.tenant for item in items]
    distinct = sorted(set(tenants))
    places = list(range(1, len(items) + 1))
    if len(distinct) > 1:
        places.sort(key=lambda place: tenants[place - 1])
    arguments: list[Any] = [postgres.tenants_setting(distinct), batch.chain, places, tenants, batch.ids]
    arguments += [[item.key for item in items], [item.content_hash for item in items], batch.document_hashes]
    arguments += [batch.entries, [item.subject for item in items], batch.at_ms]
    arguments += [
        list(column)
        for column in zip(
            *(
                (p.body, p.object, p.start, p.claim_size, p.decision_size, p.received_size, p.media_type)
                for p in batch.places
            ),
            strict=True,
        )
    ]
    arguments += [getattr(submission.claims, name) for name in records.Claims.__struct_fields__]
    arguments.append([item + 1 for item in lines.item])
    arguments += [getattr(lines, name) for name in records.Lines.__struct_fields__[1:]]
    arguments.append([item + 1 for item in findings.item])
    arguments += [getattr(findings, name) for name in records.Findings.__struct_fields__[1:]]
    arguments += [[body.id for body in batch.bodies], [body.tenant for body in batch.bodies], contents]
    return arguments


def _answers(questions: Sequence[records.Question], rows: Sequence[Any]) -> list[records.Answer]:
    duplicates: dict[int, list[records.Duplicate]] = defaultdict(list)
    providers: dict[tuple[str, str], records.Aggregate] = {}
    patients: dict[tuple[str, str], records.Aggregate] = {}
    for kind, item, place, identifier, claim_id, line, claims, denied, net in rows:
        asked = questions[item - 1]
        if kind == 1:
            duplicates[item - 1].append(records.Duplicate(place, str(identifier), claim_id, line))
        elif kind == 2:  # noqa: PLR2004 - the function's kinds
            providers[asked.tenant, asked.provider_id] = records.Aggregate(claims, denied, net)
        else:
            patients[asked.tenant, asked.patient_key] = records.Aggregate(claims, denied, net)
    nothing = records.Aggregate()
    return [
        records.Answer(
            duplicates[number],
            providers.get((asked.tenant, asked.provider_id), nothing),
            patients.get((asked.tenant, asked.patient_key), nothing),
        )
        for number, asked in enumerate(questions)
    ]
