"""Decision reports: rows for people, safe to open in a spreadsheet."""

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.tabular import writing


def decision(**changes: Any) -> dict[str, Any]:
    """Return a decision as plain data."""
    return {
        "id": "0190", "claim_id": "C-1", "revision": 2, "verdict": "review",
        "status": {"business": "validated"},
        "amounts": {"submitted": Decimal("10.50"), "payer_share": "8.00"},
        "risk": {"probability": 0.25, "at_risk_minor": 200, "currency": "SAR"},
        "findings": [
            {"rule": "R1", "severity": "warning", "path": "lines[0].net", "line": 1, "blocking": False,
             "message": {"en": "check", "ar": "راجع"}, "suggestion": {"en": "do", "ar": "افعل"}},
            {"rule": "R2", "severity": "error", "path": "total", "message": {"en": "no", "ar": "لا"},
             "blocking": True},
        ],
        **changes,
    }  # fmt: skip


def table(text: str) -> list[dict[str, str]]:
    """Return the rows of a report by column."""
    return list(csv.DictReader(io.StringIO(writing.report_header() + text, newline="")))


def test_a_row_per_finding_repeats_the_decision():
    """A spreadsheet can filter findings and still see the claim."""
    first, second = table(writing.report_rows(decision()))
    assert first["claim_id"] == second["claim_id"] == "C-1"
    assert (first["rule"], first["line"], first["blocking"]) == ("R1", "1", "false")
    assert (second["rule"], second["line"], second["blocking"]) == ("R2", "", "true")
    assert (first["submitted"], first["probability"], first["status"]) == ("10.50", "0.25", "validated")


def test_a_decision_without_findings_has_one_row():
    """A clean claim is in the report too."""
    (row,) = table(writing.report_rows(decision(findings=[], risk=None, amounts=None, status=None)))
    assert (row["claim_id"], row["rule"], row["blocking"], row["probability"]) == ("C-1", "", "", "")


def test_the_texts_are_in_the_language_asked_for():
    """Arabic readers get Arabic messages."""
    first, _ = table(writing.report_rows(decision(), "ar"))
    assert (first["message"], first["suggestion"]) == ("راجع", "افعل")


def test_an_unreadable_claim_has_a_row_of_its_own():
    """The report names the line of the input, the path and the code."""
    (row,) = table(writing.problem_row(7, "lines[0].net", "money.too_many_decimals", "At most 2."))
    assert (row["verdict"], row["line"], row["rule"]) == ("unreadable", "7", "money.too_many_decimals")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("x")'])
def test_a_text_that_would_run_as_a_formula_is_neutralised(text: str):
    """The cell is led by an apostrophe; the text behind it is unchanged."""
    (row,) = table(writing.report_rows(decision(claim_id=text, findings=[])))
    assert row["claim_id"] == "'" + text


def test_a_negative_number_stays_a_number():
    """Only texts are neutralised: amounts must still add up."""
    (row,) = table(writing.report_rows(decision(findings=[], amounts={"submitted": Decimal("-5.00")})))
    assert row["submitted"] == "-5.00"


@given(st.text(max_size=20))
def test_no_text_cell_of_a_report_begins_a_formula(text: str):
    """Whatever a claim id holds, a spreadsheet will not run it."""
    assert not writing.neutral(text).startswith(("=", "+", "-", "@", "\t", "\r"))
