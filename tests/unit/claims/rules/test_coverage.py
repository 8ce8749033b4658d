"""Coverage: what a corpus puts to the test, and what it leaves untouched."""

from typing import Any

import rules_support as support
from claims.domain import past
from claims.domain.rules import coverage, engine, examples, packs, tables


def _counted(pack: packs.Pack, *partials: dict[str, Any]) -> coverage.Coverage:
    counted = coverage.Coverage(engine.Engine([pack], support.KNOWN), support.KNOWN)
    for partial in partials:
        claim, as_of = examples.build(partial)
        counted.add(claim, as_of)
    return counted


def test_each_rule_is_counted_once_a_claim() -> None:
    """Fired, satisfied, undecided and idle are apart, and add up to the claims it applied to."""
    pack = support.pack(
        support.rule(id="A"),
        support.rule(id="B", when="quantity > 5", violation="net < -5"),
        support.rule(id="C", applies={"scope": "line", "regime": ["nphies"]}, violation="net < -6"),
        support.rule(id="D", applies={"scope": "detail"}, violation="net < -7"),
    )
    lines = [{"net": -1}, {"net": -2}]
    counted = _counted(pack, {"lines": lines}, {}, {"lines": [{"net": None, "quantity": 9}]})
    tallies = {one.rule: one for one in counted.tallies()}
    a, b = tallies["A"], tallies["B"]
    assert (a.applied, a.fired, a.satisfied, a.not_checked, a.idle, a.findings) == (3, 1, 1, 1, 0, 2)
    assert (b.applied, b.fired, b.not_checked, b.idle) == (3, 0, 1, 2)
    assert all(
        one.applied == one.fired + one.satisfied + one.not_checked + one.idle for one in tallies.values()
    )
    assert coverage.summary(counted.tallies()) == {
        "never_applied": ["C"],
        "never_reached": ["D"],
        "never_decided": ["B"],
        "never_fired": ["B", "C", "D"],
    }


def test_rules_about_earlier_claims_count_with_their_past() -> None:
    """Without history they are undecided, with it they fire."""
    pack = support.pack(support.rule(violation="duplicates_exact > 0"))
    counted = coverage.Coverage(engine.Engine([pack], tables.Tables()), tables.Tables())
    claim, as_of = examples.build({})
    counted.add(claim, as_of)
    counted.add(claim, as_of, [past.LineHistory(exact=1)])
    (tally,) = counted.tallies()
    assert (tally.not_checked, tally.fired) == (1, 1)


def test_a_when_that_cannot_be_calculated_reaches_nothing() -> None:
    """A division by zero in `when` does not stop the count."""
    pack = support.pack(support.rule(when="net / quantity > 1"))
    (tally,) = _counted(pack, {"lines": [{"quantity": 0}]}).tallies()
    assert tally.applied == 1
    assert tally.fired == tally.satisfied == 0
