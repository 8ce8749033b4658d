"""Generated functions: one that judges a claim by all rules that apply, one per rule that explains a finding.

Room: domain. The judging function returns where a rule is TRUE or unknown and nothing else, for most claims
satisfy most rules; the explaining one computes what a message needs, only for rows that fired.
"""

import collections
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from claims.domain import past
from claims.domain.rules import branching, emitting, layouts, nulls, packs, schema, tables, tree
from formats import model

# What leaves a rule open in a row: see emitting.Emitter.openings.
type Openings = tuple[bool, ...]
# A rule's place in its program, the row's place (0 for the claim), and what is said: TRUE, or unknown, with
# what leaves it open where that is at hand.
type Hit = tuple[int, int, Literal[True] | Openings | None]
type Past = Sequence[past.LineHistory] | None  # one entry per line; None where history is unknown


class Judge(Protocol):
    """Tells where rules are TRUE or unknown; days are numbers since 1970-01-01."""

    def __call__(self, claim: model.Claim, today: int, zone: str, past: Past = None, /) -> list[Hit]:
        """Return the hits of a claim as of a day."""
        ...


class Explain(Protocol):
    """Tells the values of nodes in rows."""

    def __call__(
        self, claim: model.Claim, today: int, zone: str, wanted: Sequence[int], past: Past = None, /
    ) -> list[tuple[object, ...]]:
        """Return one tuple of values per wanted row."""
        ...


_INDENT = "    "
OFTEN = 3  # so many conditions on one text of a row are worth making it before any is asked


def judge(rules: Sequence[packs.Rule], known: tables.Tables) -> Judge:
    """Return a function (claim, as-of day number, zone, history) → hits, in no order.

    A rule whose `when` asks a table that has no issue is not judged at all: it applies to no claim.
    """
    layout = layouts.Layout(known)
    body: list[str] = []
    asked = [(at, rule) for at, rule in enumerate(rules) if not nulls.never_holds(rule.when, known.answers)]
    for scope in schema.SCOPES.values():
        mine = [(at, rule) for at, rule in asked if rule.scope == scope.name]
        if mine:
            body += _scope(layout, scope, mine)
    lines = ["hits = []", "hit = hits.append", *layout.prologue(), *body, "return hits"]
    return _compiled(layout, "judge(claim, today, zone, past=None)", lines)


def explain(scope_name: str, nodes: Sequence[tree.Node], known: tables.Tables) -> Explain:
    """Return a function (claim, as-of day number, zone, rows, history) → values of the nodes per row.

    A column of sibling rows stands for "is it missing somewhere": None if so, else True.
    """
    layout = layouts.Layout(known)
    emitter = emitting.Emitter(layout, scope_name)
    values = "".join(f"{_explained(layout, emitter, node)}, " for node in nodes)
    return _asked(layout, scope_name, nodes, f"({values})")


def openings(scope_name: str, node: tree.Node, known: tables.Tables) -> Explain:
    """Return a function like `explain`'s that tells what leaves a node open in each row."""
    layout = layouts.Layout(known)
    said = emitting.Emitter(layout, scope_name).openings(node)
    return _asked(layout, scope_name, [node], said)


def _asked(layout: layouts.Layout, scope_name: str, nodes: Sequence[tree.Node], said: str) -> Explain:
    """Return a function that tells per row what is said there, which reads these nodes' columns."""
    rows = schema.SCOPES[scope_name].rows
    layout.own(rows, _names(nodes))
    pick = layout.picks(rows, [f"found.append({said})"])
    lines = [*layout.prologue(), "found = []", *pick, "return found"]
    return _compiled(layout, "explain(claim, today, zone, wanted, past=None)", lines)


def _scope(layout: layouts.Layout, scope: schema.Scope, rules: list[tuple[int, packs.Rule]]) -> list[str]:
    tests = [branching.test(at, rule) for at, rule in rules]
    if not scope.rows:
        return branching.lines(emitting.Emitter(layout, scope.name), tests, "0")
    nodes = [node for _, rule in rules for node in (rule.when, rule.violation)]
    layout.own(scope.rows, _names(nodes))
    emitter = emitting.Emitter(layout, scope.name, derived(layout, scope.rows, nodes))
    body = branching.lines(emitter, tests, "n")
    return layout.loop(scope.rows, body) if body else []  # rules that are never TRUE nor unknown say nothing


def derived(layout: layouts.Layout, rows: str, nodes: Sequence[tree.Node]) -> dict[tree.Node, str]:
    """Return the names of what many rules make of one text of the row; each row then makes it once."""
    made: collections.Counter[tuple[tree.Call, tree.Column]] = collections.Counter()
    for node in nodes:
        for part in tree.walk(node):
            match part:
                case tree.Call(name="lower" | "upper", arguments=(tree.Column(owner="row") as column,)):
                    made[part, column] += 1
    return {
        call: layout.derive(rows, column.name, call.name)
        for (call, column), times in made.items()
        if times >= OFTEN
    }


def _names(nodes: Sequence[tree.Node]) -> list[str]:
    return [column.name for node in nodes for column in tree.columns(node) if column.owner == "row"]


def _explained(layout: layouts.Layout, emitter: emitting.Emitter, node: tree.Node) -> str:
    if isinstance(node, tree.Column) and node.owner not in {"row", "claim"}:
        read = layout.column(node)
        return f"(None if any([{read} is None for s in {layout.rows(node.owner)}]) else True)"
    return emitter.value(node)


def _compiled(layout: layouts.Layout, signature: str, lines: list[str]) -> Callable[..., Any]:
    source = f"def {signature}:\n" + "\n".join(_INDENT + line for line in lines) + "\n"
    namespace = dict(layout.namespace)
    exec(compile(source, f"<rules {signature}>", "exec"), namespace)  # noqa: S102 - our own text; see emitting.py
    found: Any = namespace[signature.partition("(")[0]]
    return found  # type: ignore[no-any-return]  # a function by the text above
