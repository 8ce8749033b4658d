"""Batches of the row schema, as senders build them, as one batch of the serving room's rows."""

from typing import Any

import numpy as np
import numpy.typing as npt

from formats import rows as schema
from scoring.domain import columns, records, rows


def merge(parts: list[schema.Batch]) -> rows.Rows:
    """Return several batches as one, with one dictionary."""
    numbers: dict[str, int] = {"": 0}
    claims: dict[str, list[rows.Column]] = {name: [] for name in columns.CLAIM_KINDS}
    lines: dict[str, list[rows.Column]] = {name: [] for name in columns.LINE_KINDS}
    for part in parts:
        codes = np.array(
            [numbers.setdefault(text, len(numbers)) for text in part.dictionary], dtype=np.uint32
        )
        for target, kinds, source in (
            (claims, columns.CLAIM_KINDS, part.claims), (lines, columns.LINE_KINDS, part.lines),
        ):  # fmt: skip
            for name, kind in kinds.items():
                target[name].append(_floats(source[name], kind, codes))
    counts = np.concatenate([np.diff(part.line_offsets.astype(np.int64)) for part in parts])
    return rows.Rows(
        schema_hash=schema.SCHEMA_HASH,
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        dictionary=list(numbers),
        claims={name: np.concatenate(chunks) for name, chunks in claims.items()},
        lines={name: np.concatenate(chunks) for name, chunks in lines.items()},
    )


def _floats(column: npt.NDArray[Any], kind: str, codes: npt.NDArray[np.uint32]) -> rows.Column:
    """Return a column as the serving room holds it, codes renumbered."""
    answer: rows.Column = codes[column] if kind == "codes" else column
    return records.numbers(column) if kind == "i64" else answer
