"""Generated functions: one that judges a claim by all rules that apply, one per rule that explains a finding.

Room: domain. The judging function returns where a rule is TRUE or unknown and nothing else, for most claims
satisfy most rules; the explaining one computes what a message needs, only for rows that fired.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from claims.domain import past
from claims.domain.rules import emitting, layouts, packs, schema, tables, tree
from formats import model

type Hit = tuple[
    int, int, bool | None
]  # rule's place in the program, row's place (0 for the claim), TRUE or unknown
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
_UNPACK = "unpack "  # a line to be written last: a later scope may still add columns to the row set


def judge(rules: Sequence[packs.Rule], known: tables.Tables) -> Judge:
    """Return a function (claim, as-of day number, zone, history) → hits, in order of scope and row."""
    layout = layouts.Layout(known)
    body: list[str] = []
    for scope in schema.SCOPES.values():
        mine = [(at, rule) for at, rule in enumerate(rules) if rule.scope == scope.name]
        if mine:
            body += _scope(layout, scope, mine)
    body = [_unpacked(layout, line) for line in body]
    lines = ["hits = []", "hit = hits.append", *layout.prologue(), *body, "return hits"]
    return _compiled(layout, "judge(claim, today, zone, past=None)", lines)


def explain(scope_name: str, nodes: Sequence[tree.Node], known: tables.Tables) -> Explain:
    """Return a function (claim, as-of day number, zone, rows, history) → values of the nodes per row.

    A column of sibling rows stands for "is it missing somewhere": None if so, else True.
    """
    layout = layouts.Layout(known)
    emitter = emitting.Emitter(layout, scope_name)
    values = [_explained(layout, emitter, node) for node in nodes]
    return _asked(layout, scope_name, nodes, values)


def openings(
    scope_name: str, lacking: Sequence[tree.Column], asked: Sequence[tree.Call], known: tables.Tables
) -> Explain:
    """Return a function like `explain`'s that tells per row what leaves a rule open, as flags.

    First, for each column: is it missing. Then, for each look into a table: has it no issue for the day.
    """
    layout = layouts.Layout(known)
    emitter = emitting.Emitter(layout, scope_name)
    values = [f"{_explained(layout, emitter, column)} is None" for column in lacking]
    values += [f"{layout.uncovered(call)}({emitter.value(call.arguments[1])})" for call in asked]
    return _asked(layout, scope_name, [*lacking, *(call.arguments[1] for call in asked)], values)


def _asked(
    layout: layouts.Layout, scope_name: str, nodes: Sequence[tree.Node], values: Sequence[str]
) -> Explain:
    """Return a function that tells these values, which are of these nodes, per row."""
    scope = schema.SCOPES[scope_name]
    _load(layout, scope, nodes)
    lines = [*layout.prologue(), "found = []", "for n in wanted:"]
    if scope.rows and _names(nodes):
        lines.append(f"    {layout.unpacked(scope.rows)} = rows_{scope.rows}[n]")
    lines += [f"    found.append(({''.join(f'{value}, ' for value in values)}))", "return found"]
    return _compiled(layout, "explain(claim, today, zone, wanted, past=None)", lines)


def _scope(layout: layouts.Layout, scope: schema.Scope, rules: list[tuple[int, packs.Rule]]) -> list[str]:
    emitter = emitting.Emitter(layout, scope.name)
    for _, rule in rules:
        _load(layout, scope, [rule.when, rule.violation])
    if not scope.rows:
        return [line for at, rule in rules for line in _test(emitter, at, rule, "0")]
    name = layout.rows(scope.rows)
    tests = [_INDENT + line for at, rule in rules for line in _test(emitter, at, rule, "n")]
    return [f"for n, row in enumerate({name}):", _UNPACK + scope.rows, *tests]


def _test(emitter: emitting.Emitter, at: int, rule: packs.Rule, row: str) -> list[str]:
    value = f"v = {emitter.value(rule.violation)}"
    lines = [value, "if v is not False:", f"    hit(({at}, {row}, v))"]
    if rule.when != packs.ALWAYS:
        lines = [f"if {emitter.holds(rule.when)}:", *(_INDENT + line for line in lines)]
    if not any(isinstance(part, tree.Arithmetic | tree.Call) for part in _walk(rule)):
        return lines
    return [
        "try:",
        *(_INDENT + line for line in lines),
        "except ArithmeticError:",
        f"    hit(({at}, {row}, None))",
    ]


def _walk(rule: packs.Rule) -> list[tree.Node]:
    return [*tree.walk(rule.when), *tree.walk(rule.violation)]


def _unpacked(layout: layouts.Layout, line: str) -> str:
    if not line.startswith(_UNPACK):
        return line
    return f"    {layout.unpacked(line.removeprefix(_UNPACK))} = row"


def _load(layout: layouts.Layout, scope: schema.Scope, nodes: Sequence[tree.Node]) -> None:
    if scope.rows:
        layout.rows(scope.rows)
        layout.row_columns(scope.rows, _names(nodes))


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
