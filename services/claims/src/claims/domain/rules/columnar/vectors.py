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
    """Three-valued truth: where it is TRUE, and where it is not FALSE (TRUE or unknown).

    Both are one array, the same object, where nothing is unknown: half of the work is then left out.
    """

    true: Flags
    open: Flags


@dataclasses.dataclass(slots=True)
class Numbers:
    """Exact numbers: data / 10**scale, NULL where `null`; no entry of data is beyond `bound` in magnitude."""

    data: Ints
    null: Flags | None = None
    scale: int = 0
    bound: int = LIMIT


@dataclasses.dataclass(slots=True)
class Words:
    """Texts or lists as codes of the batch's vocabulary; code 0 is NULL.

    `parts` remembers the distinct codes, `nulls` where a code is 0, None where it never is.
    """

    codes: Ints
    parts: tuple[Ints, Ints] | None = None
    nulls: Flags | None = None
    looked: bool = False

    def absent(self) -> Flags | None:
        """Return where the word is NULL, None for nowhere."""
        if not self.looked:
            self.looked = True
            if np.count_nonzero(self.codes) != len(self.codes):
                self.nulls = self.codes == 0
        return self.nulls


type Vector = Truths | Numbers | Words


def size(vector: Vector) -> int:
    """Return the number of entries: that of the space, or 1 for a constant."""
    match vector:
        case Truths():
            return max(len(vector.true), len(vector.open))
        case Numbers():
            return len(vector.data)
        case Words():
            return len(vector.codes)


def length(found: Sequence[Vector]) -> int:
    """Return the number of rows that vectors have together: 0 beside anything is none."""
    sizes = [size(vector) for vector in found]
    return max(sizes) if all(sizes) else 0


def null(vector: Vector) -> Flags | None:
    """Return where the vector is NULL, None for nowhere."""
    match vector:
        case Truths(true=true, open=open_):
            return None if open_ is true else open_ & ~true
        case Numbers(null=absent):
            return absent
        case Words():
            return vector.absent()


def known(vector: Vector) -> Flags:
    """Return where the vector is not NULL."""
    absent = null(vector)
    found: Flags = _YES if absent is None else ~absent
    return found


def never() -> Flags:
    """Return a constant that is false in every row."""
    return _NO


def decided(flags: Flags, absent: Flags | None = None) -> Truths:
    """Return truth that is unknown where `absent`; None says that it is known everywhere."""
    if absent is None:
        return Truths(flags, flags)
    return Truths(flags & ~absent, flags | absent)


def negation(found: Truths) -> Truths:
    """Return NOT."""
    false = ~found.open
    return Truths(false, false if found.open is found.true else ~found.true)


def either(left: Flags | None, right: Flags | None) -> Flags | None:
    """Return where one of two masks holds; None is a mask that holds nowhere."""
    if left is None:
        return right
    return left if right is None else left | right


def take(vector: Vector, index: Ints) -> Vector:
    """Return the entries at `index`; a constant stays one."""
    if size(vector) == 1:
        return vector
    match vector:
        case Truths(true=true, open=open_):
            taken = true if len(true) == 1 else true[index]
            return Truths(taken, taken if open_ is true else open_ if len(open_) == 1 else open_[index])
        case Numbers(data=data, null=null, scale=scale, bound=bound):
            hidden = null if null is None or len(null) == 1 else null[index]
            return Numbers(data[index], hidden, scale, bound)
        case Words(codes=codes):
            return Words(codes[index])


def widened(vector: Vector, length: int) -> Vector:
    """Return the vector with one entry per row."""
    match vector:
        case Truths(true=true, open=open_):
            return Truths(spread(true, length), spread(open_, length))
        case Numbers(data=data, null=null, scale=scale, bound=bound):
            return Numbers(spread(data, length), None if null is None else spread(null, length), scale, bound)
        case Words(codes=codes):
            return Words(spread(codes, length))


def spread[T: np.generic](array: npt.NDArray[T], length: int) -> npt.NDArray[T]:
    """Return the array with one entry per row."""
    return array if len(array) == length else np.broadcast_to(array, (length,))


def conjunction(parts: Sequence[Truths]) -> Truths:
    """Return AND of all parts."""
    true, open_ = parts[0].true, parts[0].open
    for part in parts[1:]:
        sure = open_ is true and part.open is part.true
        true = true & part.true
        open_ = true if sure else open_ & part.open
    return Truths(true, open_)


def disjunction(parts: Sequence[Truths]) -> Truths:
    """Return OR of all parts."""
    true, open_ = parts[0].true, parts[0].open
    for part in parts[1:]:
        sure = open_ is true and part.open is part.true
        true = true | part.true
        open_ = true if sure else open_ | part.open
    return Truths(true, open_)


def same_truth(left: Truths, right: Truths) -> Truths:
    """Return IS NOT DISTINCT FROM of two truths."""
    return decided((left.true == right.true) & (left.open == right.open))


def equal_truth(left: Truths, right: Truths) -> Truths:
    """Return `=` of two truths."""
    return decided(left.true == right.true, either(null(left), null(right)))


def equal_words(left: Words, right: Words) -> Truths:
    """Return `=` of two words."""
    return decided(left.codes == right.codes, either(left.absent(), right.absent()))


def same_words(left: Words, right: Words) -> Truths:
    """Return IS NOT DISTINCT FROM of two words; NULL is a code like another."""
    return decided(left.codes == right.codes)
