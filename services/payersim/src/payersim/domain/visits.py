"""What happens between a patient and a provider, and which mistakes its clerks make: the facts of a claim.

Nothing here looks at what a payer hides. A mistake is written down by name, so that clean claims can be told
from faulty ones; which of them anybody notices is another matter.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from payersim.domain import catalogue, population

SLOPPY_GROUP_RATE = 0.05  # share of lines billed from another specialty than the diagnosis
OVER_QUANTITY_RATE = 0.02
WRONG_PERSON_RATE = 0.1  # a service for another sex or age slips through
WRONG_SETTING_RATE = 0.2
VISIT_RATE = 0.55
USUAL_SPECIALTY_RATE = 0.7
STAY_RATE, EMERGENCY_RATE = 0.2, 0.15  # of a hospital's claims
EXTRA_LINES = (5, 0.3)  # binomial: up to five more services
UNNEEDED_PERMISSION_RATE = 0.05
DAYS_PER_MONTH = 30.4
# Mistakes of clerks, each about as often as the provider slips.
CLERICAL = ("arithmetic", "total", "specialty", "share", "cover")


@dataclass(slots=True)
class Visit:
    """One encounter before it is billed; `kind` is what it is billed as, `group` the specialty it belongs to,
    `faults` the mistakes in it by name.
    """  # noqa: D205 - one sentence

    patient: population.Patient
    provider: population.Provider
    kind: str  # professional, emergency, institutional, pharmacy, oral, vision
    group: str
    month: int
    day: date
    created: date
    faults: set[str] = field(default_factory=set)

    @property
    def inpatient(self) -> bool:
        """Whether the patient stayed."""
        return self.kind == "institutional"


def month_of(day: date) -> int:
    """Return the month of the simulated time, from 0, that a day lies in."""
    return int((day - population.WORLD_START).days / DAYS_PER_MONTH)


def draw(rng: np.random.Generator, world: population.World, day: date) -> Visit:
    """Return a visit on a day."""
    patient = population.patient(world, int(rng.integers(world.people)))
    houses = world.providers["us" if patient.payer.country == "us" else "sa"]
    provider = houses[int(rng.integers(len(houses)))]
    groups = [one for one in provider.groups if one != "women" or patient.sex == "female"]
    usual = patient.group in groups and rng.random() < USUAL_SPECIALTY_RATE
    group = patient.group if usual else groups[int(rng.integers(len(groups)))]
    created = day + timedelta(days=1 + int(rng.exponential(provider.lag_days)))
    visit = Visit(patient, provider, _kind(rng, provider), group, month_of(day), day, created)
    visit.faults |= {name for name in CLERICAL if rng.random() < provider.slips}
    return visit


def age(birth: date, day: date) -> int:
    """Return completed years of age on `day`."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def fits(service: catalogue.Service, sex: str, years: int) -> bool:
    """Return whether the service is meant for a person of this sex and age."""
    return service.sex in {"", sex} and service.min_age <= years <= service.max_age


def services(rng: np.random.Generator, visit: Visit) -> tuple[catalogue.Service, ...]:
    """Return what was done, or at least billed."""
    chosen: list[catalogue.Service] = []
    if visit.kind in {"professional", "emergency", "institutional"} and rng.random() < VISIT_RATE:
        chosen.append(catalogue.VISIT)
    for _ in range(1 + int(rng.binomial(*EXTRA_LINES))):
        sloppy = visit.kind != "oral" and rng.random() < SLOPPY_GROUP_RATE
        pool = catalogue.MEDICAL_GROUPS if visit.kind != "pharmacy" else catalogue.DRUG_GROUPS
        source = pool[int(rng.integers(len(pool)))] if sloppy else visit.group
        options = [one for one in catalogue.BY_GROUP[source] if _plausible(rng, visit, one)]
        if options:
            chosen.append(options[int(rng.integers(len(options)))])
    unique = {service.code: service for service in chosen}
    return tuple(unique.values()) or (_anything(visit),)


def units(rng: np.random.Generator, visit: Visit, service: catalogue.Service) -> int:
    """Return how many units are billed."""
    if rng.random() < OVER_QUANTITY_RATE:
        visit.faults.add("quantity")
        return service.limit + 1 + int(rng.integers(1 + service.limit))
    spread = float(rng.lognormal(visit.provider.generosity, 0.18))
    return max(1, round(service.usual * spread))


def permitted(rng: np.random.Generator, visit: Visit, billed: tuple[catalogue.Service, ...]) -> bool:
    """Return whether the sender holds a permission."""
    if not any(service.preauth for service in billed):
        return bool(rng.random() < UNNEEDED_PERMISSION_RATE)
    if rng.random() < 0.6 + 0.38 * visit.provider.care:
        return True
    visit.faults.add("permission")
    return False


def _kind(rng: np.random.Generator, provider: population.Provider) -> str:
    if provider.type == "hospital":
        fallen = rng.random()
        if fallen < STAY_RATE:
            return "institutional"
        emergency = fallen < STAY_RATE + EMERGENCY_RATE and provider.regime != "x12-us"
        return "emergency" if emergency else "professional"
    return {"pharmacy": "pharmacy", "dental": "oral", "optician": "vision"}.get(provider.type, "professional")


def _plausible(rng: np.random.Generator, visit: Visit, service: catalogue.Service) -> bool:
    if visit.kind == "pharmacy" and not service.drug:
        return False
    meant = fits(service, visit.patient.sex, age(visit.patient.birth, visit.day))
    placed = visit.inpatient or not service.inpatient
    return (meant or rng.random() < WRONG_PERSON_RATE) and (placed or rng.random() < WRONG_SETTING_RATE)


def _anything(visit: Visit) -> catalogue.Service:
    """Return what is billed when nothing else fits."""
    own = [one for one in catalogue.BY_GROUP[visit.group] if one.drug or visit.kind != "pharmacy"]
    return catalogue.VISIT if visit.kind not in {"pharmacy", "oral", "vision"} else own[0]
