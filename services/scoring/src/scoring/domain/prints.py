"""A print of what a claim was scored for: equal for the same rows anywhere, whatever batch they came in.

It is made of the values as they were served, before a model turned them into its features: those are whole
numbers and words, so that another processor, release or bundle makes the same print. Knows no model.
"""

import functools
import hashlib
import operator
import struct
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.domain import columns, records, rows

PRINT_BYTES = 8
WORDS = 65_536  # remembered: codes, providers and plans in use; each costs a hash when it is met first

type Words = npt.NDArray[np.uint64]


class _Kind(NamedTuple):
    """How a record's values are told apart, and how its numbers are packed: as float64, behind its words."""

    codes: Callable[[records.Record], tuple[int, ...]]
    numbers: Callable[[records.Numbers], tuple[float, ...]]
    packed: struct.Struct


def _kind(layout: records.Layout, kinds: Mapping[str, str], level: rows.Level) -> _Kind:
    names, coded = [*kinds], len(layout.coded)
    codes, numbers = level
    return _Kind(
        operator.itemgetter(*map(names.index, codes)),
        operator.itemgetter(*(names.index(name) - coded for name in numbers)),
        struct.Struct(f"<{len(numbers)}d"),
    )


_CLAIM = _kind(records.CLAIM, records.CLAIM_KINDS, columns.CLAIM_LEVEL)
_LINE = _kind(records.LINE, records.LINE_KINDS, columns.LINE_LEVEL)


def of(batch: rows.Rows) -> list[int]:
    """Return one signed 64-bit print per claim, over the row schema's hash, its claim's and lines' values."""
    heads, lines = _few(batch) if batch.few else _many(batch)
    head = PRINT_BYTES * len(columns.CLAIM_KINDS)
    line = PRINT_BYTES * len(columns.LINE_KINDS)
    ends = [line * end for end in batch.offsets.tolist()]
    begun = hashlib.blake2b(batch.schema_hash.encode(), digest_size=PRINT_BYTES)
    found = []
    for item in range(batch.items):
        digest = begun.copy()
        digest.update(heads[item * head : (item + 1) * head])
        digest.update(lines[ends[item] : ends[item + 1]])
        found.append(int.from_bytes(digest.digest(), signed=True))
    return found


def text(value: int) -> str:
    """Return a print as people read it: sixteen hexadecimal digits."""
    return f"{value & (1 << 64) - 1:016x}"


def _many(batch: rows.Rows) -> tuple[bytes, bytes]:
    """Return the values of claims and of lines, by blocks."""
    words = np.frombuffer(b"".join(map(_word, batch.dictionary)), "<u8")
    return (
        _bytes(rows.blocks(columns.CLAIM_LEVEL, batch.claims), words),
        _bytes(rows.blocks(columns.LINE_LEVEL, batch.lines), words),
    )


def _few(batch: rows.Rows) -> tuple[bytes, bytes]:
    """Return the same of records, value by value."""
    words, (heads, bodies) = [*map(_word, batch.dictionary)], batch.counted
    return _packed(_CLAIM, batch.heads, heads, words), _packed(_LINE, batch.bodies, bodies, words)


def _packed(
    kind: _Kind, found: list[records.Record], counted: list[records.Numbers], words: list[bytes]
) -> bytes:
    parts: list[bytes] = []
    for one, numbers in zip(found, counted, strict=True):
        parts += map(words.__getitem__, kind.codes(one))
        parts.append(kind.packed.pack(*kind.numbers(numbers)))
    return b"".join(parts)


def _bytes(found: rows.Columns, words: Words) -> bytes:
    """Return the values row by row, eight bytes each: words as their hash, numbers as float64."""
    spoken = words.take(found.codes).astype("<u8", copy=False)
    counted = found.figures.astype("<f8", copy=False).view("<u8")
    return np.concatenate([spoken, counted]).T.tobytes()


@functools.lru_cache(maxsize=WORDS)
def _word(text: str) -> bytes:
    """Return the hash of a word, its bytes turned round: read big-endian, written little-endian."""
    return hashlib.blake2b(text.encode(), digest_size=PRINT_BYTES).digest()[::-1]
