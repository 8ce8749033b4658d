"""Rules about days: which come first, which may not lie in the future."""

from dataclasses import dataclass
from datetime import date

from peers.equal import shapes, texts, words
from peers.equal.words import before, day

OLDEST = 125  # years
BILLED_BY_DAY = {"professional", "oral", "pharmacy", "vision"}


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a claim's head."""

    today: date
    created: date | None
    born: date | None
    died: date | None
    begins: date | None
    ends: date | None
    billed_from: date | None
    billed_to: date | None
    covered_from: date | None
    covered_to: date | None


def check(claim: shapes.Claim, today: date, say: texts.Say) -> None:
    """Say which days of a claim contradict one another."""
    days = _days(claim, today)
    _patient(days, say)
    _encounter(claim, days, say)
    _lists(claim, days, say)
    for at, line in enumerate(claim.lines):
        _service(line, f"lines[{at}]", days, say)
        if claim.use == "claim":
            _claimed(claim, line, f"lines[{at}].service_date", days, say)


def _days(claim: shapes.Claim, today: date) -> Days:
    encounter, period = claim.encounter or shapes.Period(), claim.billable_period or shapes.Period()
    coverage = words.addressed(claim) or shapes.Coverage()
    return Days(
        today=today,
        created=day(claim.created),
        born=claim.patient.birth_date,
        died=day(claim.patient.deceased_date),
        begins=day(encounter.start),
        ends=day(encounter.end),
        billed_from=day(period.start),
        billed_to=day(period.end),
        covered_from=day(coverage.start),
        covered_to=day(coverage.end),
    )


def _patient(days: Days, say: texts.Say) -> None:
    born, died, created = days.born, days.died, days.created
    if before(created, born):
        say("BASE-310", "patient.birth_date", days, patient_birth_date=born)
    if born is not None and created is not None and words.age(born, created) > OLDEST:
        years = words.age(born, created)
        say("BASE-311", "patient.birth_date", patient_birth_date=born, expected=years)
    if before(died, born):
        say("BASE-312", "patient.deceased_date", patient_deceased_date=died, patient_birth_date=born)
    if before(days.today, died):
        say("BASE-323", "patient.deceased_date", patient_deceased_date=died)
    if before(days.today, created):
        say("BASE-309", "created", days)


def _encounter(claim: shapes.Claim, days: Days, say: texts.Say) -> None:
    known = {"encounter_start": days.begins, "encounter_end": days.ends, "created": days.created}
    if before(days.ends, days.begins):
        say("BASE-303", "encounter.end", **known)
    if before(days.begins, days.born):
        say("BASE-320", "encounter.start", **known, patient_birth_date=days.born)
    if before(days.billed_to, days.billed_from):
        say(
            "BASE-306", "billable_period.end",
            billable_period_start=days.billed_from, billable_period_end=days.billed_to,
        )  # fmt: skip
    if claim.use != "claim":
        return
    if before(days.created, days.begins):
        say("BASE-319", "encounter.start", **known)
    if claim.accident is not None and before(days.created, day(claim.accident.date)):
        say("BASE-318", "accident.date", accident_date=claim.accident.date, created=days.created)


def _lists(claim: shapes.Claim, days: Days, say: texts.Say) -> None:
    for at, insurance in enumerate(claim.insurance):
        coverage, decided = insurance.coverage, insurance.adjudicated
        if coverage is not None and before(day(coverage.end), day(coverage.start)):
            say(
                "BASE-313", f"insurance[{at}].coverage.end",
                coverage_start=coverage.start, coverage_end=coverage.end,
            )  # fmt: skip
        if decided is not None and before(days.today, day(decided.date)):
            say("BASE-324", f"insurance[{at}].adjudicated.date", adjudicated_date=decided.date)
    for at, information in enumerate(claim.supporting_info):
        if before(day(information.end), day(information.start)):
            say("BASE-314", f"supporting_info[{at}].end", information)
    if claim.use == "claim":
        for at, procedure in enumerate(claim.procedures):
            if before(days.created, day(procedure.date)):
                say("BASE-322", f"procedures[{at}].date", procedure, created=days.created)


def _service(line: shapes.Line, path: str, days: Days, say: texts.Say) -> None:
    served = day(line.service_date)
    if before(day(line.service_end), served):
        say("BASE-302", f"{path}.service_end", line)
    if before(served, days.born):
        say("BASE-307", f"{path}.service_date", line, patient_birth_date=days.born)
    if before(days.died, served):
        say("BASE-308", f"{path}.service_date", line, patient_deceased_date=days.died)


def _claimed(claim: shapes.Claim, line: shapes.Line, path: str, days: Days, say: texts.Say) -> None:
    served = day(line.service_date)
    if served is None:
        return
    if before(days.created, served):
        say("BASE-301", path, line, created=days.created)
    if days.created is None and served > days.today:
        say("BASE-315", path, line)
    if days.begins is not None and (served < days.begins or before(days.ends, served)):
        say("BASE-304", path, line, encounter_start=days.begins, encounter_end=days.ends)
    if before(served, days.covered_from):
        say("BASE-316", path, line, coverage_start=days.covered_from)
    if before(days.covered_to, served):
        say("BASE-317", path, line, coverage_end=days.covered_to)
    outside = before(served, days.billed_from) or before(days.billed_to, served)
    if claim.type in BILLED_BY_DAY and days.billed_from and days.billed_to and outside:
        say(
            "BASE-321", path, line,
            billable_period_start=days.billed_from, billable_period_end=days.billed_to,
        )  # fmt: skip
