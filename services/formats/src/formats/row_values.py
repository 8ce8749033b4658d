"""One claim, and one line, as the tuples of values that the row schema lists.

Room: formats; pure. No name, no identity and no free text of a patient is read here: codes, counts, amounts
and differences of days only. Ages above 89 count as 90, as the HIPAA safe harbour asks.
"""

import functools
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
_ONE: Final = Decimal(1)
_CODES: Final = 8_192  # of diagnoses that are remembered with their categories
_NO_COVERAGE: Final = model.Coverage()
_NO_ENCOUNTER: Final = model.Encounter()


class Codes(dict[str | None, int]):
    """Numbers for strings in order of first appearance; missing, empty and overlong texts are 0."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        super().__init__({None: 0, "": 0})
        self._last = 0

    @property
    def names(self) -> list[str]:
        """Each text that has a number, in the place that its number says."""
        return ["", *[text for text, number in self.items() if text and number]]

    def __missing__(self, text: str | None) -> int:
        number = 0
        if text is not None and len(text) <= MAX_CODE_LENGTH:
            self._last = number = self._last + 1
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
    known = [int(line.net * units) for line in claim.lines if line.net is not None]
    nets = known
    if len(known) < len(claim.lines):
        nets = [MISSING_I64 if line.net is None else int(line.net * units) for line in claim.lines]
    service = first_service(claim)
    service_day = days.known_day(service, zone)
    start = days.known_day(claim.encounter.start, zone) if claim.encounter else service_day
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
    created = days.known_day(claim.created, zone)
    start = around.start if claim.encounter else None
    return (
        codes[claim.type], codes[claim.subtype], codes[claim.use], codes[claim.regime],
        codes[claim.provider.id], codes[claim.provider.branch], codes[claim.provider.type],
        codes[coverage.payer], codes[coverage.plan], codes[coverage.network], codes[coverage.relationship],
        codes[claim.currency], codes[claim.priority], codes[claim.patient.sex], codes[encounter.class_],
        codes[qualification], codes[group(principal(claim))],
        age(claim.patient.birth_date, around.service), len(claim.diagnoses), len(claim.procedures),
        len(claim.lines), around.whole, _scaled(claim.total, around.units),
        difference(created, around.service_day), difference(days.known_day(encounter.end, zone), start),
        has_preauth(claim), int(bool(claim.related)), int(claim.accident is not None),
        len(claim.insurance), *info_counts(claim),
    )  # fmt: skip


def _lines(claim: model.Claim, around: _Around, codes: Codes, zone: str) -> list[tuple[float, ...]]:
    groups = {diagnosis.sequence: group(diagnosis) for diagnosis in claim.diagnoses}
    repeats: dict[str | None, int] = {}
    for line in claim.lines:
        repeats[line.code] = repeats.get(line.code, 0) + 1
    found: list[tuple[float, ...]] = []
    units, _, whole, service, service_day, start = around
    for line, net in zip(claim.lines, around.nets, strict=True):
        code, linked, date, modifiers = line.code, line.diagnosis_sequences, line.service_date, line.modifiers
        price, share, tax, end = line.unit_price, line.patient_share, line.tax, line.service_end
        # Most lines are of the claim's first day.
        day = service_day if date == service else days.known_day(date, zone)
        found.append((
            codes[code], codes[line.system], codes[code[:GROUP_LENGTH] if code else None],
            codes[line.revenue_code], codes[modifiers[0] if modifiers else None],
            codes[line.place_of_service], codes[line.tooth],
            codes[groups.get(linked[0]) if linked else None],
            number(line.quantity), number(line.factor),
            MISSING_I64 if price is None else int(price * units), net,
            MISSING_I64 if share is None else int(share * units) if share else 0,
            MISSING_I64 if tax is None else int(tax * units) if tax else 0,
            net / whole if net != MISSING_I64 and whole > 0 else MISSING_F64,
            len(modifiers), len(linked), len(line.information_sequences), len(line.care_team_sequences),
            line.body_site is not None, line.preauth_ref is not None, bool(line.package),
            bool(line.maternity), len(line.details), repeats[code] if code else 0,
            MISSING_I64 if day is None or start is None else day - start,
            MISSING_I64 if end is None else difference(days.known_day(end, zone), day),
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
    code = diagnosis.code if diagnosis else None
    if not code:
        return ""
    return _known_category(code) if len(code) <= MAX_CODE_LENGTH else _category(code)


def _category(code: str) -> str:
    return code.replace(".", "")[:GROUP_LENGTH].upper()


_known_category = functools.lru_cache(_CODES)(_category)


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
    if value is None:
        return MISSING_F64
    return 1.0 if value == _ONE else float(value)  # the usual one; others are written and read again for it


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
