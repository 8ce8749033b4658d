"""Rules about diagnoses: how many, which kind, and whether their codes are in the dated table."""

from datetime import date

from peers.equal import codesets, shapes, texts, words

ICD_10_CM = {"icd-10-cm", "http://hl7.org/fhir/sid/icd-10-cm"}
ICD_10_AM = {"icd-10-am", "http://hl7.org/fhir/sid/icd-10-am"}


def check(claim: shapes.Claim, tables: codesets.Tables, say: texts.Say) -> None:
    """Say what is wrong with the diagnoses of a claim."""
    _kinds(claim, say)
    _newborn(claim, say)
    on = _day_of_care(claim)
    firsts: dict[tuple[object, ...], int] = {}
    for diagnosis in claim.diagnoses:
        same = (diagnosis.code, diagnosis.system, tuple(diagnosis.type))
        firsts[same] = min(diagnosis.sequence, firsts.get(same, diagnosis.sequence))
    for at, diagnosis in enumerate(claim.diagnoses):
        path = f"diagnoses[{at}]"
        if diagnosis.code is None:
            say("BASE-405", f"{path}.code", diagnosis)
            continue
        if firsts[diagnosis.code, diagnosis.system, tuple(diagnosis.type)] < diagnosis.sequence:
            say("BASE-403", f"{path}.code", diagnosis)
        if diagnosis.system is None:
            say("BASE-406", f"{path}.system", diagnosis)
        elif (rule := _wrong(diagnosis.code, diagnosis.system.lower(), on, tables)) is not None:
            say(rule, f"{path}.code", diagnosis)


def _kinds(claim: shapes.Claim, say: texts.Say) -> None:
    principal = sum("principal" in diagnosis.type for diagnosis in claim.diagnoses)
    if principal > 1:
        say("BASE-401", "diagnoses", expected=principal)
    if claim.use != "claim":
        return
    if not principal and any(diagnosis.type for diagnosis in claim.diagnoses):
        say("BASE-402", "diagnoses")
    if not claim.diagnoses and claim.type in {"professional", "institutional"}:
        say("BASE-404", "diagnoses")


def _newborn(claim: shapes.Claim, say: texts.Say) -> None:
    born, created = claim.patient.birth_date, words.day(claim.created)
    if claim.newborn and born is not None and created is not None and words.age(born, created) >= 1:
        say("BASE-407", "newborn", patient_birth_date=born)


def _day_of_care(claim: shapes.Claim) -> date | None:
    """Return the day by which diagnoses are coded: of discharge, the last service, the period, the claim."""
    ends = words.day(claim.encounter.end) if claim.encounter else None
    served = [on for line in claim.lines if (on := words.day(line.service_date)) is not None]
    billed = words.day(claim.billable_period.end) if claim.billable_period else None
    return ends or max(served, default=None) or billed or words.day(claim.created)


def _wrong(code: str, system: str, on: date | None, tables: codesets.Tables) -> str | None:
    """Return the rule that a code breaks."""
    if system in ICD_10_CM:
        table = tables["icd-10-cm"]
        if table.knows(code, on) is False:
            return "BASE-501"
        row = table.row(code, on)
        return "BASE-502" if row is not None and not row["billable"] else None
    unknown = system in ICD_10_AM and tables["icd-10-am"].knows(code, on) is False
    return "BASE-506" if unknown else None
