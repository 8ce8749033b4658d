"""The peers' tables through the SQLAlchemy ORM."""

from datetime import UTC, date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext import asyncio as sa_asyncio

from peers import shapes


class Base(orm.DeclarativeBase):
    pass


class ClaimRow(Base):
    __tablename__ = "peer_claims"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    claim_id: orm.Mapped[str] = orm.mapped_column(index=True)
    provider: orm.Mapped[str]
    payer: orm.Mapped[str]
    total: orm.Mapped[Decimal] = orm.mapped_column(sa.Numeric(14, 2))
    probability: orm.Mapped[float]
    verdict: orm.Mapped[str]
    body: orm.Mapped[dict[str, object]] = orm.mapped_column(postgresql.JSONB)
    findings: orm.Mapped[list[object]] = orm.mapped_column(postgresql.JSONB)
    at: orm.Mapped[datetime] = orm.mapped_column(sa.DateTime(timezone=True))
    lines: orm.Mapped[list["LineRow"]] = orm.relationship(back_populates="claim")


class LineRow(Base):
    __tablename__ = "peer_lines"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    claim_ref: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("peer_claims.id"), index=True)
    code: orm.Mapped[str]
    service_date: orm.Mapped[date]
    net: orm.Mapped[Decimal] = orm.mapped_column(sa.Numeric(14, 2))
    probability: orm.Mapped[float]
    claim: orm.Mapped[ClaimRow] = orm.relationship(back_populates="lines")


POOL = 15  # per system; on two cores more connections only queue inside PostgreSQL


def engine(dsn: str) -> sa_asyncio.AsyncEngine:
    """Return an engine with a pool of its own."""
    address = dsn.replace("postgresql://", "postgresql+asyncpg://")
    return sa_asyncio.create_async_engine(address, pool_size=POOL, max_overflow=0)


def row(claim: shapes.Claim, findings: list[dict[str, str]], probabilities: list[float]) -> ClaimRow:
    """Return the ORM object of a checked and scored claim."""
    worst = max(probabilities)
    verdict = "reject" if findings else "review" if worst >= 0.5 else "accept"
    return ClaimRow(
        claim_id=claim.claim_id,
        provider=claim.provider.id,
        payer=claim.insurance[0].coverage.payer,
        total=claim.total,
        probability=worst,
        verdict=verdict,
        body=claim.model_dump(mode="json"),
        findings=findings,
        at=datetime.now(UTC),
        lines=[
            LineRow(code=line.code, service_date=line.service_date, net=line.net, probability=probability)
            for line, probability in zip(claim.lines, probabilities, strict=True)
        ],
    )
