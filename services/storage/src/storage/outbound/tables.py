"""The tables that people's queries read, as SQLAlchemy Core knows them.

The schema itself lives in migrations.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import asyncpg as dialects
from sqlalchemy.sql import base

from storage.domain import records
from storage.outbound import postgres

METADATA = sa.MetaData()
TEXT, BIG = sa.Text(), sa.BigInteger()
ID = postgresql.UUID(as_uuid=False)

CLAIMS = sa.Table(
    "claims",
    METADATA,
    sa.Column("id", ID),
    *(
        sa.Column(name, TEXT)
        for name in ("tenant", "claim_id", "use", "type", "provider_id", "payer_id", "currency")
    ),
    *(sa.Column(name, TEXT) for name in ("verdict", "wire_status", "business_status", "review_status")),
    *(sa.Column(name, TEXT) for name in ("score_state", "model_revision")),
    *(sa.Column(name, BIG) for name in ("submitted_minor", "at_risk_minor", "revision")),
    *(sa.Column(name, BIG) for name in records.LATER),
    sa.Column("probability", sa.Double()),
)
LINES = sa.Table(
    "claim_lines",
    METADATA,
    sa.Column("id", ID),
    *(sa.Column(name, TEXT) for name in ("tenant", "code", "system")),
    *(sa.Column(name, BIG) for name in ("sequence", "service_day", "net_minor")),
    sa.Column("probability", sa.Double()),
)
OUTCOMES = sa.Table(
    "line_outcomes",
    METADATA,
    sa.Column("id", ID),
    *(sa.Column(name, TEXT) for name in ("tenant", "source", "outcome", "nphies", "carc")),
    *(sa.Column(name, BIG) for name in ("line", "revision", "at_ms", "allowed_minor", "paid_minor")),
)

_DIALECT = dialects.dialect()  # type: ignore[no-untyped-call]  # the dialect's class has no types


async def fetch(connection: postgres.Lent, statement: base.Executable) -> Sequence[Any]:
    """Run a Core statement on a connection of the pool and return its rows."""
    compiled = statement.compile(dialect=_DIALECT)  # type: ignore[attr-defined]  # every statement compiles
    arguments = [compiled.params[name] for name in compiled.positiontup or ()]
    rows: Sequence[Any] = await connection.fetch(compiled.string, *arguments)
    return rows
