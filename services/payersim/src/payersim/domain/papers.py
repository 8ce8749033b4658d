"""The supporting information of a simulated claim: vital signs, narratives, results, days of supply."""

from decimal import Decimal

import numpy as np

from formats import model
from payersim.domain import visits

# How often a careful provider sends each kind of evidence where no exchange insists on it.
USUAL_RATES = {
    "chief-complaint": 1.0, "history-of-present-illness": 0.8, "vital-sign-systolic": 0.7,
    "treatment-plan": 0.6, "investigation-result": 0.5,
}  # fmt: skip
# name: usual value, spread, unit; spreads are narrow, because a value out of bounds is a finding of its own
MEASURES = {
    "vital-sign-weight": (70, 6, "kg"), "vital-sign-height": (168, 5, "cm"),
    "vital-sign-systolic": (124, 8, "mm[Hg]"), "vital-sign-diastolic": (78, 4, "mm[Hg]"),
    "temperature": (37, 0, "Cel"), "pulse": (74, 6, "/min"), "oxygen-saturation": (97, 1, "%"),
    "respiratory-rate": (16, 1, "/min"),
}  # fmt: skip
CHILD_MEASURES = {"vital-sign-weight": (18, 2, "kg"), "vital-sign-height": (108, 5, "cm")}
CHILD_YEARS = 12
TOLD = ("treatment-plan", "patient-history", "physical-examination", "history-of-present-illness")
FULL = ("chief-complaint", *MEASURES, *TOLD, "investigation-result")
LEFT_OUT = 3  # a careless claim lacks up to three documents


def gather(rng: np.random.Generator, visit: visits.Visit, lines: int) -> list[model.SupportingInfo]:
    """Return what is sent with the claim; what a careless clerk leaves out is a fault of the visit."""
    if visit.provider.regime == "x12-us" or visit.kind == "vision":
        return []
    if visit.kind == "pharmacy":
        return [_supply(rng, number) for number in range(1, lines + 1)]
    if visit.kind == "oral":
        names = ["chief-complaint"] if rng.random() < visit.provider.care else []
    elif visit.provider.regime == "nphies":
        names = _complete(rng, visit)
    else:
        names = [name for name, rate in USUAL_RATES.items() if rng.random() < visit.provider.care * rate]
    wanted = {"oral": 1, "institutional": len(FULL), "emergency": len(FULL), "professional": len(FULL)}
    full = wanted[visit.kind] if visit.provider.regime == "nphies" else 1
    if len(names) < full or "chief-complaint" not in names:
        visit.faults.add("documents")
    return [_entry(rng, sequence, name, visit) for sequence, name in enumerate(names, 1)]


def _complete(rng: np.random.Generator, visit: visits.Visit) -> list[str]:
    """Return all that the exchange asks for, or all but a few."""
    if rng.random() < visit.provider.care:
        return list(FULL)
    missing = {str(name) for name in rng.choice(FULL, 1 + int(rng.integers(LEFT_OUT)), replace=False)}
    return [name for name in FULL if name not in missing]


def _entry(rng: np.random.Generator, sequence: int, name: str, visit: visits.Visit) -> model.SupportingInfo:
    day = visit.day.isoformat()
    child = visits.age(visit.patient.birth, visit.day) < CHILD_YEARS
    if name in MEASURES:
        usual, spread, unit = (CHILD_MEASURES if child else MEASURES).get(name, MEASURES[name])
        value = Decimal(usual + int(rng.integers(-spread, spread + 1)))
        return model.SupportingInfo(
            sequence=sequence, category=name, start=day, end=day,
            value_quantity=model.MeasuredQuantity(value=value, unit=unit),
        )  # fmt: skip
    if name == "investigation-result":
        return model.SupportingInfo(sequence=sequence, category=name, code="NA", system="nphies")
    if name == "chief-complaint":
        return model.SupportingInfo(sequence=sequence, category=name, text=visit.group)
    return model.SupportingInfo(sequence=sequence, category=name, value_string=visit.group)


def _supply(rng: np.random.Generator, sequence: int) -> model.SupportingInfo:
    days = model.MeasuredQuantity(value=Decimal(int(rng.choice([7, 14, 30]))), unit="d")
    return model.SupportingInfo(sequence=sequence, category="days-supply", value_quantity=days)
