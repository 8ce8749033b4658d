"""What a column of a batch is: truth in three values, exact scaled whole numbers, coded words.

Room: domain; numpy, no tree and no claim. An array has one entry per row of its space, or exactly one entry
that stands for all rows: numpy's broadcasting then needs no copy of constants.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

type Flags = npt.NDArray[np.bool_]
type Ints = npt.NDArray[np.int64]

LIMIT = 2**62  # a magnitude below it may be added to another without leaving int64
_YES: Flags = np.ones(1, dtype=np.bool_)
_NO: Flags = np.zeros(1, dtype=np.bool_)


class HandedOverError(Exception):
    """This form cannot decide something exactly; the scalar form is asked instead."""


@dataclasses.dataclass(slots=True)
class Truths:
    """Three-valued truth: where it is TRUE, where it is FALSE; elsewhere it is unknown."""

    true: Flags
    false: Flags


@dataclasses.dataclass(slots=True)
class Numbers:
    """Exact numbers: data / 10**scale, NULL where `null`; no entry of data is beyond `bound` in magnitude."""

    data: Ints
    null: Flags | None = None
    scale: int = 0
    bound: int = LIMIT


@dataclasses.dataclass(slots=True)
class Words:
    """Texts or lists as codes of the batch's vocabulary; code 0 is NULL. `parts` caches distinct codes."""

    codes: Ints
    parts: tuple[Ints, Ints] | None = None


type Vector = Truths | Numbers | Words


def size(vector: Vector) -> int:
    """Return the number of entries: that of the space, or 1 for a constant."""
    match vector:
        case Truths():
            return max(len(vector.true), len(vector.false))
        case Numbers():
            return len(vector.data)
        case Words():
            return len(vector.codes)


def known(vector: Vector) -> Flags:
    """Return where the vector is not NULL."""
    found: Flags
    match vector:
        case Truths(true=true, false=false):
            found = true | false
        case Numbers(null=null):
            found = _YES if null is None else ~null
        case Words(codes=codes):
            found = codes != 0
    return found


def never() -> Flags:
    """Return a constant that is false in every row."""
    return _NO


def decided(true: Flags, where: Flags | None) -> Truths:
    """Return truth that is unknown outside `where`; None says it is known everywhere."""
    if where is None or where is _YES:
        return Truths(true, ~true)
    return Truths(true & where, ~true & where)


def either(left: Flags | None, right: Flags | None) -> Flags | None:
    """Return where one of two masks holds; None is a mask that holds nowhere."""
    if left is None:
        return right
    return left if right is None else left | right


def both_known(left: Numbers, right: Numbers) -> Flags | None:
    """Return where both numbers are known, None for everywhere."""
    null = either(left.null, right.null)
    return None if null is None else ~null


def take(vector: Vector, index: Ints) -> Vector:
    """Return the entries at `index`; a constant stays one."""
    if size(vector) == 1:
        return vector
    match vector:
        case Truths(true=true, false=false):
            return Truths(true if len(true) == 1 else true[index], false if len(false) == 1 else false[index])
        case Numbers(data=data, null=null, scale=scale, bound=bound):
            hidden = null if null is None or len(null) == 1 else null[index]
            return Numbers(data[index], hidden, scale, bound)
        case Words(codes=codes):
            return Words(codes[index])


def widened(vector: Vector, length: int) -> Vector:
    """Return the vector with one entry per row."""
    match vector:
        case Truths(true=true, false=false):
            return Truths(spread(true, length), spread(false, length))
        case Numbers(data=data, null=null, scale=scale, bound=bound):
            return Numbers(spread(data, length), None if null is None else spread(null, length), scale, bound)
        case Words(codes=codes):
            return Words(spread(codes, length))


def spread[T: np.generic](array: npt.NDArray[T], length: int) -> npt.NDArray[T]:
    """Return the array with one entry per row."""
    return array if len(array) == length else np.broadcast_to(array, (length,))


def conjunction(parts: Sequence[Truths]) -> Truths:
    """Return AND of all parts."""
    true, false = parts[0].true, parts[0].false
    for part in parts[1:]:
        true, false = true & part.true, false | part.false
    return Truths(true, false)


def disjunction(parts: Sequence[Truths]) -> Truths:
    """Return OR of all parts."""
    true, false = parts[0].true, parts[0].false
    for part in parts[1:]:
        true, false = true | part.true, false & part.false
    return Truths(true, false)


def same_truth(left: Truths, right: Truths) -> Truths:
    """Return IS NOT DISTINCT FROM of two truths."""
    unknown = ~(left.true | left.false) & ~(right.true | right.false)
    return decided((left.true & right.true) | (left.false & right.false) | unknown, None)


def equal_truth(left: Truths, right: Truths) -> Truths:
    """Return `=` of two truths."""
    return Truths(
        (left.true & right.true) | (left.false & right.false),
        (left.true & right.false) | (left.false & right.true),
    )


def equal_words(left: Words, right: Words) -> Truths:
    """Return `=` of two words."""
    return decided(left.codes == right.codes, (left.codes != 0) & (right.codes != 0))


def same_words(left: Words, right: Words) -> Truths:
    """Return IS NOT DISTINCT FROM of two words; NULL is a code like another."""
    return decided(left.codes == right.codes, None)
