"""The feature schema: all that was learned between columns and matrices, with its hash and its stored form.

Nothing in it has seen an outcome: vocabularies, usual prices and quantities, and familiarity of pairs come
from how claims are written, never from how they were judged. Knows no file.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from scoring.domain import columns, labels, ranges

VERSION = 1  # a change of what a feature means needs a new one: it changes the hash

type Matrix = npt.NDArray[np.float32]
type Numbers = npt.NDArray[np.int32]
type Arrays = Mapping[str, npt.NDArray[Any]]


class Tables(NamedTuple):
    """The schema's arrays joined, so that a batch is looked up in few steps; made of the others by `create`.

    `claim_ranks` and `line_ranks` hold a row of ranks by word for each column of codes, flat; `usual` has
    price, quantity and pre-authorisation of each code; `pairs` are the line tables of `columns.PAIRS` one
    after another, `starts` and `widths` say where each begins and how long its rows are.
    """

    claim_ranks: npt.NDArray[np.int32]
    line_ranks: npt.NDArray[np.int32]
    usual: Matrix
    pairs: Matrix
    starts: npt.NDArray[np.intp]
    widths: npt.NDArray[np.intp]
    line_bounds: ranges.Bounds
    claim_bounds: ranges.Bounds


class Lists(NamedTuple):
    """The same for one value at a time (`few`); made of the others by `create`.

    Ranks are by text, a dictionary for each column of codes, 0 if absent.
    """

    claim_ranks: tuple[dict[str, int], ...]
    line_ranks: tuple[dict[str, int], ...]
    tables: dict[str, Any]


class Schema(NamedTuple):
    """Everything that features.matrices needs.

    `words` maps a string to its number (absent: 0); `ranks[column][number]` is its rank in that column's
    vocabulary, most frequent first from 1, 0 for unseen. `tables` are indexed by ranks: `price` and
    `quantity` (log, by code; NaN unknown), `price_by_payer` (code × payer), `preauth` (by code), and one for
    each name in `columns.PAIRS`.
    """

    hash: str
    words: dict[str, int]
    ranks: dict[str, npt.NDArray[np.int32]]
    tables: dict[str, Matrix]
    line_ranges: ranges.Ranges
    claim_ranges: ranges.Ranges
    joined: Tables
    lists: Lists

    @property
    def groups(self) -> tuple[labels.Group, ...]:
        """The human groups that contributions are told in."""
        return labels.GROUPS

    @property
    def line_groups(self) -> npt.NDArray[np.int32]:
        """The human group of each column of the line matrix."""
        return groups_of(columns.LINE_MODEL)

    @property
    def claim_groups(self) -> npt.NDArray[np.int32]:
        """The human group of each column of the claim matrix."""
        return groups_of(columns.CLAIM_MODEL)


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The readable part of a stored schema; the numbers stand in arrays beside it."""

    version: int
    line_model: list[str]
    claim_model: list[str]
    groups: dict[str, str]
    vocabularies: dict[str, list[str]]


def create(
    vocabularies: Mapping[str, list[str]],
    tables: dict[str, Matrix],
    line_ranges: ranges.Ranges,
    claim_ranges: ranges.Ranges,
) -> Schema:
    """Return a schema of what training learned; a vocabulary lists its strings by rank, from 1."""
    words, ranks = numbered(vocabularies)
    joined = _joined(len(words), ranks, tables, line_ranges, claim_ranges)
    lists = _lists(vocabularies, tables)
    schema = Schema("", words, ranks, tables, line_ranges, claim_ranges, joined, lists)
    return schema._replace(hash=hashed(*dump(schema)))


def numbered(vocabularies: Mapping[str, list[str]]) -> tuple[dict[str, int], dict[str, Numbers]]:
    """Return `words` and `ranks` of a schema for vocabularies that list their strings by rank, from 1."""
    words = {word: n for n, word in enumerate(sorted({w for one in vocabularies.values() for w in one}), 1)}
    ranks = {column: np.zeros(len(words) + 1, dtype=np.int32) for column in vocabularies}
    for column, listed in vocabularies.items():
        ranks[column][[words[word] for word in listed]] = np.arange(1, len(listed) + 1)
    return words, ranks


def vocabularies(words: Mapping[str, int], ranks: Mapping[str, Numbers]) -> dict[str, list[str]]:
    """Return the vocabularies that `numbered` made words and ranks of."""
    names = {number: word for word, number in words.items()}
    return {
        column: [names[number] for number in np.argsort(found, kind="stable").tolist() if found[number]]
        for column, found in ranks.items()
    }


def _joined(
    words: int,
    ranks: Mapping[str, npt.NDArray[np.int32]],
    tables: Mapping[str, Matrix],
    line_ranges: ranges.Ranges,
    claim_ranges: ranges.Ranges,
) -> Tables:
    """Return the joined form; tables that training has not learned yet are empty."""
    nothing = np.zeros(words + 1, dtype=np.int32)
    by_word = [
        np.concatenate([ranks.get(column, nothing) for column in codes])
        for codes in (columns.CLAIM_CODES, columns.LINE_CODES)
    ]
    unknown = np.zeros((0, 0), dtype=np.float32)
    pairs = [tables.get(name, unknown) for name in columns.LINE_PAIRS]
    return Tables(
        claim_ranks=by_word[0],
        line_ranks=by_word[1],
        usual=np.array([tables[name] for name in columns.USUAL]) if tables else unknown,
        pairs=np.concatenate([table.ravel() for table in pairs]),
        starts=np.cumsum([0, *(table.size for table in pairs[:-1])], dtype=np.intp),
        widths=np.array([table.shape[1] for table in pairs], dtype=np.intp),
        line_bounds=ranges.bounds(line_ranges),
        claim_bounds=ranges.bounds(claim_ranges),
    )


def _lists(vocabularies: Mapping[str, list[str]], tables: Mapping[str, Matrix]) -> Lists:
    """Return the form for one value at a time."""
    ranks = {
        column: {word: rank for rank, word in enumerate(listed, 1)} for column, listed in vocabularies.items()
    }
    return Lists(
        tuple(ranks.get(column, {}) for column in columns.CLAIM_CODES),
        tuple(ranks.get(column, {}) for column in columns.LINE_CODES),
        {name: table.tolist() for name, table in tables.items()},
    )


def dump(schema: Schema) -> tuple[bytes, dict[str, npt.NDArray[Any]]]:
    """Return the stored form: features.json, and the arrays of features.npz."""
    document = Document(
        version=VERSION,
        line_model=list(columns.LINE_MODEL),
        claim_model=list(columns.CLAIM_MODEL),
        groups={name: columns.group_of(name) for name in columns.LINE_MODEL + columns.CLAIM_MODEL},
        vocabularies=vocabularies(schema.words, schema.ranks),
    )
    stored: dict[str, npt.NDArray[Any]] = {f"table.{name}": table for name, table in schema.tables.items()}
    for prefix, found in (("line", schema.line_ranges), ("claim", schema.claim_ranges)):
        stored |= {f"{prefix}.{field}": getattr(found, field) for field in ranges.Ranges._fields}
    return msgspec.json.format(msgspec.json.encode(document), indent=1), stored


def load(document: bytes, arrays: Arrays) -> Schema:
    """Return the schema of its stored form; raises ValueError when it names other features than this code."""
    read = msgspec.json.decode(document, type=Document)
    ours = (VERSION, list(columns.LINE_MODEL), list(columns.CLAIM_MODEL))
    if (read.version, read.line_model, read.claim_model) != ours:
        message = "the bundle was trained with other features than this release computes"
        raise ValueError(message)
    tables = {name.removeprefix("table."): arrays[name] for name in arrays if name.startswith("table.")}
    line, claim = (
        ranges.Ranges(*(arrays[f"{prefix}.{field}"] for field in ranges.Ranges._fields))
        for prefix in ("line", "claim")
    )
    return create(read.vocabularies, tables, line, claim)


def groups_of(names: tuple[str, ...]) -> npt.NDArray[np.int32]:
    """Return the index of the human group of each model feature."""
    return np.array([labels.INDEX[columns.group_of(name)] for name in names], dtype=np.int32)


def hashed(document: bytes, arrays: Arrays) -> str:
    """Return the sha256 over the readable part and every array's name, type, shape and bytes."""
    digest = hashlib.sha256(document)
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}:{array.dtype.str}:{array.shape}\n".encode() + array.tobytes())
    return digest.hexdigest()
