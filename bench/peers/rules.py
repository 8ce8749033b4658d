"""Fifteen of the base rules as plain Python over the pydantic claim."""

from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from peers import shapes

CENT = Decimal("0.01")


def check(claim: shapes.Claim) -> list[dict[str, str]]:
    """Return findings as {rule, path}."""
    found: list[dict[str, str]] = []

    def say(rule: str, path: str) -> None:
        found.append({"rule": rule, "path": path})

    diagnoses = {d.sequence for d in claim.diagnoses}
    team = {m.sequence for m in claim.care_team}
    info = {i.sequence for i in claim.supporting_info}
    if claim.total != sum(line.net for line in claim.lines):
        say("total", "total")
    if len({line.sequence for line in claim.lines}) != len(claim.lines):
        say("line-sequence", "lines")
    if len(diagnoses) != len(claim.diagnoses):
        say("diagnosis-sequence", "diagnoses")
    if sum(insurance.focal for insurance in claim.insurance) != 1:
        say("focal", "insurance")
    _principal(claim, say)
    created = date.fromisoformat(claim.created[:10])
    known = ((diagnoses, "diagnosis"), (team, "team"), (info, "info"))
    for index, line in enumerate(claim.lines):
        path = f"lines[{index}]"
        _line(claim, line, path, say)
        if line.service_date > created:
            say("created", f"{path}.service_date")
        pointers = (line.diagnosis_sequences, line.care_team_sequences, line.information_sequences)
        for those, (there, name) in zip(pointers, known, strict=True):
            if not set(those) <= there:
                say(f"{name}-pointer", path)
    return found


def _principal(claim: shapes.Claim, say: Callable[[str, str], None]) -> None:
    if sum("principal" in d.type for d in claim.diagnoses) != 1:
        say("principal", "diagnoses")


def _line(claim: shapes.Claim, line: shapes.Line, path: str, say: Callable[[str, str], None]) -> None:
    expected = (line.quantity * line.unit_price * line.factor).quantize(CENT, ROUND_HALF_UP) + line.tax
    if line.net != expected:
        say("net", f"{path}.net")
    if line.tax < 0:
        say("tax", f"{path}.tax")
    if line.quantity <= 0:
        say("quantity", f"{path}.quantity")
    if line.factor <= 0:
        say("factor", f"{path}.factor")
    if not 0 <= line.patient_share <= line.net:
        say("share", f"{path}.patient_share")
    if claim.patient.birth_date and claim.patient.birth_date > line.service_date:
        say("birth", f"{path}.service_date")
