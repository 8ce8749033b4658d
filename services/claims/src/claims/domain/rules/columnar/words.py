"""Texts and lists by their distinct values: a function of words is called once for each, not once per row.

Room: domain. A vocabulary belongs to one batch; a list is a word like a text, coded as a tuple.
"""

import collections
import itertools
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from claims.domain.rules import tree
from claims.domain.rules.columnar import numbers, vectors

_DENSE = 8  # a table of distinct values may be this many times longer than the column it is made for
_KIND = tree.Kind

type Function = Callable[..., Any]


class Vocabulary:
    """Codes of the texts and lists of a batch; 0 is NULL."""

    def __init__(self) -> None:
        self._codes: collections.defaultdict[object, int] = collections.defaultdict()
        self._codes.default_factory = self._codes.__len__
        self._words: list[Any] = []
        self.code(None)

    def code(self, word: object) -> int:
        """Return the code of a word, a new one for a new word."""
        return self._codes[word]

    def coded(self, found: Iterable[object], count: int) -> vectors.Words:
        """Return words as a vector."""
        return vectors.Words(np.fromiter(map(self._codes.__getitem__, found), np.int64, count))

    def words(self) -> list[Any]:
        """Return the words in the order of their codes."""
        fresh = len(self._codes) - len(self._words)
        if fresh:
            self._words += reversed(list(itertools.islice(reversed(self._codes), fresh)))
        return self._words


def parts(values: vectors.Ints) -> tuple[vectors.Ints, vectors.Ints]:
    """Return the distinct values of an array, and for each entry the place of its value among them."""
    if not len(values):
        return values, values
    least, most = int(values.min()), int(values.max())
    if most - least > _DENSE * len(values) + 1_024:
        distinct, places = np.unique(values, return_inverse=True)
        return distinct, places.astype(np.int64)
    moved = values - least
    found = np.flatnonzero(np.bincount(moved, minlength=most - least + 1))
    table = np.empty(most - least + 1, np.int64)
    table[found] = np.arange(len(found))
    return found + least, table[moved]


def groups(arrays: Sequence[vectors.Ints]) -> tuple[int, vectors.Ints]:
    """Return how many distinct rows the arrays make side by side, and for each entry its row's number."""
    distinct, places = parts(arrays[0])
    count = len(distinct)
    for array in arrays[1:]:
        more, inner = parts(array)
        distinct, places = parts(places * len(more) + inner)  # both are below the number of entries
        count = len(distinct)
    return count, places


def keys(vector: vectors.Vector) -> list[vectors.Ints]:
    """Return arrays that are equal in two rows where the values are, NULL being a value of its own."""
    match vector:
        case vectors.Words(codes=codes):
            return [codes]
        case vectors.Truths(true=true, open=open_):
            return [np.asarray(true.astype(np.int64) + open_)]
        case vectors.Numbers(data=data, null=None):
            return [data]
        case vectors.Numbers(data=data, null=null):
            hidden = vectors.spread(vectors.never() if null is None else null, len(data))
            return [np.where(hidden, 0, data), hidden.astype(np.int64)]


def mapped(
    vocabulary: Vocabulary, function: Function, kind: tree.Kind, arguments: Sequence[vectors.Vector]
) -> vectors.Vector:
    """Return function(arguments) of a kind, called once per distinct arguments; NULL where one is NULL."""
    length = vectors.length(arguments)
    if not length:
        return vector(vocabulary, kind, [])
    wide = [argument for argument in arguments if vectors.size(argument) == length]
    places = _places(wide, length)
    firsts = _firsts(places)
    columns = [
        plain(vocabulary, vectors.take(argument, firsts), len(firsts))
        if vectors.size(argument) == length
        else plain(vocabulary, argument, len(firsts))
        for argument in arguments
    ]
    answers = _called(function, columns)
    return vectors.take(vector(vocabulary, kind, answers), places)


def _called(function: Function, columns: Sequence[Sequence[Any]]) -> list[Any]:
    if len(columns) == 1:
        return [None if value is None else function(value) for value in columns[0]]
    if len(columns) > 2:  # noqa: PLR2004 - no function of the language takes more than two values that vary
        raise TypeError("a function of more than two values")
    return [
        None if left is None or right is None else function(left, right)
        for left, right in zip(columns[0], columns[1], strict=True)
    ]


def plain(vocabulary: Vocabulary, found: vectors.Vector, count: int) -> list[Any]:
    """Return `count` entries as plain values, None for NULL; a constant is repeated."""
    values: list[Any]
    match found:
        case vectors.Words(codes=codes):
            texts = vocabulary.words()
            values = [texts[code] for code in codes.tolist()]
        case vectors.Truths(true=true, open=open_):
            values = [yes or (None if maybe else False)
                      for yes, maybe in zip(true.tolist(), open_.tolist(), strict=True)]  # fmt: skip
        case vectors.Numbers(data=data, null=null, scale=scale):
            values = data.tolist() if not scale else [Decimal(n).scaleb(-scale) for n in data.tolist()]
            if null is not None:
                hidden = vectors.spread(null, len(data)).tolist()
                values = [None if absent else value for value, absent in zip(values, hidden, strict=True)]
    return values if len(values) == count else values * count


def vector(vocabulary: Vocabulary, kind: tree.Kind, found: Sequence[Any]) -> vectors.Vector:
    """Return plain values of a kind, None for NULL, as a vector."""
    match kind:
        case _KIND.BOOL | _KIND.NULL:
            absent = np.array([value is None for value in found], np.bool_)
            true = np.array([value is True for value in found], np.bool_)
            return vectors.decided(true, absent if absent.any() else None)
        case _KIND.TEXT:
            return vocabulary.coded(found, len(found))
        case _KIND.TEXTS | _KIND.INTS:
            return vocabulary.coded((None if value is None else tuple(value) for value in found), len(found))
        case _KIND.INT | _KIND.DATE:
            return numbers.whole(found)
        case _:
            return numbers.constants(found)


def one_of(vocabulary: Vocabulary, operand: vectors.Words, values: Sequence[object]) -> vectors.Truths:
    """Return IN over constants."""
    wanted = [vocabulary.code(value) for value in values]
    found = operand.codes == wanted[0]
    if len(wanted) <= _DENSE:
        for code in wanted[1:]:
            found |= operand.codes == code
    else:
        found = np.isin(operand.codes, wanted)
    return vectors.decided(found, operand.absent())


def ranks(vocabulary: Vocabulary, *found: vectors.Words) -> list[vectors.Numbers]:
    """Return the words as numbers that stand in the order of the texts."""
    distinct = np.unique(np.concatenate([_parts_of(words)[0] for words in found]))
    texts = vocabulary.words()
    order = sorted((code for code in distinct.tolist() if code), key=texts.__getitem__)
    table = np.zeros(int(distinct.max(initial=0)) + 1, np.int64)
    table[order] = np.arange(len(order))
    return [vectors.Numbers(table[words.codes], words.codes == 0, 0, len(order)) for words in found]


def unranked(vocabulary: Vocabulary, found: vectors.Words, order: vectors.Numbers) -> vectors.Words:
    """Return the words that `ranks` of the same words made numbers of."""
    distinct = _parts_of(found)[0]
    texts = vocabulary.words()
    codes = np.array(
        sorted((code for code in distinct.tolist() if code), key=texts.__getitem__) or [0], np.int64
    )
    hidden = vectors.never() if order.null is None else order.null
    return vectors.Words(np.where(hidden, 0, codes[order.data]))


def _places(wide: Sequence[vectors.Vector], length: int) -> vectors.Ints:
    if len(wide) == 1 and isinstance(wide[0], vectors.Words):
        return _parts_of(wide[0])[1]
    return groups([vectors.spread(array, length) for argument in wide for array in keys(argument)])[1]


def _parts_of(found: vectors.Words) -> tuple[vectors.Ints, vectors.Ints]:
    if found.parts is None:
        found.parts = parts(found.codes)
    return found.parts


def _firsts(places: vectors.Ints) -> vectors.Ints:
    """Return for each number of a row an entry that has it."""
    firsts = np.empty(int(places.max(initial=-1)) + 1, np.int64)
    firsts[places] = np.arange(len(places))
    return firsts
