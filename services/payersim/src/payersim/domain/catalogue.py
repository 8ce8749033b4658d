"""The services and diagnoses of the simulated world.

Codes are real HCPCS Level II (2019) and ICD-10-CM (April 2026) codes so that code rules have something to
judge; prices, limits and links between service and diagnosis are invented for the simulation. Dental codes,
and the numbers that nphies claims carry in place of SBS and trade numbers, are invented too: those lists may
not be redistributed.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """One billable service; `price_minor` is the list price in halalas, ages in years, `limit` per claim."""

    code: str
    group: str
    price_minor: int
    usual: int = 1
    limit: int = 4
    preauth: bool = False
    sex: str = ""
    min_age: int = 0
    max_age: int = 120
    inpatient: bool = False
    drug: bool = False


SERVICES: tuple[Service, ...] = (
    Service("G0108", "metabolic", 18_000, limit=2),
    Service("G0270", "metabolic", 15_000, limit=3),
    Service("A4253", "metabolic", 9_500, usual=2, limit=4, drug=True),
    Service("A4259", "metabolic", 3_200, usual=2, limit=4, drug=True),
    Service("J1815", "metabolic", 2_400, usual=10, limit=40, drug=True),
    Service("E0607", "metabolic", 21_000, limit=1),
    Service("G0403", "cardiac", 22_000, limit=1),
    Service("G0422", "cardiac", 38_000, usual=2, limit=6, preauth=True),
    Service("J1250", "cardiac", 6_500, usual=2, limit=6, inpatient=True, drug=True),
    Service("J2785", "cardiac", 74_000, limit=4, preauth=True),
    Service("G0166", "cardiac", 52_000, usual=3, limit=8, preauth=True),
    Service("A9500", "cardiac", 41_000, limit=2),
    Service("J1644", "cardiac", 1_200, usual=5, limit=30, drug=True),
    Service("J1940", "cardiac", 900, usual=4, limit=20, drug=True),
    Service("L1830", "orthopaedic", 33_000, limit=1),
    Service("L3908", "orthopaedic", 24_000, limit=2),
    Service("E0100", "orthopaedic", 8_000, limit=1),
    Service("E0114", "orthopaedic", 14_000, limit=1),
    Service("E0143", "orthopaedic", 46_000, limit=1, min_age=40),
    Service("J7321", "orthopaedic", 96_000, limit=2, preauth=True, min_age=35),
    Service("G0283", "orthopaedic", 7_500, usual=3, limit=8),
    Service("J3301", "orthopaedic", 3_800, usual=4, limit=8, drug=True),
    Service("J9355", "oncology", 310_000, usual=4, limit=12, preauth=True, min_age=18, drug=True),
    Service("J9190", "oncology", 12_000, usual=2, limit=8, preauth=True, drug=True),
    Service("J9267", "oncology", 5_600, usual=30, limit=90, preauth=True, drug=True),
    Service("Q0083", "oncology", 64_000, limit=2),
    Service("J1442", "oncology", 3_100, usual=20, limit=60, preauth=True, drug=True),
    Service("G0103", "screening", 15_000, limit=1, sex="male", min_age=40),
    Service("G0101", "screening", 19_000, limit=1, sex="female", min_age=18),
    Service("Q0091", "screening", 13_500, limit=1, sex="female", min_age=18),
    Service("G0121", "screening", 168_000, limit=1, preauth=True, min_age=45),
    Service("G0438", "screening", 42_000, limit=1, min_age=18),
    Service("G0439", "screening", 31_000, limit=1, min_age=18),
    Service("G0008", "screening", 5_500, limit=1),
    Service("Q2037", "screening", 8_800, limit=1, drug=True),
    Service("G0444", "screening", 9_000, limit=1, min_age=12),
    Service("J1050", "women", 700, usual=150, limit=150, sex="female", min_age=14, max_age=55, drug=True),
    Service("J7298", "women", 215_000, limit=1, preauth=True, sex="female", min_age=16, max_age=52),
    Service("J7613", "respiratory", 350, usual=6, limit=60, drug=True),
    Service("J7626", "respiratory", 1_900, usual=8, limit=60, drug=True),
    Service("E0570", "respiratory", 58_000, limit=1),
    Service("A7003", "respiratory", 2_300, usual=2, limit=4),
    Service("E0601", "respiratory", 310_000, limit=1, preauth=True, min_age=16),
    Service("G0237", "respiratory", 11_000, usual=3, limit=8),
    Service("J0696", "acute", 2_600, usual=4, limit=16, drug=True),
    Service("J2405", "acute", 800, usual=4, limit=16, drug=True),
    Service("J1885", "acute", 650, usual=2, limit=8, drug=True),
    Service("J7030", "acute", 2_100, usual=1, limit=6, drug=True),
    Service("J1100", "acute", 500, usual=4, limit=16, drug=True),
    Service("G0378", "acute", 12_500, usual=8, limit=48, inpatient=True),
    Service("J0882", "renal", 2_700, usual=40, limit=150, preauth=True, drug=True),
    Service("Q4081", "renal", 600, usual=60, limit=300, preauth=True, drug=True),
    Service("J1756", "renal", 250, usual=100, limit=400, drug=True),
    Service("G0257", "renal", 145_000, usual=1, limit=3),
    Service("G0410", "mental", 21_000, usual=2, limit=6, min_age=12),
    Service("H0004", "mental", 16_000, usual=2, limit=6, min_age=6),
    Service("V2632", "eye", 88_000, limit=2, preauth=True, min_age=40),
    Service("V2020", "eye", 26_000, limit=1),
    Service("DENT-10", "oral", 12_000, limit=1),
    Service("DENT-20", "oral", 28_000, limit=4),
    Service("DENT-30", "oral", 95_000, limit=2, preauth=True, min_age=12),
    Service("DENT-40", "oral", 130_000, limit=2, preauth=True, min_age=18),
    Service("DENT-50", "oral", 31_000, limit=4),
    Service("DENT-60", "oral", 18_000, limit=1, min_age=6),
)

# Encounter services that any specialty bills beside its own.
VISIT = Service("G0463", "visit", 24_000, limit=1)

DIAGNOSES: dict[str, tuple[str, ...]] = {
    "metabolic": ("E11.9", "E11.65", "E78.5", "E03.9", "E11.22"),
    "cardiac": ("I10", "I25.10", "I48.91", "R07.9"),
    "orthopaedic": ("M25.561", "M17.11", "S82.001A", "M54.50", "M79.601", "S93.401A"),
    "oncology": ("C50.911", "C61"),
    "screening": ("Z00.00", "Z12.5", "Z12.4", "Z12.11", "Z12.31", "Z23"),
    "women": ("N92.0", "Z34.91"),
    "respiratory": ("J45.909", "J44.1", "J18.9"),
    "acute": ("A09", "K52.9", "K21.9", "R10.9", "R51.9", "J18.9"),
    "renal": ("N18.6", "N18.30", "D64.9", "D50.9"),
    "mental": ("F32.A", "F41.1"),
    "eye": ("H26.9", "H25.11", "H52.13"),
    "oral": ("K02.9", "K04.7", "K05.6", "K08.9"),
}

# Diagnoses of one sex only.
DIAGNOSIS_SEX = {"C61": "male", "Z12.5": "male", "Z12.4": "female", "N92.0": "female", "Z34.91": "female"}

GROUPS: tuple[str, ...] = tuple(DIAGNOSES)

# Pairs of which the second is part of the first, by the simulated contracts.
BUNDLED: frozenset[tuple[str, str]] = frozenset(
    {
        ("G0438", "G0444"),
        ("G0439", "G0444"),
        ("G0101", "Q0091"),
        ("Q0083", "J7030"),
        ("E0570", "A7003"),
        ("G0257", "J1756"),
    }
)

DRUG_GROUPS: tuple[str, ...] = tuple(
    group for group in GROUPS if sum(one.drug for one in SERVICES if one.group == group) > 1
)
MEDICAL_GROUPS: tuple[str, ...] = tuple(group for group in GROUPS if group != "oral")

# What the ICD-10 shared by all countries calls a diagnosis that only ICD-10-CM has.
SHARED_DIAGNOSES = {"F32.A": "F32.9", "M54.50": "M54.5"}

BY_CODE: dict[str, Service] = {service.code: service for service in (*SERVICES, VISIT)}
BY_GROUP: dict[str, tuple[Service, ...]] = {
    group: tuple(service for service in SERVICES if service.group == group) for group in GROUPS
}
DIAGNOSIS_GROUPS: dict[str, frozenset[str]] = {
    code: frozenset(group for group, codes in DIAGNOSES.items() if code in codes)
    for codes in DIAGNOSES.values()
    for code in codes
}


def shared_diagnosis(code: str) -> str:
    """Return the four-character ICD-10 code of an ICD-10-CM code; its fifth and later ones are American."""
    return SHARED_DIAGNOSES.get(code, code[:5])


def procedure_number(service: Service) -> str:
    """Return the invented number in SBS's form by which nphies claims call the service."""
    return f"{90_000 + PLACES[service.code]}-00-00"


def trade_number(service: Service) -> str:
    """Return the invented fourteen digits by which nphies pharmacies call the service."""
    return f"0628500009{PLACES[service.code]:04d}"


PLACES: dict[str, int] = {service.code: place for place, service in enumerate((*SERVICES, VISIT), 1)}
