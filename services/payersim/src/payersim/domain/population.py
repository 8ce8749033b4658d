"""The people and companies of the simulated world: payers, providers, patients. All invented, all seeded."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np

from payersim.domain import catalogue

WORLD_START = date(2024, 7, 1)
WORLD_MONTHS = 24  # two years: enough to train on the past and test on families that begin later
CLAIMS_PER_PATIENT = 6
EARLIEST_BIRTH = date(1936, 1, 1)
NETWORK_GAP_RATE = 0.03  # share of provider-payer pairs without a contract
FEMALE_RATE = 0.5
BIRTH_SPAN_DAYS = 32_000  # the youngest are about two years old when the world begins


@dataclass(frozen=True, slots=True)
class Payer:
    """An insurer: `strictness` scales how often its rules bite; it waits `filing_days` for a claim."""

    id: str
    strictness: float
    filing_days: int
    discount: float
    copay: float


@dataclass(frozen=True, slots=True)
class Provider:
    """A hospital, clinic or pharmacy with habits: `care` is how well it documents."""

    id: str
    type: str
    branch: str
    groups: tuple[str, ...]
    care: float
    markup: float
    lag_days: float
    out_of_network: frozenset[str]


@dataclass(frozen=True, slots=True)
class Patient:
    """An invented member; `group` is the specialty most visits belong to."""

    id: str
    sex: Literal["female", "male"]
    birth: date
    group: str
    payer: Payer
    member: str
    plan: str


@dataclass(frozen=True, slots=True)
class World:
    """Everyone there is."""

    payers: tuple[Payer, ...]
    providers: tuple[Provider, ...]
    patients: tuple[Patient, ...]


def create(rng: np.random.Generator, claims: int) -> World:
    """Return a world large enough for `claims` claims."""
    payers = tuple(_payer(rng, index) for index in range(6))
    providers = tuple(_provider(rng, index, payers) for index in range(60))
    patients = tuple(_patient(rng, index, payers) for index in range(max(20, claims // CLAIMS_PER_PATIENT)))
    return World(payers, providers, patients)


def _payer(rng: np.random.Generator, index: int) -> Payer:
    return Payer(
        id=f"PAYER-{index + 1:02d}",
        strictness=float(rng.uniform(0.55, 1.0)),
        filing_days=int(rng.choice([30, 45, 60])),
        discount=float(rng.uniform(0.0, 0.15)),
        copay=float(rng.choice([0.0, 0.1, 0.2])),
    )


def _provider(rng: np.random.Generator, index: int, payers: tuple[Payer, ...]) -> Provider:
    kind = ("hospital", "polyclinic", "polyclinic", "pharmacy")[index % 4]
    groups = (
        catalogue.GROUPS
        if kind == "hospital"
        else tuple(rng.choice(catalogue.GROUPS, 4, replace=False).tolist())
    )
    excluded = frozenset(payer.id for payer in payers if rng.random() < NETWORK_GAP_RATE)
    return Provider(
        id=f"PR-{10_000 + index}",
        type=kind,
        branch=("riyadh", "jeddah", "dammam", "abha")[int(rng.integers(4))],
        groups=groups,
        care=float(rng.beta(8, 2)),
        markup=float(rng.normal(0.02, 0.05)),
        lag_days=float(rng.uniform(2, 12)),
        out_of_network=excluded,
    )


def _patient(rng: np.random.Generator, index: int, payers: tuple[Payer, ...]) -> Patient:
    return Patient(
        id=f"SIM-{index:07d}",  # not the form of any national identity
        sex="female" if rng.random() < FEMALE_RATE else "male",
        birth=EARLIEST_BIRTH + timedelta(days=int(rng.integers(BIRTH_SPAN_DAYS))),
        group=str(rng.choice(catalogue.GROUPS)),
        payer=payers[int(rng.integers(len(payers)))],
        member=f"M-{index:07d}",
        plan=("basic", "silver", "gold")[int(rng.integers(3))],
    )
