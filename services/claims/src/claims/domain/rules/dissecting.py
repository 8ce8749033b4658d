"""A rule taken apart on one claim: every part of its text with the value it had, row by row.

Room: domain. The slowest path there is, for a person who asks why; it evaluates by the same generated
functions as everything else, so that what is shown is what happened.
"""

import datetime as dt
import decimal
from collections.abc import Sequence
from typing import Any

import msgspec

from claims.domain import zones
from claims.domain.rules import (
    explaining,
    messages,
    packs,
    printing,
    programs,
    runtime,
    schema,
    tables,
    tree,
)
from formats import model

FAILED = "no result"  # a division by zero, or an amount beyond all bounds


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a text: what it says, its kind and value (NULL is None), and the parts it is made of.

    `note` says why a look into a table gave NULL: no_issue (for that day) or no_key.
    """

    text: str
    kind: str
    value: Any = None
    failed: bool = False
    note: str = ""
    parts: list["Part"] = []


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A rule on one row: `said` is fires, satisfied, not_checked or not_applicable (`when` does not hold)."""

    path: str
    said: str
    when: Part | None
    violation: Part
    expected: Part | None


def case_of(claim: model.Claim, as_of: dt.date, past: programs.Past = None) -> explaining.Case:
    """Return a claim with the day, zone and history it is judged in."""
    return explaining.Case(claim, as_of.toordinal() - tables.EPOCH, zones.name(claim.regime), past)


def rows(rule: packs.Rule, case: explaining.Case, known: tables.Tables) -> list[Row]:
    """Return what a rule's parts were on every row of its scope."""
    wanted = range(_count(rule.scope, case))
    places = explaining.places(rule.scope, case.claim, wanted)
    roots = [rule.when, rule.violation, *([] if rule.expected is None else [rule.expected])]
    nodes = list(dict.fromkeys(part for root in roots for part in _shown(root)))
    values = _values(rule.scope, nodes, case, known, wanted)
    with decimal.localcontext(runtime.EXACT):
        return [
            _row(rule, path, dict(zip(nodes, found, strict=True)), case.claim.currency, known)
            for (path, _, _), found in zip(places, values, strict=True)
        ]


class Condition:
    """The `when` of one rule, compiled once."""

    def __init__(self, rule: packs.Rule, known: tables.Tables) -> None:
        self._scope, self._always = rule.scope, rule.when == packs.ALWAYS
        self._asked = programs.explain(rule.scope, [rule.when], known)

    def holds(self, case: explaining.Case) -> list[bool]:
        """Return per row of the scope whether `when` holds; a calculation without result does not hold."""
        wanted = range(_count(self._scope, case))
        if self._always:
            return [True] * len(wanted)
        return [self._one(case, row) for row in wanted]

    def _one(self, case: explaining.Case, row: int) -> bool:
        with decimal.localcontext(runtime.EXACT):
            try:
                return self._asked(case.claim, case.today, case.zone, [row], case.past)[0][0] is True
            except ArithmeticError:
                return False


def _row(
    rule: packs.Rule,
    path: str,
    values: dict[tree.Node, object],
    currency: str | None,
    known: tables.Tables,
) -> Row:
    def part(node: tree.Node) -> Part:
        value = values.get(node)
        failed = value is FAILED
        inner = [part(child) for child in _children(node) if not isinstance(child, tree.Literal)]
        told = None if failed else messages.plain(node.kind, value, currency)
        note = _note(node, values, known) if value is None else ""
        text = printing.text(node, rule.scope)
        return Part(text=text, kind=node.kind.value, value=told, failed=failed, note=note, parts=inner)

    return Row(
        path=path,
        said=_said(values.get(rule.when, True), values.get(rule.violation, rule.violation == packs.ALWAYS)),
        when=None if rule.when == packs.ALWAYS else part(rule.when),
        violation=part(rule.violation),
        expected=None if rule.expected is None else part(rule.expected),
    )


def _note(node: tree.Node, values: dict[tree.Node, object], known: tables.Tables) -> str:
    """Return why a look into a table gave NULL, where the table is the reason and not what it was asked."""
    table = known.find(node.table) if isinstance(node, tree.Call) and node.table else None
    if not isinstance(node, tree.Call) or table is None:
        return ""
    key, day = (_constant(part, values) for part in node.arguments)
    if not isinstance(key, str) or not isinstance(day, int):
        return ""
    found = table.look(key, day)
    return "no_issue" if found is None else "" if found[1] is not None else "no_key"


def _constant(node: tree.Node, values: dict[tree.Node, object]) -> object:
    return node.value if isinstance(node, tree.Literal) else values.get(node)


def _said(when: object, violation: object) -> str:
    if when is FAILED or (when is True and violation in {None, FAILED}):
        return "not_checked"
    if when is not True:
        return "not_applicable"
    return "fires" if violation is True else "satisfied"


def _values(
    scope: str, nodes: Sequence[tree.Node], case: explaining.Case, known: tables.Tables, wanted: Sequence[int]
) -> list[tuple[object, ...]]:
    """Return the values of nodes per row; a calculation without result is FAILED, and only that one."""
    with decimal.localcontext(runtime.EXACT):
        try:
            return _asked(scope, nodes, case, known, wanted)
        except ArithmeticError:
            return [tuple(_one(scope, node, case, known, row) for node in nodes) for row in wanted]


def _one(scope: str, node: tree.Node, case: explaining.Case, known: tables.Tables, row: int) -> object:
    try:
        return _asked(scope, [node], case, known, [row])[0][0]
    except ArithmeticError:
        return FAILED


def _asked(
    scope: str, nodes: Sequence[tree.Node], case: explaining.Case, known: tables.Tables, wanted: Sequence[int]
) -> list[tuple[object, ...]]:
    explain = programs.explain(scope, nodes, known)
    return explain(case.claim, case.today, case.zone, wanted, case.past)


def _shown(node: tree.Node) -> list[tree.Node]:
    """Return the parts that have one value per row: all but constants and what stands inside an aggregate."""
    if isinstance(node, tree.Literal):
        return [] if node != packs.ALWAYS else [node]
    return [node, *(part for child in _children(node) for part in _shown(child))]


def _children(node: tree.Node) -> tuple[tree.Node, ...]:
    return () if isinstance(node, tree.Aggregate) else tree.children(node)


def _count(scope: str, case: explaining.Case) -> int:
    claim = case.claim
    if scope == "claim":
        return 1
    if scope == "detail":
        return len(runtime.details(claim))
    found: Sequence[object] = getattr(claim, schema.SCOPES[scope].items.removeprefix("claim."))
    return len(found)
