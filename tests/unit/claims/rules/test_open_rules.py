"""What a rule lacked is told per row, and told the same however often it was told before."""

from collections.abc import Mapping
from typing import Any

import pytest

import rules_support as support
from claims.domain import decisions
from claims.domain.rules import engine, examples

NO_ISSUE = "not checked: no table for this date"
TAXED = support.rule(violation="tax > net", message=support.PLAIN)
LISTED = support.rule(
    violation="NOT in_codeset(code, 'letters', service_date)", message=support.PLAIN, path="code"
)


def _engine(*rules: Mapping[str, Any]) -> engine.Engine:
    return engine.Engine([support.pack(*rules)], support.KNOWN)


def _told(judge: engine.Engine, partial: Mapping[str, Any]) -> list[decisions.NotChecked]:
    claim, as_of = examples.build(partial)
    return judge.evaluate(claim, as_of=as_of).not_checked


@pytest.mark.parametrize(
    ("line", "missing", "reason"),
    [
        ({"tax": None}, ["lines[0].tax"], "not decidable: tax is missing"),
        ({"net": None}, ["lines[0].net"], "not decidable: net is missing"),
        ({"tax": None, "net": None}, ["lines[0].tax", "lines[0].net"], "not decidable: tax, net are missing"),
    ],
)
def test_each_row_names_what_it_lacks(line: dict[str, Any], missing: list[str], reason: str) -> None:
    """One engine is asked about all of them twice: what it remembers of one is not told of another."""
    judge = _engine(TAXED)
    for _ in range(2):
        assert _told(judge, {"lines": [{"tax": None, "net": None}]})[0].missing == [
            "lines[0].tax", "lines[0].net",
        ]  # fmt: skip
        (entry,) = _told(judge, {"lines": [line, {}]})
        assert (entry.missing, entry.reason, entry.path) == (missing, reason, "lines[0].tax")


@pytest.mark.parametrize(
    ("day", "reason"), [("2025-12-31", NO_ISSUE), ("2027-01-01", NO_ISSUE), ("2026-06-01", None)]
)
def test_a_table_without_an_issue_is_told_by_the_day(day: str, reason: str | None) -> None:
    """The same line on a day that an issue covers is decided."""
    judge = _engine(LISTED)
    told = _told(judge, {"lines": [{"service_date": day, "code": "A1"}]})
    assert [entry.reason for entry in told] == ([] if reason is None else [reason])


def test_a_missing_key_is_told_before_a_missing_issue() -> None:
    """Whoever lacks the code has to write it, whatever the tables cover."""
    judge = _engine(LISTED)
    (entry,) = _told(judge, {"lines": [{"service_date": "2025-12-31", "code": None, "description": "x"}]})
    assert entry.reason == "not decidable: code is missing"


def test_more_rows_than_are_remembered_are_told_each_in_its_place() -> None:
    """A claim of a thousand lines outgrows the memory of a rule and is told in full, twice."""
    judge = _engine(TAXED)
    lines = [{"sequence": place, "tax": None} for place in range(1, 1001)]
    for _ in range(2):
        told = _told(judge, {"lines": lines})
        assert [entry.path for entry in told] == [f"lines[{row}].tax" for row in range(1000)]


def test_details_of_one_number_in_different_lines_keep_their_own_place() -> None:
    """The first detail of a claim may stand in its first line or in its second."""
    judge = _engine(support.rule(violation="tax > net", message=support.PLAIN, applies={"scope": "detail"}))
    detail = {"sequence": 1, "code": "X", "net": 1}
    for lines, place in (
        ([{"details": [detail]}, {}], "lines[0].details[0]"),
        ([{}, {"details": [detail]}], "lines[1].details[0]"),
        ([{}, {"details": [{**detail, "tax": 0, "details": [detail]}]}], "lines[1].details[0].details[0]"),
    ):
        (entry,) = _told(judge, {"lines": lines})
        assert (entry.path, entry.missing) == (f"{place}.tax", [f"{place}.tax"])


def test_a_look_whose_day_is_missing_is_open_for_want_of_the_day() -> None:
    """No issue covers an unknown day, but the column is what the sender can mend."""
    judge = _engine(LISTED)
    (entry,) = _told(judge, {"lines": [{"service_date": None}]})
    assert (entry.missing, entry.reason) == (
        ["lines[0].service_date"],
        "not decidable: service_date is missing",
    )


def test_no_issue_covers_an_unknown_day_nor_one_between_issues() -> None:
    """What a table lacks an issue for is told by day number, None for an unknown day."""
    lacks = support.table(first="2026-01-01", last="2026-01-02").uncovered()
    first = 20_454  # 2026-01-01
    assert [lacks(day) for day in (None, first - 1, first, first + 1, first + 2)] == [
        True, True, False, False, True,
    ]  # fmt: skip
