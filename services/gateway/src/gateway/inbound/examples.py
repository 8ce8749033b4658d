"""Examples of the OpenAPI document: invented people and numbers, in the shapes the platform really uses."""

from typing import Any

CLAIM: dict[str, Any] = {
    "claim_id": "CLM-2026-000001",
    "type": "professional",
    "subtype": "op",
    "use": "claim",
    "regime": "base",
    "created": "2026-08-02T09:30:00Z",
    "currency": "SAR",
    "provider": {"id": "10000000000101", "type": "hospital", "branch": "riyadh"},
    "patient": {"id": "MRN-0001", "id_type": "mrn", "birth_date": "1984-05-02", "sex": "male"},
    "insurance": [
        {
            "sequence": 1,
            "focal": True,
            "coverage": {
                "member_id": "M-0001",
                "policy": "P-77",
                "payer": "7001571327",
                "relationship": "self",
            },
        }
    ],
    "diagnoses": [{"sequence": 1, "code": "E11.9", "system": "icd-10-cm", "type": ["principal"]}],
    "lines": [
        {
            "sequence": 1,
            "code": "G0103",
            "system": "hcpcs",
            "service_date": "2026-08-01",
            "quantity": 1,
            "unit_price": 150.00,
            "net": 150.00,
            "diagnosis_sequences": [1],
        }
    ],
    "total": 150.00,
}
OPEN_CLAIM: dict[str, Any] = {
    **{name: value for name, value in CLAIM.items() if name not in {"diagnoses", "total"}},
    "lines": [
        {"sequence": 1, "code": "G0108", "system": "hcpcs", "service_date": "2026-08-01", "quantity": 1}
    ],
}
ID = "01990d5a-6b1e-7c3a-9f10-2b7f6f1d2c11"
RULE: dict[str, Any] = {
    "id": "BASE-301",
    "pack": "base",
    "severity": "error",
    "scope": "line",
    "regimes": ["base", "nphies", "x12-us"],
    "title": {"en": "A service is not after the claim's date", "ar": "تاريخ الخدمة لا يلي تاريخ المطالبة"},
    "codes": {"bv": "BV-00061", "carc": "110"},
}
PACK: dict[str, Any] = {
    "id": "base",
    "version": "2026.11.1",
    "revision": "2026.11.1+4d1c6b0f9be1",
    "regimes": ["base", "nphies", "x12-us"],
    "rules": 54,
}
TABLE: dict[str, Any] = {
    "name": "hcpcs",
    "key": ["code"],
    "columns": {},
    "issues": [{"revision": "2019+d30562b7fbfe", "from": "2019-01-01", "to": "2019-12-31", "rows": 7000}],
}
TABLE_ENTRY: dict[str, Any] = {"table": "hcpcs", "key": "G0103", "on": "2019-06-01", "state": "found"}
DECISION: dict[str, Any] = {
    "id": ID,
    "claim_id": "CLM-2026-000001",
    "revision": 1,
    "content_hash": "4d1c6b0f9be1b0a2c1f6fb1a0f1c3f5f9a3a5a2b3d8e7c60c2a7f4f6a9b0d1e2",
    "tenant": "demo",
    "use": "claim",
    "type": "professional",
    "regime": "base",
    "status": {"wire": "received", "business": "draft", "review": "none"},
    "verdict": "accept",
    "thresholds": {"review": 0.5},
    "as_of": "2026-08-02",
    "findings": [],
    "not_checked": [],
    "risk": {
        "state": "scored",
        "simulated": True,
        "probability": 0.12,
        "at_risk_minor": 1800,
        "currency": "SAR",
        "model": {"name": "denial", "revision": "2026-11-01"},
    },
    "amounts": {"submitted": 150.00, "payer_share": 150.00},
    "rules": [{"pack": "base", "revision": "2026-11-01"}],
    "received_at": "2026-08-02T09:30:01Z",
    "decided_at": "2026-08-02T09:30:01Z",
}
PROBLEM: dict[str, Any] = {
    "type": "/problems/claim.unreadable",
    "title": "The request cannot be accepted",
    "status": 422,
    "detail": "The claim cannot be read.",
    "instance": "/api/v1/claims",
    "errors": [
        {
            "path": "lines[0].net",
            "code": "money.too_many_decimals",
            "message": "SAR has two decimals at most.",
        }
    ],
    "request_id": "6f1c2ab49e0d4c1f8a7be3d15c90f2aa",
}
CSV_CLAIM = (
    "claim_id,type,use,currency,provider.id,patient.id,insurance.sequence,insurance.focal,lines.sequence,lines.code,"
    "lines.net,total\r\nCLM-2026-000001,professional,claim,SAR,10000000000101,MRN-0001,1,true,1,G0103,150.00,150.00\r\n"
)
CSV_REPORT = (
    "position,claim_id,id,verdict,replayed,errors,warnings,rules,probability,at_risk_minor,currency,problem,detail\r\n"
    f"1,CLM-2026-000001,{ID},accept,false,0,0,,0.12,1800,SAR,,\r\n"
)
COMPLETION: dict[str, Any] = {
    "claim_id": "CLM-2026-000001",
    "regime": "base",
    "open": [
        {"path": "diagnoses[0].code", "wanted": "principal_diagnosis"},
        {"path": "lines[0].net", "wanted": "line_net"},
    ],
    "suggestions": [
        {
            "path": "lines[0].net",
            "wanted": "line_net",
            "first": {
                "kind": "amount",
                "value": "182.40",
                "currency": "SAR",
                "confidence": 0.97,
                "tolerance": 0.1,
                "range": {"low": "172.10", "high": "191.80", "share": 0.8},
            },
            "evidence": [
                {
                    "path": "lines[0].code",
                    "text": {"en": "Service G0108 was billed in 412 lines …", "ar": "الخدمة G0108 …"},
                    "cases": 412,
                    "agreeing": 412,
                }
            ],
            "training_cases": 82707,
            "similar_cases": 412,
            "model": "ee61d1a1fe685dcb1efed70f1f8136b2a6d6afb1ccd275e1191c681882966298",
        }
    ],
    "refusals": [
        {
            "path": "diagnoses[0].code",
            "wanted": "principal_diagnosis",
            "reason": "completion.unsure",
            "message": {"en": "The codes fit many diagnoses …", "ar": "تناسب الرموز تشخيصات كثيرة …"},
            "remedy": {"en": "Add further services …", "ar": "أضف خدمات …"},
        }
    ],
    "models": [
        {
            "name": "amount-completion",
            "revision": "ee61d1a1fe685dcb1efed70f1f8136b2a6d6afb1ccd275e1191c681882966298",
            "task": "amount-completion",
            "simulated": True,
            "data": "simulated claims",
            "knows": {"reads": ["hcpcs"], "answers": [], "currencies": ["SAR"], "regimes": ["base"]},
        }
    ],
}
REVIEW: dict[str, Any] = {"verdict": "accept", "revision": 1, "note": "The missing result came by post."}
EVENT = (
    'id: 1-803-6\ndata: {"id":"' + ID + '","claim_id":"CLM-2026-000001","event":"claim.recorded",'
    '"status":{"wire":"received","business":"draft","review":"none"},"verdict":"accept",'
    '"at":"2026-08-02T09:30:01Z"}\n\n'
)
OUTCOME: dict[str, Any] = {
    "resourceType": "OperationOutcome",
    "issue": [
        {
            "severity": "error",
            "code": "structure",
            "details": {
                "coding": [
                    {"system": "https://ultrathink.dev/fhir/CodeSystem/reason", "code": "json.malformed"}
                ]
            },
            "diagnostics": "The body is not JSON in UTF-8.",
        }
    ],
}
ADJUDICATION = (
    '{"claim_id":"CLM-2026-000001","outcome":"partial","decided_at":"2026-08-20","lines":['
    '{"sequence":1,"outcome":"approved","paid_minor":15000},'
    '{"sequence":2,"outcome":"denied","nphies":"MN-1-1","carc":"50","paid_minor":0}]}\n'
)
JOINED = (
    f'{{"id":"{ID}","claim_id":"CLM-2026-000001","outcome":"partial","lines":2,"revision":2,'
    '"status":{"wire":"received","business":"partial","review":"none"},"replayed":false,"sent_outside":true}\n'
)
