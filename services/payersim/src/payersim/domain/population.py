"""The people and companies of the simulated world: payers, providers, patients. All invented, all seeded.

What a sender may know of a payer are its discounts, its patient's share and its deadline; the rest of a payer
(strictness, zeal, policy, what a plan leaves out) is hidden, and no claim is drawn with a look at it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np

from payersim.domain import catalogue

WORLD_START = date(2024, 7, 1)
WORLD_MONTHS = 24  # two years: enough to train on the past and test on families that begin later
REGIMES = ("base", "nphies", "x12-us")
CLAIMS_PER_PATIENT = 6
PROVIDERS = 80
EARLIEST_BIRTH = date(1936, 1, 1)
BIRTH_SPAN_DAYS = 32_000  # the youngest are about two years old when the world begins
NETWORK_GAP_RATE = 0.02  # share of provider-payer pairs without a contract
LATE_COVER_RATE = 0.01  # members whose cover began inside the simulated time
AMERICAN_RATE = 0.2
PLANS = ("basic", "silver", "gold")
# What sends claims: ten kinds of house in a row, and which exchange each ten of them speaks.
KINDS = (
    "hospital", "polyclinic", "polyclinic", "pharmacy", "hospital",
    "polyclinic", "dental", "optician", "polyclinic", "pharmacy",
)  # fmt: skip
EXCHANGES = ("base", "nphies", "x12-us", "base", "nphies", "base", "nphies", "x12-us")
POLICY_MONTHS = (5, 9, 13, 20)  # when a payer begins to read documents harder; the last after training


@dataclass(frozen=True, slots=True)
class Payer:
    """An insurer. Hidden: `strictness` scales what its reviewers deny and `zeal` each family of it; from
    `policy_month` on documents are read `policy` times as hard; `excluded` are plan and group, `unlisted`
    plan and code that it does not pay.
    """  # noqa: D205 - the hidden part belongs together

    id: str
    country: str
    filing_days: int
    copay: float
    discounts: dict[str, float]
    strictness: float
    zeal: dict[str, float]
    policy_month: int
    policy: float
    excluded: frozenset[tuple[str, str]]
    unlisted: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Provider:
    """A house with habits: `care` is how well it documents, `slips` how often it makes clerical mistakes,
    `lag_days` how long it waits, `generosity` how many units it bills; `regime` is what it sends.
    """  # noqa: D205 - one sentence of habits

    id: str
    type: str
    branch: str
    regime: str
    groups: tuple[str, ...]
    care: float
    slips: float
    markup: float
    generosity: float
    lag_days: float
    out_of_network: frozenset[str]


@dataclass(frozen=True, slots=True)
class Patient:
    """An invented member; `group` is the specialty most visits belong to, `covered` the cover's first day."""

    id: str
    sex: Literal["female", "male"]
    birth: date
    group: str
    payer: Payer
    member: str
    plan: str
    covered: date


@dataclass(frozen=True, slots=True)
class World:
    """Everyone there is; patients are not kept but made again from their number whenever they visit."""

    seed: int
    payers: tuple[Payer, ...]
    providers: dict[str, tuple[Provider, ...]]  # by country
    people: int


def create(seed: int, claims: int, families: Sequence[str], regimes: Sequence[str] = REGIMES) -> World:
    """Return a world large enough for `claims` claims in these regimes; payers judge by `families`."""
    rng = np.random.default_rng([seed, 1])
    payers = tuple(_payer(rng, index, families) for index in range(8))
    houses = [_provider(rng, index, payers) for index in range(PROVIDERS)]
    by_country = {
        country: tuple(
            one for one in houses if one.regime in regimes and (one.regime == "x12-us") is (country == "us")
        )
        for country in ("sa", "us")
    }
    return World(
        seed, payers, {country: found for country, found in by_country.items() if found},
        max(20, claims // CLAIMS_PER_PATIENT),
    )  # fmt: skip


def patient(world: World, number: int) -> Patient:
    """Return member number `number`: always the same."""
    rng = np.random.default_rng([world.seed, 2, number])
    american = "us" in world.providers and ("sa" not in world.providers or rng.random() < AMERICAN_RATE)
    payers = [payer for payer in world.payers if (payer.country == "us") is american]
    late = int(rng.integers(1, 600)) if rng.random() < LATE_COVER_RATE else -int(rng.integers(1, 300))
    return Patient(
        id=f"SIM-{number:07d}",  # not the form of any national identity
        sex="female" if rng.random() < 0.5 else "male",  # noqa: PLR2004 - half of them
        birth=EARLIEST_BIRTH + timedelta(days=int(rng.integers(BIRTH_SPAN_DAYS))),
        group=catalogue.GROUPS[int(rng.integers(len(catalogue.GROUPS)))],
        payer=payers[int(rng.integers(len(payers)))],
        member=f"M-{number:07d}",
        plan=PLANS[int(rng.integers(3))],
        covered=WORLD_START + timedelta(days=late),
    )


def _payer(rng: np.random.Generator, index: int, families: Sequence[str]) -> Payer:
    drugs = [service.code for service in catalogue.SERVICES if service.drug]
    return Payer(
        id=f"PAYER-{index + 1:02d}",
        country="us" if index > 5 else "sa",  # noqa: PLR2004 - six of eight
        filing_days=int(rng.choice([30, 45, 60])),
        copay=float(rng.choice([0.0, 0.1, 0.2])),
        discounts={group: float(rng.uniform(0.0, 0.15)) for group in (*catalogue.GROUPS, "visit")},
        strictness=float(rng.uniform(0.55, 1.0)),
        zeal={name: float(rng.lognormal(0.0, 0.3)) for name in families},
        policy_month=POLICY_MONTHS[index % len(POLICY_MONTHS)],
        policy=float(rng.uniform(1.2, 1.8)),
        excluded=frozenset((plan, str(rng.choice(catalogue.GROUPS))) for plan in ("basic",)),
        unlisted=frozenset(
            (plan, code) for plan, rate in (("basic", 0.1), ("silver", 0.03)) for code in drugs
            if rng.random() < rate
        ),
    )  # fmt: skip


def _provider(rng: np.random.Generator, index: int, payers: tuple[Payer, ...]) -> Provider:
    regime = EXCHANGES[index // len(KINDS)]
    kind = KINDS[index % len(KINDS)]
    if regime == "x12-us" and kind not in {"hospital", "polyclinic"}:
        kind = "polyclinic"  # what X12 837P and 837I carry here
    return Provider(
        id=npi(index) if regime == "x12-us" else f"PR-{10_000 + index}",
        type=kind,
        branch=("riyadh", "jeddah", "dammam", "abha")[int(rng.integers(4))],
        regime=regime,
        groups=_groups(rng, kind),
        care=float(rng.beta(8, 2)),
        slips=float(rng.uniform(0.001, 0.02)),
        markup=float(rng.normal(0.02, 0.04)),
        generosity=float(rng.normal(0.0, 0.05)),
        lag_days=float(rng.uniform(2, 12)),
        out_of_network=frozenset(payer.id for payer in payers if rng.random() < NETWORK_GAP_RATE),
    )


def npi(number: int) -> str:
    """Return an invented number of the form of an NPI: the last digit checks the others (Luhn, 80840)."""
    body = f"1{number:08d}"
    digits = [int(digit) for digit in "80840" + body]
    doubled = [digit * 2 for digit in digits[::-1][::2]]
    total = sum(digit - 9 if digit > 9 else digit for digit in doubled) + sum(digits[::-1][1::2])  # noqa: PLR2004 - Luhn
    return f"{body}{-total % 10}"


def _groups(rng: np.random.Generator, kind: str) -> tuple[str, ...]:
    """Return the specialties of a house."""
    if kind == "hospital":
        return catalogue.MEDICAL_GROUPS
    if kind in {"dental", "optician"}:
        return ("oral",) if kind == "dental" else ("eye",)
    pool = catalogue.DRUG_GROUPS if kind == "pharmacy" else catalogue.MEDICAL_GROUPS
    return tuple(str(one) for one in rng.choice(pool, 4, replace=False))
