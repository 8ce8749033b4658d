"""Receipts in FHIR: ClaimResponse, OperationOutcome, and the message Bundle that answers an nphies message.

Room: formats.fhir. We are not the payer: a claim we let pass is `queued` (nphies: pended) without
adjudication, a claim we refuse is `error`; nothing here ever says `complete`. New GUIDs and instants are the
caller's.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from chassis import errors
from formats import model
from formats.fhir import bundles, outcomes

NPHIES = "http://nphies.sa/"
_HL7 = "http://terminology.hl7.org/CodeSystem/"
_PROFILES = f"{NPHIES}fhir/ksa/nphies-fs/StructureDefinition/"
_TERMS = f"{NPHIES}terminology/CodeSystem/"
PAYER_LICENCE = f"{NPHIES}license/payer-license"
PROVIDER_LICENCE = f"{NPHIES}license/provider-license"
RULES = "https://ultrathink.dev/fhir/CodeSystem/rule"
CARC = "https://x12.org/codes/claim-adjustment-reason-codes"
RARC = "https://x12.org/codes/remittance-advice-remark-codes"
DECISIONS = "https://ultrathink.dev/fhir/decision"

MAX_DISPOSITION = 250  # nphies
MAX_NOTE = 1_000  # nphies, for text that may be Arabic
MAX_ERRORS = 100  # a response is read by a person; the decision itself holds all findings

_QUEUED = "Received and checked; the payer has not decided yet."
_REFUSED = "Refused before it reaches the payer; see the errors."
_EVENTS = {"status-check": "status-response"}


def claim_response(decision: Mapping[str, Any], claim: model.Claim) -> bytes:
    """Return the ClaimResponse JSON of a decision: outcome `error` for a reject, `queued` otherwise.

    `decision` is a decision of the claims service as plain data, in the names of its canonical JSON.
    """
    refused = decision["verdict"] == "reject"
    nphies = decision.get("regime") == "nphies"
    findings = list(decision.get("findings") or ())
    blocking = [finding for finding in findings if finding.get("severity") == "error"]
    others = [finding for finding in findings if finding not in blocking or not refused]
    return msgspec.json.encode(
        _filled(
            {
                "resourceType": "ClaimResponse",
                "id": decision.get("id"),
                "meta": {"profile": [_profile(claim)]} if nphies else None,
                "extension": [_pended()] if nphies and not refused else None,
                "identifier": _identifiers(DECISIONS, decision.get("id")),
                "status": "active",
                "type": _concept(f"{_HL7}claim-type", claim.type),
                "subType": _concept(f"{_TERMS}claim-subtype" if nphies else None, claim.subtype),
                "use": claim.use,
                "patient": _patient(claim.patient),
                "created": decision.get("decided_at"),
                "insurer": _insurer(claim, nphies=nphies),
                "requestor": _party(claim.provider, PROVIDER_LICENCE if nphies else None),
                "request": {
                    "type": "Claim",
                    "identifier": _identifier(claim.claim_id_system, claim.claim_id),
                },
                "outcome": "error" if refused else "queued",
                "disposition": (_REFUSED if refused else _QUEUED)[:MAX_DISPOSITION],
                "insurance": [_insurance(entry) for entry in claim.insurance if entry.coverage],
                "error": _errors(blocking, nphies=nphies) if refused else None,
                "processNote": list(_notes(others)),
            }
        )
    )


def response_bundle(
    request: bundles.Message | None,
    resource: bytes,
    *,
    bundle_id: str,
    header_id: str,
    resource_id: str,
    timestamp: str,
) -> bytes:
    """Return the message Bundle that answers a message with one resource (ClaimResponse, OperationOutcome).

    The three ids are new GUIDs; `timestamp` is an instant with offset. The header answers to the request's id
    and swaps its sender and receiver.
    """
    asked = request or bundles.Message()
    body = msgspec.json.decode(resource)
    body["id"] = resource_id
    focus = f"urn:uuid:{resource_id}"
    header = _header(asked, header_id, focus, "ok" if body.get("outcome") == "queued" else "fatal-error")
    return msgspec.json.encode(
        {
            "resourceType": "Bundle",
            "id": bundle_id,
            **({"meta": {"profile": [f"{_PROFILES}bundle|1.0.0"]}} if asked.is_nphies else {}),
            "type": "message",
            "timestamp": timestamp,
            "entry": [
                {"fullUrl": f"urn:uuid:{header_id}", "resource": header},
                {"fullUrl": focus, "resource": body},
            ],
        }
    )


def response_event(event: str | None) -> str:
    """Return the event that answers an event: `claim-request` is answered by `claim-response`."""
    if event is None:
        return "error-notice"
    return _EVENTS.get(event, event.removesuffix("-request") + "-response")


def _header(asked: bundles.Message, header_id: str, focus: str, code: str) -> dict[str, Any]:
    return _filled(
        {
            "resourceType": "MessageHeader",
            "id": header_id,
            "meta": {"profile": [f"{_PROFILES}message-header|1.0.0"]} if asked.is_nphies else None,
            "eventCoding": {
                "system": asked.event_system or f"{_TERMS}ksa-message-events",
                "code": response_event(asked.event),
            },
            "destination": [
                {
                    "endpoint": asked.source_endpoint or "urn:ultrathink:unknown-sender",
                    "receiver": _end(asked.sender_system, asked.sender),
                }
            ],
            "sender": _end(asked.receiver_system, asked.receiver),
            "source": {"endpoint": asked.destination_endpoint or "urn:ultrathink:claims"},
            "response": {"identifier": asked.id, "code": code} if asked.id else None,
            "focus": [{"reference": focus}],
        }
    )


def _end(system: str | None, value: str | None) -> dict[str, Any] | None:
    return {"type": "Organization", "identifier": _identifier(system, value)} if value else None


def _profile(claim: model.Claim) -> str:
    kind = "claim-response" if claim.use == "claim" else "prior-auth-response"
    return f"{_PROFILES}{kind}|1.0.0"


def _pended() -> dict[str, Any]:
    outcome = _concept(f"{_TERMS}adjudication-outcome", "pended")
    return {"url": f"{_PROFILES}extension-adjudication-outcome", "valueCodeableConcept": outcome}


def _errors(findings: Iterable[Mapping[str, Any]], *, nphies: bool) -> list[dict[str, Any]]:
    found = [_error(finding, nphies=nphies) for finding in list(findings)[:MAX_ERRORS]]
    return found or [{"code": {"text": _REFUSED}}]  # a decision refuses with findings; R4 asks for one error


def _error(finding: Mapping[str, Any], *, nphies: bool) -> dict[str, Any]:
    """Return one error with every code known for it; X12's codes have no place in an answer to nphies."""
    codes = finding.get("codes") or {}
    adjustments = () if nphies else ((CARC, "carc"), (RARC, "rarc"))
    codings = [
        {"system": f"{_TERMS}adjudication-error", "code": codes.get("bv")},
        {"system": f"{_TERMS}adjudication-reason", "code": codes.get("nphies")},
        *({"system": system, "code": codes.get(name)} for system, name in adjustments),
        {"system": RULES, "code": finding.get("rule")},
    ]
    return {
        "itemSequence": finding.get("line"),
        "detailSequence": finding.get("detail") if finding.get("line") else None,
        "code": {"coding": [coding for coding in codings if coding["code"]], "text": _message(finding)},
    }


def _notes(findings: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for number, finding in enumerate(list(findings)[:MAX_ERRORS], start=1):
        text = _message(finding)
        if text:
            yield {"number": number, "type": "display", "text": text}


def _message(finding: Mapping[str, Any]) -> str | None:
    text = (finding.get("message") or {}).get("en")
    return text[:MAX_NOTE] if text else None


def _patient(patient: model.Patient) -> dict[str, Any]:
    if patient.id:
        return {"type": "Patient", "identifier": _identifier(patient.id_system, patient.id)}
    return {"reference": patient.reference} if patient.reference else {"display": "patient of the claim"}


def _insurer(claim: model.Claim, *, nphies: bool) -> dict[str, Any]:
    focal = next((entry for entry in claim.insurance if entry.focal), claim.insurance[0])
    payer = focal.coverage.payer if focal.coverage else None
    if payer is None:
        return {"display": "payer of the claim"}
    return {
        "type": "Organization",
        "identifier": _identifier(PAYER_LICENCE if nphies else None, payer),
    }


def _party(party: model.Party, system: str | None) -> dict[str, Any] | None:
    if party.id:
        return {"type": "Organization", "identifier": _identifier(system, party.id)}
    return {"reference": party.reference} if party.reference else None


def _insurance(insurance: model.Insurance) -> dict[str, Any]:
    coverage = insurance.coverage or model.Coverage()
    if coverage.member_id:
        named: dict[str, Any] = {"identifier": _identifier(coverage.member_id_system, coverage.member_id)}
    else:
        named = {"reference": coverage.reference} if coverage.reference else {"display": "coverage"}
    return {"sequence": insurance.sequence, "focal": bool(insurance.focal), "coverage": named}


def _concept(system: str | None, code: str | None) -> dict[str, Any] | None:
    return {"coding": [{"system": system, "code": code}]} if code else None


def _identifiers(system: str, value: str | None) -> list[dict[str, Any]] | None:
    return [_identifier(system, value)] if value else None


def _identifier(system: str | None, value: str | None) -> dict[str, Any]:
    return {"system": system, "value": value}


def _filled(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource without the members that say nothing; FHIR forbids nulls and empty lists."""
    members = {name: _filled_value(value) for name, value in resource.items()}
    return {name: value for name, value in members.items() if value not in (None, [], {})}


def _filled_value(value: Any) -> Any:
    if isinstance(value, dict):
        return _filled(value)
    if isinstance(value, list):
        return [_filled_value(entry) for entry in value]
    return value


def operation_outcome(fault: errors.Fault) -> bytes:
    """Return the OperationOutcome JSON of a fault; see `outcomes`."""
    return outcomes.operation_outcome(fault)
