"""Pieces of Python that a generated program is made of: an expression with what must be known before it.

Room: domain; text only, nothing is evaluated here.
"""

import dataclasses
from collections.abc import Container

from claims.domain.rules import tree

OPS = {"=": "==", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
FUNCTIONS = {  # by the name of a call: what it is in Python
    "upper": "{0}.upper()", "lower": "{0}.lower()", "trim": "{0}.strip(' ')", "length": "len({0})",
    "abs": "abs({0})", "cardinality": "len({0})", "any_of": "({0} in {1})", "age_years": "_age({0}, {1})",
    "days_between": "({1} - {0})", "npi_valid": "_npi({0})", "concat": "({0} + {1})",
}  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Code:
    """A Python expression that may be evaluated once every guard is known not to be None.

    A guard is (name, text): the name alone where it is already bound, else text to be bound to it first.
    """

    body: str
    guards: tuple[tuple[str, str], ...] = ()

    @property
    def simple(self) -> bool:
        """Tell whether guards are bound names only, so that testing them twice costs nothing."""
        return all(not text for _, text in self.guards)

    def nulls(self) -> str:
        """Return a test that is true where the value is NULL."""
        return " or ".join(
            f"({name} := {text}) is None" if text else f"{name} is None" for name, text in self.guards
        )

    def known(self) -> list[str]:
        """Return the tests that hold where the value is not NULL."""
        return [
            f"({name} := {text}) is not None" if text else f"{name} is not None" for name, text in self.guards
        ]

    def value(self) -> str:
        """Return an expression that is None where the value is NULL."""
        if not self.guards:
            return self.body
        if len(self.guards) == 1 and self.guards[0][0] == self.body:
            return self.guards[0][1] or self.body
        return f"(None if {self.nulls()} else {self.body})"


NULL = Code("None", (("None", ""),))  # of no claim anything else


def tests_null(node: tree.Node, derived: Container[tree.Node]) -> bool:
    """Tell whether a comparison is plainly false of None, so that nothing need be tested before it.

    One of a column, or of what is derived from one, with constants: no constant equals None.
    """
    match node:
        case tree.OneOf(operand=operand):
            return isinstance(operand, tree.Column) or operand in derived
        case tree.Compare(op="=", left=left, right=right):
            return any(
                isinstance(constant, tree.Literal) and (isinstance(other, tree.Column) or other in derived)
                for other, constant in ((left, right), (right, left))
            )
        case _:
            return False


def counts(node: tree.Aggregate, argument: Code | None) -> bool:
    """Tell whether an aggregate only counts rows."""
    return node.function == "count" and not node.distinct and (argument is None or not argument.guards)


def each(node: tree.Aggregate) -> bool:
    """Tell whether an aggregate counts by a column that no row lacks."""
    column = node.argument
    return isinstance(column, tree.Column) and not column.nullable and counts(node, None)


def function(node: tree.Aggregate) -> str:
    """Return the name under which a program calls an aggregate."""
    return "_count_distinct" if node.distinct else f"_{node.function}"


def collected(node: tree.Aggregate, values: str, *, sure: bool) -> str:
    """Return the text of an aggregate over a list; `sure` is one without unknown values."""
    if sure and node.function in {"min", "max"}:
        return f"{node.function}({values}, default=None)"
    if sure and node.function == "array_agg":
        return f"({values} or None)"
    return f"{function(node)}({values})"


def alone(key: str, value: str, rows: str, test: str, otherwise: str) -> str:
    """Return the text of values by keys, for siblings whose keys are all different, as they mostly are.

    `otherwise` is the text for those of which some share a key, or do not pass the test.
    """
    return f"d if len(d := {{{key}: {value} for s in {rows}{test}}}) == len({rows}) else {otherwise}"


def hashable(text: str, node: tree.Node) -> str:
    """Return the text of a value as a part of a key."""
    if node.kind not in tree.LISTS:
        return text
    return f"tuple({text})" if isinstance(node, tree.Column) and not node.nullable else f"_frozen({text})"


def key(parts: list[str]) -> str:
    """Return the text of a key of these parts."""
    return parts[0] if len(parts) == 1 else "(" + ", ".join(parts) + ")"


def lists(name: str, node: tree.Node, left: str, right: str) -> str:
    """Return the text of `overlaps` or `within`; `node` is what `left` stands for.

    Most lists of a claim have one member, which is looked at in place.
    """
    if name == "overlaps":
        return f"_overlaps({left}, {right})"
    whole = f"_within({left}, {right})"
    single = isinstance(node, tree.Column) and left.isidentifier()
    return f"({left}[0] in {right} if len({left}) == 1 else {whole})" if single else whole
