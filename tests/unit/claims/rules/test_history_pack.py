"""The committed pack over earlier claims: its examples, its words, and what it leaves alone."""

import re
from typing import Any

import pytest

import rules_support as support
from claims.domain import decisions, past
from claims.domain.rules import engine, examples, packs, tables

ARABIC = re.compile(r"[\u0621-\u064a]")
PACKS, TABLES = support.committed()
(HISTORY,) = [pack for pack in PACKS if pack.id == "history"]
RULES = {rule.id: rule for rule in HISTORY.rules}


def said(
    *known: past.LineHistory, over: dict[str, Any] | None = None, **partial: Any
) -> tuple[list[str], list[decisions.NotChecked]]:
    """Return the rules of this pack that fire on a claim with this history, and what is not checked."""
    laid = examples.laid({"tables": over or {}}, TABLES)
    judge = engine.Engine([HISTORY], laid)
    claim, day = examples.build(partial)
    outcomes = (
        judge.evaluate(claim, as_of=day),
        judge.evaluate_past(claim, as_of=day, past=list(known) or None),
    )
    fired = [finding.rule for outcome in outcomes for finding in outcome.findings]
    return fired, [entry for outcome in outcomes for entry in outcome.not_checked]


def seen(**fields: Any) -> past.LineHistory:
    """Return the history of a line with these findings and no other."""
    values = {name: getattr(past.NOTHING, name) for name in past.LineHistory.__struct_fields__}
    return past.LineHistory(**(values | fields))


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_example_comes_out(rule: str) -> None:
    """A rule fires where its examples say so, and is decided and silent where they say that."""
    written = RULES[rule].examples
    for name in ("violates", "satisfies"):
        for partial in getattr(written, name):
            assert not examples.tried(HISTORY, RULES[rule], partial, TABLES, fires=name == "violates")


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_text_is_there_in_both_languages(rule: str) -> None:
    """Title, message and suggestion are Arabic where they should be, and end as sentences do."""
    one = RULES[rule]
    assert one.codes is not None
    assert one.codes.nphies or one.codes.carc
    assert one.suggestion is not None
    for text in (one.message.text, one.suggestion.text):
        assert ARABIC.search(text.ar)
        assert text.en.endswith(".")
        assert text.ar.endswith(".")


def test_nothing_of_it_rejects_a_claim() -> None:
    """What others may have billed is never certain enough to refuse a claim by itself."""
    assert {rule.severity for rule in HISTORY.rules} == {"warning", "info"}
    assert [rule.id for rule in HISTORY.rules if rule.review] == ["HIST-102"]


@pytest.mark.parametrize("regime", ["base", "nphies", "x12-us"])
@pytest.mark.parametrize("exact", [0, 1])
@pytest.mark.parametrize("likely", [0, 1])
@pytest.mark.parametrize("possible", [0, 1])
def test_a_duplicate_is_told_once_by_its_surest_strength(
    regime: str, exact: int, likely: int, possible: int
) -> None:
    """Whatever else was found, a line has one finding about duplicates at most."""
    fired, unknown = said(seen(exact=exact, likely=likely, possible=possible), regime=regime)
    sure = "HIST-102" if regime == "nphies" else "HIST-101"
    expected = sure if exact else "HIST-103" if likely else "HIST-104" if possible else None
    assert fired == [expected] * (expected is not None)
    assert unknown == []


def test_without_history_three_rules_say_so_once() -> None:
    """However many lines there are, and nothing is said of tables that the customer does not have."""
    fired, unknown = said(lines=[{}, {}, {}], total=300)
    assert fired == []
    assert [(entry.rule, entry.reason) for entry in unknown] == [
        (rule, "history.unavailable") for rule in ("HIST-101", "HIST-103", "HIST-104")
    ]


def test_an_unknown_strength_is_not_checked_rather_than_none() -> None:
    """A storage that tells exact duplicates only leaves the others open."""
    fired, unknown = said(past.LineHistory(exact=0))
    assert fired == []
    assert {entry.rule for entry in unknown} == {"HIST-103", "HIST-104"}
    assert said(past.LineHistory(exact=1))[0] == ["HIST-101"]


def test_a_line_that_nobody_can_compare_is_left_alone() -> None:
    """Without a code, a day or a patient's number there is nothing to have been claimed before."""
    for partial in ({"lines": [{"code": None, "description": "thing"}]}, {"lines": [{"service_date": None}]}):
        assert said(past.LineHistory(), **partial) == ([], [])
    assert said(past.LineHistory(), patient={"id": None}) == ([], [])


@pytest.mark.parametrize(
    ("days", "claimed", "quantities", "fires"),
    [
        (30, 0, [1], False),
        (30, 1, [1], False),
        (30, 2, [1], True),
        (30, 0, [1, 1], False),
        (30, 1, [1, 1], True),
        (30, 0, [3], True),
        (30, 1.5, [0.5], False),
        (30, 1.5, [0.75], True),
    ],
)
def test_frequency_counts_this_claim_with_the_earlier_ones(
    days: int, claimed: float, quantities: list[float], *, fires: bool
) -> None:
    """Two in thirty days: what was claimed before and what is on this claim together."""
    over = {"frequency": {"local|X-100": {"days": days, "quantity": 2}}}
    lines = [{"quantity": quantity, "net": 100 * quantity} for quantity in quantities]
    known = [seen(claimed_quantity=tables.number(str(claimed)))] * len(lines)
    fired, unknown = said(*known, over=over, lines=lines)
    assert (set(fired) == {"HIST-301"}, unknown) == (fires, [])


def test_a_course_of_days_in_one_claim_stays_within_its_days() -> None:
    """Once a day, on ten days of one claim, is once a day."""
    over = {"frequency": {"local|X-100": {"days": 1, "quantity": 1}}}
    lines = [{"service_date": f"2026-07-{day:02d}"} for day in range(1, 11)]
    assert said(*[past.NOTHING] * 10, over=over, lines=lines) == ([], [])
    over = {"frequency": {"local|X-100": {"days": 2, "quantity": 1}}}
    fired, _ = said(*[past.NOTHING] * 10, over=over, lines=lines)
    assert fired == ["HIST-301"] * 9  # the first day of a course has nothing before it


def test_lines_under_other_approvals_use_nothing_up() -> None:
    """A line's own reference goes before the claim's; quantities add up per reference."""
    over = {"preauthorizations": {"A-1|local|X-100": {"quantity": 2}, "A-2|local|X-100": {"quantity": 1}}}
    insurance = [{"preauth_refs": ["A-1"]}]
    lines = [{}, {"preauth_ref": "A-2"}, {}]
    assert said(*[past.NOTHING] * 3, over=over, lines=lines, insurance=insurance) == ([], [])
    used = seen(authorized_used=tables.number("1"))
    fired, _ = said(used, past.NOTHING, used, over=over, lines=lines, insurance=insurance)
    assert fired == ["HIST-401", "HIST-401"]


@pytest.mark.parametrize(
    ("window", "fires"),
    [
        ({}, False),
        ({"first": "2026-08-01"}, False),
        ({"first": "2026-08-02"}, True),
        ({"last": "2026-08-01"}, False),
        ({"last": "2026-07-31"}, True),
        ({"first": "2026-07-01", "last": "2026-08-31"}, False),
    ],
)
def test_an_approval_has_its_days(window: dict[str, str], *, fires: bool) -> None:
    """Both days belong to it, an open end is open, and no history is needed to say so."""
    over = {"preauthorizations": {"A-1|local|X-100": {"quantity": 9} | window}}
    fired, unknown = said(past.NOTHING, over=over, lines=[{"preauth_ref": "A-1"}])
    assert (fired == ["HIST-402"], unknown) == (fires, [])


def test_replacements_are_not_judged_by_what_they_replace() -> None:
    """What is recorded under another number may be the very claim: unknown, and no excess."""
    over = {
        "visits": {"local|X-100": {"follow_up_days": 14}},
        "frequency": {"local|X-100": {"days": 30, "quantity": 1}},
        "preauthorizations": {"A-1|local|X-100": {"quantity": 1}},
    }
    known = past.LineHistory(exact=0, likely=0, possible=0)
    lines = [{"preauth_ref": "A-1", "quantity": 5, "net": 500}]
    assert said(known, over=over, lines=lines, frequency_code="7", total=500) == ([], [])


def test_rules_of_this_pack_wait_for_history_only_where_they_need_it() -> None:
    """The days of an approval are judged at once."""
    assert [rule.id for rule in HISTORY.rules if not packs.needs_past(rule)] == ["HIST-402"]
