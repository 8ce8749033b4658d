"""What is done about one claim, whoever asks: judged, answered, kept once."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.ext import asyncio as sa_asyncio

from peers.equal import history, rules, scoring, shapes, tables, texts

REVIEW = 0.5  # probability of denial from which a person looks


class ConflictError(Exception):
    """The key came before with another claim."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision as JSON; `replayed` says that it was given before."""

    document: str
    replayed: bool = False


class Store:
    """The database; reads need no transaction of their own."""

    def __init__(self, database: sa_asyncio.AsyncEngine) -> None:
        self._reading = database.execution_options(isolation_level="AUTOCOMMIT")
        self._session = sa_asyncio.async_sessionmaker(database, expire_on_commit=False)

    async def earlier(self, claim: shapes.Claim) -> Sequence[Any]:
        """Return the patient's earlier services."""
        patient = history.patient(claim)
        if patient is None:
            return ()
        async with self._reading.connect() as connection:
            return (await connection.execute(tables.OF_PATIENT, {"patient": patient})).all()

    async def keep(self, row: tables.ClaimRow) -> Answer:
        """Commit a claim; return its decision, or the first one where it came before.

        Raises ConflictError where the key came with another claim.
        """
        try:
            async with self._session() as session:
                session.add(row)
                await session.commit()
        except exc.IntegrityError:
            return await self._known(row)
        return Answer(row.decision)

    async def _known(self, row: tables.ClaimRow) -> Answer:
        wanted = sa.select(tables.ClaimRow.content_hash, tables.ClaimRow.decision).where(
            tables.ClaimRow.key == row.key
        )
        async with self._reading.connect() as connection:
            known = (await connection.execute(wanted)).one()
        if known.content_hash != row.content_hash:
            raise ConflictError
        return Answer(known.decision, replayed=True)


def judged(
    book: rules.Rules, claim: shapes.Claim, earlier: history.Services, scores: scoring.Scores, key: str = ""
) -> tables.ClaimRow:
    """Return a claim with its decision, ready to be kept under a key or its own."""
    asked = history.services(claim)
    return row(claim, asked, book.check(claim, asked, earlier), scores, key)


def row(
    claim: shapes.Claim,
    asked: Sequence[history.Service | None],
    findings: list[texts.Finding],
    scores: scoring.Scores,
    key: str = "",
) -> tables.ClaimRow:
    """Return the rows of a claim with its findings and scores; what is refused leaves no history."""
    body = content(claim)
    identifier, worst, verdict = uuid.uuid4(), max(scores.probabilities), _verdict(findings, scores)
    payer = claim.insurance[0].coverage.payer if claim.insurance[0].coverage else None
    return tables.ClaimRow(
        id=identifier,
        key=f"key|{key}" if key else own_key(claim),
        content_hash=hashlib.sha256(body.encode()).digest(),
        claim_id=claim.claim_id,
        provider=claim.provider.id,
        payer=payer,
        total=claim.total,
        probability=worst,
        verdict=verdict,
        body=body,
        decision=json.dumps(_decision(identifier, claim, verdict, findings, scores), ensure_ascii=False),
        at=datetime.now(UTC),
        lines=_lines(claim, asked, None if verdict == "reject" else history.patient(claim), scores),
    )


def content(claim: shapes.Claim) -> str:
    """Return a claim as it is kept and compared."""
    return claim.model_dump_json(exclude_defaults=True)


def own_key(claim: shapes.Claim) -> str:
    """Return what a claim without a sender's key is known by."""
    return f"{claim.provider.id}|{claim.use}|{claim.claim_id}"


def _verdict(findings: list[texts.Finding], scores: scoring.Scores) -> str:
    if any(finding["severity"] == "error" for finding in findings):
        return "reject"
    return "review" if max(scores.probabilities) >= REVIEW else "accept"


def _decision(
    identifier: uuid.UUID,
    claim: shapes.Claim,
    verdict: str,
    findings: list[texts.Finding],
    scores: scoring.Scores,
) -> dict[str, Any]:
    lines = [
        {
            "sequence": line.sequence,
            "probability": probability,
            "reasons": [
                {"feature": name, "log_odds": share} for name, share in scores.reasons.get(place, ())
            ],
        }
        for place, (line, probability) in enumerate(zip(claim.lines, scores.probabilities, strict=True))
    ]
    return {
        "id": str(identifier),
        "claim_id": claim.claim_id,
        "verdict": verdict,
        "findings": findings,
        "risk": {"probability": max(scores.probabilities), "lines": lines},
    }


def _lines(
    claim: shapes.Claim,
    asked: Sequence[history.Service | None],
    patient: str | None,
    scores: scoring.Scores,
) -> list[tables.LineRow]:
    return [
        tables.LineRow(
            place=place,
            patient=None if service is None else patient,
            claim_id=claim.claim_id,
            provider=claim.provider.id,
            payer=service.payer if service else None,
            system=line.system,
            code=service.code if service else line.code,
            day=service.day if service else None,
            quantity=line.quantity,
            mark=service.mark if service else "",
            site=service.site if service else "",
            reference=service.reference if service else None,
            net=line.net,
            probability=probability,
        )
        for place, (line, service, probability) in enumerate(
            zip(claim.lines, asked, scores.probabilities, strict=True)
        )
    ]
