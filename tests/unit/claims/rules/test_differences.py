"""What changed between packs: by meaning, field by field; tables by columns and issues."""

from typing import Any

import rules_support as support
from claims.domain.rules import differences, tables


def _between(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> differences.Differences:
    old, new = support.pack(*before), support.pack(*after)
    return differences.between((old.rules, support.KNOWN), (new.rules, support.KNOWN))


def test_white_space_case_and_parentheses_are_no_change() -> None:
    """The same tree is the same rule."""
    found = _between([support.rule(violation="net < 0")], [support.rule(violation="( NET\n  <0 )")])
    assert not found.any()


def test_rules_come_and_go_by_id() -> None:
    """Added and removed, in the order of their packs."""
    found = _between(
        [support.rule(id="A"), support.rule(id="B")], [support.rule(id="B"), support.rule(id="C")]
    )
    assert (found.added, found.removed, found.changed) == (["C"], ["A"], [])
    assert found.any()


def test_a_changed_rule_shows_each_field_before_and_after() -> None:
    """A text by its one spelling, the rest as it is written."""
    found = _between(
        [support.rule(violation="net < 0", severity="error")],
        [support.rule(violation="net<=0", severity="warning", codes={"carc": "16"})],
    )
    (changed,) = found.changed
    told = {change.field: (change.before, change.after) for change in changed.changes}
    assert told["violation"] == ("net < 0", "net <= 0")
    assert told["severity"] == ("error", "warning")
    assert told["codes"] == (None, {"carc": "16"})


def test_tables_change_by_issue() -> None:
    """A new issue, another window, a table that is new or gone."""
    one, other = support.table(), support.table("others")
    longer = support.table(last=None)
    found = differences.between(([], tables.Tables([one])), ([], tables.Tables([longer, other])))
    assert (found.tables_added, found.tables_removed) == (["others"], [])
    assert [(change.name, [one.field for one in change.changes]) for change in found.tables_changed] == [
        ("letters", ["issues"])
    ]
    assert found.any()
