"""Conditions that rules share are asked once, and every rule still says what it says alone."""

import decimal
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rules_support as support
from claims.domain.rules import branching, checking, emitting, examples, layouts, packs, programs, runtime

CONDITIONS = (
    "tax IS NOT NULL", "net > 0", "tax > 1 OR net IS NULL", "NOT (tax = 1)", "code IN ('A', 'B')", "package",
    "quantity * unit_price > 1", "total / tax > 1", "claim.type = 'oral'", "COALESCE(tax, net) IS NOT NULL",
    "lookup('letters.billable', code, service_date) IS NOT NULL", "UPPER(code) LIKE 'A%'",
    "COUNT(*) FILTER (WHERE lines.net IS NOT NULL AND lines.code = code) > 1",
    "UPPER(system) = 'X'", "NOT UPPER(system) = 'X'", "UPPER(system) IN ('X', 'Y')", "system = 'x'",
    "system <> 'x'", "UPPER(system) LIKE 'X%' OR system IS NULL", "system IN ('x', 'y') OR tax = 1.0",
)  # fmt: skip
VIOLATIONS = (
    "tax > net", "net <> quantity * unit_price", "tax IS NULL OR tax > 1", "net < 0 AND tax > 0",
    "NOT lookup('letters.billable', code, service_date)", "COALESCE(tax, net) > 5", "package", "NOT package",
    "SUM(lines.tax) FILTER (WHERE lines.tax IS NOT NULL) > tax",
    "MIN(lines.net) FILTER (WHERE lines.code = code) < net",
    "UPPER(system) = code", "UPPER(system) = 'X' OR UPPER(system) = UPPER(code)", "NOT UPPER(system) <> 'X'",
    "tax BETWEEN 0 AND net", "net BETWEEN -1 AND 1", "1 <= tax AND NOT 2 = net",
    "CASE WHEN tax IS NOT NULL THEN tax > net WHEN net > 1 THEN FALSE END", "total / tax > quantity",
)  # fmt: skip
AMOUNTS = st.sampled_from([None, -1, 0, 1, 2, 10])
LINES = st.lists(
    st.fixed_dictionaries({
        "net": AMOUNTS, "tax": AMOUNTS, "unit_price": AMOUNTS.filter(lambda found: found != -1),
        "quantity": st.sampled_from([None, 0, 1, 2]), "code": st.sampled_from(["A", "a1", "B", "C"]),
        "package": st.sampled_from([None, True, False]), "system": st.sampled_from([None, "x", "X", "y"]),
        "service_date": st.sampled_from([None, "2026-08-01", "2025-01-01"]),
    }),
    min_size=1, max_size=3,
)  # fmt: skip
WHENS = st.lists(st.sampled_from(CONDITIONS), max_size=3, unique=True).map(" AND ".join)
RULES = st.lists(st.tuples(WHENS, st.sampled_from(VIOLATIONS)), min_size=1, max_size=6)


def _rules(told: Sequence[tuple[str, str]]) -> Sequence[packs.Rule]:
    documents = [
        support.rule(
            id=f"R-{at}", when=f"({when})" if " OR " in when and " AND " not in when else when or "TRUE",
            violation=violation, message=support.PLAIN,
        )
        for at, (when, violation) in enumerate(told)
    ]  # fmt: skip
    return support.pack(*documents).rules


def _hits(rules: Sequence[packs.Rule], partial: dict[str, Any]) -> list[programs.Hit]:
    claim, as_of = examples.build(partial)
    judge = programs.judge(rules, support.KNOWN)
    with decimal.localcontext(runtime.EXACT):
        return judge(claim, as_of.toordinal() - support.EPOCH, "Asia/Riyadh")


@settings(max_examples=150, deadline=None)
@given(RULES, LINES)
def test_rules_say_together_what_each_says_alone(
    told: list[tuple[str, str]], lines: list[dict[str, Any]]
) -> None:
    """Nothing that one rule asks changes the answer of another, in whatever order it is asked."""
    rules = _rules(told)
    together = _hits(rules, {"lines": lines})
    alone = [
        (at, row, said) for at, rule in enumerate(rules) for _, row, said in _hits([rule], {"lines": lines})
    ]
    assert support.hits(together) == support.hits(alone)
    _same_openings(rules, together, {"lines": lines})


def _same_openings(
    rules: Sequence[packs.Rule], hits: Sequence[programs.Hit], partial: dict[str, Any]
) -> None:
    """What a program says with a hit is what is found by asking afterwards."""
    claim, as_of = examples.build(partial)
    for at, row, said in hits:
        if isinstance(said, tuple):
            asked = programs.openings("line", rules[at].violation, support.KNOWN)
            assert asked(claim, as_of.toordinal() - support.EPOCH, "Asia/Riyadh", [row]) == [said]


def _lines(*told: tuple[str, str]) -> list[str]:
    layout = layouts.Layout(support.KNOWN)
    tests = [branching.test(at, rule) for at, rule in enumerate(_rules(told))]
    return branching.lines(emitting.Emitter(layout, "line"), tests, "n")


def test_what_several_rules_ask_is_asked_once() -> None:
    """The shared condition stands outside, and what it shows is not tested again inside."""
    told = _lines(
        ("tax IS NOT NULL", "tax > 1"),
        ("net IS NOT NULL", "net > 1"),
        ("net > 2 AND tax IS NOT NULL", "tax < 0"),
    )
    assert told == [
        "if r_tax is not None:",
        "    if (r_tax > k1):",
        "        hit((0, n, True))",
        "    if (r_net is not None and (r_net > k2)) and (r_tax < k3):",
        "        hit((2, n, True))",
        "if r_net is not None and (r_net > k1):",
        "    hit((1, n, True))",
    ]


def test_a_column_that_equals_a_constant_is_not_tested_before() -> None:
    """No constant is None, so the comparison says itself that a value is there."""
    assert _lines(("code = 'A' AND system IN ('x')", "tax IS NULL")) == [
        "if (r_code == k1) and (r_system in k2) and (r_tax is None):",
        "    hit((0, n, True))",
    ]


def test_what_many_rules_make_of_a_text_is_made_once() -> None:
    """From the third use on; rules that ask it now and then make it where they ask."""
    for many, made in ((programs.OFTEN - 1, False), (programs.OFTEN, True)):
        layout = layouts.Layout(support.KNOWN)
        nodes = [rule.when for rule in _rules([("UPPER(system) = 'X'", "package")] * many)]
        assert bool(programs.derived(layout, "lines", nodes)) == made
        layout.own("lines", ["system"])
        line = "    r_system_upper = None if r_system is None else r_system.upper()"
        assert (line in layout.loop("lines", ["pass"])) == made


def test_unknown_and_true_are_told_apart() -> None:
    """A comparison whose sides may be missing is unknown before it is TRUE."""
    assert _lines(("TRUE", "tax > net")) == [
        "if r_tax is None or r_net is None:",
        "    hit((0, n, (r_tax is None, r_net is None, )))",
        "elif (r_tax > r_net):",
        "    hit((0, n, True))",
    ]


def test_a_condition_that_may_fail_is_not_asked_before_its_turn() -> None:
    """Shared or not: asked early, its overflow would leave a rule open that does not apply."""
    risky = "net IS NOT NULL AND quantity * unit_price > 1"
    told = _lines((risky, "net > 1"), (risky, "net > 2"))
    assert told[0] == "if r_net is not None:"
    assert sum("(r_quantity * r_unit_price)" in line for line in told) == 2
    assert sum(line.strip() == "except ArithmeticError:" for line in told) == 2


@pytest.mark.parametrize("scope", ["line", "claim", "diagnosis"])
@pytest.mark.parametrize("risky", ["sequence = 1", "sequence / 2 > 1"])
def test_rules_that_apply_to_no_claim_leave_a_sound_program(scope: str, risky: str) -> None:
    """Alone, sharing a condition, or able to fail: nothing is left of them, not even a loop."""
    violation = risky if scope != "claim" else "total / 2 > 1"
    never = "((TRUE IS NULL) IS NULL)"
    documents = [
        support.rule(
            id=f"R-{at}", applies={"scope": scope}, when=when, violation=violation, message=support.PLAIN
        )
        for at, when in enumerate((never, f"{never} AND {never}", f"NOT (TRUE) AND {never}"))
    ]  # fmt: skip
    assert _hits(support.pack(*documents).rules, {}) == []
    assert _hits(support.pack(documents[0]).rules, {}) == []


def test_rules_that_cannot_fail_are_not_guarded() -> None:
    """Looking into a table or changing the case of a text cannot overflow."""
    told = _lines(("UPPER(code) = 'A'", "NOT in_codeset(code, 'letters', service_date)"))
    assert not [line for line in told if "try" in line or "except" in line]


def test_more_conditions_than_python_nests_are_asked_one_by_one() -> None:
    """Forty conditions that two rules share stand thirty deep, and the rest in one line."""
    when = " AND ".join(f"net > {number}" for number in range(40))
    told = _lines((when, "tax > 1"), (when, "tax > 2"))
    assert max(len(line) - len(line.lstrip()) for line in told) <= 4 * (branching.MAX_DEPTH + 2)
    rules = _rules([(when, "tax > 1"), (when, "tax > 2")])
    assert _hits(rules, {"lines": [{"net": 100, "tax": 2}]}) == [(0, 0, True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tax IS NOT NULL AND tax > 1", "(r_tax is not None and (r_tax > k1))"),
        ("tax > 1 AND tax < 5", "((r_tax is not None and (r_tax > k1)) and (r_tax < k2))"),
        (
            "(tax > 1 OR net > 1) AND tax < 5",
            (
                "(((r_tax is not None and (r_tax > k1)) or (r_net is not None and (r_net > k1)))"
                " and (r_tax is not None and (r_tax < k2)))"
            ),
        ),
        ("NOT (tax IS NULL OR tax > 1)", "(r_tax is not None and not (r_tax > k1))"),
    ],
)
def test_what_a_condition_shows_is_not_asked_again(text: str, expected: str) -> None:
    """Of an OR nobody knows which side held, so it shows nothing."""
    emitter = emitting.Emitter(layouts.Layout(support.KNOWN), "line")
    assert emitter.given(checking.condition(text, "line", support.KNOWN)) == expected


def test_what_was_looked_up_is_at_hand_afterwards() -> None:
    """A rule that asks whether a table has a value does not look for it again."""
    look = "lookup('letters.billable', code, service_date)"
    told = _lines((f"{look} IS NOT NULL", f"NOT {look}"))
    found = "(t1 := (None if r_code is None or r_service_date is None else k1(r_code, r_service_date)))"
    assert told == [f"if {found} is not None and (not t1):", "    hit((0, n, True))"]
