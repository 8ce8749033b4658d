"""The bulk peer that does the same work: batches of 1,000, one process, no HTTP.

A batch has one query for what came before under its keys, one for its patients' earlier services, one model
call, one call for reasons, add_all and one commit. Claims of a batch are each other's past.

Usage: python -m peers.equal.bulk FILE; prints claims and seconds.
"""

import asyncio
import hashlib
import itertools
import json
import os
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext import asyncio as sa_asyncio

from peers.equal import history, rules, scoring, shapes, tables, work

BATCH = 1_000


async def run(lines: list[bytes], book: rules.Rules, scorer: scoring.Scorer) -> None:
    """Read, look up, check, score and keep a file of claims."""
    engine = tables.engine(os.environ["PEER_DSN"])
    await tables.create(engine)
    session_of = sa_asyncio.async_sessionmaker(engine, expire_on_commit=False)
    for batch in itertools.batched(lines, BATCH):
        claims = [shapes.Claim.model_validate_json(line) for line in batch]
        async with session_of() as session:
            await keep(session, claims, book, scorer)
    await engine.dispose()


async def keep(
    session: sa_asyncio.AsyncSession, claims: list[shapes.Claim], book: rules.Rules, scorer: scoring.Scorer
) -> None:
    """Judge and commit those claims of a batch that are not recorded yet."""
    fresh = await _fresh(session, claims)
    session.add_all(await _judged(session, fresh, book, scorer) if fresh else [])
    await session.commit()


async def _fresh(session: sa_asyncio.AsyncSession, claims: list[shapes.Claim]) -> list[shapes.Claim]:
    """Return the claims that are not recorded; one changed under its key ends the file."""
    keyed = {work.own_key(claim): claim for claim in claims}
    row = tables.ClaimRow
    wanted = sa.select(row.key, row.content_hash, row.decision).where(row.key.in_(keyed))
    for known in await session.execute(wanted):
        claim = keyed.pop(known.key)
        if hashlib.sha256(work.content(claim).encode()).digest() != known.content_hash:
            raise work.ConflictError(known.key)
    return list(keyed.values())


async def _judged(
    session: sa_asyncio.AsyncSession, claims: list[shapes.Claim], book: rules.Rules, scorer: scoring.Scorer
) -> list[tables.ClaimRow]:
    scores = scorer.score(scoring.values(claims))
    past = await _past(session, claims)
    rows, at = [], 0
    for claim in claims:
        mine, at = _part(scores, at, len(claim.lines)), at + len(claim.lines)
        patient = history.patient(claim)
        asked = history.services(claim)
        earlier = past[patient] if patient else []
        findings = book.check(claim, asked, earlier)
        row = work.row(claim, asked, findings, mine)
        if row.verdict != "reject":
            earlier += [service for service in asked if service is not None]
        rows.append(row)
    return rows


async def _past(session: sa_asyncio.AsyncSession, claims: list[shapes.Claim]) -> dict[str, list[Any]]:
    patients = {patient for claim in claims if (patient := history.patient(claim)) is not None}
    found: dict[str, list[Any]] = defaultdict(list)
    wanted = sa.select(*tables.SERVICE).where(tables.LineRow.patient.in_(patients))
    for service in await session.execute(wanted):
        found[service.patient].append(service)
    return found


def _part(scores: scoring.Scores, at: int, count: int) -> scoring.Scores:
    """Return the scores of a claim whose rows begin at a place of the batch."""
    reasons = {row: scores.reasons[at + row] for row in range(count) if at + row in scores.reasons}
    return scoring.Scores(scores.probabilities[at : at + count], reasons)


def main(file: Path) -> None:
    """Run over a file; print what it took. Rules, texts and model are read before, as in a service."""
    lines = file.read_bytes().splitlines()
    book, scorer = rules.load(), scoring.Scorer(Path(os.environ["PEER_MODEL"]))
    began = time.perf_counter()
    asyncio.run(run(lines, book, scorer))
    print(json.dumps({"claims": len(lines), "seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
