"""Exports for data scientists: one row per line, with scores, outcomes and the features that were served.

Features are the columns that serving reads, named as a bundle's reference names them (`claim.…`, `line.…`).
They are made again from the claim and the history kept with its score, by the code that serving uses; the
print kept with the score tells whether they are the same. No identity of a patient is in an export, but the
number of a hash bucket of a hundred, which keeps a patient's claims on one side of a split.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from chassis import errors
from formats import model
from formats import rows as schema
from scoring.domain import columns, prints, records, rows
from training import batches, histories

SUFFIX, STATE = ".parquet", ".export.json"
ROW_SCHEMA = b"row_schema"  # key of the row schema's hash in a file's metadata
PAYER = "payer"
MISSING = records.MISSING_INT
COUNTS = ("provider_claims", "provider_denied", "patient_claims")  # of the history that features are made of

_TYPES = {"codes": pa.string(), "i64": pa.int64(), "f64": pa.float64()}
_KINDS = {
    **{f"claim.{name}": kind for name, kind in columns.CLAIM_KINDS.items()},
    **{f"line.{name}": kind for name, kind in columns.LINE_KINDS.items()},
}
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("claim_id", "id")),
        ("line", pa.uint32()),
        *((name, pa.string()) for name in ("use", "type", "code", "system")),
        *((name, pa.int64()) for name in ("service_day", "net_minor")),
        *((name, pa.string()) for name in ("currency", "verdict", "wire_status", "business_status")),
        *((name, pa.string()) for name in ("review_status", "score_state")),
        *((name, pa.float64()) for name in ("probability", "line_probability")),
        *((name, pa.string()) for name in ("model_revision", "feature_hash")),
        ("features_agree", pa.bool_()),
        *((name, pa.string()) for name in ("payer_id", "provider_id")),
        *((name, pa.int64()) for name in ("received_at_ms", "created_day", "patient_bucket")),
        *((name, pa.int64()) for name in ("provider_claims", "provider_denied", "provider_net_minor")),
        *((name, pa.int64()) for name in ("patient_claims", "patient_denied", "patient_net_minor")),
        ("denied", pa.int8()),
        *((name, pa.string()) for name in ("outcome", "outcome_source", "outcome_reason", "nphies", "carc")),
        *((name, pa.int64()) for name in ("allowed_minor", "paid_minor", "outcome_at_ms")),
        *((name, pa.string()) for name in ("payer_outcome", "reviewer_outcome")),
        *((name, _TYPES[kind]) for name, kind in _KINDS.items()),
    ],
    metadata={ROW_SCHEMA: schema.SCHEMA_HASH.encode()},
)


class Featured(NamedTuple):
    """Feature columns with one value per line, by name; per claim its print, day of creation and bucket."""

    columns: dict[str, pa.Array]
    lines: npt.NDArray[np.int64]
    prints: list[int]
    created: list[int]
    patient: list[int]


class State(msgspec.Struct, kw_only=True):
    """What an export says of itself; `simulated` unless somebody said that real payers spoke."""

    tenant: str
    simulated: bool = True
    complete: bool = False
    row_schema: str = schema.SCHEMA_HASH
    after: str = ""
    files: list[str] = []
    claims: int = 0
    lines: int = 0
    agree: int = 0
    disagree: int = 0
    unchecked: int = 0


def featured(claims: Sequence[model.Claim], known: Sequence[Sequence[int]]) -> Featured:
    """Return the features of claims under the history known of each, in the order of COUNTS."""
    batch = batches.merge([schema.build(claims, [schema.History(*counts) for counts in known])])
    item_of_row = np.repeat(np.arange(batch.items), np.diff(batch.offsets))
    words = np.array(batch.dictionary, dtype=object)
    made: dict[str, pa.Array] = {}
    for name, kind in _KINDS.items():
        level, _, column = name.partition(".")
        values = batch.claims[column][item_of_row] if level == "claim" else batch.lines[column]
        made[name] = pa.array(words[values] if kind == "codes" else values, from_pandas=True).cast(
            _TYPES[kind]
        )
    return Featured(
        columns=made,
        lines=np.diff(batch.offsets),
        prints=prints.of(batch),
        created=[histories.created_day(claim) for claim in claims],
        patient=[histories.bucket(claim.patient.id or "") for claim in claims],
    )


def is_export(data: Path) -> bool:
    """Return whether a path is an export: a Parquet file, or a folder that holds one."""
    return data.suffix == SUFFIX if data.is_file() else any(data.glob(f"*{SUFFIX}"))


def read(data: Path) -> histories.History:
    """Return the claims of an export that a payer has answered, in the order of their creation.

    A reviewer's word is no payer's: it keeps a claim from being sent, and nobody knows what a payer had said.
    Raises Invalid `export.unreadable`, `export.schema`, `export.features` and `data.too_small`.
    """
    files = sorted(data.glob(f"*{SUFFIX}")) if data.is_dir() else [data]
    table = pa.concat_tables([_table(file) for file in files])
    if pc.any(pc.equal(table["features_agree"], False)).as_py():
        table = table.filter(pc.fill_null(table["features_agree"], True))
    table = _answered(table)
    if not table.num_rows:
        raise errors.Invalid(
            "data.too_small",
            "No payer has answered a claim of this export: `ultrathink remit` joins answers.",
        )
    return _history(table, files, _state(data))


def _table(file: Path) -> pa.Table:
    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise errors.Invalid(
            "export.unreadable", f"{file.name} is no export: name what `ultrathink export` wrote"
        ) from error
    lacking = [name for name in SCHEMA.names if name not in table.column_names]
    if lacking:
        message = f"{file.name} lacks the column {lacking[0]}: export again with this release"
        raise errors.Invalid("export.features", message)
    if (table.schema.metadata or {}).get(ROW_SCHEMA, b"").decode() != schema.SCHEMA_HASH:
        message = f"{file.name} holds features of another row schema: export again with this release"
        raise errors.Invalid("export.schema", message)
    return table.select(SCHEMA.names)


def _answered(table: pa.Table) -> pa.Table:
    """Return the claims all of whose lines a payer has answered, in the order of creation, lines in order."""
    kept = table.append_column("answered", pc.is_valid(table["payer_outcome"]))
    whole = kept.group_by("id").aggregate([("answered", "all")])
    ids = whole.filter(whole["answered_all"])["id"]
    chosen = table.filter(pc.is_in(table["id"], value_set=ids.combine_chunks()))
    return chosen.sort_by([("created_day", "ascending"), ("id", "ascending"), ("line", "ascending")])


def _state(data: Path) -> State | None:
    folder = data if data.is_dir() else data.parent
    found = sorted(folder.glob(f"*{STATE}"))
    return msgspec.json.decode(found[0].read_bytes(), type=State) if len(found) == 1 else None


def _history(table: pa.Table, files: list[Path], state: State | None) -> histories.History:
    ids = table["id"].to_numpy()
    first = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
    batch = _rows(table, first)
    denied = np.array(table["payer_outcome"].to_numpy() != histories.APPROVED, dtype=np.bool_)
    heads = table.take(pa.array(first))
    return histories.History(
        rows=batch,
        created=heads["created_day"].to_numpy().astype(np.int64),
        provider=np.array([histories.bucket(name or "") for name in heads["provider_id"].to_pylist()]),
        patient=heads["patient_bucket"].to_numpy().astype(np.int64),
        claim_denied=np.logical_or.reduceat(denied, first),
        line_denied=denied,
        reason=[
            (nphies or "", carc or "")
            for nphies, carc in zip(table["nphies"].to_pylist(), table["carc"].to_pylist(), strict=True)
        ],
        fingerprint=_fingerprint(files),
        simulated=state is None or state.simulated,
        origin="`ultrathink export`, the claims that a payer has answered",
    )


def _rows(table: pa.Table, first: npt.NDArray[np.intp]) -> rows.Rows:
    """Return the feature columns as the serving room holds them."""
    numbers: dict[str, int] = {"": 0}
    found = {name: _column(table[name], kind, numbers) for name, kind in _KINDS.items()}
    return rows.Rows(
        schema_hash=schema.SCHEMA_HASH,
        offsets=np.append(first, table.num_rows).astype(np.int64),
        dictionary=list(numbers),
        claims={name: found[f"claim.{name}"][first] for name in columns.CLAIM_KINDS},
        lines={name: found[f"line.{name}"] for name in columns.LINE_KINDS},
    )


def _column(column: pa.ChunkedArray, kind: str, numbers: dict[str, int]) -> npt.NDArray[Any]:
    if kind != "codes":
        return np.array(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    encoded = column.combine_chunks().fill_null("").dictionary_encode()
    words = [numbers.setdefault(word, len(numbers)) for word in encoded.dictionary.to_pylist()]
    codes: npt.NDArray[np.uint32] = np.array(words, dtype=np.uint32)[encoded.indices.to_numpy()]
    return codes


def _fingerprint(files: list[Path]) -> str:
    """Return sha256 over the files in order: which data a bundle was made of."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
