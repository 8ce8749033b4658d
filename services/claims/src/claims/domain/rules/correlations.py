"""How an aggregate depends on the row it stands in, so that n rows need not look at n × n siblings.

Room: domain. `COUNT(*) FILTER (WHERE lines.code = code AND lines.net > 0)` is an equality between a sibling's
column and the row, and a condition on siblings alone: siblings are grouped once, a row looks its group up.
"""

import dataclasses

from claims.domain.rules import nulls, tree


@dataclasses.dataclass(frozen=True, slots=True)
class Correlation:
    """The parts of a filter: `keys` pairs a sibling's column with the row's value, `alone` reads no row.

    A strict key is an `=`, which no NULL passes; the other kind is IS NOT DISTINCT FROM. `closed` says that
    keys and `alone` are the whole filter and that the argument reads no row, so that a group has one answer.
    """

    keys: tuple[tuple[tree.Column, tree.Node], ...]
    strict: tuple[bool, ...]
    alone: tuple[tree.Node, ...]
    closed: bool


def of(node: tree.Aggregate) -> Correlation | None:
    """Return how an aggregate depends on its row; None where it does not."""
    if not _reads(node, "row"):
        return None
    keys: list[tuple[tree.Column, tree.Node]] = []
    strict: list[bool] = []
    alone: list[tree.Node] = []
    rest = node.argument is not None and _reads(node.argument, "row")
    for part in nulls.conjuncts(node.where):
        pair = _pair(part, node.rows)
        if pair is not None:
            keys.append(pair)
            strict.append(isinstance(part, tree.Compare) and part.op == "=")
        elif not _reads(part, "row"):
            alone.append(part)
        else:
            rest = True
    risky = any(calculates(part) for part in alone) or (
        node.argument is not None and calculates(node.argument)
    )
    return Correlation(tuple(keys), tuple(strict), tuple(alone), closed=bool(keys) and not rest and not risky)


def counted(node: tree.Aggregate) -> tuple[tree.Column, str] | None:
    """Return column and text of `COUNT(*) FILTER (WHERE column = 'x')`; None for any other aggregate."""
    match node:
        case tree.Aggregate(
            function="count", argument=None, where=tree.Compare(op="=", left=left, right=right)
        ):
            for column, other in ((left, right), (right, left)):
                match column, other:
                    case tree.Column(owner=node.rows, kind=tree.Kind.TEXT), tree.Literal(value=str(value)):
                        return column, value
    return None


def calculates(node: tree.Node) -> bool:
    """Tell whether evaluating a node can overflow."""
    return any(
        isinstance(part, tree.Arithmetic) or (isinstance(part, tree.Call) and part.name in {"round", "abs"})
        for part in tree.walk(node)
    )


def _pair(part: tree.Node, rows: str) -> tuple[tree.Column, tree.Node] | None:
    if not isinstance(part, tree.Compare) or part.op not in {"=", "same"}:
        return None
    for sibling, other in ((part.left, part.right), (part.right, part.left)):
        if isinstance(sibling, tree.Column) and sibling.owner == rows and not _reads(other, rows):
            return sibling, other
    return None


def _reads(node: tree.Node, owner: str) -> bool:
    return any(column.owner == owner for column in tree.columns(node))
