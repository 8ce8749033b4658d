"""Words as small numbers, and the answers of functions of words: remembered from batch to batch, in bounds.

Room: domain. Codes, systems and lists of modifiers come again and again: the second time, a table look-up or
a LIKE costs what finding a number in a dictionary costs. Texts stay in memory until the bound is reached.
"""

import collections
import itertools
from collections.abc import Callable, Hashable, Iterable
from decimal import Decimal, DecimalException
from typing import Any

import numpy as np

from claims.domain.rules import runtime, tree
from claims.domain.rules.columnar import vectors

MAX_WORDS = 65_536  # remembered between batches; one batch may hold more
MAX_ANSWERS = 262_144  # of one function
NULL = -(2**63)  # the answer that is unknown
SCALE = 4  # decimals of a number that a table answers with
WIDTH = 32  # bits of the second argument in a key of two
OFFSET = 2**30  # makes a whole number positive within a key
MAX_WHOLE = 2**29  # of an argument: days and sequences are far below
_KIND = tree.Kind
_QUANTUM = Decimal(10**SCALE)

type Function = Callable[..., Any]
type Decode = Callable[[int], Any]


class Vocabulary:
    """Codes of texts and lists (a list is coded as a tuple); code 0 is NULL."""

    def __init__(self) -> None:
        self._codes: collections.defaultdict[object, int] = collections.defaultdict()
        self._codes.default_factory = self._codes.__len__
        self._words: list[Any] = []
        self._answers: dict[Hashable, Answers] = {}
        self.code(None)

    @property
    def full(self) -> bool:
        """Tell whether the next batch had better begin with a new vocabulary."""
        return len(self._codes) > MAX_WORDS

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

    def word(self, code: int) -> Any:
        """Return the word of a code."""
        return self.words()[code]

    def answers(
        self, key: Hashable, function: Function, kind: tree.Kind, decodes: tuple[Decode, ...]
    ) -> "Answers":
        """Return the remembered answers of a function, by its key and what its arguments are."""
        place = (key, *(decode is number for decode in decodes))
        if place not in self._answers:
            self._answers[place] = Answers(self, function, kind, decodes)
        return self._answers[place]


class Answers(dict[int, int]):
    """A function's answers as whole numbers, by a key made of its one or two arguments."""

    def __init__(
        self, vocabulary: Vocabulary, function: Function, kind: tree.Kind, decodes: tuple[Decode, ...]
    ) -> None:
        super().__init__()
        self._function, self._decodes = function, decodes
        self._encode = _encoder(vocabulary, kind)

    def __missing__(self, key: int) -> int:
        """Return and keep the answer to arguments met for the first time."""
        if len(self) >= MAX_ANSWERS:
            self.clear()
        codes = (key,) if len(self._decodes) == 1 else (key >> WIDTH, key & (2**WIDTH - 1))
        values = [decode(code) for decode, code in zip(self._decodes, codes, strict=True)]
        answer = None if None in values else self._function(*values)
        self[key] = found = NULL if answer is None else self._encode(answer)
        return found


def number(code: int) -> int:
    """Return a whole number from its part of a key."""
    return code - OFFSET


def _encoder(vocabulary: Vocabulary, kind: tree.Kind) -> Callable[[Any], int]:
    match kind:
        case _KIND.BOOL:
            return int
        case _KIND.TEXT:
            return vocabulary.code
        case _KIND.TEXTS | _KIND.INTS:
            return lambda found: vocabulary.code(tuple(found))
        case _KIND.INT | _KIND.DATE:
            return _whole
        case _:
            return _scaled


def _whole(found: int) -> int:
    if abs(found) >= vectors.LIMIT:
        raise vectors.HandedOverError
    return found


def _scaled(found: Decimal) -> int:
    try:
        moved = runtime.EXACT.multiply(found, _QUANTUM)
    except DecimalException as cause:
        raise vectors.HandedOverError from cause
    if moved != int(moved):
        raise vectors.HandedOverError
    return _whole(int(moved))
