"""A rule that looks into a table without an issue for the day says that it was not checked."""

import functools

import msgspec
import pytest

import rules_support as support
from claims.domain.rules import engine, examples, packs, tables, tree

PACKS, KNOWN = support.committed()
# The committed tables as if no customer had given any data and ours had ended.
EMPTY = tables.Tables([msgspec.structs.replace(table, periods=()) for table in KNOWN.every()])


def _looks_up(rule: packs.Rule) -> bool:
    asked = any(isinstance(part, tree.Call) and part.table for part in tree.walk(rule.violation))
    first = any(isinstance(part, tree.Call) and part.table for part in tree.walk(rule.when))
    return asked and not first and not packs.needs_past(rule)


RULES = [pytest.param(rule, id=rule.id) for pack in PACKS for rule in pack.rules if _looks_up(rule)]


@functools.cache
def _engine() -> engine.Engine:
    return engine.Engine(PACKS, EMPTY)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_without_its_table_is_not_checked(rule: packs.Rule):
    """What violates it with the table is neither a finding nor passed over without it."""
    for partial in rule.examples.violates:
        claim, as_of = examples.build(partial)
        outcome = _engine().evaluate(claim, as_of=as_of)
        assert rule.id not in {finding.rule for finding in outcome.findings}
        assert rule.id in {entry.rule for entry in outcome.not_checked}


def test_many_rules_look_into_tables():
    """The test above is about something."""
    assert len(RULES) >= 20
