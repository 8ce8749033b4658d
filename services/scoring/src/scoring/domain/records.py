"""Claims and lines as records of fixed length, all columns of the row schema beside one another.

A record costs neither name nor message per column: few are read value by value without any array, many become
blocks in a handful of steps. Knows no transport.
"""

import math
import struct
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.domain import columns

MISSING_INT: Final = -(2**63)  # how an int64 says "missing"
FEW: Final = 6  # lines up to which records are read one by one: beyond it blocks are cheaper
SCHEMA_HASH: Final = (
    "8dd6ba610f0839c0cb98127b2f002a19c913d202d5bac5530745591c0ed74744"  # of the layouts below
)

# The row schema with all its columns, in order: name → kind. Tests compare it with the sender's.
CLAIM_KINDS: Final = dict.fromkeys(
    (
        "type", "subtype", "use", "regime", "provider", "provider_branch", "provider_type", "payer", "plan",
        "network", "relationship", "currency", "priority", "patient_sex", "encounter_class", "specialty",
        "principal_group",
    ),
    "codes",
) | dict.fromkeys(columns.CLAIM_NUMBERS, "i64")  # fmt: skip
LINE_KINDS: Final = (
    dict.fromkeys(
        (
            "code", "code_system", "code_group", "revenue_code", "modifier", "place_of_service", "tooth",
            "diagnosis_group",
        ),
        "codes",
    )
    | {"quantity": "f64", "factor": "f64"}
    | dict.fromkeys(columns.LINE_NUMBERS[:4], "i64")
    | {"net_share": "f64"}
    | dict.fromkeys(columns.LINE_NUMBERS[4:], "i64")
)  # fmt: skip
_CODE, _NUMBER = (
    4,
    8,
)  # bytes of a code, of a number of either kind, and what a record's length is a multiple of
_LETTERS: Final = {"codes": "I", "i64": "q", "f64": "d"}

type Codes = npt.NDArray[np.uint32]
type Doubles = npt.NDArray[np.float64]
type Places = npt.NDArray[np.intp]
type Record = tuple[Any, ...]  # the values of a claim or a line, in the order of the row schema
type Numbers = list[float]  # those of a record that are no codes, whole ones as they are, NaN where missing
type Level = tuple[tuple[str, ...], tuple[str, ...]]


class Layout(NamedTuple):
    """How a level's records are read: whole, and where its columns of codes and numbers lie.

    `codes` counts codes of four bytes, `floats` and `whole` numbers of eight; they are the columns that this
    room reads, in its order. `coded` are the names of all columns of codes, which stand first.
    """

    name: str
    packed: struct.Struct
    coded: tuple[str, ...]
    codes: Places
    floats: Places
    whole: Places


def _layout(name: str, kinds: Mapping[str, str], level: Level) -> Layout:
    parts, length, found = ["<"], 0, {}
    for column, kind in kinds.items():
        size = _CODE if kind == "codes" else _NUMBER
        gap = -length % size
        parts.append("x" * gap + _LETTERS[kind])
        found[column] = (length + gap) // size
        length += gap + size
    codes, figures = level
    return Layout(
        name,
        struct.Struct("".join(parts) + "x" * (-length % _NUMBER)),
        tuple(column for column, kind in kinds.items() if kind == "codes"),
        *(
            np.array([found[column] for column in names], dtype=np.intp)
            for names in (
                codes,
                [column for column in figures if kinds[column] == "f64"],
                [column for column in figures if kinds[column] == "i64"],
            )
        ),
    )


CLAIM: Final = _layout("claim_records", CLAIM_KINDS, columns.CLAIM_LEVEL)
LINE: Final = _layout("line_records", LINE_KINDS, columns.LINE_LEVEL)
_MISSING: Final = math.nan
_CLAIM_NUMBERS: Final = len(CLAIM.coded)  # they stand behind the codes
_LINE_NUMBERS: Final = len(LINE.coded)
_NET_SHARE: Final = [*LINE_KINDS].index("net_share")
_WHOLE: Final = slice(_LINE_NUMBERS + 2, _NET_SHARE)
_MORE_WHOLE: Final = slice(_NET_SHARE + 1, None)


def arrays(layout: Layout, content: bytes) -> tuple[Codes, Doubles]:
    """Return codes and numbers of records as blocks, a row per column; a missing number is NaN."""
    count, size = len(content) // layout.packed.size, layout.packed.size
    codes = np.frombuffer(content, dtype="<u4").reshape(count, size // _CODE).T[layout.codes]
    words = np.frombuffer(content, dtype="<i8").reshape(count, size // _NUMBER).T
    figures = np.empty((len(layout.floats) + len(layout.whole), count))
    figures[: len(layout.floats)] = words[layout.floats].view("<f8")
    figures[len(layout.floats) :] = numbers(words[layout.whole])
    return codes, figures


def read_claim(record: Record) -> Numbers:
    """Return a claim's numbers, all of them whole."""
    return _counted(record[_CLAIM_NUMBERS:])


def read_line(record: Record) -> Numbers:
    """Return a line's numbers; floats are never missing."""
    told, first = _counted(record[_WHOLE] + record[_MORE_WHOLE]), _WHOLE.stop - _WHOLE.start
    return [*record[_LINE_NUMBERS : _WHOLE.start], *told[:first], record[_NET_SHARE], *told[first:]]


def _counted(whole: Record) -> Numbers:
    told: Numbers = list(whole)
    for _ in range(whole.count(MISSING_INT)):
        told[told.index(MISSING_INT)] = _MISSING
    return told


def numbers(column: npt.NDArray[np.int64]) -> Doubles:
    """Return int64 values as float64 with NaN for missing; exact below 2^53, far above any amount."""
    return np.where(column == MISSING_INT, np.nan, column.astype(np.float64))
