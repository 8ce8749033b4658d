"""Claims without a fault, of every regime and type: what rules must let pass, and where tests plant faults.

A claim is a plain canonical document. `ALL` names the kinds (`nphies/oral`, `x12-us/inpatient` …); `claim`
gives one by kind and seed, always the same; `strategy` a Hypothesis strategy of a kind; `every` goes through
all kinds. Every claim is judged as of AS_OF. Amounts are texts, so that they are exact.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from hypothesis import strategies as st

import dice
import sound_us_claims as us

AS_OF = date(2026, 8, 2)
CREATED = "2026-08-02T09:30:00+03:00"
PROVIDER, PAYER = "10000000000101", "7001571327"
type Claim = dict[str, Any]
type Maker = Callable[[dice.Dice], Claim]

_BASE_DIAGNOSES = ["E11.9", "I10", "J06.9", "K21.9", "N39.0", "R05.9"]
_VITAL_SIGNS = [
    ("vital-sign-weight", "72", "kg"), ("vital-sign-height", "171", "cm"),
    ("vital-sign-systolic", "124", "mm[Hg]"), ("vital-sign-diastolic", "78", "mm[Hg]"),
    ("temperature", "36.8", "Cel"), ("pulse", "72", "/min"), ("oxygen-saturation", "98", "%"),
    ("respiratory-rate", "16", "/min"),
]  # fmt: skip
_INFANTS = {
    "vital-sign-weight": "3.4", "vital-sign-height": "51", "vital-sign-systolic": "70",
    "vital-sign-diastolic": "42", "temperature": "36.9", "pulse": "132", "respiratory-rate": "44",
}  # fmt: skip
_TOLD = ["treatment-plan", "patient-history", "physical-examination", "history-of-present-illness"]


def priced(
    dice_: dice.Dice, *, most: int = 5, taxed: bool = True, factors: tuple[str, ...] = ("1", "0.9", "0.85")
) -> Claim:
    """Return quantity, price, factor, tax, net and the patient's share of a line; they add up."""
    quantity = dice_.whole(1, most)
    price = Decimal(dice_.whole(500, 200_000)) / 100
    factor = Decimal(dice_.one(factors))
    bare = (quantity * price * factor).quantize(Decimal("0.01"), ROUND_HALF_UP)
    rate = Decimal(dice_.one(["0", "0.15"])) if taxed else Decimal(0)
    tax = (bare * rate).quantize(Decimal("0.01"), ROUND_HALF_UP)
    share = ((bare + tax) * dice_.whole(0, 20) / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return {
        "quantity": quantity, "unit_price": str(price), "factor": str(factor), "tax": str(tax),
        "net": str(bare + tax), "patient_share": str(share),
    }  # fmt: skip


def totalled(claim: Claim) -> Claim:
    """Return the claim with the total of its lines."""
    return claim | {"total": str(sum(Decimal(line["net"]) for line in claim["lines"]))}


def _day(back: int) -> str:
    return (AS_OF - timedelta(days=back)).isoformat()


def _head(dice_: dice.Dice, kind: str, subtype: str, *, use: str = "claim") -> Claim:
    number = dice_.whole(1, 999_999)
    return {
        "claim_id": f"CLM-2026-{number:06d}", "type": kind, "subtype": subtype, "use": use, "regime": "base",
        "status": "active", "priority": "normal", "created": CREATED, "currency": "SAR",
        "provider": {"id": PROVIDER, "type": "hospital"},
        "payee": {"type": "provider"},
        "patient": {
            "id": f"1{number:09d}", "id_type": "national_id", "occupation": "business",
            "birth_date": _day(dice_.whole(20, 70) * 365), "sex": dice_.one(["male", "female"]),
        },
        "insurance": [{"sequence": 1, "focal": True, "coverage": {
            "member_id": f"M-{number:06d}", "policy": "P-77", "payer": PAYER, "relationship": "self",
            "start": "2026-01-01", "end": "2026-12-31",
        }}],
        "care_team": [
            {"sequence": 1, "practitioner": f"PR-{dice_.whole(1, 99)}", "role": "primary",
             "qualification": "08.26", "responsible": True},
        ],
    }  # fmt: skip


def _diagnoses(dice_: dice.Dice, *, system: str = "icd-10-cm", codes: list[str] | None = None) -> list[Claim]:
    listed = codes or [_BASE_DIAGNOSES[at] for at in sorted({dice_.whole(0, 5), dice_.whole(0, 5)})]
    return [
        {"sequence": at, "code": code, "system": system, "type": ["principal" if at == 1 else "secondary"]}
        for at, code in enumerate(listed, start=1)
    ]


def _lines(
    dice_: dice.Dice, claim: Claim, *, day: str, system: str = "local", code: str = "X-{at:03d}", **more: Any
) -> list[Claim]:
    pointed = [info["sequence"] for info in claim.get("supporting_info", [])]
    return [
        {
            "sequence": at, "code": code.format(at=at), "system": system, "service_date": day,
            **priced(dice_), "diagnosis_sequences": [1], "care_team_sequences": [1],
            "information_sequences": pointed, **more,
        }
        for at in range(1, dice_.whole(1, 4) + 1)
    ]  # fmt: skip


def _visit(day: str, kind: str = "AMB") -> Claim:
    return {"class": kind, "start": f"{day}T08:00:00+03:00", "end": f"{day}T08:40:00+03:00"}


def _stay(dice_: dice.Dice) -> tuple[str, Claim]:
    days = dice_.whole(1, 6)
    begun = dice_.whole(days, days + 20)
    return _day(begun - days // 2), {
        "class": "IMP", "id": "ENC-1", "status": "finished", "admit_source": "AA", "specialty": "08.26",
        "start": f"{_day(begun)}T10:00:00+03:00", "end": f"{_day(begun - days)}T12:00:00+03:00",
        "intended_length_of_stay": "AS", "discharge_disposition": "home", "discharge_specialty": "08.26",
    }  # fmt: skip


def _emergency(day: str) -> Claim:
    return _visit(day, "EMER") | {
        "triage_category": "U", "triage_date": f"{day}T08:05:00+03:00", "emergency_arrival": "EMS",
        "emergency_service_start": f"{day}T08:10:00+03:00", "emergency_disposition": "DWT",
    }  # fmt: skip


def _infos(*entries: Claim) -> list[Claim]:
    return [entry | {"sequence": at} for at, entry in enumerate(entries, start=1)]


def _complaint() -> Claim:
    return {"category": "chief-complaint", "text": "thirst"}


def base_professional(dice_: dice.Dice) -> Claim:
    """A visit to a doctor."""
    day = _day(dice_.whole(0, 30))
    claim = _head(dice_, "professional", "op") | {
        "encounter": _visit(day), "diagnoses": _diagnoses(dice_), "supporting_info": _infos(_complaint()),
    }  # fmt: skip
    return totalled(claim | {"lines": _lines(dice_, claim, day=day)})


def base_institutional(dice_: dice.Dice) -> Claim:
    """A stay in hospital, with a package and its details."""
    day, stay = _stay(dice_)
    claim = _head(dice_, "institutional", "ip") | {"encounter": stay, "diagnoses": _diagnoses(dice_)}
    lines = _lines(dice_, claim, day=day)
    lines[0] |= {"package": True, "details": [{"sequence": 1, "code": "X-D", "system": "local"}]}
    return totalled(claim | {"lines": lines})


def base_oral(dice_: dice.Dice) -> Claim:
    """Fillings, each of another tooth."""
    day = _day(dice_.whole(0, 30))
    claim = _head(dice_, "oral", "op") | {
        "encounter": _visit(day), "diagnoses": _diagnoses(dice_, codes=["K02.9"]),
        "supporting_info": _infos(_complaint()),
    }  # fmt: skip
    lines = _lines(dice_, claim, day=day, code="D2391")
    for at, line in enumerate(lines, start=1):
        line |= {"tooth": f"1{at}", "body_site": f"1{at}", "sub_site": ["M", "O"]}
    return totalled(claim | {"lines": lines})


def base_pharmacy(dice_: dice.Dice) -> Claim:
    """Medicines, each with how long it lasts."""
    day = _day(dice_.whole(0, 30))
    claim = _head(dice_, "pharmacy", "op") | {
        "prescription": "RX-1", "diagnoses": _diagnoses(dice_, codes=["E11.9"]),
    }  # fmt: skip
    lines = _lines(dice_, claim, day=day, code="0628500000{at:04d}", system="gtin")
    supplies = [
        {"category": "days-supply", "value_quantity": {"value": dice_.whole(5, 90), "unit": "d"}}
        for _ in lines
    ]
    for line in lines:
        line |= {"information_sequences": [line["sequence"]]}
    return totalled(claim | {"lines": lines, "supporting_info": _infos(*supplies)})


def base_vision(dice_: dice.Dice) -> Claim:
    """Glasses."""
    day = _day(dice_.whole(0, 30))
    claim = _head(dice_, "vision", "op") | {"diagnoses": _diagnoses(dice_, codes=["H52.13"])}
    return totalled(claim | {"lines": _lines(dice_, claim, day=day)})


def base_emergency(dice_: dice.Dice) -> Claim:
    """A visit to the emergency room."""
    day = _day(dice_.whole(0, 30))
    claim = _head(dice_, "professional", "emr") | {
        "encounter": _emergency(day), "diagnoses": _diagnoses(dice_), "supporting_info": _infos(_complaint()),
    }  # fmt: skip
    return totalled(claim | {"lines": _lines(dice_, claim, day=day, emergency=True)})


def base_newborn(dice_: dice.Dice) -> Claim:
    """The stay of a child that was born in it."""
    claim = base_institutional(dice_)
    claim["patient"] |= {"birth_date": claim["encounter"]["start"][:10]}
    return claim | {
        "newborn": True, "diagnoses": _diagnoses(dice_, codes=["Z38.00"]),
        "supporting_info": _infos(
            {"category": "birth-weight", "value_quantity": {"value": "3.4", "unit": "kg"}}
        ),
    }  # fmt: skip


def base_preauthorization(dice_: dice.Dice) -> Claim:
    """A request for permission: the service lies ahead."""
    claim = base_professional(dice_) | {"use": "preauthorization"}
    ahead = _day(-dice_.whole(1, 30))
    for line in claim["lines"]:
        line |= {"service_date": ahead}
    return claim | {"encounter": {"class": "AMB", "start": f"{ahead}T08:00:00+03:00"}}


_NPHIES_PROFILE = "http://nphies.sa/fhir/ksa/nphies-fs/StructureDefinition/{kind}-{use}|5.2.0"


def _nphies(claim: Claim) -> Claim:
    """Return a claim with what the exchange asks of every type of it under version 5.2."""
    use = "claim" if claim["use"] == "claim" else "priorauth"
    system = "icd-10-am"
    claim = claim | {
        "regime": "nphies", "profile": [_NPHIES_PROFILE.format(kind=claim["type"], use=use)],
        "diagnoses": [row | {"system": system, "code": row["code"][:5]} for row in claim["diagnoses"]],
    }  # fmt: skip
    for line in claim["lines"]:
        line |= {"maternity": False}
        if use == "claim":
            line |= {"patient_invoice": f"INV-{claim['claim_id'][-6:]}-{line['sequence']}"}
    if use == "claim":
        claim |= {"episode": {"value": "EP-1"}, "eligibility": {"response": "ELG-1"}}
    if "encounter" in claim:
        claim["encounter"] |= {"id": "ENC-1", "status": "finished" if use == "claim" else "planned"}
        if claim["encounter"]["class"] == "AMB":
            claim["encounter"] |= {"service_type": "acute-care", "service_event_type": "ICSE"}
    return claim


def _documented(claim: Claim, *, infant: bool = False) -> Claim:
    """Return the claim with vital signs, complaint, history, examination, plan and results."""
    day = claim["lines"][0]["service_date"]
    measured = [
        (name, _INFANTS.get(name, value) if infant else value, unit) for name, value, unit in _VITAL_SIGNS
    ]
    signs = [
        {"category": name, "value_quantity": {"value": value, "unit": unit}, "start": day, "end": day}
        for name, value, unit in measured
    ]
    told = [{"category": name, "value_string": f"Written down: {name}."} for name in _TOLD]
    results = {"category": "investigation-result", "code": "NA", "system": "nphies"}
    kept = [row for row in claim.get("supporting_info", []) if row["category"] != "chief-complaint"]
    infos = _infos(_complaint(), *signs, *told, results, *kept)
    pointed = [info["sequence"] for info in infos]
    lines = [line | {"information_sequences": pointed} for line in claim["lines"]]
    return claim | {"supporting_info": infos, "lines": lines}


def _sbs(claim: Claim) -> Claim:
    lines = [
        line | {"system": "sbs", "code": f"{30_000 + line['sequence']}-00-00"} for line in claim["lines"]
    ]
    return claim | {"lines": lines}


def nphies_professional(dice_: dice.Dice) -> Claim:
    """A visit to a doctor, with everything the exchange asks for."""
    return _documented(_nphies(_sbs(base_professional(dice_))))


def nphies_institutional(dice_: dice.Dice) -> Claim:
    """A stay in hospital, with its admission and discharge."""
    return _documented(_nphies(_sbs(base_institutional(dice_))))


def nphies_oral(dice_: dice.Dice) -> Claim:
    """Dental care."""
    claim = _nphies(base_oral(dice_))
    for line in claim["lines"]:
        line |= {"system": "nphies-oral-op"}
    return claim


def nphies_pharmacy(dice_: dice.Dice) -> Claim:
    """Medicines by their trade numbers."""
    return _nphies(base_pharmacy(dice_))


def nphies_vision(dice_: dice.Dice) -> Claim:
    """Glasses."""
    return _nphies(base_vision(dice_))


def nphies_emergency(dice_: dice.Dice) -> Claim:
    """A visit to the emergency room, with its triage."""
    return _documented(_nphies(_sbs(base_emergency(dice_))))


def nphies_newborn(dice_: dice.Dice) -> Claim:
    """The stay of a newborn, with its weights."""
    claim = _nphies(_sbs(base_newborn(dice_)))
    weights = [
        {"category": name, "value_quantity": {"value": "3.4", "unit": "kg"}}
        for name in ("birth-weight", "admission-weight")
    ]
    return _documented(claim | {"supporting_info": _infos(*weights)}, infant=True)


def nphies_preauthorization(dice_: dice.Dice) -> Claim:
    """A request for permission of a planned visit."""
    return _documented(_nphies(_sbs(base_preauthorization(dice_))))


ALL: dict[str, Maker] = {
    "base/professional": base_professional, "base/institutional": base_institutional,
    "base/oral": base_oral, "base/pharmacy": base_pharmacy, "base/vision": base_vision,
    "base/emergency": base_emergency, "base/newborn": base_newborn,
    "base/preauthorization": base_preauthorization,
    "nphies/professional": nphies_professional, "nphies/institutional": nphies_institutional,
    "nphies/oral": nphies_oral, "nphies/pharmacy": nphies_pharmacy, "nphies/vision": nphies_vision,
    "nphies/emergency": nphies_emergency, "nphies/newborn": nphies_newborn,
    "nphies/preauthorization": nphies_preauthorization,
    **us.ALL,
}  # fmt: skip


def claim(kind: str, seed: int = 0) -> Claim:
    """Return a claim of a kind; the same kind and seed give the same claim."""
    return ALL[kind](dice.Seeded(seed))


def strategy(kind: str) -> st.SearchStrategy[Claim]:
    """Return a Hypothesis strategy of claims of a kind."""
    return dice.strategy(ALL[kind])


def every(*, of_each: int = 1) -> Iterator[tuple[str, Claim]]:
    """Yield kind and claim, `of_each` claims of every kind."""
    for kind in ALL:
        for seed in range(of_each):
            yield kind, claim(kind, seed)
