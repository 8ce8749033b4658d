"""OperationOutcome: a refusal in FHIR's own terms.

Room: formats.fhir. Issue codes are those of the value set issue-type; the texts are the fault's own, which
hold no patient's data.
"""

from typing import Any

import msgspec

from chassis import errors

REASONS = "https://ultrathink.dev/fhir/CodeSystem/reason"

_BY_KIND = {
    "invalid": "invalid",
    "not_found": "not-found",
    "conflict": "duplicate",
    "denied": "forbidden",
    "exhausted": "throttled",
    "unavailable": "transient",
    "internal": "exception",
}
_BY_CODE = {
    "field.missing": "required",
    "field.choice": "code-invalid",
    "claim.too_large": "too-long",
    "claim.too_many_lines": "too-long",
    "fhir.too_many_claims": "too-long",
    "extra.too_many": "too-costly",
    "list.too_long": "too-long",
    "column.too_many": "too-long",
    "json.too_deep": "too-costly",
    "media_type.unsupported": "not-supported",
}
_BY_FAMILY = {
    "json": "structure", "csv": "structure", "fhir": "structure", "message": "structure",
    "field": "structure", "column": "structure", "auth": "security", "token": "security",
    "money": "value", "quantity": "value", "number": "value", "date": "value", "sequence": "value",
    "text": "value", "value": "value", "attachment": "value", "currency": "value", "rule": "business-rule",
}  # fmt: skip


def operation_outcome(fault: errors.Fault) -> bytes:
    """Return the OperationOutcome JSON of a fault: one issue per violation, one issue where it has none."""
    issues = [_issue(violation.code, violation.message, violation.path) for violation in fault.violations]
    if not issues:
        issues = [_issue(fault.reason, fault.message, "", fallback=_BY_KIND[fault.kind])]
    return msgspec.json.encode({"resourceType": "OperationOutcome", "issue": issues})


def issue_type(code: str, fallback: str = "invalid") -> str:
    """Return the issue-type of one of our stable codes, known by the code itself or by its family."""
    return _BY_CODE.get(code) or _BY_FAMILY.get(code.split(".", 1)[0]) or fallback


def _issue(code: str, message: str, path: str, fallback: str = "invalid") -> dict[str, Any]:
    issue: dict[str, Any] = {
        "severity": "error",
        "code": issue_type(code, fallback),
        "details": {"coding": [{"system": REASONS, "code": code}]},
        "diagnostics": message,
    }
    if path.startswith(("Bundle", "Claim")):
        issue["expression"] = [path]
    return issue
