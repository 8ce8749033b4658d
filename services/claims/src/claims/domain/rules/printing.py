"""A typed tree as text again: one spelling per meaning, so that people read it and tools compare it.

Room: domain. The text reads back into the same tree; names of the claim are led by `claim.` where the row has
a column of that name.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

from claims.domain.rules import schema, tree

_EPOCH = dt.date(1970, 1, 1).toordinal()
_INFIX = {"overlaps": "&&", "within": "<@", "includes": "@>", "concat": "||"}
_RESERVED = frozenset({"end", "use"})  # columns whose name is a word of SQL
# How tightly a node binds; a part that binds less than its place asks stands in parentheses.
_OR, _AND, _NOT, _TEST, _JOIN, _SUM, _PRODUCT, _ATOM = range(1, 9)


def text(node: tree.Node, scope: str) -> str:
    """Return the text of a node of a rule of this scope."""
    return _Printer(scope).at(node, 0)


class _Printer:
    """Writes nodes; `scope` tells which plain names belong to the row."""

    def __init__(self, scope: str) -> None:
        self._row = {} if scope == "claim" else schema.SCOPES[scope].fields

    def at(self, node: tree.Node, least: int) -> str:
        """Return the text of a node for a place that asks for this tightness."""
        told, binds = self._written(node)
        return f"({told})" if binds < least else told

    def _written(self, node: tree.Node) -> tuple[str, int]:
        handler = _WRITERS[type(node)]
        return handler(self, node)

    def literal(self, node: tree.Literal) -> tuple[str, int]:
        """Return a constant."""
        value = node.value
        if value is None or isinstance(value, bool):
            return {None: "NULL", True: "TRUE", False: "FALSE"}[value], _ATOM
        if isinstance(value, tuple):
            return f"ARRAY[{', '.join(_quoted(part) for part in value)}]", _ATOM
        if isinstance(value, str):
            return _quoted(value), _ATOM
        if node.kind is tree.Kind.DATE and isinstance(value, int):
            return f"DATE '{dt.date.fromordinal(value + _EPOCH).isoformat()}'", _ATOM
        return f"{value:f}" if not isinstance(value, int) else str(value), _ATOM

    def column(self, node: tree.Column) -> tuple[str, int]:
        """Return a name."""
        if node.owner == "row" or (node.owner == "claim" and node.name not in self._row):
            return _named(node.name), _ATOM
        return f"{node.owner}.{_named(node.name)}", _ATOM

    def today(self, _: tree.Today) -> tuple[str, int]:
        """Return the as-of day."""
        return "CURRENT_DATE", _ATOM

    def arithmetic(self, node: tree.Arithmetic) -> tuple[str, int]:
        """Return a calculation."""
        binds = _SUM if node.op in "+-" else _PRODUCT
        return f"{self.at(node.left, binds)} {node.op} {self.at(node.right, binds + 1)}", binds

    def compare(self, node: tree.Compare) -> tuple[str, int]:
        """Return a comparison."""
        op = "IS NOT DISTINCT FROM" if node.op == "same" else node.op
        return f"{self.at(node.left, _JOIN)} {op} {self.at(node.right, _JOIN)}", _TEST

    def between(self, node: tree.Between) -> tuple[str, int]:
        """Return a range."""
        low, high = self.at(node.low, _JOIN), self.at(node.high, _JOIN)
        return f"{self.at(node.operand, _JOIN)} BETWEEN {low} AND {high}", _TEST

    def junction(self, node: tree.Junction) -> tuple[str, int]:
        """Return a chain of AND or OR."""
        binds = _AND if node.op == "and" else _OR
        return f" {node.op.upper()} ".join(self.at(part, binds + 1) for part in node.parts), binds

    def negation(self, node: tree.Not) -> tuple[str, int]:
        """Return a negation in the words of what it negates."""
        match node.operand:
            case tree.IsNull(operand=operand):
                return f"{self.at(operand, _JOIN)} IS NOT NULL", _TEST
            case tree.OneOf() as inner:
                return self._listed(inner, "NOT IN"), _TEST
            case tree.Matches() as inner:
                return f"{self.at(inner.operand, _JOIN)} NOT LIKE {_quoted(inner.pattern)}", _TEST
            case tree.Compare(op="same", left=left, right=right):
                return f"{self.at(left, _JOIN)} IS DISTINCT FROM {self.at(right, _JOIN)}", _TEST
            case operand:
                return f"NOT {self.at(operand, _TEST)}", _NOT

    def is_null(self, node: tree.IsNull) -> tuple[str, int]:
        """Return a question for absence."""
        return f"{self.at(node.operand, _JOIN)} IS NULL", _TEST

    def one_of(self, node: tree.OneOf) -> tuple[str, int]:
        """Return membership in constants."""
        return self._listed(node, "IN"), _TEST

    def _listed(self, node: tree.OneOf, word: str) -> str:
        kind = node.operand.kind
        values = ", ".join(self.literal(tree.Literal(value, kind))[0] for value in node.values)
        return f"{self.at(node.operand, _JOIN)} {word} ({values})"

    def matches(self, node: tree.Matches) -> tuple[str, int]:
        """Return a pattern."""
        return f"{self.at(node.operand, _JOIN)} LIKE {_quoted(node.pattern)}", _TEST

    def choice(self, node: tree.Choice) -> tuple[str, int]:
        """Return a CASE."""
        branches = "".join(
            f" WHEN {self.at(condition, 0)} THEN {self.at(value, 0)}" for condition, value in node.branches
        )
        absent = node.otherwise == tree.Literal(None, node.otherwise.kind)
        otherwise = "" if absent else f" ELSE {self.at(node.otherwise, 0)}"
        return f"CASE{branches}{otherwise} END", _ATOM

    def fallback(self, node: tree.Fallback) -> tuple[str, int]:
        """Return a COALESCE."""
        return f"COALESCE({', '.join(self.at(part, 0) for part in node.parts)})", _ATOM

    def call(self, node: tree.Call) -> tuple[str, int]:
        """Return a function or list operator."""
        if node.name in _INFIX:
            return f" {_INFIX[node.name]} ".join(self.at(part, _SUM) for part in node.arguments), _JOIN
        if node.name == "any_of":
            value, values = node.arguments
            return f"{self.at(value, _JOIN)} = ANY({self.at(values, 0)})", _TEST
        parts = [self.at(part, 0) for part in node.arguments]
        if node.table:
            name = _quoted(f"{node.table}.{node.field}" if node.field else node.table)
            parts.insert(1 if node.name == "in_codeset" else 0, name)
        name = node.name if node.table or "_" in node.name else node.name.upper()
        return f"{name}({', '.join(parts)})", _ATOM

    def aggregate(self, node: tree.Aggregate) -> tuple[str, int]:
        """Return an aggregate with its FILTER."""
        inner = "*" if node.argument is None else self.at(node.argument, 0)
        told = f"{node.function.upper()}({'DISTINCT ' if node.distinct else ''}{inner})"
        return told if node.where is None else f"{told} FILTER (WHERE {self.at(node.where, 0)})", _ATOM


def _named(name: str) -> str:
    return f'"{name}"' if name in _RESERVED else name


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


_WRITERS: dict[type, Callable[[_Printer, Any], tuple[str, int]]] = {
    tree.Literal: _Printer.literal, tree.Column: _Printer.column, tree.Today: _Printer.today,
    tree.Arithmetic: _Printer.arithmetic, tree.Compare: _Printer.compare, tree.Between: _Printer.between,
    tree.Junction: _Printer.junction, tree.Not: _Printer.negation, tree.IsNull: _Printer.is_null,
    tree.OneOf: _Printer.one_of, tree.Matches: _Printer.matches, tree.Choice: _Printer.choice,
    tree.Fallback: _Printer.fallback, tree.Call: _Printer.call, tree.Aggregate: _Printer.aggregate,
}  # fmt: skip
