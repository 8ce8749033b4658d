"""The algebra of kinds: what may be compared, added, multiplied, and what comes out; TypeError in words.

Room: domain. A constant number takes the unit of what it meets; two columns of different units never mix.
"""

import dataclasses

from claims.domain.rules import tree

_KIND = tree.Kind
_SUMMED = {_KIND.INT, _KIND.NUMBER, _KIND.MONEY}
_ORDERED = {*_SUMMED, _KIND.DATE, _KIND.TEXT}
_GATHERED = {_KIND.INT: _KIND.INTS, _KIND.TEXT: _KIND.TEXTS}


def is_constant(node: tree.Node) -> bool:
    """Tell whether a node is a literal, NULL included."""
    return isinstance(node, tree.Literal)


def unify(left: tree.Node, right: tree.Node) -> tuple[tree.Node, tree.Node]:
    """Return both nodes in one kind; raise TypeError where a comparison or sum of them has no meaning."""
    kind = _common(left, right)
    return _as(left, kind), _as(right, kind)


def common(values: list[tree.Node]) -> tree.Kind:
    """Return the kind of values that were unified with one another."""
    named = [value.kind for value in values if value.kind is not _KIND.NULL]
    if not named:
        return _KIND.NULL
    return _KIND.NUMBER if {_KIND.INT, _KIND.NUMBER} <= set(named) else named[0]


def arithmetic(op: str, left: tree.Node, right: tree.Node) -> tree.Arithmetic:
    """Return the typed operation; raise TypeError where it has no meaning."""
    if _KIND.DATE in {left.kind, right.kind}:
        return tree.Arithmetic(op, left, right, _dates(op, left.kind, right.kind))
    for side in (left, right):
        if side.kind not in tree.NUMERIC:
            raise TypeError(f"{side.kind.one.capitalize()} cannot be calculated with.")
    if op in "+-":
        left, right = unify(left, right)
        return tree.Arithmetic(op, left, right, common([left, right]))
    return tree.Arithmetic(op, left, right, _scaled(op, left.kind, right.kind))


def aggregate(function: str, argument: tree.Node | None, *, distinct: bool) -> tree.Kind:
    """Return the kind of an aggregate; raise TypeError where its argument does not fit."""
    if argument is None:
        if function != "count" or distinct:
            raise TypeError("Only COUNT takes a star.")
        return _KIND.INT
    if distinct and function != "count":
        raise TypeError("DISTINCT belongs to COUNT only.")
    if function == "count":
        if argument.kind in tree.LISTS:
            raise TypeError("COUNT of a list has no meaning.")
        return _KIND.INT
    if function == "array_agg":
        if argument.kind not in _GATHERED:
            raise TypeError(f"A list of {argument.kind.value} is not in the language.")
        return _GATHERED[argument.kind]
    if argument.kind not in (_ORDERED if function in {"min", "max"} else _SUMMED):
        raise TypeError(f"{function.upper()} of {argument.kind.one} has no meaning.")
    return _KIND.NUMBER if function == "avg" and argument.kind is _KIND.INT else argument.kind


def _common(left: tree.Node, right: tree.Node) -> tree.Kind:
    pair = {left.kind, right.kind}
    if len(pair) == 1:
        return left.kind
    if _KIND.NULL in pair:
        return right.kind if left.kind is _KIND.NULL else left.kind
    if pair == {_KIND.INT, _KIND.NUMBER}:
        return _KIND.NUMBER
    if _KIND.MONEY in pair and pair <= tree.NUMERIC:
        other = right if left.kind is _KIND.MONEY else left
        if is_constant(other):
            return _KIND.MONEY
    raise TypeError(f"{left.kind.one.capitalize()} and {right.kind.one} do not mix.")


def _as(node: tree.Node, kind: tree.Kind) -> tree.Node:
    if isinstance(node, tree.Literal) and node.kind is not kind:
        return dataclasses.replace(node, kind=kind)
    return node


def _dates(op: str, left: tree.Kind, right: tree.Kind) -> tree.Kind:
    if op == "-" and left is right is _KIND.DATE:
        return _KIND.INT
    if op in "+-" and left is _KIND.DATE and right is _KIND.INT:
        return _KIND.DATE
    raise TypeError("From a day one may subtract a day, or add and subtract whole days.")


def _scaled(op: str, left: tree.Kind, right: tree.Kind) -> tree.Kind:
    money = (left is _KIND.MONEY, right is _KIND.MONEY)
    if op == "*":
        if all(money):
            raise TypeError("Money times money has no meaning.")
        if any(money):
            return _KIND.MONEY
        return _KIND.INT if left is right is _KIND.INT else _KIND.NUMBER
    if money == (False, True):
        raise TypeError("A number divided by money has no meaning.")
    return _KIND.MONEY if money == (True, False) else _KIND.NUMBER
