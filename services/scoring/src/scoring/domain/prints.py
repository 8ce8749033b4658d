"""A print of what a claim was scored for: equal for the same rows anywhere, whatever batch they came in.

It is made of the values as they were served, before a model turned them into its features: those are whole
numbers and words, so that another processor, release or bundle makes the same print. Knows no model.
"""

import functools
import hashlib

import numpy as np
import numpy.typing as npt

from scoring.domain import columns, rows

PRINT_BYTES = 8
WORDS = 65_536  # remembered: codes, providers and plans in use; each costs a hash when it is met first

type Words = npt.NDArray[np.uint64]


def of(batch: rows.Rows) -> list[int]:
    """Return one signed 64-bit print per claim, over the row schema's hash, its claim's and lines' values."""
    words = np.fromiter(map(_word, batch.dictionary), np.uint64, len(batch.dictionary))
    heads = _bytes(rows.blocks(columns.CLAIM_LEVEL, batch.claims), words)
    lines = _bytes(rows.blocks(columns.LINE_LEVEL, batch.lines), words)
    head = PRINT_BYTES * len(columns.CLAIM_KINDS)
    line = PRINT_BYTES * len(columns.LINE_KINDS)
    ends = (batch.offsets * line).tolist()
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


def _bytes(found: rows.Columns, words: Words) -> bytes:
    """Return the values row by row, eight bytes each: words as their hash, numbers as float64."""
    spoken = words.take(found.codes).astype("<u8", copy=False)
    counted = found.figures.astype("<f8", copy=False).view("<u8")
    return np.concatenate([spoken, counted]).T.tobytes()


@functools.lru_cache(maxsize=WORDS)
def _word(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=PRINT_BYTES).digest())
