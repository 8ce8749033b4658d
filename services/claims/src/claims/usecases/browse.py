"""Browse the claims of a tenant: pages of narrow rows by cursor; filters and sort are checked here."""

from collections.abc import Callable, Mapping

import msgspec

from chassis import contexts, errors
from claims import ports
from claims.domain import lifecycle, roles
from formats import days

MAX_LIMIT = 1_000
DEFAULT_LIMIT = 50  # a screen of a worklist
MAX_CURSOR = 512
MAX_VALUE = 200
SORTS = frozenset({"received_at", "submitted_minor", "at_risk_minor", "probability"})
DEFAULT_SORT = "-received_at"
_VERDICTS = frozenset({"accept", "review", "reject"})
_USES = frozenset({"claim", "preauthorization", "predetermination"})

_FILTERS: dict[str, Callable[[str], bool]] = {
    "claim_id": lambda value: 0 < len(value) <= MAX_VALUE,
    "verdict": _VERDICTS.__contains__,
    "status": lifecycle.BUSINESS.__contains__,
    "review": lifecycle.REVIEW.__contains__,
    "use": _USES.__contains__,
    "payer": lambda value: 0 < len(value) <= MAX_VALUE,
    "provider": lambda value: 0 < len(value) <= MAX_VALUE,
    "from": days.is_when,
    "to": days.is_when,
}


class Browse:
    """Lists recorded claims."""

    def __init__(self, archive: ports.Archive) -> None:
        self._archive = archive

    async def __call__(
        self, context: contexts.CallContext, *, limit: int, cursor: str, filters: Mapping[str, str], sort: str
    ) -> bytes:
        """Return canonical JSON {items, next_cursor}; `limit` 0 means 50, `sort` "" newest first.

        Raises Denied `role.not_allowed`, and Invalid `query.invalid` whose violations name each parameter.
        """
        roles.require(context.roles, "read")
        violations = tuple(_violations(limit, cursor, filters, sort))
        if violations:
            raise errors.Invalid("query.invalid", "The list cannot be asked for so.", violations=violations)
        query = ports.Query(
            limit=limit or DEFAULT_LIMIT, cursor=cursor, filters=dict(filters), sort=sort or DEFAULT_SORT
        )
        page = await self._archive.page(context, query)
        encoder = msgspec.json.Encoder(decimal_format="number")  # as in every other document
        return encoder.encode({"items": page.items, "next_cursor": page.next_cursor or None})


def _violations(limit: int, cursor: str, filters: Mapping[str, str], sort: str) -> list[errors.Violation]:
    found = []
    if limit > MAX_LIMIT:
        found.append(errors.Violation("limit", "query.limit", f"At most {MAX_LIMIT} rows are given at once."))
    if len(cursor) > MAX_CURSOR:
        found.append(errors.Violation("cursor", "query.cursor", "This is no cursor of ours."))
    if sort and sort.removeprefix("-") not in SORTS:
        found.append(errors.Violation("sort", "query.sort", f"Sort by one of {', '.join(sorted(SORTS))}."))
    for name, value in filters.items():
        if name not in _FILTERS:
            known = ", ".join(_FILTERS)
            found.append(errors.Violation("filters", "query.filter_unknown", f"The filters are {known}."))
        elif not _FILTERS[name](value):
            found.append(errors.Violation(f"filters.{name}", "query.filter_value", "The value does not fit."))
    return found
