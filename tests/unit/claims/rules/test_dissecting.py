"""A rule taken apart on a claim: every part with its value, row by row."""

from collections.abc import Mapping
from typing import Any

import pytest

import rules_support as support
from claims.domain.rules import dissecting, examples, portraits


def _rows(partial: Mapping[str, Any], **changes: Any) -> list[dissecting.Row]:
    claim, as_of = examples.build(partial)
    (rule,) = support.pack(support.rule(**changes)).rules
    return dissecting.rows(rule, dissecting.case_of(claim, as_of), support.KNOWN)


def _flat(part: dissecting.Part) -> dict[str, Any]:
    found = {part.text: part.value}
    for inner in part.parts:
        found |= _flat(inner)
    return found


def test_every_part_shows_its_value_in_every_row() -> None:
    """Which half of an OR was true, and the values that made it so, for each line."""
    two, one = _rows(
        {"lines": [{"net": 50, "quantity": 2}, {"net": -1}]}, violation="net < 0 OR quantity * tax > net"
    )
    assert (two.path, two.said) == ("lines[0]", "satisfied")
    assert (one.path, one.said) == ("lines[1]", "fires")
    told = _flat(one.violation)
    assert told["net < 0 OR quantity * tax > net"] is True
    assert told["net < 0"] is True
    assert str(told["net"]) == "-1.00"
    assert str(_flat(two.violation)["quantity * tax"]) == "0.00"


@pytest.mark.parametrize(
    ("partial", "changes", "said"),
    [
        ({"lines": [{"net": -1}]}, {}, "fires"),
        ({}, {}, "satisfied"),
        ({"lines": [{"net": None}]}, {}, "not_checked"),
        ({"lines": [{"net": -1}]}, {"when": "quantity > 5"}, "not_applicable"),
        ({"lines": [{"net": -1, "quantity": None}]}, {"when": "quantity > 5"}, "not_applicable"),
        ({"lines": [{"quantity": 0}]}, {"violation": "net / quantity > 1"}, "not_checked"),
    ],
)
def test_what_is_said_of_a_row_is_what_the_engine_says(
    partial: Mapping[str, Any], changes: Mapping[str, Any], said: str
) -> None:
    """Taking a rule apart never tells another story than judging by it."""
    (row,) = _rows(partial, **changes)
    assert row.said == said
    outcome = support.judge(partial, support.rule(**changes))
    assert bool(outcome.findings) == (said == "fires")
    assert bool(outcome.not_checked) == (said == "not_checked")


def test_a_calculation_without_result_is_marked_and_no_other_part() -> None:
    """A product beyond all digits does not hide the values around it."""
    huge = " * ".join(["quantity", *["9" * 30 + ".7"] * 5])
    (row,) = _rows({"lines": [{"quantity": 3}]}, violation=f"{huge} > 1 AND net > 0")
    product, other = row.violation.parts
    assert product.failed
    assert (other.value, other.failed) == (True, False)
    assert row.said == "not_checked"


def test_an_aggregate_is_shown_as_one_value() -> None:
    """What stands inside belongs to other rows and has no single value."""
    (row,) = _rows({}, applies={"scope": "claim"}, violation="SUM(lines.net) <> total", message=support.PLAIN)
    told = _flat(row.violation)
    assert str(told["SUM(lines.net)"]) == "100.00"
    assert "lines.net" not in told


def test_a_scope_without_rows_has_no_rows() -> None:
    """A claim without details has none to show."""
    assert _rows({}, applies={"scope": "detail"}) == []


def test_a_portrait_tells_what_a_rule_reads_and_nothing_of_the_patient() -> None:
    """Columns with their meaning, tables with their issues, values of these columns only."""
    (rule,) = support.pack(support.rule(violation="NOT in_codeset(code, 'letters', service_date)")).rules
    told = portraits.of(rule, None, support.KNOWN)
    assert [column["name"] for column in told["columns"]] == ["code", "service_date"]
    assert told["tables"][0]["issues"][0]["from"] == "2026-01-01"
    claim, as_of = examples.build({})
    (pack,) = [support.pack(support.rule())]
    shown = portraits.on(pack, rule, claim, as_of, support.KNOWN)
    assert shown["misfits"] == []
    assert claim.patient.id is not None
    assert claim.patient.id not in str(shown)


def test_a_rule_that_does_not_apply_says_what_does_not_fit() -> None:
    """Regime, validity and every dimension by name."""
    pack = support.pack(
        support.rule(applies={"scope": "line", "use": ["preauthorization"], "regime": ["nphies"]})
    )
    claim, as_of = examples.build({})
    shown = portraits.on(pack, pack.rules[0], claim, as_of, support.KNOWN)
    assert (shown["misfits"], shown["rows"]) == (["regime", "use"], [])


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ({"code": "A1", "service_date": "2020-01-01"}, "no_issue"),
        ({"code": "Z9"}, "no_key"),
        ({"code": None, "description": "x"}, ""),
        ({"code": "A1"}, ""),
    ],
)
def test_a_look_into_a_table_says_why_it_gave_nothing(line: dict[str, Any], note: str) -> None:
    """No issue for the day, no such key, or nothing to ask with: three answers behind one NULL."""
    (row,) = _rows({"lines": [line]}, violation="NOT lookup('letters.billable', code, service_date)")
    (look,) = row.violation.parts
    assert look.note == note
