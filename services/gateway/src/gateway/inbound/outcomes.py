"""A Fault as a FHIR R4 OperationOutcome, for callers who speak FHIR; no claim is looked at."""

from typing import Any

import msgspec

from chassis import errors

# https://hl7.org/fhir/R4/valueset-issue-type.html
ISSUE_BY_KIND: dict[str, str] = {
    "invalid": "invalid",
    "not_found": "not-found",
    "conflict": "conflict",
    "denied": "forbidden",
    "exhausted": "throttled",
    "unavailable": "transient",
    "internal": "exception",
}
ISSUE_BY_REASON: dict[str, str] = {
    "body.too_large": "too-long",
    "claim.too_large": "too-long",
    "media_type.unsupported": "not-supported",
    "content_encoding.unsupported": "not-supported",
    "route.method_not_allowed": "not-supported",
    "deadline.exceeded": "timeout",
}
# The last word of a reason or of a violation's code says what is wrong.
ISSUE_BY_WORD: dict[str, str] = {
    "missing": "required",
    "unknown": "structure",
    "type": "structure",
    "malformed": "structure",
    "encoding": "structure",
    "too_deep": "too-costly",
    "too_long": "too-long",
    "too_many": "too-long",
    "duplicate": "duplicate",
    "code": "code-invalid",
}
CODE_SYSTEM = "https://ultrathink.dev/fhir/CodeSystem/reason"


def body(fault: errors.Fault) -> bytes:
    """Return the OperationOutcome: one issue per violation, or one for the Fault itself."""
    issues = [_issue(_word(one), one.code, one.message, one.path) for one in fault.violations]
    document = {
        "resourceType": "OperationOutcome",
        "issue": issues or [_issue(_code(fault), fault.reason, fault.message, "")],
    }
    return msgspec.json.encode(document)


def _code(fault: errors.Fault) -> str:
    if fault.kind == "denied" and fault.reason.startswith("token."):
        return "login" if fault.reason == "token.missing" else "security"
    by_word = ISSUE_BY_WORD.get(fault.reason.rpartition(".")[2]) if fault.kind == "invalid" else None
    return ISSUE_BY_REASON.get(fault.reason) or by_word or ISSUE_BY_KIND[fault.kind]


def _word(violation: errors.Violation) -> str:
    return ISSUE_BY_WORD.get(violation.code.rpartition(".")[2], "value")


def _issue(code: str, reason: str, text: str, path: str) -> dict[str, Any]:
    issue: dict[str, Any] = {
        "severity": "error",
        "code": code,
        "details": {"coding": [{"system": CODE_SYSTEM, "code": reason}]},
        "diagnostics": text,
    }
    if path:
        issue["expression"] = [path]
    return issue
