"""The statements of people's lists: one page by its cursor, whatever filters and sort exclude each other.

Verdict, review and the values that lists are sorted by go together: what is dear or likely denied is in
review, so a list of accepted claims by amount would walk past all of those. Sorted lists are therefore read
in lanes: a lane is a pair of verdict and review status the tenant has, and values' indexes begin with it.
"""

from typing import Any

import sqlalchemy as sa

from storage.domain import queries
from storage.outbound import postgres, tables

ROW = (
    "id", "claim_id", "use", "type", "provider_id", "payer_id", "currency", "submitted_minor", "verdict",
    "wire_status", "business_status", "review_status", "score_state", "probability", "at_risk_minor",
    "revision",
)  # fmt: skip
LANE = ("verdict", "review_status")
FEW = 60_000  # claims of a provider that are sorted in its index, in 20 ms: a lane may be long
BEYOND = """
SELECT EXISTS (SELECT FROM claims WHERE tenant = $1 AND provider_id = $2 ORDER BY id OFFSET $3 LIMIT 1)
"""


async def is_long(connection: postgres.Lent, question: queries.Listing) -> bool:
    """Return whether a list's claims are more than are sorted at once: all but those of most providers."""
    provider = question.equal.get("provider_id")
    if provider is None or question.column == "id":
        return True
    return bool(await connection.fetchval(BEYOND, question.tenant, provider, FEW))


def page(question: queries.Listing, *, in_lanes: bool = True) -> sa.Select[Any]:
    """Return the statement of one page's rows with a value in the sort column.

    Values and ids are compared as a pair and NULLs are left out, so that an index serves both directions.
    """
    c = tables.CLAIMS.c
    column, identifier = c[question.column], c.id
    statement = _chosen(question)
    if question.column == "id":
        if question.after is not None:
            statement = statement.where(_further(question, identifier, question.after[1]))
        return statement.order_by(_turned(question, identifier)).limit(question.limit)
    statement = statement.where(column.is_not(None))
    if question.after is not None:
        value, last = question.after
        pair = sa.tuple_(sa.literal(value, column.type), sa.literal(last, identifier.type))
        behind = sa.false() if value is None else _further(question, sa.tuple_(column, identifier), pair)
        statement = statement.where(behind)
    return _first(question, statement, (question.column, "id"), question.limit, in_lanes=in_lanes)


def valueless(question: queries.Listing, most: int, *, in_lanes: bool = True) -> sa.Select[Any]:
    """Return the statement of rows without a value in the sort column: they come last, in both directions."""
    c = tables.CLAIMS.c
    statement = _chosen(question).where(c[question.column].is_(None))
    if question.after is not None and question.after[0] is None:
        statement = statement.where(_further(question, c.id, question.after[1]))
    return _first(question, statement, ("id",), most, in_lanes=in_lanes)


def _first(
    question: queries.Listing,
    statement: sa.Select[Any],
    order: tuple[str, ...],
    most: int,
    *,
    in_lanes: bool,
) -> sa.Select[Any]:
    """Return the first rows of a statement by some columns: those of each lane, and the first of these."""
    c = tables.CLAIMS.c
    if not in_lanes:
        return _whole(question, statement, order, most)
    lanes = _lanes(question)
    inside = statement.where(*(c[name] == lanes.c[name] for name in LANE))
    inside = inside.order_by(*(_turned(question, c[name]) for name in order)).limit(most)
    rows = inside.lateral("claim")
    merged = sa.select(*(rows.c[name] for name in ROW)).select_from(lanes.join(rows, sa.true()))
    return merged.order_by(*(_turned(question, rows.c[name]) for name in order)).limit(most)


def _whole(
    question: queries.Listing, statement: sa.Select[Any], order: tuple[str, ...], most: int
) -> sa.Select[Any]:
    """Return the first rows of a statement: they are found within the provider's index, then read."""
    c = tables.CLAIMS.c
    sorted_by = [c[name] for name in order if name != "id"]
    found = statement.with_only_columns(c.id, *sorted_by)
    first = found.order_by(*(_turned(question, c[name]) for name in order)).limit(most).subquery("first")
    row = sa.select(*(c[name] for name in ROW)).where(c.tenant == question.tenant, c.id == first.c.id)
    whole = row.offset(0).lateral("claim")
    rows = sa.select(*(whole.c[name] for name in ROW)).select_from(first.join(whole, sa.true()))
    return rows.order_by(*(_turned(question, first.c[name]) for name in order))


def _lanes(question: queries.Listing) -> sa.CTE:
    """Return the lanes that a tenant's claims are in, found by hopping along an index."""
    c = tables.CLAIMS.c
    pair = [c[name] for name in LANE]
    least = sa.select(*pair).where(c.tenant == question.tenant)
    least = least.where(*(c[name] == question.equal[name] for name in LANE if name in question.equal))
    least = least.order_by(*pair).limit(1)
    lanes = least.cte("lanes", recursive=True)
    behind = least.where(sa.tuple_(*pair) > sa.tuple_(*(lanes.c[name] for name in LANE))).lateral("next")
    return lanes.union_all(
        sa.select(*(behind.c[name] for name in LANE)).select_from(lanes.join(behind, sa.true()))
    )


def _chosen(question: queries.Listing) -> sa.Select[Any]:
    """Return the statement of all rows that pass the filters."""
    c = tables.CLAIMS.c
    statement = sa.select(*(c[name] for name in ROW)).where(c.tenant == question.tenant)
    for name, value in question.equal.items():
        statement = statement.where(c[name] == value)
    if question.from_id is not None:
        statement = statement.where(c.id >= question.from_id)
    if question.until_id is not None:
        statement = statement.where(c.id < question.until_id)
    return statement


def _turned(question: queries.Listing, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return column.desc() if question.descending else column.asc()


def _further(
    question: queries.Listing, here: sa.ColumnElement[Any], last: sa.ColumnElement[Any] | str
) -> sa.ColumnElement[bool]:
    return here < last if question.descending else here > last
