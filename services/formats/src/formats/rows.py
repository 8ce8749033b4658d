"""The row schema: claims as columns for scoring, the same in serving, training and simulation.

Room: formats. A row is a line; claim columns hold one value per claim. Money is in minor units. Kinds: `f64`
(NaN is missing), `i64` (the smallest int64 is missing), `codes` (uint32 index into the batch's dictionary,
entry 0 is missing). A change of names, kinds or meaning needs a new VERSION, which changes SCHEMA_HASH.
"""

import hashlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from formats import model, row_values
from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import scoring_pb2

VERSION = 1
DEFAULT_ZONE = "Asia/Riyadh"

CLAIM_COLUMNS: Mapping[str, str] = {
    "type": "codes", "subtype": "codes", "use": "codes", "regime": "codes",
    "provider": "codes", "provider_branch": "codes", "provider_type": "codes",
    "payer": "codes", "plan": "codes", "network": "codes", "relationship": "codes",
    "currency": "codes", "priority": "codes", "patient_sex": "codes", "encounter_class": "codes",
    "specialty": "codes", "principal_group": "codes",
    "patient_age_years": "i64", "diagnosis_count": "i64", "procedure_count": "i64", "line_count": "i64",
    "net_minor": "i64", "total_minor": "i64", "days_to_created": "i64",
    "encounter_days": "i64", "has_preauth": "i64", "has_related": "i64", "has_accident": "i64",
    "insurance_count": "i64", "info_vitals": "i64", "info_narratives": "i64", "info_results": "i64",
    "info_attachments": "i64", "info_others": "i64",
    "provider_claims": "i64", "provider_denied": "i64", "patient_claims": "i64",
}  # fmt: skip
LINE_COLUMNS: Mapping[str, str] = {
    "code": "codes", "code_system": "codes", "code_group": "codes",
    "revenue_code": "codes", "modifier": "codes",
    "place_of_service": "codes", "tooth": "codes",
    "diagnosis_group": "codes",
    "quantity": "f64", "factor": "f64", "unit_price_minor": "i64", "net_minor": "i64",
    "patient_share_minor": "i64", "tax_minor": "i64",
    "net_share": "f64",
    "modifier_count": "i64", "linked_diagnoses": "i64",
    "linked_information": "i64", "linked_care_team": "i64",
    "has_body_site": "i64", "has_preauth": "i64", "is_package": "i64",
    "is_maternity": "i64", "detail_count": "i64", "same_code_lines": "i64",
    "day_offset": "i64", "service_days": "i64",
}  # fmt: skip

_DTYPES: Mapping[str, np.dtype[Any]] = {
    "f64": np.dtype("<f8"),
    "i64": np.dtype("<i8"),
    "codes": np.dtype("<u4"),
}
_PACKED: Mapping[str, str] = {"f64": "d", "i64": "q", "codes": "I"}
_RECORD_ALIGNMENT = 8  # so that a column of any kind can be read where it lies


def schema_hash(claim_columns: Mapping[str, str], line_columns: Mapping[str, str], version: int) -> str:
    """Return the SHA-256 in hex over version, names and kinds in order."""
    parts = [f"v{version}", *(f"claim.{name}:{kind}" for name, kind in claim_columns.items())]
    parts += [f"line.{name}:{kind}" for name, kind in line_columns.items()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


SCHEMA_HASH = schema_hash(CLAIM_COLUMNS, LINE_COLUMNS, VERSION)


def record(kinds: Mapping[str, str]) -> struct.Struct:
    """Return how one claim's, or line's, values lie in a record: in order, each at a multiple of its size."""
    parts, length = ["<"], 0
    for kind in kinds.values():
        size = _DTYPES[kind].itemsize
        gap = -length % size
        parts.append("x" * gap + _PACKED[kind])
        length += gap + size
    return struct.Struct("".join(parts) + "x" * (-length % _RECORD_ALIGNMENT))


_CLAIM_RECORD, _LINE_RECORD = record(CLAIM_COLUMNS), record(LINE_COLUMNS)
# The last columns of a claim are what is known of its parties.
_NO_COUNTS = (0, 0, 0)
_COUNTS = struct.Struct("<3q")
_COUNTS_START = _CLAIM_RECORD.size - _COUNTS.size


class History(NamedTuple):
    """What is known of the parties before this claim, as counts within the tenant."""

    provider_claims: int
    provider_denied: int
    patient_claims: int


@dataclass(frozen=True)
class Batch:
    """Columns of n claims and their m lines; lines of claim i are [line_offsets[i], line_offsets[i + 1])."""

    schema_hash: str
    line_offsets: np.ndarray[Any, np.dtype[np.uint32]]
    dictionary: list[str]
    claims: dict[str, np.ndarray[Any, Any]]
    lines: dict[str, np.ndarray[Any, Any]]


def build(claims: Sequence[model.Claim], histories: Sequence[History], *, zone: str = DEFAULT_ZONE) -> Batch:
    """Return the columns of the claims; histories are one per claim, days are counted in the zone."""
    codes = row_values.Codes()
    heads: list[tuple[float, ...]] = []
    lines: list[tuple[float, ...]] = []
    offsets = [0]
    for claim, history in zip(claims, histories, strict=True):
        head, own = row_values.values(claim, codes, zone)
        heads.append((*head, history.provider_claims, history.provider_denied, history.patient_claims))
        lines += own
        offsets.append(len(lines))
    return Batch(
        schema_hash=SCHEMA_HASH,
        line_offsets=np.array(offsets, dtype=np.uint32),
        dictionary=codes.names,
        claims=_columns(CLAIM_COLUMNS, heads),
        lines=_columns(LINE_COLUMNS, lines),
    )


class Sheet:
    """Claims laid out as records, all but what is known of their parties: that is filled in when it is known.

    The values are those of `build`; no column is made.
    """

    __slots__ = ("_heads", "_rows", "_size")

    def __init__(
        self, claims: Sequence[model.Claim], into: scoring_pb2.Rows, *, zone: str = DEFAULT_ZONE
    ) -> None:
        """Write the claims `into` a message that is empty so far, where it is sent from."""
        codes = row_values.Codes()
        heads: list[bytes] = []
        lines: list[bytes] = []
        offsets = [0]
        for claim in claims:
            head, own = row_values.values(claim, codes, zone)
            heads.append(_CLAIM_RECORD.pack(*head, *_NO_COUNTS))
            lines += [_LINE_RECORD.pack(*line) for line in own]
            offsets.append(len(lines))
        self._size = len(heads)
        self._heads = bytearray().join(heads)
        self._rows = into
        into.schema_hash, into.line_records = SCHEMA_HASH, b"".join(lines)
        into.line_offsets.extend(offsets)
        into.dictionary.extend(codes.names)

    def __len__(self) -> int:
        return self._size

    def fill(self, histories: Sequence[History]) -> scoring_pb2.Rows:
        """Return the message of the scoring contract; ValueError unless there is a history per claim."""
        if len(histories) != self._size:
            raise ValueError("There must be one history per claim.")
        heads = self._heads
        for at, known in zip(range(_COUNTS_START, len(heads), _CLAIM_RECORD.size), histories, strict=True):
            _COUNTS.pack_into(heads, at, *known)
        self._rows.claim_records = bytes(heads)
        return self._rows


def pack(
    claims: Sequence[model.Claim], histories: Sequence[History], *, zone: str = DEFAULT_ZONE
) -> scoring_pb2.Rows:
    """Return the message of the scoring contract with the values of `build` as records, no column made."""
    return Sheet(claims, scoring_pb2.Rows(), zone=zone).fill(histories)


def to_wire(batch: Batch) -> scoring_pb2.Rows:
    """Return the batch as the message of the scoring contract, little-endian."""
    return scoring_pb2.Rows(
        schema_hash=batch.schema_hash,
        line_offsets=batch.line_offsets.tolist(),
        dictionary=batch.dictionary,
        claim_columns=_wire(CLAIM_COLUMNS, batch.claims),
        line_columns=_wire(LINE_COLUMNS, batch.lines),
    )


def _columns(kinds: Mapping[str, str], rows: Iterable[tuple[float, ...]]) -> dict[str, np.ndarray[Any, Any]]:
    values = list(zip(*rows, strict=True)) or [()] * len(kinds)
    return {
        name: np.array(column, dtype=_DTYPES[kind])
        for (name, kind), column in zip(kinds.items(), values, strict=True)
    }


def _wire(kinds: Mapping[str, str], columns: Mapping[str, np.ndarray[Any, Any]]) -> list[common_pb2.Column]:
    wired = []
    for name, kind in kinds.items():
        packed = columns[name].astype(_DTYPES[kind], copy=False).tobytes()
        if kind == "f64":
            wired.append(common_pb2.Column(name=name, f64=packed))
        elif kind == "i64":
            wired.append(common_pb2.Column(name=name, i64=packed))
        else:
            wired.append(common_pb2.Column(name=name, codes=packed))
    return wired
