"""FHIR documents for tests, all made up: a Claim resource, its companions, an nphies message around them."""

import json
from typing import Any

CLINIC = "https://clinic.example/fhir"
NPHIES = "http://nphies.sa"
EXTENSIONS = f"{NPHIES}/fhir/ksa/nphies-fs/StructureDefinition/extension-"
TERMS = f"{NPHIES}/terminology/CodeSystem/"
HL7 = "http://terminology.hl7.org/CodeSystem/"


def concept(code: str, system: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a CodeableConcept of one coding."""
    return {"coding": [{"code": code, **({"system": system} if system else {}), **more}]}


def money(value: float, currency: str = "SAR") -> dict[str, Any]:
    """Return a Money."""
    return {"value": value, "currency": currency}


def extension(name: str, **value: Any) -> dict[str, Any]:
    """Return an nphies extension by the end of its URL."""
    return {"url": EXTENSIONS + name, **value}


def reference(kind: str, identity: str) -> dict[str, Any]:
    """Return an absolute reference into the clinic's server."""
    return {"reference": f"{CLINIC}/{kind}/{identity}"}


def bare_claim(**changes: Any) -> dict[str, Any]:
    """Return a small R4 Claim that stands alone; a change to None removes the element."""
    resource = {
        "resourceType": "Claim",
        "id": "c-1",
        "identifier": [{"system": "https://clinic.example/claims", "value": "CL-88"}],
        "status": "active",
        "type": concept("professional", f"{HL7}claim-type"),
        "use": "claim",
        "patient": {"reference": "Patient/p-1"},
        "created": "2026-05-11",
        "provider": {"identifier": {"system": "https://registry.example", "value": "PV-501"}},
        "priority": concept("normal", f"{HL7}processpriority"),
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/k-1"}}],
        "item": [
            {
                "sequence": 1,
                "productOrService": concept("99213", "http://www.ama-assn.org/go/cpt", display="visit"),
                "servicedDate": "2026-05-10",
                "net": money(138.5, "USD"),
            }
        ],
        "total": money(138.5, "USD"),
        **changes,
    }
    return {name: value for name, value in resource.items() if value is not None}


def nphies_claim(**changes: Any) -> dict[str, Any]:
    """Return a Claim with what nphies adds to R4."""
    return bare_claim(
        meta={"profile": [f"{NPHIES}/fhir/ksa/nphies-fs/StructureDefinition/professional-claim|1.0.0"]},
        extension=[
            extension("encounter", valueReference=reference("Encounter", "e-1")),
            extension("episode", valueIdentifier={"system": f"{CLINIC}/episode", "value": "EP-9"}),
            extension("eligibility-offline-reference", valueString="EL-1"),
            extension("eligibility-offline-date", valueDateTime="2026-05-01"),
            extension("eligibility-response", valueReference={"identifier": {"value": "ER-5"}}),
            extension("authorization-offline-date", valueDateTime="2026-05-02T10:00:00+03:00"),
            extension("priorauth-response", valueReference={"identifier": {"value": "PA-6"}}),
            extension("transfer", valueBoolean=True),
            extension("newborn", valueBoolean=False),
        ],
        subType=concept("op", f"{TERMS}claim-subtype"),
        patient=reference("Patient", "p-1"),
        insurer=reference("Organization", "ins"),
        provider=reference("Organization", "prov"),
        payee={"type": concept("provider", f"{HL7}payeetype")},
        related=[
            {
                "claim": {"type": "Claim", "identifier": {"system": "https://x.example", "value": "CL-1"}},
                "relationship": concept("prior", f"{TERMS}related-claim-relationship"),
            }
        ],
        careTeam=[
            {
                "sequence": 1,
                "provider": reference("Practitioner", "dr"),
                "role": concept("primary", f"{HL7}claimcareteamrole"),
                "qualification": concept("08.26", f"{TERMS}practice-codes"),
                "responsible": True,
            }
        ],
        supportingInfo=[
            {
                "sequence": 1,
                "category": concept("vital-sign-weight", f"{TERMS}claim-information-category"),
                "valueQuantity": {"value": 70.5, "system": "http://unitsofmeasure.org", "code": "kg"},
            },
            {
                "sequence": 2,
                "category": concept("attachment", f"{TERMS}claim-information-category"),
                "valueAttachment": {"contentType": "text/plain", "title": "note", "data": "aGVsbG8="},
            },
        ],
        diagnosis=[
            {
                "sequence": 1,
                "diagnosisCodeableConcept": concept("R07.1", "http://hl7.org/fhir/sid/icd-10-am"),
                "type": [concept("principal", f"{TERMS}diagnosis-type")],
                "onAdmission": concept("Y", f"{TERMS}diagnosis-on-admission"),
            }
        ],
        insurance=[
            {
                "sequence": 1,
                "focal": True,
                "coverage": reference("Coverage", "k-1"),
                "preAuthRef": ["PRE-1"],
            }
        ],
        item=[nphies_item()],
        total=money(138.0),
    ) | {name: value for name, value in changes.items() if value is not None}


def nphies_item(**changes: Any) -> dict[str, Any]:
    """Return an item with nphies' extensions and a shadow code."""
    return {
        "sequence": 1,
        "extension": [
            extension("tax", valueMoney=money(18.0)),
            extension("patient-share", valueMoney=money(20.0)),
            extension("package", valueBoolean=False),
            extension("maternity", valueBoolean=False),
            extension("patientInvoice", valueIdentifier={"value": "INV-3"}),
        ],
        "careTeamSequence": [1],
        "diagnosisSequence": [1],
        "informationSequence": [1, 2],
        "productOrService": {
            "coding": [
                {"system": "https://clinic.example/prices", "code": "OWN-7", "display": "our visit"},
                {"system": f"{TERMS}services", "code": "83600-00-10", "display": "consultation"},
            ]
        },
        "servicedDate": "2026-05-10",
        "quantity": {"value": 1},
        "unitPrice": money(120.0),
        "factor": 1,
        "net": money(138.0),
        **changes,
    }


def resources() -> dict[str, dict[str, Any]]:
    """Return the resources the nphies claim refers to, by type and id."""
    licence = f"{NPHIES}/license/"
    found: list[dict[str, Any]] = [
        {
            "resourceType": "Organization",
            "id": "prov",
            "identifier": [{"system": f"{licence}provider-license", "value": "PR-FHIR"}],
            "active": True,
            "type": [concept("prov", f"{TERMS}organization-type")],
            "name": "Clinic of the Example",
        },
        {
            "resourceType": "Organization",
            "id": "ins",
            "identifier": [{"system": f"{licence}payer-license", "value": "IN-FHIR"}],
            "active": True,
        },
        {
            "resourceType": "Patient",
            "id": "p-1",
            "identifier": [
                {"type": concept("MR", f"{HL7}v2-0203"), "system": f"{CLINIC}/files", "value": "F-1"},
                {
                    "type": concept("PRC", f"{HL7}v2-0203"),
                    "system": f"{NPHIES}/identifier/iqama",
                    "value": "2000000007",
                },
            ],
            "name": [{"use": "official", "family": "Example", "given": ["Sara", "B."]}],
            "telecom": [{"system": "phone", "value": "+966500000000"}],
            "gender": "female",
            "birthDate": "1991-02-03",
            "maritalStatus": concept("M"),
        },
        {
            "resourceType": "Practitioner",
            "id": "dr",
            "identifier": [{"system": f"{licence}practitioner-license", "value": "DOC-1"}],
        },
        {
            "resourceType": "Coverage",
            "id": "k-1",
            "identifier": [{"system": "https://payer.example/member", "value": "MEM-1"}],
            "status": "active",
            "type": concept("EHCPOL", f"{TERMS}coverage-type"),
            "subscriber": reference("Patient", "p-1"),
            "beneficiary": reference("Patient", "p-1"),
            "relationship": concept("self", f"{HL7}subscriber-relationship"),
            "period": {"start": "2026-01-01", "end": "2026-12-31"},
            "payor": [reference("Organization", "ins")],
            "order": 1,
            "class": [
                {"type": concept("group"), "value": "G-1"},
                {"type": concept("plan"), "value": "GOLD"},
                {"type": concept("rxbin"), "value": "7"},
            ],
            "network": "N-A",
        },
        {
            "resourceType": "Encounter",
            "id": "e-1",
            "identifier": [{"system": f"{CLINIC}/encounter", "value": "ENC-4"}],
            "status": "finished",
            "class": {"system": f"{HL7}v3-ActCode", "code": "AMB"},
            "serviceType": concept("acute-care"),
            "subject": reference("Patient", "p-1"),
            "period": {"start": "2026-05-10T09:00:00+03:00", "end": "2026-05-10T09:40:00+03:00"},
            "extension": [extension("serviceEventType", valueCodeableConcept=concept("ICSE"))],
            "hospitalization": {
                "admitSource": concept("WKIN"),
                "reAdmission": concept("R"),
                "dischargeDisposition": concept("home"),
                "extension": [extension("dischargeSpecialty", valueCodeableConcept=concept("08.26"))],
            },
        },
    ]
    return {f"{resource['resourceType']}/{resource['id']}": resource for resource in found}


def header(**changes: Any) -> dict[str, Any]:
    """Return the MessageHeader of a claim request."""
    return {
        "resourceType": "MessageHeader",
        "id": "11111111-1111-4111-8111-111111111111",
        "eventCoding": {"system": f"{TERMS}ksa-message-events", "code": "claim-request"},
        "destination": [
            {
                "endpoint": "https://payer.example/in",
                "receiver": {
                    "type": "Organization",
                    "identifier": {"system": f"{NPHIES}/license/payer-license", "value": "IN-FHIR"},
                },
            }
        ],
        "sender": {
            "type": "Organization",
            "identifier": {"system": f"{NPHIES}/license/provider-license", "value": "PR-FHIR"},
        },
        "source": {"endpoint": "https://clinic.example/out"},
        "focus": [reference("Claim", "c-1")],
        **changes,
    }


def message(claim: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Return an nphies message Bundle around a claim; `changes` replace resources by their type and id."""
    companions = {**resources(), **{name.replace("_", "/", 1): value for name, value in changes.items()}}
    entries = [
        {"fullUrl": "urn:uuid:11111111-1111-4111-8111-111111111111", "resource": header()},
        {"fullUrl": f"{CLINIC}/Claim/c-1", "resource": claim or nphies_claim()},
    ]
    entries += [
        {"fullUrl": f"{CLINIC}/{name}", "resource": resource}
        for name, resource in companions.items()
        if resource is not None
    ]
    return {"resourceType": "Bundle", "id": "b-1", "type": "message", "entry": entries}


def text(document: Any) -> bytes:
    """Return a document as JSON text."""
    return json.dumps(document, ensure_ascii=False).encode()
