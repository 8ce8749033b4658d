"""One claim, and one line, as the tuples of values that the row schema lists.

Room: formats; pure. No name, no identity and no free text of a patient is read here: codes, counts, amounts
and differences of days only. Ages above 89 count as 90, as the HIPAA safe harbour asks.
"""

import math
from decimal import Decimal
from typing import Final, NamedTuple

from formats import days, model, money

MISSING_I64: Final = -(2**63)
MISSING_F64: Final = math.nan
GROUP_LENGTH = 3  # an ICD category, and a serviceable family for most procedure code systems
MAX_CODE_LENGTH = 40  # longer than any code; a longer text is not a code and may be a sentence
OLDEST_AGE = 90

_VITALS, _NARRATIVES, _RESULTS, _ATTACHMENTS, _OTHER = range(5)
# Which count a category of supporting information belongs to; what is not named here is another one.
_PLACES: Final = {
    **dict.fromkeys((
        "vital-sign-weight", "vital-sign-height", "vital-sign-systolic", "vital-sign-diastolic",
        "temperature", "pulse", "oxygen-saturation", "respiratory-rate", "birth-weight", "admission-weight",
    ), _VITALS),
    **dict.fromkeys((
        "chief-complaint", "reason-for-visit", "treatment-plan", "patient-history", "physical-examination",
        "history-of-present-illness", "onset", "last-menstrual-period",
    ), _NARRATIVES),
    **dict.fromkeys(("lab-test", "investigation-result", "morphology"), _RESULTS),
    "attachment": _ATTACHMENTS,
}  # fmt: skip
_NO_COVERAGE: Final = model.Coverage()
_NO_ENCOUNTER: Final = model.Encounter()


class Codes(dict[str | None, int]):
    """Numbers for strings in order of first appearance; missing, empty and overlong texts are 0."""

    def __init__(self) -> None:
        super().__init__({None: 0, "": 0})
        self.names = [""]

    def __missing__(self, text: str | None) -> int:
        number = 0
        if text is not None and len(text) <= MAX_CODE_LENGTH:
            number = len(self.names)
            self.names.append(text)
        self[text] = number
        return number


class _Around(NamedTuple):
    """What the values of a claim and of its lines have in common."""

    units: Decimal  # minor units of one major unit of the claim's currency
    nets: list[int]  # of each line, in minor units
    whole: int  # the claim's net in minor units
    service: str | None  # the earliest day of service as written
    service_day: int | None
    start: int | None  # day number that the lines' days are counted from


def values(claim: model.Claim, codes: Codes, zone: str) -> tuple[tuple[float, ...], list[tuple[float, ...]]]:
    """Return a claim's values in the order of the claim columns, history excepted, and a tuple per line."""
    around = _around(claim, zone)
    return _head(claim, around, codes, zone), _lines(claim, around, codes, zone)


def _around(claim: model.Claim, zone: str) -> _Around:
    units = money.units(claim.currency)
    nets = [MISSING_I64 if line.net is None else int(line.net * units) for line in claim.lines]
    known = [net for net in nets if net != MISSING_I64]
    service = first_service(claim)
    service_day = days.day_number(service, zone)
    start = days.day_number(claim.encounter.start, zone) if claim.encounter else service_day
    return _Around(
        units, nets, sum(known) if known else _scaled(claim.total, units), service, service_day, start
    )


def _head(claim: model.Claim, around: _Around, codes: Codes, zone: str) -> tuple[float, ...]:
    coverage = focal(claim).coverage or _NO_COVERAGE
    encounter = claim.encounter or _NO_ENCOUNTER
    qualification = None
    for member in claim.care_team:
        if member.role == "primary":
            qualification = member.qualification
            break
    created = days.day_number(claim.created, zone)
    start = around.start if claim.encounter else None
    return (
        codes[claim.type], codes[claim.subtype], codes[claim.use], codes[claim.regime],
        codes[claim.provider.id], codes[claim.provider.branch], codes[claim.provider.type],
        codes[coverage.payer], codes[coverage.plan], codes[coverage.network], codes[coverage.relationship],
        codes[claim.currency], codes[claim.priority], codes[claim.patient.sex], codes[encounter.class_],
        codes[qualification], codes[group(principal(claim))],
        age(claim.patient.birth_date, around.service), len(claim.diagnoses), len(claim.procedures),
        len(claim.lines), around.whole, _scaled(claim.total, around.units),
        difference(created, around.service_day), difference(days.day_number(encounter.end, zone), start),
        has_preauth(claim), int(bool(claim.related)), int(claim.accident is not None),
        len(claim.insurance), *info_counts(claim),
    )  # fmt: skip


def _lines(claim: model.Claim, around: _Around, codes: Codes, zone: str) -> list[tuple[float, ...]]:
    groups = {diagnosis.sequence: group(diagnosis) for diagnosis in claim.diagnoses}
    repeats: dict[str | None, int] = {}
    for line in claim.lines:
        repeats[line.code] = repeats.get(line.code, 0) + 1
    found: list[tuple[float, ...]] = []
    for line, net in zip(claim.lines, around.nets, strict=True):
        code, linked, date = line.code, line.diagnosis_sequences, line.service_date
        # Most lines are of the claim's first day.
        day = around.service_day if date == around.service else days.day_number(date, zone)
        found.append((
            codes[code], codes[line.system], codes[(code or "")[:GROUP_LENGTH]],
            codes[line.revenue_code], codes[line.modifiers[0] if line.modifiers else None],
            codes[line.place_of_service], codes[line.tooth],
            codes[groups.get(linked[0]) if linked else None],
            number(line.quantity), number(line.factor), _scaled(line.unit_price, around.units), net,
            _scaled(line.patient_share, around.units), _scaled(line.tax, around.units),
            net / around.whole if net != MISSING_I64 and around.whole > 0 else MISSING_F64,
            len(line.modifiers), len(linked), len(line.information_sequences), len(line.care_team_sequences),
            int(line.body_site is not None), int(line.preauth_ref is not None), int(bool(line.package)),
            int(bool(line.maternity)), len(line.details), repeats[code] if code else 0,
            difference(day, around.start), difference(days.day_number(line.service_end, zone), day),
        ))  # fmt: skip
    return found


def focal(claim: model.Claim) -> model.Insurance:
    """Return the insurance this claim is addressed to: the focal one, else the first."""
    for insurance in claim.insurance:
        if insurance.focal:
            return insurance
    return claim.insurance[0]


def principal(claim: model.Claim) -> model.Diagnosis | None:
    """Return the diagnosis marked principal, else the first."""
    for diagnosis in claim.diagnoses:
        if "principal" in diagnosis.type:
            return diagnosis
    return claim.diagnoses[0] if claim.diagnoses else None


def group(diagnosis: model.Diagnosis | None) -> str:
    """Return the category of a diagnosis: its code's first three characters without dots; empty if none."""
    return diagnosis.code.replace(".", "")[:GROUP_LENGTH].upper() if diagnosis and diagnosis.code else ""


def first_service(claim: model.Claim) -> str | None:
    """Return the text of the earliest known day of service: of the lines, else of the encounter."""
    written = [line.service_date for line in claim.lines if line.service_date]
    return min(written) if written else claim.encounter.start if claim.encounter else None


def age(birth: str | None, on: str | None) -> int:
    """Return completed years from birth to a day as written; 90 above 89; missing where either is."""
    if not birth or not on:
        return MISSING_I64
    years = int(on[:4]) - int(birth[:4]) - (on[5:10] < birth[5:10])
    return min(years, OLDEST_AGE)


def _scaled(amount: Decimal | None, units: Decimal) -> int:
    """Return minor units of a validated amount, or the missing value."""
    if amount is None:
        return MISSING_I64
    return int(amount * units) if amount else 0


def number(value: Decimal | None) -> float:
    """Return a decimal as a float64, or the missing value."""
    return MISSING_F64 if value is None else float(value)


def difference(later: int | None, earlier: int | None) -> int:
    """Return whole days between two day numbers, or the missing value."""
    return MISSING_I64 if later is None or earlier is None else later - earlier


def has_preauth(claim: model.Claim) -> int:
    """Return 1 when any insurance or line refers to a pre-authorisation."""
    for insurance in claim.insurance:
        if insurance.preauth_refs:
            return 1
    for line in claim.lines:
        if line.preauth_ref:
            return 1
    return 0


def info_counts(claim: model.Claim) -> tuple[int, int, int, int, int]:
    """Return how many vital signs, narratives, results, attachments and others the claim brings."""
    if not claim.supporting_info and not claim.attachments:
        return (0, 0, 0, 0, 0)
    counts = [0, 0, 0, len(claim.attachments), 0]
    for info in claim.supporting_info:
        counts[_PLACES.get(info.category or "", _OTHER)] += 1
    vitals, narratives, results, attachments, others = counts
    return vitals, narratives, results, attachments, others
