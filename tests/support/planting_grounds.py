"""Sound claims into which faults are planted: one of each kind, as a careful sender would write it."""

import copy
from typing import Any

PROFILE = "http://nphies.sa/fhir/ksa/nphies-fs/StructureDefinition/{}|5.2.0"
VITALS = (
    ("vital-sign-weight", "70", "kg"), ("vital-sign-height", "170", "cm"),
    ("vital-sign-systolic", "120", "mm[Hg]"), ("vital-sign-diastolic", "80", "mm[Hg]"),
    ("temperature", "37", "Cel"), ("pulse", "72", "/min"), ("oxygen-saturation", "98", "%"),
    ("respiratory-rate", "16", "/min"),
)  # fmt: skip
NOTES = (
    ("chief-complaint", "thirst"), ("treatment-plan", "diet and medication"),
    ("patient-history", "nothing of note"), ("physical-examination", "normal"),
    ("history-of-present-illness", "two weeks of thirst"),
)  # fmt: skip


def grounds() -> dict[str, dict[str, Any]]:
    """Return the sound claims by name."""
    return {
        "base": _base(),
        "nphies-professional": _professional(),
        "nphies-emergency": _emergency(),
        "nphies-institutional": _institutional(),
        "nphies-newborn": _newborn(),
        "nphies-oral": _oral(),
        "nphies-pharmacy": _pharmacy(),
        "nphies-vision": _vision(),
        "nphies-preauthorization": _preauthorization(),
        "x12-professional": _x12_professional(),
        "x12-institutional": _x12_institutional(),
    }


def _base() -> dict[str, Any]:
    return {
        "claim_id": "CLM-1", "type": "professional", "subtype": "op", "use": "claim", "regime": "base",
        "created": "2026-08-02", "currency": "SAR",
        "provider": {"id": "10000000000101"},
        "patient": {"id": "1012345678", "birth_date": "1984-05-02", "sex": "male"},
        "insurance": [
            {"sequence": 1, "focal": True, "coverage": {"member_id": "M-1", "payer": "7001571327"}},
        ],
        "encounter": {"class": "AMB", "start": "2026-08-01", "end": "2026-08-01"},
        "diagnoses": [{"sequence": 1, "code": "E11.9", "system": "icd-10-cm", "type": ["principal"]}],
        "care_team": [{"sequence": 1, "practitioner": "PR-1", "role": "primary"}],
        "supporting_info": [{"sequence": 1, "category": "chief-complaint", "value_string": "thirst"}],
        "lines": [{
            "sequence": 1, "code": "X-100", "system": "local", "service_date": "2026-08-01", "quantity": 2,
            "unit_price": 50, "factor": 1, "tax": 15, "net": 115, "patient_share": 20,
            "diagnosis_sequences": [1], "care_team_sequences": [1], "information_sequences": [1],
        }],
        "total": 115,
    }  # fmt: skip


def _nphies(kind: str, subtype: str, profile: str, **changes: Any) -> dict[str, Any]:
    claim = _base() | {
        "type": kind, "subtype": subtype, "regime": "nphies", "profile": [PROFILE.format(profile)],
        "status": "active", "priority": "normal", "payee": {"type": "provider"},
        "episode": {"value": "EP-1"},
    }  # fmt: skip
    claim["patient"] |= {"id_type": "national_id", "occupation": "business"}
    claim["diagnoses"][0]["system"] = "icd-10-am"
    claim["care_team"][0] |= {"qualification": "08.00"}
    claim["encounter"] |= {"id": "ENC-1", "status": "finished"}
    line = claim["lines"][0]
    line |= {"code": "83600-00-10", "system": "nphies-services", "patient_invoice": "INV-1"}
    line |= {"maternity": False}
    return _merged(claim, changes)


def _merged(claim: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    for name, value in changes.items():
        mapping = isinstance(value, dict) and isinstance(claim.get(name), dict)
        claim[name] = {**claim[name], **value} if mapping else value
    return claim


def _clinical(claim: dict[str, Any]) -> dict[str, Any]:
    """Give a claim the vital signs and notes that nphies asks for, all named by its only line."""
    told = [
        {"category": category, "value_quantity": {"value": value, "unit": unit}}
        for category, value, unit in VITALS
    ]
    told += [{"category": category, "value_string": text} for category, text in NOTES]
    told.append({"category": "investigation-result", "code": "INP"})
    claim["supporting_info"] = [{"sequence": at, **entry} for at, entry in enumerate(told, 1)]
    claim["lines"][0]["information_sequences"] = list(range(1, len(told) + 1))
    return claim


def _professional() -> dict[str, Any]:
    event = {"service_event_type": "initial", "service_type": "acute-care"}
    return _clinical(_nphies("professional", "op", "professional-claim", encounter=event))


def _emergency() -> dict[str, Any]:
    encounter = {
        "class": "EMER", "emergency_arrival": "ECARA", "emergency_service_start": "2026-08-01T09:10:00+03:00",
        "triage_category": "U", "triage_date": "2026-08-01T09:00:00+03:00", "emergency_disposition": "home",
        "start": "2026-08-01T08:55:00+03:00", "end": "2026-08-01T12:00:00+03:00",
    }  # fmt: skip
    return _clinical(_nphies("professional", "emr", "professional-claim", encounter=encounter))


def _institutional() -> dict[str, Any]:
    encounter = {
        "class": "IMP", "start": "2026-07-28", "end": "2026-08-01", "admit_source": "hosp-trans",
        "specialty": "08.00", "intended_length_of_stay": "IOLS4", "discharge_disposition": "home",
        "discharge_specialty": "08.00",
    }  # fmt: skip
    claim = _clinical(_nphies("institutional", "ip", "institutional-claim", encounter=encounter))
    claim["diagnoses"][0]["on_admission"] = "y"
    claim["diagnoses"].append(
        {"sequence": 2, "code": "I10", "system": "icd-10-am", "type": ["admitting"], "on_admission": "y"}
    )
    return claim


def _newborn() -> dict[str, Any]:
    claim = _institutional() | {"newborn": True}
    claim["patient"] |= {"birth_date": "2026-07-28"}
    claim["diagnoses"] = [
        {"sequence": 1, "code": "Z38.0", "system": "icd-10-am", "type": ["principal"], "on_admission": "y"}
    ]
    changed = {
        "vital-sign-weight": "3.4", "vital-sign-height": "50", "vital-sign-systolic": "70",
        "vital-sign-diastolic": "40", "pulse": "140", "respiratory-rate": "40",
    }  # fmt: skip
    for entry in claim["supporting_info"]:
        if entry["category"] in changed:
            entry["value_quantity"]["value"] = changed[entry["category"]]
    weights = [
        {"category": category, "value_quantity": {"value": "3.4", "unit": "kg"}}
        for category in ("birth-weight", "admission-weight")
    ]
    first = len(claim["supporting_info"]) + 1
    claim["supporting_info"] += [{"sequence": first + at, **entry} for at, entry in enumerate(weights)]
    claim["lines"][0]["information_sequences"] = list(range(1, first + len(weights)))
    return claim


def _oral() -> dict[str, Any]:
    claim = _nphies("oral", "op", "oral-claim", encounter={"service_event_type": "initial"})
    claim["lines"][0] |= {"code": "97011-00-00", "system": "nphies-oral-op", "tooth": "11"}
    return claim


def _pharmacy() -> dict[str, Any]:
    claim = _nphies("pharmacy", "op", "pharmacy-claim")
    del claim["encounter"]
    claim["prescription"] = "RX-1"
    claim["supporting_info"] = [
        {"sequence": 1, "category": "days-supply", "value_quantity": {"value": "30", "unit": "d"}}
    ]
    claim["lines"][0] |= {"code": "06285101000011", "system": "nphies-medication"}
    return claim


def _vision() -> dict[str, Any]:
    claim = _nphies("vision", "op", "vision-claim")
    del claim["encounter"]
    claim["supporting_info"] = []
    claim["lines"][0] |= {"code": "42503-00-02", "system": "nphies-procedures", "information_sequences": []}
    return claim


def _preauthorization() -> dict[str, Any]:
    claim = _professional() | {
        "use": "preauthorization",
        "profile": [PROFILE.format("professional-priorauth")],
    }
    claim["encounter"] |= {"status": "planned"}
    claim["lines"][0].pop("patient_invoice")
    return claim


def _x12() -> dict[str, Any]:
    claim = _base() | {"regime": "x12-us", "currency": "USD", "frequency_code": "1"}
    claim["provider"] = {
        "id": "1234567893", "taxonomy": "207Q00000X", "name": "Clinic",
        "identifiers": [{"type": "EI", "value": "123456789"}],
        "address": {"lines": ["1 Main"], "city": "Springfield", "state": "IL", "postal_code": "627010001"},
    }  # fmt: skip
    claim["patient"] |= {"name": "Doe", "address": claim["provider"]["address"]}
    claim["insurance"][0] |= {"responsibility": "P", "claim_filing_indicator": "CI"}
    claim["insurance"][0]["coverage"] |= {"payer": "12345", "relationship": "self"}
    claim["care_team"] = [
        {"sequence": 1, "practitioner": "1234567893", "role": "rendering", "taxonomy": "207Q00000X"}
    ]
    claim["diagnoses"][0]["code"] = "E119"
    claim["supporting_info"] = []
    return claim


def _x12_professional() -> dict[str, Any]:
    claim = copy.deepcopy(_x12())
    line = claim["lines"][0]
    for name in ("unit_price", "factor", "tax", "patient_share", "information_sequences"):
        del line[name]
    line |= {"code": "G0463", "system": "hcpcs", "place_of_service": "11", "unit_of_measure": "UN"}
    line |= {"quantity": 1, "line_control_number": "1"}
    return claim


def _x12_institutional() -> dict[str, Any]:
    claim = _x12_professional() | {"type": "institutional", "subtype": None}
    del claim["subtype"], claim["encounter"]
    claim["care_team"] = [{"sequence": 1, "practitioner": "1234567893", "role": "attending"}]
    claim["diagnoses"] = [
        {"sequence": 1, "code": "E119", "system": "icd-10-cm", "type": ["principal"], "on_admission": "y"},
        {"sequence": 2, "code": "I10", "system": "icd-10-cm", "type": ["admitting"]},
    ]
    claim["billable_period"] = {"start": "2026-07-28", "end": "2026-08-01"}
    claim["institutional"] = {
        "type_of_bill": "111", "admission_type": "1", "admission_source": "1", "patient_status": "01",
        "admission_datetime": "2026-07-28T10:00:00", "discharge_hour": "12", "drg": "638",
    }  # fmt: skip
    line = claim["lines"][0]
    for name in ("code", "system", "place_of_service", "diagnosis_sequences"):
        del line[name]
    line |= {"revenue_code": "0120", "unit_of_measure": "DA", "quantity": 4}
    return claim
