"""What a rule lacked is told per row, and told the same however often it was told before."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

import rules_support as support
from claims.domain import decisions
from claims.domain.rules import engine, examples, programs, tables

VALUED = "lookup('letters.billable', code, service_date)"
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


@pytest.mark.parametrize(
    ("day", "lacks"),
    [("2025-12-31", True), ("2026-01-01", False), ("2026-02-01", True), ("2026-03-01", False)],
)
def test_a_day_between_issues_is_covered_by_none(day: str, lacks: bool) -> None:  # noqa: FBT001 - a column
    """A program tells it with the hit, without looking into the table again."""
    issues = [support.table(first="2026-01-01", last="2026-01-31"), support.table(first="2026-03-01")]
    known = tables.Tables(issues)
    rule = support.pack(support.rule(violation=VALUED, message=support.PLAIN), known=known).rules[0]
    claim, as_of = examples.build({"lines": [{"service_date": day, "code": "Z"}]})
    (hit,) = programs.judge([rule], known)(claim, as_of.toordinal() - support.EPOCH, "Asia/Riyadh")
    assert hit == (0, 0, (False, False, lacks))


def test_a_table_without_issues_is_never_looked_into() -> None:
    """A rule that applies where it has a row applies nowhere; one that asks it is open in every row."""
    empty = tables.Tables([msgspec.structs.replace(support.table(), periods=())])
    documents = [
        support.rule(id="R-1", when="in_codeset(code, 'letters', service_date)", message=support.PLAIN),
        support.rule(id="R-2", when=f"NOT ({VALUED} IS NULL) OR {VALUED}", message=support.PLAIN),
        support.rule(id="R-3", when=f"{VALUED} IS NULL", violation=VALUED, message=support.PLAIN),
        support.rule(id="R-4", violation=f"net < 0 OR {VALUED}", message=support.PLAIN),
        support.rule(id="R-5", violation=f"net > 0 AND {VALUED}", message=support.PLAIN),
        support.rule(
            id="R-6", violation=f"CASE WHEN {VALUED} THEN net > 0 ELSE FALSE END", message=support.PLAIN
        ),
        support.rule(id="R-7", violation=f"COALESCE({VALUED}, net > 0)", message=support.PLAIN),
    ]
    rules = support.pack(*documents, known=empty).rules
    claim, as_of = examples.build({"lines": [{"net": 1}, {"net": -1}]})
    hits = programs.judge(rules, empty)(claim, as_of.toordinal() - support.EPOCH, "Asia/Riyadh")
    assert support.hits(hits) == [
        (2, 0, None), (2, 1, None), (3, 0, None), (3, 1, True), (4, 0, None), (6, 0, True),
    ]  # fmt: skip
