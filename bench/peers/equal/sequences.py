"""Rules about numbers of rows and the pointers between them."""

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from peers.equal import shapes, texts

NUMBERED = (  # (rule, list) whose rows each have a number of their own
    ("BASE-201", "lines"),
    ("BASE-202", "diagnoses"),
    ("BASE-203", "care_team"),
    ("BASE-204", "supporting_info"),
    ("BASE-205", "insurance"),
    ("BASE-207", "procedures"),
)
POINTERS = (  # (rule, field of a line, list it points into)
    ("BASE-211", "diagnosis_sequences", "diagnoses"),
    ("BASE-212", "care_team_sequences", "care_team"),
    ("BASE-213", "information_sequences", "supporting_info"),
    ("BASE-214", "procedure_sequences", "procedures"),
)


class Numbered(Protocol):
    """A row with a number."""

    sequence: int


def check(claim: shapes.Claim, say: texts.Say) -> None:
    """Say which numbers are used twice and which pointers lead nowhere."""
    for rule, name in NUMBERED:
        _unique(rule, getattr(claim, name), name, say)
    for at, line in enumerate(claim.lines):
        if line.details:
            _unique("BASE-206", line.details, f"lines[{at}].details", say, line_sequence=line.sequence)
    for rule, name, target in POINTERS:
        there = {row.sequence for row in getattr(claim, target)}
        for at, line in enumerate(claim.lines):
            if not there.issuperset(getattr(line, name)):
                say(rule, f"lines[{at}].{name}", line)


def _unique(rule: str, rows: Sequence[Numbered], path: str, say: texts.Say, **values: object) -> None:
    if len(rows) < 2:
        return
    counts = Counter(row.sequence for row in rows)
    if len(counts) == len(rows):
        return
    for at, row in enumerate(rows):
        if counts[row.sequence] > 1:
            say(rule, f"{path}[{at}].sequence", row, **values)
