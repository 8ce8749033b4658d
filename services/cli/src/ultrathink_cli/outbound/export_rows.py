"""Exported lines of storage as plain values, under the names that an export has for them."""

from typing import Any

from ultrathink.storage.v1 import storage_pb2

NULL = -(2**63)  # the contract's missing integer
DIRECT = (
    "claim_id", "id", "line", "use", "type", "code", "system", "service_day", "net_minor", "currency",
    "verdict", "wire_status", "business_status", "review_status", "score_state", "probability",
    "line_probability", "model_revision", "payer_id", "provider_id", "received_at_ms",
)  # fmt: skip
MEMORY = (
    "provider_claims", "provider_denied", "provider_net_minor",
    "patient_claims", "patient_denied", "patient_net_minor",
)  # fmt: skip
CUT = frozenset({"partial", "denied"})  # both count as denied: the payer did not pay what was asked


def line(row: storage_pb2.ExportRow) -> dict[str, Any]:
    """Return a row with absent texts, integers and numbers as None; the print of its features is a number."""
    told = {name: _present(getattr(row, name)) for name in DIRECT}
    told |= {name: _present(getattr(row.inputs, name)) for name in MEMORY}
    printed = row.inputs.feature_hash
    told["feature_hash"] = None if printed in {0, NULL} else printed
    return told | _outcome(row)


def _outcome(row: storage_pb2.ExportRow) -> dict[str, Any]:
    """Return the payer's word on a line; where it has not spoken, the reviewer's."""
    source = next((name for name in ("payer", "reviewer") if row.HasField(name)), None)
    said = storage_pb2.LineOutcome(allowed_minor=NULL, paid_minor=NULL, at_ms=NULL)
    said = getattr(row, source) if source else said
    return {
        "denied": None if source is None else int(said.outcome in CUT),
        "outcome": said.outcome or None,
        "outcome_source": source,
        "outcome_reason": said.nphies or said.carc or None,
        "nphies": said.nphies or None,
        "carc": said.carc or None,
        "allowed_minor": _present(said.allowed_minor),
        "paid_minor": _present(said.paid_minor),
        "outcome_at_ms": _present(said.at_ms),
        "payer_outcome": row.payer.outcome or None,
        "reviewer_outcome": row.reviewer.outcome or None,
    }


def _present(value: Any) -> Any:
    absent = value in {"", NULL} or value != value  # noqa: PLR0124 - NaN alone differs from itself
    return None if absent else value
