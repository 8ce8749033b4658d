"""Where unknown comes from: which columns can make a value NULL. Used for messages and for safe aggregates.

Room: domain; looks at typed trees only.
"""

from collections.abc import Callable

from claims.domain.rules import tree


def sources(node: tree.Node) -> list[tree.Column]:
    """Return the columns whose absence can make the node NULL, each once, in the order of the text."""
    return list(dict.fromkeys(_sources(node)))


def look_ups(node: tree.Node) -> list[tree.Call]:
    """Return the calls that ask a table once per row, outside aggregates."""
    if isinstance(node, tree.Aggregate):
        return []
    mine = [node] if isinstance(node, tree.Call) and node.table else []
    return mine + [call for part in tree.children(node) for call in look_ups(part)]


def open_columns(aggregate: tree.Aggregate) -> list[tree.Column]:
    """Return the columns whose NULL in one row leaves the aggregate undecided.

    A column is closed by COALESCE inside the argument, or by a FILTER that holds only where it is not NULL.
    """
    if aggregate.argument is None:
        return []
    closed = _known(aggregate.where)
    return [
        column
        for column in sources(aggregate.argument)
        if column.owner == aggregate.rows and column not in closed
    ]


def has_open_aggregate(node: tree.Node) -> bool:
    """Tell whether an aggregate inside the node can be undecided because of one row.

    The row lacks a value, or what is counted or summed has none for it: a table without the key, a division
    by zero.
    """
    return any(isinstance(part, tree.Aggregate) and _open(part) for part in tree.walk(node))


def _open(aggregate: tree.Aggregate) -> bool:
    argument = aggregate.argument
    if argument is None:
        return False
    sure = tree.Not(tree.IsNull(argument)) in conjuncts(aggregate.where)
    return bool(open_columns(aggregate)) or (_may_fail(argument) and not sure)


def conjuncts(condition: tree.Node | None) -> tuple[tree.Node, ...]:
    """Return the parts of a condition that must all hold."""
    if condition is None:
        return ()
    if isinstance(condition, tree.Junction) and condition.op == "and":
        return condition.parts
    return (condition,)


def never_holds(node: tree.Node, answers: Callable[[str], bool]) -> bool:
    """Tell whether a condition is TRUE of no claim; `answers` tells whether a table has any issue."""
    match node:
        case tree.Literal(value=value):
            return value is not True
        case tree.Junction(op="and", parts=parts):
            return any(never_holds(part, answers) for part in parts)
        case tree.Junction(parts=parts):
            return all(never_holds(part, answers) for part in parts)
        case tree.Not(operand=tree.IsNull(operand=operand)):
            return always_null(operand, answers)
        case _:
            return always_null(node, answers)


def always_null(node: tree.Node, answers: Callable[[str], bool]) -> bool:
    """Tell whether a node is NULL in every row, for it hangs on a look into a table without issues."""
    match node:
        case tree.Literal(value=value):
            return value is None
        case tree.Call(table=table) if table:
            return not answers(table)
        case tree.Fallback(parts=parts):
            return all(always_null(part, answers) for part in parts)
        case tree.Compare(op="same") | tree.Call(name="nullif"):
            return False
        case tree.Arithmetic() | tree.Compare() | tree.Not() | tree.OneOf() | tree.Matches() | tree.Call():
            return any(always_null(part, answers) for part in tree.children(node))
        case _:
            return False


def _sources(node: tree.Node) -> list[tree.Column]:
    match node:
        case tree.Column(nullable=nullable):
            return [node] if nullable else []
        case tree.IsNull() | tree.Compare(op="same"):
            return []
        case tree.Fallback(parts=parts):
            found = [_sources(part) for part in parts]
            sure = any(not part and not _may_fail(parts[at]) for at, part in enumerate(found))
            return [] if sure else [column for part in found for column in part]
        case tree.Aggregate():
            outer = _sources(node.argument) if node.argument is not None else []
            return [*open_columns(node), *(column for column in outer if column.owner != node.rows)]
        case _:
            return [column for part in tree.children(node) for column in _sources(part)]


def _may_fail(node: tree.Node) -> bool:
    """Tell whether a node can be NULL without any column being absent: empty sums, tables, division."""
    return any(
        (isinstance(part, tree.Literal) and part.value is None)
        or (isinstance(part, tree.Aggregate) and part.function != "count")
        or (isinstance(part, tree.Call) and part.name in {"in_codeset", "lookup", "nullif"})
        or (isinstance(part, tree.Arithmetic) and part.op == "/" and not _constant(part.right))
        for part in tree.walk(node)
    )


def _constant(divisor: tree.Node) -> bool:
    return isinstance(divisor, tree.Literal) and bool(divisor.value)


def _known(where: tree.Node | None) -> set[tree.Column]:
    found: set[tree.Column] = set()
    for part in conjuncts(where):
        match part:
            case tree.Not(operand=tree.IsNull(operand=tree.Column() as column)):
                found.add(column)
            case (
                tree.OneOf()
                | tree.Matches()
                | tree.Between()
                | tree.Compare(op="=" | "<>" | "<" | "<=" | ">" | ">=")
            ):
                found.update(child for child in tree.children(part) if isinstance(child, tree.Column))
            case _:
                pass
    return found
