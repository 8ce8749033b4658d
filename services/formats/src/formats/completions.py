"""What a claim says to models that suggest what it leaves open, the same in serving and in training.

Room: formats. Codes with their place, numbers and ids of organisations; never the principal diagnosis or an
amount, which are what is asked for, and nothing of the patient but age and sex.
"""

from collections.abc import Iterable
from decimal import Decimal

from formats import days, model, money, row_values
from formats.fhir import codes
from ultrathink.scoring.v1 import completion_pb2

DEFAULT_ZONE = "Asia/Riyadh"
MAX_CODE_LENGTH = row_values.MAX_CODE_LENGTH  # a longer text is no code and may be a sentence


def to_wire(claim: model.Claim, *, zone: str = DEFAULT_ZONE) -> completion_pb2.CompletionClaim:
    """Return the claim as the message of the scoring contract."""
    coverage = row_values.focal(claim).coverage or model.Coverage()
    service = row_values.first_service(claim) or claim.created
    told = completion_pb2.CompletionClaim(
        type=_text(claim.type),
        subtype=_text(claim.subtype),
        regime=_text(claim.regime),
        currency=_text(claim.currency),
        provider=_text(claim.provider.id),
        provider_type=_text(claim.provider.type),
        payer=_text(coverage.payer),
        plan=_text(coverage.plan),
        specialty=_text(_specialty(claim)),
        encounter_class=_text(claim.encounter.class_ if claim.encounter else None),
        sex=_text(claim.patient.sex),
        drg=_text(claim.institutional.drg if claim.institutional else None),
        diagnoses=_diagnoses(claim),
        procedures=_coded(enumerate(claim.procedures)),
        lines=[_line(place, line) for place, line in enumerate(claim.lines)],
        minor_digits=money.minor_digits(claim.currency),
    )
    age, day = row_values.age(claim.patient.birth_date, service), days.day_number(service, zone)
    if age != row_values.MISSING_I64 and age >= 0:
        told.age_years = age
    if day is not None:
        told.day = day
    return told


def principal(claim: model.Claim) -> model.Diagnosis | None:
    """Return the coded principal diagnosis: one said to be it, else a first one of which nothing is said."""
    coded = [diagnosis for diagnosis in claim.diagnoses if diagnosis.code]
    named = next((diagnosis for diagnosis in coded if "principal" in diagnosis.type), None)
    return named or next((diagnosis for diagnosis in coded if not diagnosis.type), None)


def alias(system: str | None) -> str:
    """Return a code system by the short name of the claim model where it has one; empty when not stated."""
    if not system:
        return ""
    return codes.SYSTEMS.get(system, system.lower() if "/" not in system else system)


def _diagnoses(claim: model.Claim) -> list[completion_pb2.CompletionCode]:
    """Return the coded diagnoses but the principal one."""
    answer = principal(claim)
    others = [one for one in enumerate(claim.diagnoses) if one[1] is not answer]
    found = _coded(others)
    for told in found:
        told.admitting = "admitting" in claim.diagnoses[told.place].type
    return found


def _coded(
    entries: Iterable[tuple[int, model.Diagnosis | model.Procedure]],
) -> list[completion_pb2.CompletionCode]:
    return [
        completion_pb2.CompletionCode(place=place, system=alias(one.system), code=_text(one.code))
        for place, one in entries
        if _text(one.code)
    ]


def _line(place: int, line: model.Line) -> completion_pb2.CompletionLine:
    told = completion_pb2.CompletionLine(place=place, system=alias(line.system), code=_text(line.code))
    for name in ("quantity", "factor"):
        value: Decimal | None = getattr(line, name)
        if value is not None:
            setattr(told, name, float(value))
    return told


def _specialty(claim: model.Claim) -> str | None:
    member = next((member for member in claim.care_team if member.role == "primary"), None)
    return member.qualification if member else None


def _text(value: str | None) -> str:
    """Return a code as written; missing and overlong ones as nothing."""
    return value if value and len(value) <= MAX_CODE_LENGTH else ""
