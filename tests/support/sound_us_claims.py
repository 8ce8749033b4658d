"""US claims without a fault, as an 837P or 837I would say them; part of sound_claims."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import dice

AS_OF = date(2026, 8, 2)
CREATED = "2026-08-02T09:30:00-04:00"
# Numbers whose last digit checks the others; none was looked up anywhere.
NPIS = ["1234567893", "1245319599", "1679576722", "1003000126"]
_DIAGNOSES = ["E11.9", "I10", "J06.9", "K21.9", "N39.0", "M54.50"]
_SERVICES = ["G0463", "G0008", "G0101", "G0108"]
type Claim = dict[str, Any]


def _day(back: int) -> str:
    return (AS_OF - timedelta(days=back)).isoformat()


def _principal(*codes: str) -> list[Claim]:
    return [
        {
            "sequence": at,
            "code": code,
            "system": "icd-10-cm",
            "type": ["principal" if at == 1 else "secondary"],
        }
        for at, code in enumerate(codes, start=1)
    ]


def _totalled(claim: Claim) -> Claim:
    return claim | {"total": str(sum(Decimal(line["net"]) for line in claim["lines"]))}


def _head(dice_: dice.Dice, kind: str) -> Claim:
    number = dice_.whole(1, 999_999)
    address = {"lines": ["1 High Street"], "city": "Ames", "state": "IA", "postal_code": "500101234"}
    return {
        "claim_id": f"US{number:06d}", "type": kind, "use": "claim", "regime": "x12-us",
        "created": CREATED, "currency": "USD", "frequency_code": "1",
        "provider": {
            "id": NPIS[0], "name": "Example Clinic", "taxonomy": "261QP2300X", "address": address,
            "identifiers": [{"type": "EI", "value": "123456789"}],
        },
        "patient": {
            "name": "Example", "birth_date": _day(dice_.whole(20, 80) * 365),
            "sex": dice_.one(["male", "female", "unknown"]), "address": address,
        },
        "insurance": [{
            "sequence": 1, "focal": True, "responsibility": "P",
            "claim_filing_indicator": dice_.one(["CI", "MB"]),
            "coverage": {"member_id": f"W{number:08d}", "payer": "00123", "relationship": "self",
                         "start": "2026-01-01", "end": "2026-12-31"},
        }],
    }  # fmt: skip


def _diagnoses(dice_: dice.Dice) -> list[Claim]:
    codes = [_DIAGNOSES[at] for at in sorted({dice_.whole(0, 5), dice_.whole(0, 5), dice_.whole(0, 5)})]
    return [
        {
            "sequence": at,
            "code": code,
            "system": "icd-10-cm",
            "type": ["principal" if at == 1 else "secondary"],
        }
        for at, code in enumerate(codes, start=1)
    ]


def _services(dice_: dice.Dice, day: str, diagnoses: int) -> list[Claim]:
    first = dice_.whole(0, 3)
    return [
        {
            "sequence": at, "code": _SERVICES[(first + at) % 4], "system": "hcpcs", "service_date": day,
            "quantity": 1, "unit_of_measure": "UN", "net": str(Decimal(dice_.whole(1_000, 90_000)) / 100),
            "place_of_service": "11", "modifiers": dice_.one([[], ["25"], ["GA"]]),
            "diagnosis_sequences": list(range(1, min(diagnoses, 4) + 1)), "care_team_sequences": [1],
            "line_control_number": f"L{at}",
        }
        for at in range(1, dice_.whole(1, 4) + 1)
    ]  # fmt: skip


def _practitioner(number: int, role: str, **more: str) -> Claim:
    return {"sequence": number, "practitioner": NPIS[number], "role": role, **more}


def professional(dice_: dice.Dice) -> Claim:
    """An office visit, 837P."""
    diagnoses = _diagnoses(dice_)
    return _totalled(_head(dice_, "professional") | {
        "diagnoses": diagnoses,
        "care_team": [_practitioner(1, "rendering", taxonomy="207Q00000X")],
        "lines": _services(dice_, _day(dice_.whole(0, 60)), len(diagnoses)),
    })  # fmt: skip


def referred(dice_: dice.Dice) -> Claim:
    """An office visit on referral and authorisation, with a drug."""
    claim = professional(dice_)
    claim["care_team"].append(_practitioner(2, "referring"))
    claim["insurance"][0] |= {"preauth_refs": ["A1234"]}
    claim["lines"][0] |= {
        "code": "J1100", "preauth_ref": "A1234",
        "ndc": {"code": "00517490125", "quantity": dice_.whole(1, 5), "unit": "ML"},
    }  # fmt: skip
    return claim | {"referral": "R77"}


def accident(dice_: dice.Dice) -> Claim:
    """Care after a road accident; the cause is the second diagnosis."""
    claim = professional(dice_)
    days = dice_.whole(0, 10)
    happened = (date.fromisoformat(claim["lines"][0]["service_date"]) - timedelta(days=days)).isoformat()
    lines = [line | {"diagnosis_sequences": [1]} for line in claim["lines"]]
    return claim | {
        "accident": {"type": "AA", "date": happened, "state": "IA"}, "lines": lines,
        "diagnoses": _principal("S52.501A", "V43.52XA"),
    }  # fmt: skip


def replacement(dice_: dice.Dice) -> Claim:
    """A corrected claim in place of an earlier one."""
    return professional(dice_) | {"frequency_code": "7", "payer_claim_control_number": "P20260001"}


def secondary(dice_: dice.Dice) -> Claim:
    """A claim to the second payer, with what the first one decided; it adds up per line and in all."""
    claim = professional(dice_)
    paid = Decimal(0)
    for line in claim["lines"]:
        net = Decimal(line["net"])
        off = (net * dice_.whole(0, 40) / 100).quantize(Decimal("0.01"))
        left = (net * dice_.whole(0, 30) / 100).quantize(Decimal("0.01"))
        adjustments = [
            {"group": "CO", "carc": "45", "amount": str(off)},
            {"group": "PR", "carc": "2", "amount": str(left)},
        ]  # fmt: skip
        line["prior_payer"] = [
            {"payer": "00456", "paid": str(net - off - left), "code": line["code"], "quantity": 1,
             "date": _day(1), "adjustments": adjustments}
        ]  # fmt: skip
        paid += net - off - left
    first = {
        "sequence": 2, "focal": False, "responsibility": "P", "claim_filing_indicator": "CI",
        "coverage": {"member_id": "X1", "payer": "00456", "relationship": "self"},
        "adjudicated": {"paid": str(paid), "date": _day(1)},
    }  # fmt: skip
    return claim | {"insurance": [claim["insurance"][0] | {"responsibility": "S"}, first]}


def _hospital(dice_: dice.Dice, bill: str, first: str, last: str) -> Claim:
    diagnoses = _diagnoses(dice_)
    return _head(dice_, "institutional") | {
        "diagnoses": diagnoses, "billable_period": {"start": first, "end": last},
        "care_team": [_practitioner(1, "attending", taxonomy="207R00000X")],
        "institutional": {
            "type_of_bill": bill, "admission_type": "3", "admission_source": "1", "patient_status": "01",
            "condition_codes": ["C1"], "occurrence_codes": [{"code": "11", "date": first}],
            "value_codes": [{"code": "A2", "amount": "20.00"}],
        },
    }  # fmt: skip


def outpatient(dice_: dice.Dice) -> Claim:
    """Outpatient care in a hospital, 837I with type of bill 131."""
    day = _day(dice_.whole(0, 60))
    claim = _hospital(dice_, "0131", day, day)
    services = [
        line | {"revenue_code": "0510", "place_of_service": None} for line in _services(dice_, day, 1)
    ]
    for line in services:
        del line["place_of_service"], line["diagnosis_sequences"]
    return _totalled(claim | {"lines": services})


def inpatient(dice_: dice.Dice) -> Claim:
    """A stay with room and board and an operation, 837I with type of bill 111."""
    days = dice_.whole(1, 9)
    end = dice_.whole(0, 60)
    first, last = _day(end + days), _day(end)
    claim = _hospital(dice_, "0111", first, last)
    claim["institutional"] |= {
        "admission_datetime": f"{first}T10:00:00", "discharge_hour": "11", "drg": "470",
        "occurrence_spans": [{"code": "74", "start": first, "end": first}],
    }  # fmt: skip
    for row in claim["diagnoses"]:
        row["on_admission"] = "y"
    claim["diagnoses"].append(
        {
            "sequence": len(claim["diagnoses"]) + 1,
            "code": "R05.9",
            "system": "icd-10-cm",
            "type": ["admitting"],
        }
    )
    claim["care_team"].append(_practitioner(2, "operating"))
    board, theatre = (Decimal(dice_.whole(50_000, 900_000)) / 100 for _ in range(2))
    lines = [
        {"sequence": 1, "revenue_code": "0120", "service_date": first, "quantity": days,
         "unit_of_measure": "DA", "net": str(board)},
        {"sequence": 2, "revenue_code": "0360", "service_date": first, "quantity": 1,
         "unit_of_measure": "UN", "net": str(theatre)},
    ]  # fmt: skip
    operation = {"sequence": 1, "code": "0DTJ4ZZ", "system": "icd-10-pcs", "date": first, "type": ["primary"]}
    return _totalled(claim | {"procedures": [operation], "lines": lines})


def newborn(dice_: dice.Dice) -> Claim:
    """The stay of a child born in the hospital."""
    claim = inpatient(dice_)
    claim["patient"] |= {"birth_date": claim["billable_period"]["start"]}
    claim["institutional"] |= {"admission_type": "4", "admission_source": "5"}
    del claim["procedures"]
    diagnoses = [
        {"sequence": 1, "code": "Z38.00", "system": "icd-10-cm", "type": ["principal"]},
        {"sequence": 2, "code": "Z38.00", "system": "icd-10-cm", "type": ["admitting"]},
    ]
    return claim | {"newborn": True, "diagnoses": diagnoses}


def interim(dice_: dice.Dice) -> Claim:
    """The first bill of a stay that goes on."""
    claim = inpatient(dice_)
    claim["institutional"] |= {"type_of_bill": "0112", "patient_status": "30"}
    del claim["institutional"]["discharge_hour"]
    claim["lines"][0] |= {
        "quantity": claim["lines"][0]["quantity"] + 1
    }  # the last day counts: the patient stays
    return claim | {"frequency_code": "2"}


ALL: dict[str, Callable[[dice.Dice], Claim]] = {
    "x12-us/professional": professional, "x12-us/referred": referred, "x12-us/accident": accident,
    "x12-us/replacement": replacement, "x12-us/secondary": secondary, "x12-us/outpatient": outpatient,
    "x12-us/inpatient": inpatient, "x12-us/newborn": newborn, "x12-us/interim": interim,
}  # fmt: skip
