"""Sets of rules of a wanted size: the committed rules, and variants of them with other constants."""

import dataclasses
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from claims.domain.rules import documents, packs, tables, tree
from claims.outbound import pack_files

ROOT = Path(__file__).parents[1]
GOLDEN = 0.618_033_988_75  # steps of this part of a turn never crowd
TOTAL = tree.Column("claim", "total", tree.Kind.MONEY, nullable=True)


def committed() -> tuple[list[packs.Rule], tables.Tables]:
    """Return the rules of the committed packs that need no history, and the tables."""
    found, known = pack_files.load(ROOT / "packs")
    return [rule for pack in found for rule in pack.rules if not packs.needs_past(rule)], known


def mixed(rules: Sequence[packs.Rule]) -> list[packs.Rule]:
    """Return the rules in an order whose every beginning is a fair sample of all packs."""
    return [rules[at] for at in sorted(range(len(rules)), key=lambda at: at * GOLDEN % 1)]


def active(rules: Sequence[packs.Rule], count: int, payers: Sequence[str]) -> list[packs.Rule]:
    """Return the rules, and as many variants as `count` asks for, each for one payer in turn."""
    more = [_variant(rules[at % len(rules)], at // len(rules), at) for at in range(count)]
    for at in range(len(rules), count):
        named = _applies(more[at].scope, payer=[payers[at % len(payers)]])
        more[at] = dataclasses.replace(more[at], applies=named)
    return more


def of_size(rules: Sequence[packs.Rule], count: int) -> list[packs.Rule]:
    """Return so many rules for every claim: each again with other constants, as rules of other payers are.

    Each ends in `AND total < …` with a constant of its own that no claim meets: the whole condition is
    evaluated, and no time goes into explaining findings, which costs the same in both forms.
    """
    return [_variant(rules[at % len(rules)], at // len(rules), at) for at in range(count)]


def _variant(rule: packs.Rule, turn: int, at: int) -> packs.Rule:
    never = tree.Compare("<", TOTAL, tree.Literal(-1 - at, tree.Kind.MONEY))
    return dataclasses.replace(
        rule,
        id=f"{rule.id}-{at}",
        applies=_applies(rule.scope),
        valid=documents.Valid(),
        when=_changed(rule.when, turn) if rule.when != packs.ALWAYS else rule.when,
        violation=tree.Junction("and", (_changed(rule.violation, turn), never)),
    )


def _applies(scope: str, payer: Sequence[str] = ()) -> documents.Applies:
    return msgspec.convert({"scope": scope, "payer": list(payer)}, documents.Applies)


def _changed(node: tree.Node, turn: int) -> tree.Node:
    """Return the node with its numbers moved by `turn` and a code of its own in every list."""
    match node:
        case tree.Literal(value=bool() | str() | tuple() | None):
            return node
        case tree.Literal(value=value, kind=kind):
            assert isinstance(value, int | Decimal)
            moved = value + turn if isinstance(value, int) else value + Decimal(turn) / 100
            return tree.Literal(moved, kind)
        case tree.OneOf(operand=operand, values=values) if isinstance(values[0], str):
            return tree.OneOf(_changed(operand, turn), (*values, f"{turn}"))
        case tree.Call(name="round" | "has_form"):
            return dataclasses.replace(
                node, arguments=(_changed(node.arguments[0], turn), *node.arguments[1:])
            )
        case _:
            return _parts_changed(node, turn)


def _parts_changed(node: tree.Node, turn: int) -> tree.Node:
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        if dataclasses.is_dataclass(value):
            changes[field.name] = _changed(value, turn)  # type: ignore[arg-type]  # every dataclass in a tree is a node
        elif field.name in {"parts", "arguments"}:
            changes[field.name] = tuple(_changed(part, turn) for part in value)
        elif field.name == "branches":
            changes[field.name] = tuple((_changed(test, turn), _changed(one, turn)) for test, one in value)
    return dataclasses.replace(node, **changes)
