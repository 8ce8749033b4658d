"""The peer book in its stored form, which `schemas.hashed` gives its hash. Knows no file."""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from scoring.domain import peers, schemas

VERSION = 1  # a change of what a measure, a level or a pair means needs a new one: it changes the hash

PAIRS = ("base", "width", "counts", "surprises")  # stored; the rest follows

type Arrays = Mapping[str, npt.NDArray[Any]]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The readable part: what is compared with whom; the numbers stand in arrays beside it."""

    version: int
    line_levels: list[list[str]]
    claim_levels: list[list[str]]
    line_measures: list[str]
    claim_measures: list[str]
    pairs: dict[str, list[str]]
    vocabularies: dict[str, list[str]]


def numbered(vocabularies: Mapping[str, list[str]]) -> tuple[dict[str, int], peers.Ints]:
    """Return `words` and `ranks` of a book for vocabularies that list their strings by rank, from 1."""
    words, ranks = schemas.numbered(vocabularies)
    return words, np.column_stack([ranks[name] for name in peers.COLUMNS[:-1]]).astype(np.int64)


def dump(book: peers.Book) -> tuple[bytes, dict[str, npt.NDArray[Any]]]:
    """Return the stored form: the document, and the arrays."""
    document = _document(
        schemas.vocabularies(
            book.words,
            {name: book.ranks[:, at].astype(np.int32) for at, name in enumerate(peers.COLUMNS[:-1])},
        )
    )
    stored: dict[str, npt.NDArray[Any]] = {
        f"pairs.{name}": array for name, array in book.pairs._asdict().items() if name in PAIRS
    }
    for kind, groups in (("lines", book.lines), ("claims", book.claims)):
        stored |= {f"{kind}.keys.{level}": keys for level, keys in enumerate(groups.keys)}
        for name in ("strides", "peers", "centre", "scale", "knots"):
            stored[f"{kind}.{name}"] = getattr(groups, name)
        for at, curve in enumerate(groups.curves):
            stored[f"{kind}.curve.{at}"] = np.array([curve.deviations, curve.surprises])
        stored[f"{kind}.slopes"] = np.array([curve.slope for curve in groups.curves])
    return msgspec.json.format(msgspec.json.encode(document), indent=1), stored


def load(document: bytes, arrays: Arrays) -> peers.Book:
    """Return the book of its stored form; raises ValueError when it compares other things than this code."""
    read = msgspec.json.decode(document, type=Document)
    if msgspec.structs.replace(read, vocabularies={}) != _document({}):
        message = "the bundle compares other things than this release does"
        raise ValueError(message)
    words, ranks = numbered(read.vocabularies)
    pairs = peers.joined(*(arrays[f"pairs.{name}"] for name in PAIRS))
    lines = _groups(arrays, "lines", len(peers.LINE_LEVELS))
    return peers.Book(words, ranks, lines, _groups(arrays, "claims", len(peers.CLAIM_LEVELS)), pairs)


def _document(vocabularies: dict[str, list[str]]) -> Document:
    return Document(
        version=VERSION,
        line_levels=[list(level) for level in peers.LINE_LEVELS],
        claim_levels=[list(level) for level in peers.CLAIM_LEVELS],
        line_measures=list(peers.LINE_MEASURES),
        claim_measures=list(peers.CLAIM_MEASURES),
        pairs={name: list(pair) for name, pair in peers.PAIRS.items()},
        vocabularies=vocabularies,
    )


def _groups(arrays: Arrays, kind: str, levels: int) -> peers.Groups:
    slopes = arrays[f"{kind}.slopes"].tolist()
    return peers.Groups(
        keys=tuple(arrays[f"{kind}.keys.{level}"] for level in range(levels)),
        **{name: arrays[f"{kind}.{name}"] for name in ("strides", "peers", "centre", "scale", "knots")},
        curves=tuple(_curve(arrays[f"{kind}.curve.{at}"], slope) for at, slope in enumerate(slopes)),
    )


def _curve(knots: npt.NDArray[Any], slope: float) -> peers.Curve:
    deviations, surprises = knots
    return peers.Curve(deviations, surprises, slope)
