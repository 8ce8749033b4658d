"""Draws claims as their senders would write them, mistakes included; says nothing about denial.

What varies is what payers judge: documents, permission, price, quantity, sums, fit of service and patient.
The claim is written plainly here; `regimes` adds what an exchange asks for.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import msgspec
import numpy as np

from formats import model
from payersim.domain import catalogue, papers, population, regimes, tariffs, visits

SLIP_MINOR = (1_000, 20_000)  # how far a sum is off when a clerk slips
STAY_DAYS = 2
RESENT_AFTER_DAYS = (3, 20)
TYPES = {"emergency": "professional"}
SUBTYPES = {"emergency": "emr", "institutional": "ip"}
STAFF = 6  # practitioners of a house
WRONG_DIAGNOSIS_RATE = 0.04  # a diagnosis of the other sex slips through


@dataclass(frozen=True, slots=True)
class Drawn:
    """A claim with the facts its adjudication needs and the sender does not write."""

    claim: model.Claim
    visit: visits.Visit
    services: tuple[catalogue.Service, ...]
    created_day: date
    faults: frozenset[str]

    @property
    def patient(self) -> population.Patient:
        """The member."""
        return self.visit.patient

    @property
    def provider(self) -> population.Provider:
        """The sender."""
        return self.visit.provider

    @property
    def service_day(self) -> date:
        """The day of the visit."""
        return self.visit.day

    @property
    def month(self) -> int:
        """The month of the simulated time, from 0."""
        return self.visit.month


def draw(rng: np.random.Generator, world: population.World, number: int, day: date) -> Drawn:
    """Return claim number `number` about a visit on a day; the same generator state gives the same claim."""
    visit = visits.draw(rng, world, day)
    billed = visits.services(rng, visit)
    claim = regimes.dress(_claim(rng, number, visit, billed), visit, billed)
    return Drawn(claim, visit, billed, visit.created, frozenset(visit.faults))


def resent(rng: np.random.Generator, earlier: Drawn, number: int, today: date) -> Drawn:
    """Return the same claim sent once more under another number, as senders do who saw no answer.

    It is sent some days after the first time, and never before `today`, which the world has reached.
    """
    created = max(today, earlier.created_day + timedelta(days=int(rng.integers(*RESENT_AFTER_DAYS))))
    at = (earlier.claim.created or "")[10:]
    claim = msgspec.structs.replace(
        earlier.claim, claim_id=_identifier(number), created=created.isoformat() + at
    )
    return Drawn(claim, earlier.visit, earlier.services, created, earlier.faults | {"duplicate"})


def _identifier(number: int) -> str:
    return f"SIM-{number:08d}"


def _claim(
    rng: np.random.Generator, number: int, visit: visits.Visit, billed: tuple[catalogue.Service, ...]
) -> model.Claim:
    """Return the claim as the base regime says it."""
    diagnoses = _diagnoses(rng, visit)
    information = papers.gather(rng, visit, len(billed))
    each = visit.kind == "pharmacy"  # a medicine points to its own supply
    pointed = [one.sequence for one in information]
    lines = [
        _line(
            rng, visit, service, index + 1,
            diagnosis=1 + int(rng.integers(len(diagnoses))),
            information=[index + 1] if each else pointed[:1] if visit.provider.regime == "base" else pointed,
        )
        for index, service in enumerate(billed)
    ]  # fmt: skip
    visit.faults |= {fault for service in billed for fault in _misfits(visit, service, diagnoses)}
    return model.Claim(
        claim_id=_identifier(number),
        type=TYPES.get(visit.kind, visit.kind),
        subtype=SUBTYPES.get(visit.kind, "op"),
        use="claim",
        regime="base",
        status="active",
        priority="normal",
        created=datetime.combine(visit.created, time(9, int(rng.integers(60))), UTC).strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        ),
        currency="USD" if visit.patient.payer.country == "us" else "SAR",
        provider=model.Provider(id=visit.provider.id, type=visit.provider.type, branch=visit.provider.branch),
        payee=model.Payee(type="provider"),
        prescription=f"RX-{number:08d}" if visit.kind == "pharmacy" else None,
        patient=model.Patient(
            id=visit.patient.id, id_type="mrn", occupation="business",
            birth_date=visit.patient.birth.isoformat(), sex=visit.patient.sex,
        ),
        insurance=[_insurance(rng, number, visit, billed)],
        encounter=_encounter(visit),
        diagnoses=diagnoses,
        care_team=[_practitioner(rng, visit)],
        supporting_info=information,
        lines=lines,
        total=_total(rng, visit, lines),
    )  # fmt: skip


def _misfits(visit: visits.Visit, service: catalogue.Service, diagnoses: list[model.Diagnosis]) -> set[str]:
    """Return in which ways a service does not fit its patient, place and diagnoses."""
    found = {
        "diagnosis-sex"
        for one in diagnoses
        if catalogue.DIAGNOSIS_SEX.get(one.code or "", visit.patient.sex) != visit.patient.sex
    }
    if not visits.fits(service, visit.patient.sex, visits.age(visit.patient.birth, visit.day)):
        found.add("person")
    if service.inpatient and not visit.inpatient:
        found.add("setting")
    named = set().union(*(catalogue.DIAGNOSIS_GROUPS[one.code] for one in diagnoses if one.code))
    if service.group not in named and service is not catalogue.VISIT:
        found.add("diagnosis")
    return found


def _encounter(visit: visits.Visit) -> model.Encounter | None:
    if visit.kind in {"pharmacy", "vision"}:
        return None
    end = visit.day + timedelta(days=STAY_DAYS if visit.inpatient else 0)
    kind = {"institutional": "IMP", "emergency": "EMER"}.get(visit.kind, "AMB")
    return model.Encounter(class_=kind, start=visit.day.isoformat(), end=end.isoformat())


def _practitioner(rng: np.random.Generator, visit: visits.Visit) -> model.CareTeamMember:
    who = f"{visit.provider.id}-D{int(rng.integers(STAFF))}"
    specialty = visit.group
    if "specialty" in visit.faults:
        specialty = catalogue.GROUPS[int(rng.integers(len(catalogue.GROUPS)))]
        if specialty == visit.group:
            visit.faults.discard("specialty")
    return model.CareTeamMember(
        sequence=1, practitioner=who, role="primary", qualification=specialty, responsible=True
    )


def _insurance(
    rng: np.random.Generator, number: int, visit: visits.Visit, billed: tuple[catalogue.Service, ...]
) -> model.Insurance:
    patient = visit.patient
    wrong = "cover" in visit.faults  # the clerk writes down the card of last year
    start = patient.covered if patient.covered <= visit.day else visit.day.replace(day=1)
    end = visit.day - timedelta(days=40) if wrong else start + timedelta(days=1_100)
    return model.Insurance(
        sequence=1,
        focal=True,
        coverage=model.Coverage(
            member_id=patient.member, payer=patient.payer.id, plan=patient.plan, relationship="self",
            start=min(start, end).isoformat(), end=end.isoformat(),
        ),
        preauth_refs=[f"PA-{number:07d}"] if visits.permitted(rng, visit, billed) else [],
    )  # fmt: skip


def _diagnoses(rng: np.random.Generator, visit: visits.Visit) -> list[model.Diagnosis]:
    codes = [code for code in catalogue.DIAGNOSES[visit.group] if _possible(rng, visit, code)] or ["R10.9"]
    count = min(len(codes), 1 + int(rng.binomial(2, 0.4)))
    chosen = rng.permutation(len(codes))[:count].tolist()
    return [
        model.Diagnosis(
            sequence=place, code=codes[at], system="icd-10-cm",
            type=["principal" if place == 1 else "secondary"],
        )
        for place, at in enumerate(chosen, 1)
    ]  # fmt: skip


def _possible(rng: np.random.Generator, visit: visits.Visit, code: str) -> bool:
    """Return whether a diagnosis is one for the patient's sex, or a clerk does not see that it is not."""
    if catalogue.DIAGNOSIS_SEX.get(code, visit.patient.sex) == visit.patient.sex:
        return True
    return bool(rng.random() < WRONG_DIAGNOSIS_RATE)


def _line(
    rng: np.random.Generator,
    visit: visits.Visit,
    service: catalogue.Service,
    sequence: int,
    *,
    diagnosis: int,
    information: list[int],
) -> model.Line:
    payer = visit.patient.payer
    quantity = visits.units(rng, visit, service)
    markup = 1 + visit.provider.markup + float(rng.normal(0, 0.03))
    price = max(1, round(tariffs.listed(service, payer, visit.month) * markup))
    net = price * quantity
    if sequence == 1 and "arithmetic" in visit.faults:
        net += int(rng.integers(*SLIP_MINOR))
    share = 0.0 if "share" in visit.faults else payer.copay
    if not payer.copay or visit.provider.regime == "x12-us":  # nobody can tell there
        visit.faults.discard("share")
    return model.Line(
        sequence=sequence,
        code=service.code,
        system="local" if service.group == "oral" else "hcpcs",
        service_date=visit.day.isoformat(),
        quantity=Decimal(quantity),
        unit_price=Decimal(price).scaleb(-2),
        factor=Decimal(1),
        tax=Decimal(0),
        net=Decimal(net).scaleb(-2),
        patient_share=Decimal(round(net * share)).scaleb(-2),
        diagnosis_sequences=[diagnosis],
        care_team_sequences=[1],
        information_sequences=information,
    )


def _total(rng: np.random.Generator, visit: visits.Visit, lines: list[model.Line]) -> Decimal:
    total = sum((line.net for line in lines if line.net is not None), Decimal(0))
    if "total" in visit.faults:
        total += Decimal(int(rng.integers(*SLIP_MINOR))).scaleb(-2)
    return total
