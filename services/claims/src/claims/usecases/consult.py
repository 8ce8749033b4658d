"""Consult what the room judges by: rules, packs, tables, reasons; for every role that may read claims."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from chassis import clock as clocks
from chassis import contexts, errors
from claims.domain import roles, zones
from claims.domain.rules import catalogue

MAX_LIMIT = 1_000
DEFAULT_LIMIT = 50
MAX_TEXT = 200  # of a filter, an id or a key: no code of the field is longer


class Consult:
    """Answers in canonical JSON; raises Denied `role.not_allowed` before anything else."""

    def __init__(self, known: catalogue.Catalogue, clock: clocks.Clock) -> None:
        self._known, self._clock = known, clock

    def rules(
        self, context: contexts.CallContext, *, limit: int, cursor: str, filters: Mapping[str, str]
    ) -> bytes:
        """Return {items, next_cursor}; `limit` 0 means 50. Raises Invalid `query.invalid`."""
        roles.require(context.roles, "read")
        violations = tuple(_violations(limit, cursor, filters))
        if violations:
            raise errors.Invalid("query.invalid", "The list cannot be asked for so.", violations=violations)
        items, more = self._known.rules(context.tenant, filters, after=cursor, limit=limit or DEFAULT_LIMIT)
        return _encoded({"items": items, "next_cursor": more})

    def rule(self, context: contexts.CallContext, identifier: str) -> bytes:
        """Return a rule whole; raise NotFound `rule.unknown`."""
        roles.require(context.roles, "read")
        return _encoded(self._known.rule(context.tenant, identifier))

    def packs(self, context: contexts.CallContext) -> bytes:
        """Return {items} of packs with their revisions."""
        roles.require(context.roles, "read")
        return _encoded({"items": self._known.packs(context.tenant)})

    def tables(self, context: contexts.CallContext) -> bytes:
        """Return {items} of tables with their issues."""
        roles.require(context.roles, "read")
        return _encoded({"items": self._known.tables(context.tenant)})

    def entry(self, context: contexts.CallContext, name: str, key: str, on: str) -> bytes:
        """Return what a table says of a key; NotFound `table.unknown`, Invalid `key.…` or `day.invalid`."""
        roles.require(context.roles, "read")
        if not 0 < len(key) <= MAX_TEXT:
            raise errors.Invalid("key.invalid", f"A key has 1 to {MAX_TEXT} characters.")
        return _encoded(self._known.entry(context.tenant, name, key, self._day(on)))

    def reasons(self, context: contexts.CallContext, on: str) -> bytes:
        """Return the lists of reasons and the crosswalk on a day; Invalid `day.invalid`."""
        roles.require(context.roles, "read")
        return _encoded(self._known.reasons(self._day(on)))

    def _day(self, text: str) -> date:
        """Return a day, today in the home zone where none is named."""
        if not text:
            return zones.day(self._clock.now(), None)
        try:
            return date.fromisoformat(text)
        except ValueError as cause:
            violation = errors.Violation("on", "day.invalid", "Write a day as 2026-01-31.")
            raise errors.Invalid("day.invalid", "The day cannot be read.", violations=(violation,)) from cause


def _violations(limit: int, cursor: str, filters: Mapping[str, str]) -> list[errors.Violation]:
    found = []
    if limit > MAX_LIMIT:
        found.append(errors.Violation("limit", "query.limit", f"At most {MAX_LIMIT} rows are given at once."))
    if len(cursor) > MAX_TEXT:
        found.append(errors.Violation("cursor", "query.cursor", "This is no cursor of ours."))
    for name, value in filters.items():
        if name not in catalogue.FILTERS:
            known = ", ".join(catalogue.FILTERS)
            found.append(errors.Violation("filters", "query.filter_unknown", f"The filters are {known}."))
        elif not 0 < len(value) <= MAX_TEXT:
            found.append(errors.Violation(f"filters.{name}", "query.filter_value", "The value does not fit."))
    return found


def _encoded(document: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(document)
