"""Draws claims as their senders would write them, mistakes included; says nothing about denial.

Arithmetic always adds up (net = quantity x unit price + tax, total = sum of net): sums are the rules' affair.
What varies is what payers judge: documentation, permission, price, quantity, fit of service and patient.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np

from formats import model
from payersim.domain import catalogue, population

SLOPPY_GROUP_RATE = 0.05  # share of lines billed from another specialty than the diagnosis
OVER_QUANTITY_RATE = 0.03
WRONG_PERSON_RATE = 0.06  # a service for another sex or age slips through
VISIT_RATE = 0.55
USUAL_SPECIALTY_RATE = 0.7
INPATIENT_RATE = 0.2  # of a hospital's claims
WRONG_SETTING_RATE = 0.1
EXTRA_LINES = (5, 0.3)  # binomial: up to five more services
UNNEEDED_PERMISSION_RATE = 0.05
DAYS_PER_MONTH = 30.4
# How often a careful provider sends each kind of evidence.
DOCUMENTATION_RATES = {"chief-complaint": 1.0, "history-of-present-illness": 0.8, "vital-sign-systolic": 0.7}


@dataclass(frozen=True, slots=True)
class Visit:
    """One encounter before it is billed; `group` is the specialty it belongs to."""

    patient: population.Patient
    provider: population.Provider
    group: str
    day: date
    inpatient: bool


@dataclass(frozen=True, slots=True)
class Drawn:
    """A claim with the facts its adjudication needs and the sender does not write."""

    claim: model.Claim
    patient: population.Patient
    provider: population.Provider
    services: tuple[catalogue.Service, ...]
    service_day: date
    created_day: date
    month: int


def draw(rng: np.random.Generator, world: population.World, number: int) -> Drawn:
    """Return claim number `number` (0-based); the same generator state gives the same claim."""
    patient = world.patients[int(rng.integers(len(world.patients)))]
    provider = world.providers[int(rng.integers(len(world.providers)))]
    usual = patient.group in provider.groups and rng.random() < USUAL_SPECIALTY_RATE
    group = patient.group if usual else str(rng.choice(provider.groups))
    month = int(rng.integers(population.WORLD_MONTHS))
    day = population.WORLD_START + timedelta(days=int(month * DAYS_PER_MONTH + rng.integers(28)))
    inpatient = provider.type == "hospital" and rng.random() < INPATIENT_RATE
    visit = Visit(patient, provider, group, day, inpatient)
    services = _services(rng, visit)
    created = day + timedelta(days=1 + int(rng.exponential(provider.lag_days)))
    return Drawn(
        _claim(rng, number, visit, services, created), patient, provider, services, day, created, month
    )


def age(birth: date, day: date) -> int:
    """Return completed years of age on `day`."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def fits(service: catalogue.Service, sex: str, years: int) -> bool:
    """Return whether the service is meant for a person of this sex and age."""
    return service.sex in {"", sex} and service.min_age <= years <= service.max_age


def _services(rng: np.random.Generator, visit: Visit) -> tuple[catalogue.Service, ...]:
    chosen: list[catalogue.Service] = []
    if visit.provider.type != "pharmacy" and rng.random() < VISIT_RATE:
        chosen.append(catalogue.VISIT)
    for _ in range(1 + int(rng.binomial(*EXTRA_LINES))):
        sloppy = rng.random() < SLOPPY_GROUP_RATE
        source = str(rng.choice(catalogue.GROUPS)) if sloppy else visit.group
        options = [service for service in catalogue.BY_GROUP[source] if _plausible(rng, visit, service)]
        if options:
            chosen.append(options[int(rng.integers(len(options)))])
    unique = {service.code: service for service in chosen}
    return tuple(unique.values()) or (catalogue.VISIT,)


def _plausible(rng: np.random.Generator, visit: Visit, service: catalogue.Service) -> bool:
    meant = fits(service, visit.patient.sex, age(visit.patient.birth, visit.day))
    placed = visit.inpatient or not service.inpatient
    return (meant or rng.random() < WRONG_PERSON_RATE) and (placed or rng.random() < WRONG_SETTING_RATE)


def _claim(
    rng: np.random.Generator,
    number: int,
    visit: Visit,
    services: tuple[catalogue.Service, ...],
    created: date,
) -> model.Claim:
    diagnoses = _diagnoses(rng, visit.group)
    information = _information(rng, visit)
    lines = [
        _line(
            rng,
            visit,
            service,
            sequence=index + 1,
            diagnosis=1 + int(rng.integers(len(diagnoses))),
            information=[1] if information else [],
        )
        for index, service in enumerate(services)
    ]
    at = datetime.combine(created, time(9, int(rng.integers(60))), UTC)
    setting = "institutional" if visit.inpatient else "professional"
    return model.Claim(
        claim_id=f"SIM-{number:08d}",
        type="pharmacy" if visit.provider.type == "pharmacy" else setting,
        subtype="ip" if visit.inpatient else "op",
        use="claim",
        regime="base",
        created=at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        currency="SAR",
        provider=model.Provider(id=visit.provider.id, type=visit.provider.type, branch=visit.provider.branch),
        patient=_patient(visit.patient),
        insurance=[_insurance(rng, number, visit, services)],
        encounter=_encounter(visit),
        diagnoses=diagnoses,
        care_team=[_practitioner(rng, visit)],
        supporting_info=information,
        lines=lines,
        total=sum((line.net for line in lines if line.net is not None), Decimal(0)),
    )


def _patient(patient: population.Patient) -> model.Patient:
    return model.Patient(id=patient.id, id_type="mrn", birth_date=patient.birth.isoformat(), sex=patient.sex)


def _encounter(visit: Visit) -> model.Encounter:
    end = visit.day + timedelta(days=2 if visit.inpatient else 0)
    return model.Encounter(
        class_="IMP" if visit.inpatient else "AMB", start=visit.day.isoformat(), end=end.isoformat()
    )


def _practitioner(rng: np.random.Generator, visit: Visit) -> model.CareTeamMember:
    who = f"{visit.provider.id}-D{int(rng.integers(6))}"
    return model.CareTeamMember(sequence=1, practitioner=who, role="primary", qualification=visit.group)


def _insurance(
    rng: np.random.Generator, number: int, visit: Visit, services: tuple[catalogue.Service, ...]
) -> model.Insurance:
    patient = visit.patient
    needed = any(service.preauth for service in services)
    asked = rng.random() < (0.6 + 0.38 * visit.provider.care if needed else UNNEEDED_PERMISSION_RATE)
    return model.Insurance(
        sequence=1,
        focal=True,
        coverage=model.Coverage(
            member_id=patient.member, payer=patient.payer.id, plan=patient.plan, relationship="self"
        ),
        preauth_refs=[f"PA-{number:07d}"] if asked else [],
    )


def _diagnoses(rng: np.random.Generator, group: str) -> list[model.Diagnosis]:
    codes = list(catalogue.DIAGNOSES[group])
    count = min(len(codes), 1 + int(rng.binomial(2, 0.4)))
    chosen = rng.choice(codes, size=count, replace=False).tolist()
    return [
        model.Diagnosis(
            sequence=index + 1,
            code=str(code),
            system="icd-10-cm",
            type=["secondary" if index else "principal"],
        )
        for index, code in enumerate(chosen)
    ]


def _information(rng: np.random.Generator, visit: Visit) -> list[model.SupportingInfo]:
    entries: list[model.SupportingInfo] = []
    for category, rate in DOCUMENTATION_RATES.items():
        if rng.random() < visit.provider.care * rate:
            entries.append(_entry(rng, len(entries) + 1, category, visit.group))
    return entries


def _entry(rng: np.random.Generator, sequence: int, category: str, group: str) -> model.SupportingInfo:
    if category.startswith("vital-sign"):
        value = model.MeasuredQuantity(value=Decimal(int(rng.integers(95, 165))), unit="mm[Hg]")
        return model.SupportingInfo(sequence=sequence, category=category, value_quantity=value)
    return model.SupportingInfo(sequence=sequence, category=category, value_string=group)


def _line(
    rng: np.random.Generator,
    visit: Visit,
    service: catalogue.Service,
    *,
    sequence: int,
    diagnosis: int,
    information: list[int],
) -> model.Line:
    quantity = max(1, round(service.usual * float(rng.lognormal(0.0, 0.25))))
    if rng.random() < OVER_QUANTITY_RATE:
        quantity = service.limit + 1 + int(rng.integers(1 + service.limit))
    payer = visit.patient.payer
    markup = 1 + visit.provider.markup + float(rng.normal(0, 0.03))
    price = max(1, round(service.price_minor * (1 - payer.discount) * markup))
    net = price * quantity
    return model.Line(
        sequence=sequence,
        code=service.code,
        system="hcpcs",
        service_date=visit.day.isoformat(),
        quantity=Decimal(quantity),
        unit_price=Decimal(price).scaleb(-2),
        factor=Decimal(1),
        tax=Decimal(0),
        net=Decimal(net).scaleb(-2),
        patient_share=Decimal(round(net * payer.copay)).scaleb(-2),
        diagnosis_sequences=[diagnosis],
        care_team_sequences=[1],
        information_sequences=information,
    )
