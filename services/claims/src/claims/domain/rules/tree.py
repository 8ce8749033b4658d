"""The typed tree of a rule's text: what the checker makes and every emitter reads. Data only.

Room: domain. Nodes are immutable and hashable, so that equal aggregates are found and computed once. No node
holds text of the rule that reaches an emitter unquoted: names are columns of the schema, literals are values.
"""

import dataclasses
import enum
from decimal import Decimal


class Kind(enum.Enum):
    """What a value is; the words appear in error messages and in the schema document."""

    BOOL = "boolean"
    TEXT = "text"
    INT = "integer"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    TEXTS = "list of text"
    INTS = "list of integer"
    NULL = "null"

    @property
    def one(self) -> str:
        """The kind with its article, as sentences about a value of it begin."""
        return f"{'an' if self is Kind.INT else 'a'} {self.value}"


NUMERIC = frozenset({Kind.INT, Kind.NUMBER, Kind.MONEY})
LISTS = {Kind.TEXTS: Kind.TEXT, Kind.INTS: Kind.INT}

type Value = bool | str | int | Decimal | tuple[str, ...] | None
type Node = (
    Literal
    | Column
    | Today
    | Arithmetic
    | Compare
    | Between
    | Junction
    | Not
    | IsNull
    | OneOf
    | Matches
    | Choice
    | Fallback
    | Call
    | Aggregate
)


@dataclasses.dataclass(frozen=True, slots=True)
class Literal:
    """A constant; a date is its day number, a list a tuple."""

    value: Value
    kind: Kind


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """A column: `owner` is "row" (the row judged), "claim", or the name of a row set inside an aggregate."""

    owner: str
    name: str
    kind: Kind
    nullable: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Today:
    """CURRENT_DATE: the as-of date of the evaluation."""

    kind: Kind = Kind.DATE


@dataclasses.dataclass(frozen=True, slots=True)
class Arithmetic:
    """`+ - * /`; exact, only division rounds. A negation is a subtraction from zero."""

    op: str
    left: Node
    right: Node
    kind: Kind


@dataclasses.dataclass(frozen=True, slots=True)
class Compare:
    """`= <> < <= > >=`, and "same" for IS NOT DISTINCT FROM, which is never unknown."""

    op: str
    left: Node
    right: Node
    kind: Kind = Kind.BOOL


@dataclasses.dataclass(frozen=True, slots=True)
class Between:
    """`operand >= low AND operand <= high`, evaluating the operand once."""

    operand: Node
    low: Node
    high: Node
    kind: Kind = Kind.BOOL


@dataclasses.dataclass(frozen=True, slots=True)
class Junction:
    """A flat AND or OR (`op` is "and" or "or")."""

    op: str
    parts: tuple[Node, ...]
    kind: Kind = Kind.BOOL


@dataclasses.dataclass(frozen=True, slots=True)
class Not:
    """Logical negation; unknown stays unknown."""

    operand: Node
    kind: Kind = Kind.BOOL


@dataclasses.dataclass(frozen=True, slots=True)
class IsNull:
    """IS NULL; never unknown."""

    operand: Node
    kind: Kind = Kind.BOOL


@dataclasses.dataclass(frozen=True, slots=True)
class OneOf:
    """IN over literals, none of them NULL."""

    operand: Node
    values: tuple[Value, ...]
    kind: Kind = Kind.BOOL


@dataclasses.dataclass(frozen=True, slots=True)
class Matches:
    """LIKE with a literal pattern of `%` and `_`."""

    operand: Node
    pattern: str
    kind: Kind = Kind.BOOL


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """Searched CASE; without ELSE, `otherwise` is the NULL literal."""

    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node
    kind: Kind


@dataclasses.dataclass(frozen=True, slots=True)
class Fallback:
    """COALESCE."""

    parts: tuple[Node, ...]
    kind: Kind


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """A function of calls.py; `table` names a dated table and `field` its column, where it has one."""

    name: str
    arguments: tuple[Node, ...]
    kind: Kind
    table: str = ""
    field: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate over a row set; `argument` is None for COUNT(*)."""

    function: str
    rows: str
    argument: Node | None
    where: Node | None
    distinct: bool
    kind: Kind


def children(node: Node) -> tuple[Node, ...]:  # noqa: PLR0911 - one return per kind of node
    """Return the direct parts of a node, in the order of the text."""
    match node:
        case Arithmetic(left=left, right=right) | Compare(left=left, right=right):
            return (left, right)
        case Between(operand=operand, low=low, high=high):
            return (operand, low, high)
        case Junction(parts=parts) | Fallback(parts=parts):
            return parts
        case Not(operand=operand) | IsNull(operand=operand):
            return (operand,)
        case OneOf(operand=operand) | Matches(operand=operand):
            return (operand,)
        case Choice(branches=branches, otherwise=otherwise):
            return (*(part for branch in branches for part in branch), otherwise)
        case Call(arguments=arguments):
            return arguments
        case Aggregate(argument=argument, where=where):
            return tuple(part for part in (argument, where) if part is not None)
        case _:
            return ()


def walk(node: Node) -> list[Node]:
    """Return the node and everything under it, parents first."""
    found, waiting = [], [node]
    while waiting:
        current = waiting.pop()
        found.append(current)
        waiting.extend(reversed(children(current)))
    return found


def columns(node: Node) -> list[Column]:
    """Return the columns a node reads, each once, in the order of the text."""
    return list(dict.fromkeys(part for part in walk(node) if isinstance(part, Column)))
