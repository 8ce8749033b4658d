"""Texts and lists by their distinct values: a function of words is called once for each, not once per row.

Room: domain. A list is a word like a text, coded as a tuple.
"""

import functools
from collections.abc import Hashable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from claims.domain.rules import tree
from claims.domain.rules.columnar import numbers, vectors, vocabularies

_DENSE = 8  # a table of distinct values may be this many times longer than the column it is made for
_FEW = 256  # rows that a dictionary numbers sooner than arrays do
_KIND = tree.Kind
_CODED = {_KIND.TEXT, _KIND.TEXTS, _KIND.INTS}


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
    if len(arrays[0]) <= _FEW:
        numbered: dict[tuple[int, ...], int] = {}
        rows = zip(*(array.tolist() for array in arrays), strict=True)
        found = [numbered.setdefault(row, len(numbered)) for row in rows]
        return len(numbered), np.array(found, np.int64)
    joined, span = arrays[0] - arrays[0].min(), int(np.ptp(arrays[0])) + 1
    for array in arrays[1:]:
        least, width = array.min(), int(np.ptp(array)) + 1
        if span * width >= vectors.LIMIT:
            distinct, joined = parts(joined)
            span = len(distinct)
        if span * width >= vectors.LIMIT:
            distinct, array = parts(array)  # noqa: PLW2901 - the same key, told by smaller numbers
            least, width = np.int64(0), len(distinct)
        joined, span = joined * width + (array - least), span * width
    distinct, places = parts(joined)
    return len(distinct), places


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
    vocabulary: vocabularies.Vocabulary,
    key: Hashable,
    function: vocabularies.Function,
    kind: tree.Kind,
    arguments: Sequence[vectors.Vector],
) -> vectors.Vector:
    """Return function(arguments) of a kind, called once per distinct arguments; NULL where one is NULL.

    Arguments are one or two texts, lists or whole numbers; `key` names the function to those who ask again.
    """
    decodes = tuple(
        vocabulary.word if isinstance(argument, vectors.Words) else vocabularies.number
        for argument in arguments
    )
    answers = vocabulary.answers(key, function, kind, decodes)
    if not vectors.length(arguments):
        return vector(vocabulary, kind, [])
    if len(arguments) == 1 and isinstance(arguments[0], vectors.Words):
        distinct, places = _parts_of(arguments[0])
        return vectors.take(_answered(answers, distinct, kind, None), places)
    codes = [_codes(argument) for argument in arguments]
    joined = codes[0] if len(codes) == 1 else (codes[0] << vocabularies.WIDTH) + codes[1]
    absent = functools.reduce(
        vectors.either,
        [argument.null for argument in arguments if isinstance(argument, vectors.Numbers)],
        None,
    )
    return _answered(answers, joined, kind, absent)


def _codes(argument: vectors.Vector) -> vectors.Ints:
    match argument:
        case vectors.Words(codes=codes):
            return codes
        case vectors.Numbers(data=data, scale=0):
            if argument.bound >= vocabularies.MAX_WHOLE:
                argument = numbers.tightened(argument)
            if argument.bound < vocabularies.MAX_WHOLE:
                return data + vocabularies.OFFSET
    raise vectors.HandedOverError


def _answered(
    answers: vocabularies.Answers, keys_: vectors.Ints, kind: tree.Kind, absent: vectors.Flags | None
) -> vectors.Vector:
    data = np.fromiter(map(answers.__getitem__, keys_.tolist()), np.int64, len(keys_))
    unknown = data == vocabularies.NULL
    null = vectors.either(unknown if np.count_nonzero(unknown) else None, absent)
    if kind in _CODED:
        return vectors.Words(data if null is None else np.where(null, 0, data))
    if kind is _KIND.BOOL:
        return vectors.decided(data == 1, null)
    scale = 0 if kind in {_KIND.INT, _KIND.DATE} else vocabularies.SCALE
    found = vectors.Numbers(data if null is None else np.where(null, 0, data), null, scale)
    return numbers.trimmed(found) if scale else numbers.tightened(found)


def plain(vocabulary: vocabularies.Vocabulary, found: vectors.Vector, count: int) -> list[Any]:
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


def vector(vocabulary: vocabularies.Vocabulary, kind: tree.Kind, found: Sequence[Any]) -> vectors.Vector:
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


def one_of(
    vocabulary: vocabularies.Vocabulary, operand: vectors.Words, values: Sequence[object]
) -> vectors.Truths:
    """Return IN over constants."""
    wanted = [vocabulary.code(value) for value in values]
    found = operand.codes == wanted[0]
    if len(wanted) <= _DENSE:
        for code in wanted[1:]:
            found |= operand.codes == code
    else:
        table = np.zeros(len(vocabulary.words()), np.bool_)
        table[wanted] = True
        found = table[operand.codes]
    return vectors.decided(found, operand.absent())


def ranks(vocabulary: vocabularies.Vocabulary, *found: vectors.Words) -> list[vectors.Numbers]:
    """Return the words as numbers that stand in the order of the texts."""
    distinct = np.unique(np.concatenate([_parts_of(words)[0] for words in found]))
    texts = vocabulary.words()
    order = sorted((code for code in distinct.tolist() if code), key=texts.__getitem__)
    table = np.zeros(int(distinct.max(initial=0)) + 1, np.int64)
    table[order] = np.arange(len(order))
    return [vectors.Numbers(table[words.codes], words.codes == 0, 0, len(order)) for words in found]


def unranked(
    vocabulary: vocabularies.Vocabulary, found: vectors.Words, order: vectors.Numbers
) -> vectors.Words:
    """Return the words that `ranks` of the same words made numbers of."""
    distinct = _parts_of(found)[0]
    texts = vocabulary.words()
    codes = np.array(
        sorted((code for code in distinct.tolist() if code), key=texts.__getitem__) or [0], np.int64
    )
    hidden = vectors.never() if order.null is None else order.null
    return vectors.Words(np.where(hidden, 0, codes[order.data]))


def _parts_of(found: vectors.Words) -> tuple[vectors.Ints, vectors.Ints]:
    if found.parts is None:
        found.parts = parts(found.codes)
    return found.parts
