"""What a file's sender gets back: lines and rows that hold what they should and nothing dangerous."""

import csv
import io
import json

import hypothesis
import msgspec
import pyarrow as pa
from hypothesis import strategies

from chassis import errors
from gateway.domain import exchanges
from gateway.inbound import reports, tables

TEXT = strategies.text(
    strategies.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40
)


def _answer(document: dict[str, object]) -> exchanges.FileAnswer:
    body = msgspec.json.encode(document)
    return exchanges.FileAnswer(
        3, exchanges.Answer(body, "application/json", replayed=True, claim_id="our-id")
    )


def _table_line(answer: exchanges.FileAnswer) -> bytes:
    return reports.Table().lines([answer])


def _cells(row: bytes) -> dict[str, str]:
    cells = next(csv.reader(io.StringIO(row.decode(), newline="")))
    return dict(zip(reports.COLUMNS, cells, strict=True))


def test_a_row_says_what_the_decision_says() -> None:
    """Counts by severity, the rules that fired, the risk, and whether it was known already."""
    row = _cells(
        _table_line(
            _answer(
                {
                    "claim_id": "CLM-1",
                    "verdict": "reject",
                    "findings": [
                        {"rule": "base-1", "severity": "error", "path": "total"},
                        {"rule": "base-2", "severity": "warning", "path": "lines[0]"},
                    ],
                    "risk": {
                        "state": "scored",
                        "probability": 0.25,
                        "at_risk_minor": 1500,
                        "currency": "SAR",
                    },
                }
            )
        )
    )
    assert row == {
        "position": "3", "claim_id": "CLM-1", "id": "our-id", "verdict": "reject", "replayed": "true",
        "errors": "1", "warnings": "1", "rules": "base-1 base-2", "probability": "0.25",
        "at_risk_minor": "1500", "currency": "SAR", "problem": "", "detail": "",
    }  # fmt: skip


def test_an_unscored_claim_leaves_its_risk_empty() -> None:
    """Not scored is an empty cell, never a zero."""
    row = _cells(
        _table_line(_answer({"claim_id": "A", "verdict": "review", "risk": {"state": "not_scored"}}))
    )
    assert (row["probability"], row["at_risk_minor"], row["currency"]) == ("", "", "")


def test_a_refused_claim_names_each_field() -> None:
    """The row of a refusal has the reason and what is wrong where."""
    found = errors.Violation("lines[0].net", "money.too_many_decimals", "Two decimals at most.")
    fault = errors.Invalid("claim.unreadable", "Cannot be read.", violations=(found,))
    row = _cells(_table_line(exchanges.FileAnswer(7, fault)))
    assert (row["position"], row["problem"]) == ("7", "claim.unreadable")
    assert row["detail"] == "lines[0].net: Two decimals at most."


@hypothesis.given(TEXT)
def test_no_cell_is_a_formula(claim_id: str) -> None:
    """Whatever a sender calls a claim, a spreadsheet opens the report as text."""
    row = _cells(_table_line(_answer({"claim_id": claim_id, "verdict": "accept"})))
    assert not row["claim_id"].startswith(reports.FORMULA)
    assert row["claim_id"].removeprefix("'") == claim_id.removeprefix("'") or row["claim_id"] == claim_id


@hypothesis.given(TEXT, TEXT)
def test_a_problem_is_one_line(path: str, message: str) -> None:
    """Whatever a message holds, an NDJSON answer keeps one document per line."""
    fault = errors.Invalid(
        "claim.unreadable", message, violations=(errors.Violation(path, "field.type", message),)
    )
    line = reports.Lines("/api/v1/claims", "request-1").lines([exchanges.FileAnswer(1, fault)])
    assert line.count(b"\n") == 1
    assert json.loads(line)["detail"] == message


def test_an_arrow_report_holds_typed_columns_and_ends_well() -> None:
    """A reader of Arrow gets a record per claim, refusals among them, and why no more follow at the end."""
    report = tables.Arrow()
    fault = errors.Invalid("json.malformed", "The text is not well-formed JSON.")
    told = _answer(
        {"claim_id": "CLM-1", "verdict": "reject", "findings": [{"rule": "r", "severity": "error"}]}
    )
    pieces = [report.lines([told, exchanges.FileAnswer(4, fault)]), report.broken(errors.Exhausted("x", "y"))]
    stream = report.head() + b"".join(pieces) + report.tail()
    first, second, last = pa.ipc.open_stream(stream).read_all().to_pylist()
    assert (first["position"], first["rules"], first["replayed"], first["errors"]) == (3, ["r"], True, 1)
    assert (second["position"], second["problem"], second["verdict"]) == (4, "json.malformed", None)
    assert (last["position"], last["problem"]) == (None, "x")


def test_an_arrow_report_of_nothing_is_a_stream_too() -> None:
    """A file without claims is answered by a stream without records."""
    report = tables.Arrow()
    assert pa.ipc.open_stream(report.head() + report.tail()).read_all().num_rows == 0
