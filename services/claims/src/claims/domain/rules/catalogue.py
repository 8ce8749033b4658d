"""What the room judges by, told to those who ask: rules, packs, tables and reasons in force for a tenant.

Room: domain; plain documents, no patient's data anywhere near.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from chassis import errors
from claims.domain import reasons
from claims.domain.rules import engines, packs, portraits, table_views, tables

type _Placed = tuple[packs.Pack, packs.Rule]
type Listed = tuple[list[dict[str, Any]], str | None]  # items, and the cursor behind them

_FILTERS: Mapping[str, Callable[[packs.Pack, packs.Rule, str], bool]] = {
    "regime": lambda pack, rule, value: value in regimes(pack, rule),
    "severity": lambda _, rule, value: rule.severity == value,
    "scope": lambda _, rule, value: rule.scope == value,
    "pack": lambda pack, _, value: pack.id == value,
    "q": lambda _, rule, value: all(word in _words(rule) for word in value.casefold().split()),
}
FILTERS = tuple(_FILTERS)


class Catalogue:
    """Tells a tenant of the common packs and tables and of its own, never of another's."""

    def __init__(self, common: engines.Book, own: Mapping[str, engines.Book]) -> None:
        self._common, self._own, self._reasons = common, own, common.crosswalk

    def rules(self, tenant: str, filters: Mapping[str, str], *, after: str, limit: int) -> Listed:
        """Return rules that pass every filter of FILTERS, in the order of their packs, behind a rule's id.

        Raises Invalid `query.cursor` for an id behind which there is nothing to go on.
        """
        found = [
            (pack, rule)
            for pack, rule in self._rules(tenant)
            if all(_FILTERS[name](pack, rule, value) for name, value in filters.items())
        ]
        ids = [rule.id for _, rule in found]
        if after and after not in ids:
            raise errors.Invalid("query.cursor", "This is no cursor of ours; begin again without it.")
        start = ids.index(after) + 1 if after else 0
        page = found[start : start + limit]
        more = start + limit < len(found)
        return [_short(pack, rule) for pack, rule in page], (page[-1][1].id if more else None)

    def rule(self, tenant: str, identifier: str) -> dict[str, Any]:
        """Return a rule whole; raise NotFound `rule.unknown`."""
        for pack, rule in self._rules(tenant):
            if rule.id == identifier:
                told = portraits.of(rule, None, self._book(tenant).tables)
                return told | {"pack": pack.id, "regimes": regimes(pack, rule)}
        raise errors.NotFound("rule.unknown", "There is no rule by that id.")

    def packs(self, tenant: str) -> list[dict[str, Any]]:
        """Return every pack with its revision."""
        return [
            {
                "id": pack.id,
                "version": pack.version,
                "revision": pack.revision,
                "sha256": pack.sha256,
                "regimes": list(pack.regimes),
                "valid": _days(pack),
                "licence": pack.licence,
                "rules": len(pack.rules),
            }
            for pack in self._book(tenant).packs
        ]

    def tables(self, tenant: str) -> list[dict[str, Any]]:
        """Return every table with its issues."""
        return table_views.listed(self._book(tenant).tables)

    def entry(self, tenant: str, name: str, key: str, on: dt.date) -> dict[str, Any]:
        """Return what a table says of a key on a day.

        Raises NotFound `table.unknown`, Invalid `key.invalid` for a wrong number of parts.
        """
        table = self._book(tenant).tables.find(name)
        if table is None:
            raise errors.NotFound("table.unknown", "There is no table by that name.")
        if len(table.key) > 1 and key.count(tables.JOINT) + 1 != len(table.key):
            parts = tables.JOINT.join(table.key)
            raise errors.Invalid("key.invalid", f"A key of this table has {len(table.key)} parts: {parts}.")
        return table_views.entry(table, key, on)

    def reasons(self, on: dt.date) -> dict[str, Any]:
        """Return the lists of reasons and the crosswalk on a day; raise NotFound where none are installed."""
        if self._reasons is None:
            raise errors.NotFound("reasons.absent", "No lists of reasons are installed here.")
        return reasons.as_documents(self._reasons, on)

    def _book(self, tenant: str) -> engines.Book:
        return self._own.get(tenant, self._common)

    def _rules(self, tenant: str) -> list[_Placed]:
        return [(pack, rule) for pack in self._book(tenant).packs for rule in pack.rules]


def empty() -> Catalogue:
    """Return the catalogue of a room without packs."""
    return Catalogue(engines.Book(packs=(), tables=tables.Tables()), {})


def regimes(pack: packs.Pack, rule: packs.Rule) -> list[str]:
    """Return the regimes a rule can speak in: its own, within those of its pack."""
    return [regime for regime in pack.regimes if not rule.applies.regime or regime in rule.applies.regime]


def _short(pack: packs.Pack, rule: packs.Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "pack": pack.id,
        "severity": rule.severity,
        "scope": rule.scope,
        "regimes": regimes(pack, rule),
        "title": msgspec.to_builtins(rule.title),
        "codes": {} if rule.codes is None else msgspec.to_builtins(rule.codes),
        "valid": _days(rule),
        "source": rule.source,
    }


def _days(dated: packs.Pack | packs.Rule) -> dict[str, Any]:
    return {name: day for name, day in msgspec.to_builtins(dated.valid).items() if day is not None}


def _words(rule: packs.Rule) -> str:
    """Return what a search looks at: id, title in both languages, source, codes."""
    codes: Sequence[object] = () if rule.codes is None else msgspec.structs.astuple(rule.codes)
    parts = (rule.id, rule.title.en, rule.title.ar, rule.source, *(code for code in codes if code))
    return " ".join(str(part) for part in parts).casefold()
