"""What end-to-end tests of the doors share: claims of our own making in every format, and answers opened."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

import platform_support
from chassis import clock as clocks
from chassis import tokens

CLAIMS = "/api/v1/claims"
NDJSON = "application/x-ndjson"
CSV = "text/csv"
FHIR = "application/fhir+json"
PROBLEM = "application/problem+json"
PATIENT = "Zq7Marker"  # stands where a patient would be named; it may come out nowhere
NPHIES = "http://nphies.sa/terminology/CodeSystem/"
HL7 = "http://terminology.hl7.org/CodeSystem/"


class Past(clocks.SystemClock):
    """The system's clock, a week behind."""

    def now(self) -> datetime:
        """Return the instant a week ago."""
        return datetime.now(UTC) - timedelta(days=7)


def expired_token(data: Path) -> str:
    """Return a well-signed token of a platform's own issuer whose time is over."""
    issuer = tokens.DevelopmentIssuer(data / "keys" / "issuer.pem", Past())
    return issuer.issue(tenant="demo", subject="old", roles=("biller",), lifetime_seconds=60)


def client(platform: platform_support.Platform, role: str = "biller", tenant: str = "demo") -> httpx2.Client:
    """Return a client with a token of this role."""
    headers = {"authorization": f"Bearer {platform.token(role, tenant)}"}
    url = f"http://127.0.0.1:{platform.port}"
    return httpx2.Client(base_url=url, headers=headers, timeout=30, trust_env=False)


def claim(number: int, **changes: Any) -> dict[str, Any]:
    """Return a sound claim as plain data, its patient named `PATIENT`."""
    body: dict[str, Any] = json.loads(platform_support.claim(number, **changes))
    body["patient"] |= {"id": f"{PATIENT}-{number}", "name": f"{PATIENT} Name"}
    return body


def encoded(body: Any) -> bytes:
    """Return plain data as JSON."""
    return json.dumps(body).encode()


def lines(*bodies: Any) -> bytes:
    """Return NDJSON; bytes stay as they are."""
    return b"".join((body if isinstance(body, bytes) else encoded(body)) + b"\n" for body in bodies)


def opened(answer: httpx2.Response) -> list[dict[str, Any]]:
    """Return the lines of an NDJSON answer."""
    return [json.loads(line) for line in answer.content.splitlines() if line.strip()]


def stored(asking: httpx2.Client, **filters: str) -> dict[str, str]:
    """Return our id → the sender's of every recorded claim, or of those that the filters leave."""
    found: dict[str, str] = {}
    cursor: str | None = ""
    while cursor is not None:
        page = asking.get(
            CLAIMS, params={"limit": "1000", **({"cursor": cursor} if cursor else {}), **filters}
        )
        assert page.status_code == 200, page.text
        told = page.json()
        found |= {row["id"]: row["claim_id"] for row in told["items"]}
        cursor = told["next_cursor"]
    return found


def problem(answer: httpx2.Response, status: int, reason: str) -> dict[str, Any]:
    """Return the problem document of an answer, its form (RFC 9457) and its silence checked."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    told: dict[str, Any] = answer.json()
    well_formed(told, status, reason)
    assert told["instance"] == answer.request.url.path
    assert told["request_id"] == answer.headers["x-request-id"]
    silent(answer.text, answer.headers)
    return told


def well_formed(told: Mapping[str, Any], status: int, reason: str) -> None:
    """Check the members of a problem document."""
    assert told["type"] == f"/problems/{reason}"
    assert told["status"] == status
    assert {"title", "detail", "instance", "errors", "request_id"} <= told.keys()
    assert told["title"]
    assert told["detail"]
    assert told["request_id"]
    for one in told["errors"]:
        assert one.keys() == {"path", "code", "message"}


def silent(*texts: object) -> None:
    """Check that no text holds a patient or the inside of a service."""
    for text in map(str, texts):
        assert PATIENT not in text
        assert "Traceback" not in text
        assert ".py" not in text


def table(*claims: Mapping[str, Any]) -> bytes:
    """Return claims of one line each as CSV."""
    columns = ("claim_id", "type", "use", "regime", "currency", "provider.id", "patient.id", "patient.sex",
               "insurance.focal", "insurance.coverage.member_id", "insurance.coverage.payer",
               "diagnoses.code", "diagnoses.system", "diagnoses.type", "lines.sequence", "lines.code",
               "lines.system", "lines.service_date", "lines.quantity", "lines.unit_price", "lines.net",
               "lines.diagnosis_sequences", "total")  # fmt: skip
    rows = [",".join(columns)]
    rows += [",".join(_cell(one, column.split(".")) for column in columns) for one in claims]
    return "\n".join(rows).encode() + b"\n"


def _cell(node: Any, path: list[str]) -> str:
    for step in path:
        node = node[0] if isinstance(node, list) else node
        node = node[step]
    node = node[0] if isinstance(node, list) else node
    return str(node).lower() if isinstance(node, bool) else str(node)


def fhir_claim(number: int, net: float = 180.0) -> dict[str, Any]:
    """Return an R4 Claim that contains what it refers to."""
    return {
        "resourceType": "Claim",
        "id": f"claim-{number}",
        "identifier": [{"system": "urn:example:claims", "value": f"FHIR-{number}"}],
        "contained": [
            {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1991-03-04",
             "identifier": [{"type": _concept(f"{HL7}v2-0203", "MR"), "value": f"{PATIENT}-{number}"}],
             "name": [{"text": f"{PATIENT} Name"}]},
            {"resourceType": "Coverage", "id": "c", "status": "active", "beneficiary": {"reference": "#p"},
             "identifier": [{"system": "urn:example:members", "value": f"MEM-{number}"}],
             "payor": [{"identifier": {"value": "PAYER-02"}}]},
        ],
        "status": "active",
        "type": _concept(f"{HL7}claim-type", "professional"),
        "use": "claim",
        "patient": {"reference": "#p"},
        "created": "2026-08-02",
        "provider": {"identifier": {"value": "CLINIC-9"}},
        "priority": _concept(f"{HL7}processpriority", "normal"),
        "diagnosis": [{"sequence": 1, "diagnosisCodeableConcept":
            _concept("http://hl7.org/fhir/sid/icd-10-cm", "E11.9")}],
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "#c"}}],
        "item": [{
            "sequence": 1, "diagnosisSequence": [1], "servicedDate": "2026-08-01",
            "productOrService": _concept("urn:oid:2.16.840.1.113883.6.285", "G0108"),
            "quantity": {"value": 2}, "unitPrice": {"value": 90.0, "currency": "SAR"},
            "net": {"value": net, "currency": "SAR"},
        }],
        "total": {"value": net, "currency": "SAR"},
    }  # fmt: skip


def message(number: int, net: float = 180.0) -> dict[str, Any]:
    """Return a claim-request message as nphies has them: header, claim and what it refers to as entries.

    It says all that nphies asks of a claim; with another net than the line's price it does not add up.
    """
    asked = fhir_claim(number, net)
    asked["subType"] = _concept(f"{NPHIES}claim-subtype", "op")
    asked["payee"] = {"type": _concept(f"{HL7}payeetype", "provider")}
    asked["careTeam"] = [{
        "sequence": 1, "provider": {"identifier": {"value": "DOCTOR-1"}},
        "role": _concept(f"{HL7}claimcareteamrole", "primary"),
        "qualification": _concept(f"{NPHIES}practice-codes", "08.00"),
    }]  # fmt: skip
    asked["diagnosis"][0]["type"] = [_concept(f"{NPHIES}diagnosis-type", "principal")]
    asked["item"][0]["careTeamSequence"] = [1]
    asked["meta"] = {
        "profile": ["http://nphies.sa/fhir/ksa/nphies-fs/StructureDefinition/professional-claim|1.0.0"]
    }
    patient, coverage = asked.pop("contained")
    asked["patient"] = {"reference": "Patient/p"}
    asked["insurance"][0]["coverage"] = {"reference": "Coverage/c"}
    coverage["beneficiary"] = {"reference": "Patient/p"}
    header = {
        "resourceType": "MessageHeader",
        "id": f"8a5c2f0e-0000-4000-8000-{number:012d}",
        "eventCoding": {"system": f"{NPHIES}ksa-message-events", "code": "claim-request"},
        "source": {"endpoint": "http://clinic.example"},
        "destination": [{"endpoint": "http://payer.example",
                         "receiver": _licensed("payer-license", "PAYER-02")}],
        "sender": _licensed("provider-license", "CLINIC-9"),
        "focus": [{"reference": f"Claim/claim-{number}"}],
    }  # fmt: skip
    entries = [
        {"fullUrl": f"http://clinic.example/{part['resourceType']}/{part['id']}", "resource": part}
        for part in (header, asked, patient, coverage)
    ]
    return {
        "resourceType": "Bundle",
        "id": f"5d7e4a10-0000-4000-8000-{number:012d}",
        "type": "message",
        "timestamp": "2026-08-02T10:00:00Z",
        "entry": entries,
    }


def _concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def _licensed(kind: str, value: str) -> dict[str, Any]:
    return {
        "type": "Organization",
        "identifier": {"system": f"http://nphies.sa/license/{kind}", "value": value},
    }
