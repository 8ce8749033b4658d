"""What a step does: the operators and functions of the language, each on vectors of any form it may meet.

Room: domain. One entry per construct; what is missing here has no columnar form and is judged by the scalar.
"""

import operator
from collections.abc import Callable, Hashable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from claims.domain.rules import runtime, tree
from claims.domain.rules.columnar import batches, numbers, vectors, words

_KIND = tree.Kind
_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}

ARITHMETIC: dict[str, Callable[..., Any]] = {
    "+": numbers.add, "-": numbers.subtract, "*": numbers.multiply, "/": numbers.divide,
}  # fmt: skip
NUMBERS: dict[str, Callable[..., Any]] = {
    "abs": numbers.absolute,
    "days_between": lambda first, last: numbers.subtract(last, first),
    "age_years": numbers.years,
}
WORDS: dict[str, Callable[..., Any]] = {
    "upper": str.upper, "lower": str.lower, "trim": lambda text: text.strip(" "), "length": len,
    "cardinality": len, "any_of": lambda value, found: value in found, "overlaps": runtime.overlaps,
    "within": runtime.within, "includes": lambda left, right: runtime.within(right, left),
    "npi_valid": runtime.npi_valid, "concat": lambda left, right: left + right,
}  # fmt: skip
JUNCTIONS: dict[str, Callable[..., vectors.Truths]] = {
    "and": lambda *parts: vectors.conjunction(parts),
    "or": lambda *parts: vectors.disjunction(parts),
}


def literal(value: tree.Value, kind: tree.Kind) -> Callable[[batches.Batch], vectors.Vector]:
    """Return a function that makes a constant in a batch; a number is made once for all batches."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        try:
            number = numbers.constant(value)
        except vectors.HandedOverError:  # told, again, by each batch that asks for it
            return lambda _: numbers.constant(value)
        return lambda _: number
    if isinstance(value, str):
        return lambda batch: vectors.Words(np.array([batch.vocabulary.code(value)], np.int64))
    return lambda batch: words.vector(batch.vocabulary, kind, [value])


def mapped(key: Hashable, function: Callable[..., Any], kind: tree.Kind) -> Callable[..., vectors.Vector]:
    """Return a step that calls a function of plain values once per distinct arguments."""

    def step(batch: batches.Batch, *arguments: vectors.Vector) -> vectors.Vector:
        return words.mapped(batch.vocabulary, key, function, kind, arguments)

    return step


def like(pattern: str) -> Callable[[str], bool]:
    """Return LIKE of one pattern."""
    start = runtime.beginning(pattern)
    if start is not None:
        return lambda text: text.startswith(start)
    matcher = runtime.like(pattern)
    return lambda text: matcher(text) is not None


def truth(found: vectors.Vector) -> vectors.Truths:
    """Return the vector as truth, which the checker made sure it is."""
    if not isinstance(found, vectors.Truths):
        raise TypeError("the checker lets only conditions be joined")
    return found


def is_null(found: vectors.Vector) -> vectors.Truths:
    """Return IS NULL."""
    absent = vectors.null(found)
    return vectors.decided(vectors.never() if absent is None else absent)


def compare(op: str) -> Callable[..., vectors.Truths]:
    """Return the comparison of two vectors of one kind, or of one with NULL."""

    def step(batch: batches.Batch, left: vectors.Vector, right: vectors.Vector) -> vectors.Truths:
        left, right = _paired(left, right)
        match left, right:
            case vectors.Numbers(), vectors.Numbers():
                return numbers.same(left, right) if op == "same" else numbers.compare(op, left, right)
            case vectors.Truths(), vectors.Truths():
                return _truths(op, left, right)
            case vectors.Words(), vectors.Words() if op in _ORDER and 1 in {
                len(left.codes),
                len(right.codes),
            }:
                return truth(words.mapped(batch.vocabulary, op, _ORDER[op], _KIND.BOOL, [left, right]))
            case vectors.Words(), vectors.Words() if op in _ORDER:
                return numbers.compare(op, *words.ranks(batch.vocabulary, left, right))
            case vectors.Words(), vectors.Words():
                if op == "same":
                    return vectors.same_words(left, right)
                equal = vectors.equal_words(left, right)
                return equal if op == "=" else vectors.negation(equal)
        raise TypeError("the checker lets only values of one kind be compared")

    return step


def between(
    batch: batches.Batch, operand: vectors.Vector, low: vectors.Vector, high: vectors.Vector
) -> vectors.Truths:
    """Return operand >= low AND operand <= high."""
    return vectors.conjunction([compare(">=")(batch, operand, low), compare("<=")(batch, operand, high)])


def one_of(values: Sequence[tree.Value]) -> Callable[..., vectors.Truths]:
    """Return IN over constants."""

    def step(batch: batches.Batch, operand: vectors.Vector) -> vectors.Truths:
        match operand:
            case vectors.Words():
                return words.one_of(batch.vocabulary, operand, values)
            case vectors.Truths(true=true, open=open_):
                found = (true if True in values else vectors.never()) | (
                    ~open_ if False in values else vectors.never()
                )
                return vectors.decided(found, vectors.null(operand))
            case vectors.Numbers():
                return numbers.one_of(
                    operand, [value for value in values if isinstance(value, int | Decimal)]
                )

    return step


def choice(*parts: vectors.Vector) -> vectors.Vector:
    """Return CASE: test, value, test, value …, and what holds otherwise."""
    found = parts[-1]
    for at in range(len(parts) - 3, -1, -2):
        found = choose(truth(parts[at]).true, parts[at + 1], found)
    return found


def fallback(*parts: vectors.Vector) -> vectors.Vector:
    """Return COALESCE."""
    found = parts[-1]
    for part in reversed(parts[:-1]):
        found = choose(vectors.known(part), part, found)
    return found


def choose(mask: vectors.Flags, left: vectors.Vector, right: vectors.Vector) -> vectors.Vector:
    """Return left where the mask holds, else right."""
    left, right = _paired(left, right)
    match left, right:
        case vectors.Numbers(), vectors.Numbers():
            return numbers.choose(mask, left, right)
        case vectors.Truths(), vectors.Truths():
            true = np.where(mask, left.true, right.true)
            sure = left.open is left.true and right.open is right.true
            return vectors.Truths(true, true if sure else np.where(mask, left.open, right.open))
        case vectors.Words(), vectors.Words():
            return vectors.Words(np.where(mask, left.codes, right.codes))
    raise TypeError("the checker lets only values of one kind stand for one another")


def nullif(batch: batches.Batch, left: vectors.Vector, right: vectors.Vector) -> vectors.Vector:
    """Return left, NULL where both are equal."""
    equal = compare("=")(batch, left, right).true
    match left:
        case vectors.Numbers(data=data, null=null, scale=scale, bound=bound):
            hidden = equal if null is None else equal | null
            rows = vectors.length([left, vectors.Truths(hidden, hidden)])
            return vectors.Numbers(vectors.spread(data, rows), vectors.spread(hidden, rows), scale, bound)
        case vectors.Words(codes=codes):
            return vectors.Words(np.where(equal, 0, codes))
        case vectors.Truths(true=true, open=open_):
            return vectors.Truths(true & ~equal, open_ | equal)


def comparable(left: tree.Node, right: tree.Node) -> bool:
    """Tell whether NULLIF compares two values of one form; Python's equality of others is not imitated."""
    return left.kind is right.kind or {left.kind, right.kind} <= tree.NUMERIC or right.kind is _KIND.NULL


def comparable_keys(
    left: vectors.Vector, right: vectors.Vector
) -> tuple[list[vectors.Ints], list[vectors.Ints]]:
    """Return arrays by which a sibling's key and a row's value are equal where they are, NULL like NULL."""
    left, right = _paired(left, right)
    if isinstance(left, vectors.Numbers) and isinstance(right, vectors.Numbers):
        left, right = numbers.aligned(left, right)
        if left.null is not None or right.null is not None:
            left, right = _nullable(left), _nullable(right)
    return words.keys(left), words.keys(right)


def _nullable(found: vectors.Numbers) -> vectors.Numbers:
    null = vectors.never() if found.null is None else found.null
    return vectors.Numbers(found.data, null, found.scale, found.bound)


def _truths(op: str, left: vectors.Truths, right: vectors.Truths) -> vectors.Truths:
    if op == "same":
        return vectors.same_truth(left, right)
    equal = vectors.equal_truth(left, right)
    return equal if op == "=" else vectors.negation(equal)


def _paired(left: vectors.Vector, right: vectors.Vector) -> tuple[vectors.Vector, vectors.Vector]:
    """Return both in one form: a NULL without a kind takes that of the other."""
    if type(left) is type(right):
        return left, right
    if isinstance(left, vectors.Truths) and not vectors.known(left).any():
        return _absent(right), right
    if isinstance(right, vectors.Truths) and not vectors.known(right).any():
        return left, _absent(left)
    raise TypeError("the checker lets only values of one kind meet")


def _absent(like: vectors.Vector) -> vectors.Vector:
    if isinstance(like, vectors.Numbers):
        return numbers.constant(None)
    return vectors.Words(np.zeros(1, np.int64))
