"""What callers see who need claims but no patients: an allow-list, so that a new field is hidden at first."""

from typing import Any

_LINE = frozenset(
    {
        "sequence", "code", "system", "revenue_code", "service_date", "service_end", "quantity",
        "unit_price", "factor", "tax", "net", "patient_share", "diagnosis_sequences",
        "care_team_sequences", "information_sequences", "modifiers", "place_of_service",
        "unit_of_measure", "package", "details",
    }
)  # fmt: skip
_CLAIM = frozenset(
    {
        "claim_id", "claim_id_source", "type", "subtype", "use", "regime", "profile", "source", "status",
        "created", "currency", "priority", "frequency_code", "billable_period", "total",
    }
)  # fmt: skip
_PARTS: dict[str, frozenset[str]] = {
    "provider": frozenset({"id", "type", "branch", "taxonomy"}),
    "encounter": frozenset({"class", "status", "service_type", "start", "end"}),
    "diagnoses": frozenset({"sequence", "code", "system", "type", "on_admission", "package_code"}),
    "procedures": frozenset({"sequence", "type", "code", "system", "date"}),
    "care_team": frozenset({"sequence", "role", "qualification", "taxonomy"}),
    "supporting_info": frozenset({"sequence", "category", "code", "system", "value_quantity"}),
    "lines": _LINE,
    "patient": frozenset({"sex", "birth_date"}),
}
_COVERAGE = frozenset({"payer", "relationship", "type", "network", "plan"})
_YEAR_LENGTH = len("YYYY")
_FINDING = frozenset({"rule", "severity", "path", "line", "detail", "blocking", "review", "codes", "source"})


def claim(document: dict[str, Any]) -> dict[str, Any]:
    """Return a canonical claim without anyone's identity or free text; of a birth date the year is left."""
    shown = {name: value for name, value in document.items() if name in _CLAIM}
    for name, fields in _PARTS.items():
        if name in document:
            shown[name] = _only(document[name], fields)
    patient = shown.get("patient", {})
    if "birth_date" in patient:
        patient["birth_date"] = patient["birth_date"][:_YEAR_LENGTH]
    shown["insurance"] = [_insurance(part) for part in document.get("insurance", [])]
    return shown


def decision(document: dict[str, Any]) -> dict[str, Any]:
    """Return a canonical decision whose findings name rule and place but quote nothing of the claim."""
    shown = {name: value for name, value in document.items() if name not in {"findings", "duplicates"}}
    shown["findings"] = [_only(finding, _FINDING) for finding in document.get("findings", [])]
    return shown


def _insurance(part: dict[str, Any]) -> dict[str, Any]:
    shown = _only(part, frozenset({"sequence", "focal", "responsibility"}))
    if "coverage" in part:
        shown["coverage"] = _only(part["coverage"], _COVERAGE)
    return dict(shown)


def _only(part: Any, fields: frozenset[str]) -> Any:
    if isinstance(part, list):
        return [_only(entry, fields) for entry in part]
    return {
        name: _only(value, fields) if name == "details" else value
        for name, value in part.items()
        if name in fields
    }
