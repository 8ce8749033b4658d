"""Records of rows.proto to columns: lengths and layout are judged, values only as far as few need it."""

import math
import operator

from chassis import errors
from scoring.domain import columns, records, rows
from ultrathink.scoring.v1 import scoring_pb2

_CLAIM_CODES, _LINE_CODES = len(records.CLAIM.coded), len(records.LINE.coded)
_FLOATS = operator.itemgetter(*map([*records.LINE_KINDS].index, columns.LINE_FLOATS))


def to_columns(wire: scoring_pb2.Rows, items: int, lines: int) -> tuple[rows.Packed, rows.Packed]:
    """Return the columns of claims and of lines, still in their records.

    Raises Invalid `rows.schema_mismatch` for records of another row schema, `rows.records` where they have
    another length or come beside columns.
    """
    if wire.schema_hash != records.SCHEMA_HASH:
        raise errors.Invalid(
            "rows.schema_mismatch",
            f"Records are read by the row schema {records.SCHEMA_HASH[:12]}, these follow "
            f"{wire.schema_hash[:12] or 'none'}: send columns by name.",
        )
    if wire.claim_columns or wire.line_columns:
        raise errors.Invalid("rows.records", "Rows come as records or as columns, not as both.")
    for layout, content, count in (
        (records.CLAIM, wire.claim_records, items),
        (records.LINE, wire.line_records, lines),
    ):
        if len(content) != count * layout.packed.size:
            raise errors.Invalid(
                "rows.records",
                f"The {layout.name} hold {len(content):,} bytes, {count:,} of {layout.packed.size} bytes are "
                "needed: send one record each.",
            )
    return rows.packed_claims(wire.claim_records), rows.packed_lines(wire.line_records)


def sound(claims: rows.Packed, lines: rows.Packed, words: int) -> bool:
    """Return whether all codes of few records are words and all numbers finite, without making arrays."""
    for one in claims.read():
        if max(one[:_CLAIM_CODES]) >= words:
            return False
    for one in lines.read():
        if max(one[:_LINE_CODES]) >= words or any(map(math.isinf, _FLOATS(one))):
            return False
    return True
