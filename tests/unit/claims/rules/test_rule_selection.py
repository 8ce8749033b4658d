"""Which rules a claim is judged by: regime, dates, use, payer, profile; and tables inside their window."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

import rule_language_support as support
from chassis import errors
from claims.domain.rules import engine, examples, packs, tables

DAY = "service_date"


def fired(document: dict[str, Any], claim: dict[str, Any] | None = None, **head: Any) -> bool:
    """Return whether a rule that is always violated applies to a claim."""
    built, day = examples.build(claim or {})
    outcome = engine.Engine([support.pack(document, **head)], tables.Tables()).evaluate(built, as_of=day)
    assert outcome.not_checked == []
    return bool(outcome.findings)


def always(**applies: Any) -> dict[str, Any]:
    """Return a rule that is violated wherever it applies."""
    return support.rule("TRUE", applies={"scope": "claim"} | applies)


@pytest.mark.parametrize(
    ("applies", "claim", "expected"),
    [
        ({}, {}, True),
        ({"use": ["claim"]}, {}, True),
        ({"use": ["preauthorization"]}, {}, False),
        ({"type": ["oral", "professional"]}, {}, True),
        ({"type": ["oral"]}, {}, False),
        ({"subtype": ["ip"]}, {}, False),
        ({"subtype": ["ip"]}, {"subtype": None}, False),
        ({"encounter_class": ["AMB"]}, {}, True),
        ({"encounter_class": ["AMB"]}, {"encounter": None}, False),
        ({"payer": ["7001571327"]}, {}, True),
        ({"payer": ["1"]}, {}, False),
        ({"profile": ["http://x/a"]}, {"profile": ["http://x/a|1.0"]}, True),
        ({"profile": ["http://x/a|2.0"]}, {"profile": ["http://x/a|1.0"]}, False),
        ({"profile": ["http://x/a"]}, {"profile": ["http://x/b", "http://x/a"]}, True),
        ({"profile": ["http://x/a"]}, {}, False),
        ({"regime": ["base"]}, {}, True),
        ({"regime": ["nphies"]}, {}, False),
        ({"use": ["claim"], "payer": ["1"]}, {}, False),
    ],
)
def test_a_rule_applies_where_every_list_agrees(
    applies: dict[str, Any], claim: dict[str, Any], expected: object
) -> None:
    """An empty list means all; a missing value is on no list; a profile counts with or without version."""
    assert fired(always(**applies), claim) is expected


@pytest.mark.parametrize(
    ("first", "last", "day", "expected"),
    [
        (None, None, "2026-08-02", True),
        ("2026-08-02", None, "2026-08-02", True),
        ("2026-08-03", None, "2026-08-02", False),
        (None, "2026-08-02", "2026-08-02", True),
        (None, "2026-08-01", "2026-08-02", False),
        ("2026-08-02", "2026-08-02", "2026-08-02", True),
        (None, "9999-12-31", "9999-12-31", True),
    ],
)
def test_a_rule_and_a_pack_are_valid_on_both_their_ends(
    first: str | None, last: str | None, day: str, expected: object
) -> None:
    """The first and the last day belong to the window, of a rule and of a whole pack."""
    window = {name: value for name, value in (("from", first), ("to", last)) if value}
    claim = {"as_of": dt.date.fromisoformat(day)}
    assert fired(always() | {"valid": window}, claim) is expected
    assert fired(always(), claim, valid=window) is expected


def test_one_engine_answers_for_every_day() -> None:
    """The set of rules remembered for one day is not used for another."""
    judge = engine.Engine(
        [support.pack(always() | {"valid": {"from": "2026-03-01", "to": "2026-03-31"}})], tables.Tables()
    )
    claim, _ = examples.build({})
    days = [dt.date(2026, 2, 28), dt.date(2026, 3, 1), dt.date(2026, 3, 31), dt.date(2026, 4, 1)]
    for _ in range(2):
        told = [bool(judge.evaluate(claim, as_of=day).findings) for day in days]
        assert told == [False, True, True, False]


def test_more_kinds_of_claim_than_are_remembered_are_still_judged() -> None:
    """The memory of selections is bounded and forgetting changes no answer."""
    judge = engine.Engine([support.pack(always(payer=["P1"]))], tables.Tables())
    for number in [1, *range(engine.MAX_SELECTIONS + 5), 1]:
        coverage = [{"focal": True, "coverage": {"payer": f"P{number}"}}]
        claim, day = examples.build({"insurance": coverage})
        assert bool(judge.evaluate(claim, as_of=day).findings) is (number == 1)


def test_packs_of_other_regimes_are_not_named() -> None:
    """A decision lists the revisions of the packs that were asked and of no other."""
    asked = support.pack(always())
    other = support.pack(always() | {"id": "T-2"}, id="pack-two", regimes=["nphies"])
    claim, day = examples.build({})
    outcome = engine.Engine([asked, other], tables.Tables()).evaluate(claim, as_of=day)
    assert [entry.pack for entry in outcome.rules] == ["pack-one"]
    assert [found.rule for found in outcome.findings] == ["T-1"]
    nphies, _ = examples.build({"regime": "nphies"})
    told = engine.Engine([asked, other], tables.Tables()).evaluate(nphies, as_of=day)
    assert [found.rule for found in told.findings] == ["T-2"]


def test_two_packs_may_not_share_a_rule_id() -> None:
    """An engine over two packs with a rule of one id does not start."""
    both = [support.pack(always()), support.pack(always(), id="pack-two")]
    with pytest.raises(errors.Invalid) as caught:
        engine.Engine(both, tables.Tables())
    assert [(one.path, one.code) for one in caught.value.violations] == [("T-1", "rule.duplicate")]


@pytest.mark.parametrize(
    ("day", "code", "expected"),
    [
        ("2026-01-01", "E11.9", True), ("2026-12-31", "e119", True), ("2026-06-01", "E11.8", False),
        ("2025-12-31", "E11.9", None), ("2027-01-01", "E11.9", None), (None, "E11.9", None),
    ],
)  # fmt: skip
def test_a_code_set_answers_inside_its_window_only(day: str | None, code: str, expected: object) -> None:
    """Outside its window a code is neither valid nor invalid; dots and case do not count."""
    known = tables.Tables([support.tariff()])
    claim = {"lines": [{"code": code, DAY: day}]}
    assert support.holds(f"in_codeset(code, 'tariff', {DAY})", claim, known=known) is expected


def test_two_issues_of_a_table_are_asked_by_day() -> None:
    """A price of last year is last year's, and the decision names both issues."""
    old = support.tariff(
        first="2025-01-01", last="2025-12-31", revision="r0", E119=(Decimal(9), "chronic", False)
    )
    known = tables.Tables([old, support.tariff(last=None)])
    text = f"quantity > lookup('tariff.price', code, {DAY})"
    for day, quantity, expected in [
        ("2025-05-05", 10, True),
        ("2026-05-05", 10, False),
        ("2030-05-05", 13, True),
        ("2024-05-05", 13, None),
    ]:
        claim = {"lines": [{"code": "E11.9", DAY: day, "quantity": quantity}]}
        assert support.holds(text, claim, known=known) is expected
    claim = {"lines": [{"code": "E11.9"}]}
    revisions = support.outcome(support.rule(text), claim, known=known).code_sets
    assert [(one.revision, one.from_, one.to) for one in revisions] == [
        ("r0", "2025-01-01", "2025-12-31"),
        ("r1", "2026-01-01", None),
    ]


def test_a_code_without_a_row_has_no_value() -> None:
    """A lookup of a code that is not listed is undecided, and says that the table lacks it."""
    known = tables.Tables([support.tariff()])
    claim = {"lines": [{"code": "Z99"}]}
    told = support.outcome(
        support.rule(f"lookup('tariff.open', code, {DAY}) = FALSE"), claim, known=known
    ).not_checked
    assert [entry.reason for entry in told] == ["not decidable: tariff lacks a value for this key"]
    text = f"COALESCE(lookup('tariff.kind', code, {DAY}), 'none') = 'none'"
    assert support.holds(text, claim, known=known) is True


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "sNaN"])
def test_a_table_holds_finite_numbers_only(text: str) -> None:
    """Neither infinity nor not-a-number is a price."""
    with pytest.raises(ValueError, match="not a number"):
        tables.number(text)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [("Asia/Riyadh", "2026-08-02"), ("America/New_York", "2026-08-01"), ("UTC", "2026-08-01")],
)
def test_an_instant_is_a_day_in_the_providers_zone(zone: str, expected: str) -> None:
    """Half past ten at night in UTC is tomorrow in Riyadh; the provider's own zone decides."""
    claim = {"lines": [{DAY: "2026-08-01T22:30:00Z"}]}
    assert support.holds(f"{DAY} = DATE '{expected}'", claim, facts={"zone": zone}) is True
    assert support.holds(f"{DAY} <> DATE '{expected}'", claim, facts={"zone": zone}) is False


def test_a_pack_is_what_its_rules_are() -> None:
    """A pack of no rules judges nothing and is named all the same."""
    empty: packs.Pack = support.pack()
    claim, day = examples.build({})
    outcome = engine.Engine([empty], tables.Tables()).evaluate(claim, as_of=day)
    assert (outcome.findings, outcome.not_checked) == ([], [])
    assert [entry.pack for entry in outcome.rules] == ["pack-one"]
