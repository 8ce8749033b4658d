"""A rule told whole, as a plain document: its texts, what it reads, and what its parts were on a claim.

Room: domain. Of a claim it tells what the rule reads and nothing else.
"""

import datetime as dt
from typing import Any

import msgspec

from claims.domain.rules import dissecting, engine, packs, printing, schema, tables, tree, written
from formats import model


def of(rule: packs.Rule, entry: written.Entry | None, known: tables.Tables) -> dict[str, Any]:
    """Return a rule as its author wrote it, with the columns and tables its texts read."""
    texts = {"when": rule.when, "violation": rule.violation, "expected": rule.expected}
    nodes = [node for node in texts.values() if node is not None]
    told = {
        "id": rule.id,
        "title": msgspec.to_builtins(rule.title),
        "severity": rule.severity,
        "scope": rule.scope,
        "applies": {name: value for name, value in msgspec.to_builtins(rule.applies).items() if value},
        "valid": {name: value for name, value in msgspec.to_builtins(rule.valid).items() if value},
        "texts": {
            name: " ".join(_written(name, node, entry, rule.scope).split())
            for name, node in texts.items()
            if node is not None and node != packs.ALWAYS
        },
        "message": msgspec.to_builtins(rule.message.text),
        "suggestion": None if rule.suggestion is None else msgspec.to_builtins(rule.suggestion.text),
        "codes": {} if rule.codes is None else msgspec.to_builtins(rule.codes),
        "source": rule.source,
        "blocking": rule.blocking,
        "review": rule.review,
        "columns": _columns(nodes, rule.scope),
        "tables": _tables(nodes, known),
    }
    return told if entry is None else told | {"file": entry.file, "line": entry.line}


def on(
    pack: packs.Pack, rule: packs.Rule, claim: model.Claim, as_of: dt.date, known: tables.Tables
) -> dict[str, Any]:
    """Return why a rule does not apply to a claim, or what its parts were on every row."""
    misfits = engine.misfits(pack, rule, claim, as_of)
    case = dissecting.case_of(claim, as_of)
    rows = [] if misfits else dissecting.rows(rule, case, known)
    return {
        "claim_id": claim.claim_id,
        "as_of": as_of.isoformat(),
        "misfits": misfits,
        "rows": [msgspec.to_builtins(row) for row in rows],
    }


def _written(name: str, node: tree.Node, entry: written.Entry | None, scope: str) -> str:
    if entry is not None and name in entry.fields:
        return entry.fields[name].text
    return printing.text(node, scope)


def _columns(nodes: list[tree.Node], scope: str) -> list[dict[str, str]]:
    found = dict.fromkeys(column for node in nodes for column in tree.columns(node))
    return [
        {
            "name": printing.text(column, scope),
            "kind": column.kind.value,
            "meaning": _field(column, scope).meaning,
        }
        for column in found
    ]


def _field(column: tree.Column, scope: str) -> schema.Field:
    if column.owner in schema.ROWS:
        return schema.ROWS[column.owner].fields[column.name]
    return schema.SCOPES["claim" if column.owner == "claim" else scope].fields[column.name]


def _tables(nodes: list[tree.Node], known: tables.Tables) -> list[dict[str, Any]]:
    names = {
        part.table for node in nodes for part in tree.walk(node) if isinstance(part, tree.Call) and part.table
    }
    found = [table for name in sorted(names) if (table := known.find(name)) is not None]
    return [
        {"name": table.name, "issues": [msgspec.to_builtins(issue) for issue in table.revisions()]}
        for table in found
    ]
