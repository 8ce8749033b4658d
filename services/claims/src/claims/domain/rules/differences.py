"""What changed between two sets of packs: rules by meaning, not by white space, and tables by revision.

Room: domain.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from claims.domain.rules import messages, packs, printing, tables

_TREES = frozenset({"when", "violation", "expected"})
_SKIPPED = frozenset({"id", "focus"})  # focus follows from path and violation


class Change(msgspec.Struct, frozen=True):
    """One field that differs, as it reads before and after."""

    field: str
    before: Any
    after: Any


class Changed(msgspec.Struct, frozen=True):
    """A rule or table that is on both sides and differs."""

    name: str
    changes: list[Change]


class Differences(msgspec.Struct, frozen=True, kw_only=True):
    """What separates two sets of packs; everything empty where nothing does."""

    added: list[str]
    removed: list[str]
    changed: list[Changed]
    tables_added: list[str]
    tables_removed: list[str]
    tables_changed: list[Changed]

    def any(self) -> bool:
        """Tell whether there is a difference at all."""
        return any(getattr(self, field) for field in self.__struct_fields__)


type Side = tuple[Sequence[packs.Rule], tables.Tables]


def between(before: Side, after: Side) -> Differences:
    """Return what the second set has that the first has not, the other way round, and what differs."""
    rules = tuple({rule.id: rule for rule in side[0]} for side in (before, after))
    names = tuple(side[1].names() for side in (before, after))
    return Differences(
        added=[name for name in rules[1] if name not in rules[0]],
        removed=[name for name in rules[0] if name not in rules[1]],
        changed=_changed(*({name: _fields(rule) for name, rule in side.items()} for side in rules)),
        tables_added=[name for name in names[1] if name not in names[0]],
        tables_removed=[name for name in names[0] if name not in names[1]],
        tables_changed=_changed(_tables(before[1]), _tables(after[1])),
    )


def _changed(before: Mapping[str, dict[str, Any]], after: Mapping[str, dict[str, Any]]) -> list[Changed]:
    found = []
    for name, old in before.items():
        new = after.get(name, old)
        changes = [Change(field, old[field], new[field]) for field in old if old[field] != new[field]]
        if changes:
            found.append(Changed(name, changes))
    return found


def _fields(rule: packs.Rule) -> dict[str, Any]:
    """Return a rule's fields as they are compared and shown: a text by its tree, in one spelling."""
    return {
        field.name: _shown(field.name, getattr(rule, field.name), rule.scope)
        for field in dataclasses.fields(rule)
        if field.name not in _SKIPPED
    }


def _shown(name: str, value: Any, scope: str) -> Any:
    if value is None:
        return None
    if name in _TREES:
        return printing.text(value, scope)
    if isinstance(value, messages.Template):
        return msgspec.to_builtins(value.text)
    return msgspec.to_builtins(value)


def _tables(known: tables.Tables) -> dict[str, dict[str, Any]]:
    return {
        table.name: {
            "columns": dict(table.fields),
            "issues": [msgspec.to_builtins(revision) for revision in table.revisions()],
        }
        for table in known.every()
    }
