"""Examples may bring rows of tables, so that rules over customers' tables can be shown at work."""

from typing import Any

import pytest

import rules_support as support
from claims.domain.rules import examples, tables

LIMITS = tables.Table(
    name="limits", fields={"units": "number", "last": "date", "open": "boolean"}, dotless=False, periods=()
)
KNOWN = tables.Tables([LIMITS])
RULE = {
    "violation": "quantity > lookup('limits.units', system || '|' || code, service_date)",
    "message": {"en": "Too many.", "ar": "كثير."},
}


def _mistakes(*, violates: Any, satisfies: Any) -> list[str]:
    rule = support.rule(**RULE, examples={"violates": [violates], "satisfies": [satisfies]})
    return [
        f"{found.example} {found.problem}" for found in examples.check(support.pack(rule, known=KNOWN), KNOWN)
    ]


def _rows(units: object, **more: object) -> dict[str, Any]:
    return {"tables": {"limits": {"local|x-100": {"units": units, **more}}}}


def test_an_examples_rows_are_looked_up():
    """The rule fires on the example's row and is satisfied by another one; case of keys does not count."""
    full = _rows(0.5, last="2026-01-31", open=True)
    assert _mistakes(violates=full, satisfies=_rows(1)) == []


def test_without_rows_the_rule_stays_undecided():
    """A table that is declared only answers nothing, and rows of one example are not those of another."""
    (told,) = _mistakes(violates=_rows(0.5), satisfies={})
    assert told.startswith("satisfies[0] the rule is undecided")


def test_a_key_that_is_not_among_the_rows_is_not_in_the_table():
    """An example's rows are the whole table, whatever the committed one holds."""
    below = tables.Tables([support.table("limits")])
    laid = examples.laid({"tables": {"limits": {"Z": {"billable": True}}}}, below)
    found = laid.find("limits")
    assert found is not None
    assert [found.membership()(code, 20_000) for code in ("z", "A1")] == [True, False]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"nowhere": {}}, "there is no table `nowhere`"),
        ({"limits": {"A": {"unit": 1}}}, "table `limits` has no column unit"),
        ({"limits": {"A": {"units": "many"}}}, "`many` is no number"),
        ({"limits": {"A": {"last": "2026-02-30"}}}, "`2026-02-30` is no day"),
    ],
)
def test_wrong_rows_are_told(rows: dict[str, Any], said: str):
    """The example is reported with what is wrong with its tables."""
    told = _mistakes(violates={"tables": rows}, satisfies=_rows(1))
    assert len(told) == 1
    assert said in told[0]
