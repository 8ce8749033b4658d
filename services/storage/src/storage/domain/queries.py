"""A list's question: filters, sort, cursor.

Validated here, so that no adapter meets a column it should not.
"""

import base64
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import msgspec

from chassis import errors
from storage.domain import ids

LIMIT_MAX = 1_000  # rows of one page, as the public interface promises
LIMIT_DEFAULT = 50
COLUMNS = {  # filter → column
    "claim_id": "claim_id",
    "verdict": "verdict",
    "status": "business_status",
    "review": "review_status",
    "use": "use",
    "payer": "payer_id",
    "provider": "provider_id",
}
SORTS = {  # sort → column; an amount is known by its column's name too; id is the order of receipt
    "received": "id",
    "received_at": "id",
    "at_risk": "at_risk_minor",
    "at_risk_minor": "at_risk_minor",
    "probability": "probability",
    "submitted": "submitted_minor",
    "submitted_minor": "submitted_minor",
}


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A validated question. `after` is the sort value and id of the last row seen; bounds are ids."""

    tenant: str
    equal: dict[str, str] = {}
    from_id: str | None = None
    until_id: str | None = None
    column: str = "id"
    descending: bool = True
    after: tuple[float | None, str] | None = None
    limit: int = LIMIT_DEFAULT
    sort: str = "-received"


def listing(tenant: str, filters: Mapping[str, str], sort: str, cursor: str, limit: int) -> Listing:
    """Return the question; raise Invalid `filter.unknown`, `filter.date`, `sort.unknown`, `cursor.invalid`.

    `from` and `to` are days or instants (ISO 8601, UTC unless they say otherwise); `to` is exclusive for an
    instant and includes a whole day. A limit of 0 is the default; more than LIMIT_MAX is LIMIT_MAX.
    """
    equal = {COLUMNS[name]: value for name, value in filters.items() if name in COLUMNS and value}
    unknown = sorted(set(filters) - set(COLUMNS) - {"from", "to"})
    if unknown:
        raise errors.Invalid("filter.unknown", f"There is no filter named {unknown[0][:40]!r}.")
    chosen = sort or "-received"
    if chosen.removeprefix("-") not in SORTS:
        raise errors.Invalid(
            "sort.unknown", f"Sort by one of: {', '.join(SORTS)}; a minus sign turns it round."
        )
    return Listing(
        tenant=tenant,
        equal=equal,
        from_id=_bound(filters.get("from", ""), end=False),
        until_id=_bound(filters.get("to", ""), end=True),
        column=SORTS[chosen.removeprefix("-")],
        descending=chosen.startswith("-"),
        after=_decode(cursor, chosen) if cursor else None,
        limit=min(limit or LIMIT_DEFAULT, LIMIT_MAX),
        sort=chosen,
    )


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """A walk over all claims of a tenant in the order of receipt; bounds are ids, `after` excluded."""

    tenant: str
    after: str = ""
    from_id: str | None = None
    until_id: str | None = None


def walk(tenant: str, *, after: str, since: str, until: str) -> Walk:
    """Return the walk behind a claim and between two days or instants, both as in `listing`.

    Raises Invalid `id.invalid` or `filter.date`.
    """
    return Walk(
        tenant=tenant,
        after=identifier_of(after) if after else "",
        from_id=_bound(since, end=False),
        until_id=_bound(until, end=True),
    )


def behind(question: Walk, identifier: str) -> Walk:
    """Return the rest of a walk behind a claim."""
    return msgspec.structs.replace(question, after=identifier)


def cursor(question: Listing, row: msgspec.Struct) -> str:
    """Return the cursor behind a page's last row."""
    value = None if question.column == "id" else getattr(row, question.column)
    identifier: str = getattr(row, "id")  # noqa: B009 - a row of any shape that has an id
    return base64.urlsafe_b64encode(msgspec.json.encode((question.sort, value, identifier))).decode()


def _decode(text: str, sort: str) -> tuple[float | None, str]:
    try:
        kept, value, identifier = msgspec.json.decode(
            base64.b64decode(text, altchars=b"-_", validate=True), type=tuple[str, float | int | None, str]
        )
        parsed = identifier_of(identifier)
    except (ValueError, errors.Invalid) as cause:  # base64's and msgspec's errors are ValueErrors
        raise _no_cursor("The cursor is not one of ours; begin again without it.") from cause
    if kept != sort:
        raise _no_cursor("The cursor belongs to a list with another sort.")
    return value, parsed


def _no_cursor(text: str) -> errors.Invalid:
    violation = errors.Violation("cursor", "cursor.invalid", text)
    return errors.Invalid("cursor.invalid", text, violations=(violation,))


def identifier_of(text: str) -> str:
    """Return a canonical id, or raise Invalid `id.invalid`."""
    digits = text.replace("-", "").lower()
    if len(digits) != 32 or len(text) != 36 or set(digits) - set("0123456789abcdef"):  # noqa: PLR2004 - UUID text
        raise errors.Invalid(
            "id.invalid", "An id is a UUID, for example 0190a5c4-7b1e-7c3a-9f00-000000000000."
        )
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _bound(text: str, *, end: bool) -> str | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text) if len(text) == len("2026-01-01") else None
        moment = datetime.combine(day, datetime.min.time()) if day else datetime.fromisoformat(text)
        if day and end:
            moment += timedelta(days=1)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return ids.floor(max(0, int(moment.timestamp() * 1000)))
    except (ValueError, OverflowError) as cause:
        raise errors.Invalid("filter.date", "Give a day (2026-01-31) or an instant (ISO 8601).") from cause
