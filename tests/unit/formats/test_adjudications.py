"""Payers' answers in canonical JSON: what is read, what is refused and how, and the schema that says so."""

import contextlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import errors
from formats import adjudications

SCHEMA = Path(__file__).parents[3] / "docs" / "schemas" / "adjudication.json"
LINES = ("lines", "field.invalid")
SECRET = "Zq7Secret"


def plain(**changes: Any) -> dict[str, Any]:
    """Return an answer as plain data: the first line paid, the second denied."""
    told: dict[str, Any] = {
        "claim_id": "C-1",
        "outcome": "partial",
        "decided_at": "2026-03-14",
        "lines": [
            {"sequence": 1, "outcome": "approved", "paid_minor": 15_000},
            {"sequence": 2, "outcome": "denied", "nphies": "MN-1-1", "carc": "50", "paid_minor": 0},
        ],
    }
    return told | changes


def line(**changes: Any) -> dict[str, Any]:
    """Return an answer whose second line has other fields."""
    told = plain()
    told["lines"][1] |= changes
    return told


def refused(body: bytes) -> errors.Invalid:
    """Return the refusal of a text, which repeats nothing of it."""
    with pytest.raises(errors.Invalid) as caught:
        adjudications.decode(body)
    assert SECRET not in str(caught.value) + str(caught.value.violations)
    return caught.value


def test_an_answer_is_read_as_it_was_written():
    """Empty fields stay absent on the way back."""
    body = json.dumps(plain()).encode()
    read = adjudications.decode(body)
    assert [one.outcome for one in read.lines] == ["approved", "denied"]
    assert json.loads(adjudications.encode(read)) == plain()


@pytest.mark.parametrize(
    ("when", "at_ms"),
    [
        ("2026-03-14", 1_773_446_400_000),
        ("2026-03-14T03:00:00+03:00", 1_773_446_400_000),
        ("2026-03-14T00:00:00Z", 1_773_446_400_000),
        ("2026-03-14T00:00", 1_773_446_400_000),
    ],
)
def test_a_day_is_its_midnight_and_an_instant_is_itself(when: str, at_ms: int):
    """Answers of one claim are put in order by this."""
    assert adjudications.decode(json.dumps(plain(decided_at=when)).encode()).at_ms == at_ms


@pytest.mark.parametrize(
    ("told", "path", "code"),
    [
        (plain(outcome=SECRET), "outcome", "field.invalid"),
        (plain(claim_id=""), "claim_id", "field.invalid"),
        (plain(claim_id=7), "claim_id", "field.invalid"),
        (plain(lines=[]), "lines", "field.invalid"),
        (plain(lines=[{"sequence": n, "outcome": "denied"} for n in range(1, 1002)]), *LINES),
        (plain(id=SECRET), "id", "field.invalid"),
        (plain(patient=SECRET), "patient", "field.unknown"),
        ({name: value for name, value in plain().items() if name != "outcome"}, "outcome", "field.missing"),
        (plain(decided_at=SECRET), "decided_at", "date.invalid"),
        (plain(decided_at="2026-02-30"), "decided_at", "date.invalid"),
        (plain(outcome="approved"), "outcome", "outcome.unlike_lines"),
        (line(outcome="approved"), "outcome", "outcome.unlike_lines"),
        (line(sequence=1), "lines[1].sequence", "line.twice"),
        (line(sequence=0), "lines[...].sequence", "field.invalid"),
        (line(paid_minor=5), "lines[1].paid_minor", "amount.of_denied_line"),
        (line(paid_minor=-1), "lines[...].paid_minor", "field.invalid"),
        (line(paid_minor=1.5), "lines[...].paid_minor", "field.invalid"),
        (line(paid_minor=10**16), "lines[...].paid_minor", "field.invalid"),
        (line(carc="no code at all"), "lines[...].carc", "field.invalid"),
        (line(note=SECRET), "lines[...].note", "field.unknown"),
        ([plain()], "$", "field.invalid"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(told: Any, path: str, code: str):
    """The violation names the field, and nothing of what was sent is repeated."""
    fault = refused(json.dumps(told).encode())
    assert fault.reason == "adjudication.unreadable"
    (violation,) = fault.violations
    assert violation.code == code
    assert violation.path.replace("[0]", "[...]").replace("[1]", "[...]") == path.replace("[1]", "[...]")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "json.malformed"),
        (b'{"claim_id": "C', "json.malformed"),
        (b'{"claim_id": NaN}', "json.malformed"),
        (b'{"claim_id": "\xff"}', "json.encoding"),
        (b"[" * 100 + b"]" * 100, "json.too_deep"),
        (b" " * 10_000_001, "claim.too_large"),
    ],
)
def test_what_is_no_json_is_told_as_such(body: bytes, reason: str):
    """The same bounds as of claims."""
    assert refused(body).reason == reason


@given(outcomes=st.lists(st.sampled_from(["approved", "partial", "denied"]), min_size=1, max_size=9))
def test_an_answer_amounts_to_what_its_lines_say(outcomes: list[Any]):
    """All paid is approved, all denied is rejected, anything between is partial."""
    lines = [adjudications.Line(sequence=n, outcome=one) for n, one in enumerate(outcomes, start=1)]
    told = adjudications.outcome_of(lines)
    assert (told == "approved") == (set(outcomes) == {"approved"})
    assert (told == "rejected") == (set(outcomes) == {"denied"})
    made = adjudications.Adjudication(claim_id="C", outcome=told, decided_at="2026-01-01", lines=lines)
    assert adjudications.decode(adjudications.encode(made)) == made


@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes):
    """No other exception leaves the reader."""
    with contextlib.suppress(errors.Invalid):
        assert adjudications.decode(body).claim_id


def test_the_committed_schema_is_fresh():
    """What is committed is what `make gen` writes, and its example is read."""
    assert json.loads(SCHEMA.read_text()) == json.loads(json.dumps(adjudications.schema()))
    (example,) = adjudications.schema()["examples"]
    assert adjudications.decode(msgspec.json.encode(example)).outcome == "partial"
