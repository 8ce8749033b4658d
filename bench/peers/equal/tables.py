"""Tables through the SQLAlchemy ORM: a claim with its lines, and the patient's earlier services."""

import uuid
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext import asyncio as sa_asyncio

POOL = 15  # as the first peers have
MOST = 1_000  # earlier services looked at per patient


class Base(orm.DeclarativeBase):
    pass


class ClaimRow(Base):
    """A claim as decided; ids are made by us, so that no statement must return them."""

    __tablename__ = "equal_claims"
    id: orm.Mapped[uuid.UUID] = orm.mapped_column(primary_key=True)
    key: orm.Mapped[str] = orm.mapped_column(unique=True)
    content_hash: orm.Mapped[bytes]
    claim_id: orm.Mapped[str]
    provider: orm.Mapped[str | None]
    payer: orm.Mapped[str | None]
    total: orm.Mapped[Decimal | None] = orm.mapped_column(sa.Numeric(14, 3))
    probability: orm.Mapped[float]
    verdict: orm.Mapped[str]
    body: orm.Mapped[str]
    decision: orm.Mapped[str]
    at: orm.Mapped[datetime] = orm.mapped_column(sa.DateTime(timezone=True))
    lines: orm.Mapped[list["LineRow"]] = orm.relationship()


class LineRow(Base):
    """A line; `patient` is empty where the line does not count as an earlier service."""

    __tablename__ = "equal_lines"
    claim_ref: orm.Mapped[uuid.UUID] = orm.mapped_column(sa.ForeignKey("equal_claims.id"), primary_key=True)
    place: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    patient: orm.Mapped[str | None]
    claim_id: orm.Mapped[str]
    provider: orm.Mapped[str | None]
    payer: orm.Mapped[str | None]
    system: orm.Mapped[str | None]
    code: orm.Mapped[str | None]
    day: orm.Mapped[date | None]
    quantity: orm.Mapped[Decimal | None] = orm.mapped_column(sa.Numeric(12, 4))
    mark: orm.Mapped[str]
    site: orm.Mapped[str]
    reference: orm.Mapped[str | None]
    net: orm.Mapped[Decimal | None] = orm.mapped_column(sa.Numeric(14, 3))
    probability: orm.Mapped[float]


sa.Index(
    "equal_lines_of_patient",
    LineRow.patient,
    LineRow.day.desc(),
    postgresql_where=LineRow.patient.is_not(None),
)
SERVICE = (
    LineRow.patient, LineRow.claim_id, LineRow.provider, LineRow.payer, LineRow.system, LineRow.code,
    LineRow.day, LineRow.quantity, LineRow.mark, LineRow.site, LineRow.reference,
)  # fmt: skip
OF_PATIENT = (
    sa.select(*SERVICE)
    .where(LineRow.patient == sa.bindparam("patient"))
    .order_by(LineRow.day.desc())
    .limit(MOST)
)


def engine(dsn: str) -> sa_asyncio.AsyncEngine:
    """Return an engine with a pool of its own."""
    address = dsn.replace("postgresql://", "postgresql+asyncpg://")
    return sa_asyncio.create_async_engine(address, pool_size=POOL, max_overflow=0)


async def create(database: sa_asyncio.AsyncEngine) -> None:
    """Create the tables where they are not there."""
    async with database.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
