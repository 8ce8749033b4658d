"""Rows for data scientists: each line of a claim with its scores, what they were given for, and outcomes."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from storage.domain import records, views
from storage.outbound import postgres, tables

CLAIM = (
    "claim_id", "use", "type", "currency", "verdict", "wire_status", "business_status", "review_status",
    "score_state", "probability", "model_revision", "payer_id", "provider_id",
)  # fmt: skip
LINE = ("code", "system", "service_day", "net_minor")
OUTCOME = ("outcome", "nphies", "carc", "allowed_minor", "paid_minor", "at_ms")
SAID = """
SELECT id, line, outcome, nphies, carc, allowed_minor, paid_minor, at_ms FROM line_outcomes
WHERE tenant = $1 AND id = ANY ($2) AND source = $3 ORDER BY id, revision
"""

type Said = dict[tuple[str, int, str], views.LineOutcome]


async def export(
    connection: postgres.Lent, tenant: str, after: str, claims: int
) -> tuple[list[views.ExportRow], str]:
    """Return the lines of up to `claims` claims behind an id, and the last claim's id ("" at the end).

    Lines and outcomes are found by the range of their claims' ids.
    """
    c, lines = tables.CLAIMS.c, tables.LINES.c
    wanted = [c.id, *(c[name] for name in (*CLAIM, *records.LATER))]
    heads = sa.select(*wanted).where(c.tenant == tenant).order_by(c.id)
    found = await tables.fetch(connection, (heads.where(c.id > after) if after else heads).limit(claims))
    if not found:
        return [], ""
    first, last = str(found[0]["id"]), str(found[-1]["id"])
    picked = sa.select(lines.id, lines.sequence, lines.probability, *(lines[name] for name in LINE))
    picked = picked.where(lines.tenant == tenant, lines.id.between(first, last))
    rows = await tables.fetch(connection, picked.order_by(lines.id, lines.sequence))
    said = await _said(connection, tenant, first, last)
    by_id = {row["id"]: row for row in found}
    return [_row(by_id[row["id"]], row, said) for row in rows if row["id"] in by_id], last


async def said(
    connection: postgres.Lent, tenant: str, ids: Sequence[str], source: str
) -> dict[str, dict[int, views.LineOutcome]]:
    """Return a source's latest word by line, by claim; nothing for claims it has not spoken of."""
    found: dict[str, dict[int, views.LineOutcome]] = {}
    for row in await connection.fetch(SAID, tenant, list(ids), source):
        found.setdefault(str(row["id"]), {})[row["line"]] = _outcome(row)
    return found


async def _said(connection: postgres.Lent, tenant: str, first: str, last: str) -> Said:
    """Return the latest word of each source by claim, line and source."""
    o = tables.OUTCOMES.c
    rows = await tables.fetch(connection, _outcomes().where(o.tenant == tenant, o.id.between(first, last)))
    return {(str(row["id"]), row["line"], row["source"]): _outcome(row) for row in rows}


def _outcomes() -> sa.Select[Any]:
    """Return the statement of outcomes, later ones behind those that they replace."""
    o = tables.OUTCOMES.c
    columns = (o.id, o.line, o.source, *(o[name] for name in OUTCOME))
    return sa.select(*columns).order_by(o.id, o.revision)


def _outcome(row: Any) -> views.LineOutcome:
    return views.LineOutcome(**{name: row[name] for name in OUTCOME})


def _row(claim: Any, line: Any, said: Said) -> views.ExportRow:
    identifier, sequence = str(claim["id"]), line["sequence"]
    return views.ExportRow(
        **{name: claim[name] for name in CLAIM},
        **{name: line[name] for name in LINE},
        id=identifier,
        line=sequence,
        line_probability=line["probability"],
        inputs=tuple(claim[name] for name in records.LATER),
        payer=said.get((identifier, sequence, "payer")),
        reviewer=said.get((identifier, sequence, "reviewer")),
    )
