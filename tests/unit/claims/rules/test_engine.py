"""Which rules are asked about which claim, and how the answers read."""

import datetime as dt
from typing import Any

import pytest

import rules_support as support
from chassis import errors
from claims.domain import decisions
from claims.domain.rules import engine, examples

FIRING: dict[str, Any] = {"violation": "sequence = 1", "message": {"en": "x", "ar": "x"}}


def _fires(partial: dict[str, Any], applies: dict[str, Any], **head: Any) -> bool:
    outcome = support.judge(partial, support.rule(applies={"scope": "line", **applies}, **FIRING), **head)
    return bool(outcome.findings)


@pytest.mark.parametrize(
    ("partial", "applies", "expected"),
    [
        ({}, {}, True),
        ({}, {"regime": ["base"]}, True),
        ({}, {"regime": ["nphies"]}, False),
        ({"regime": "nphies"}, {"regime": ["nphies"]}, True),
        ({}, {"use": ["claim"]}, True),
        ({"use": "preauthorization"}, {"use": ["claim"]}, False),
        ({}, {"type": ["oral", "professional"]}, True),
        ({}, {"type": ["oral"]}, False),
        ({}, {"subtype": ["ip"]}, False),
        ({"subtype": None}, {"subtype": ["ip"]}, False),
        ({}, {"encounter_class": ["AMB"]}, True),
        ({"encounter": None}, {"encounter_class": ["AMB"]}, False),
        ({}, {"payer": ["7001571327"]}, True),
        ({"insurance": [{"coverage": {"payer": "other"}}]}, {"payer": ["7001571327"]}, False),
        ({"insurance": [{}, {}]}, {"payer": ["7001571327"]}, False),
        ({"profile": ["http://x/claim|1.0.0"]}, {"profile": ["http://x/claim"]}, True),
        ({"profile": ["http://x/claim|1.0.0"]}, {"profile": ["http://x/claim|1.0.0"]}, True),
        ({"profile": ["http://x/claim|1.0.0"]}, {"profile": ["http://x/other"]}, False),
        ({}, {"profile": ["http://x/claim"]}, False),
    ],
)
def test_rules_are_selected_before_they_are_asked(
    partial: dict[str, Any], applies: dict[str, Any], expected: object
):
    """A rule is asked only where everything it names fits; an empty list fits all."""
    assert _fires(partial, applies) is expected


def test_a_pack_serves_the_regimes_it_names():
    """A pack that names another regime is neither asked nor stamped."""
    assert _fires({}, {}, regimes=["x12-us"]) is False
    assert support.judge({}, support.rule(), regimes=["x12-us"]).rules == []
    assert support.judge({}, support.rule()).rules == [
        decisions.Revision(pack="sample", revision="1+abababababab")
    ]


@pytest.mark.parametrize(
    ("day", "expected"),
    [("2026-06-30", False), ("2026-07-01", True), ("2026-07-31", True), ("2026-08-01", False)],
)
def test_a_rule_holds_from_its_first_to_its_last_day(day: str, expected: object):
    """Both ends of the window count, and the as-of day decides."""
    window = {"from": dt.date(2026, 7, 1), "to": dt.date(2026, 7, 31)}
    judge = engine.Engine([support.pack(support.rule(valid=window, **FIRING))], support.KNOWN)
    claim, _ = examples.build({})
    assert bool(judge.evaluate(claim, as_of=dt.date.fromisoformat(day)).findings) is expected
    assert bool(judge.evaluate(claim, as_of=dt.date(2026, 7, 15)).findings) is True


def test_a_packs_window_closes_all_its_rules():
    """Outside the window of its pack no rule is asked."""
    outcome = support.judge({}, support.rule(**FIRING), valid={"to": dt.date(2026, 1, 1)})
    assert outcome.findings == []
    assert outcome.rules == []


def test_a_missing_regime_is_base():
    """A claim without a regime is judged by the packs of base."""
    claim, as_of = examples.build({})
    assert claim.regime is None
    judge = engine.Engine([support.pack(support.rule(**FIRING))], support.KNOWN)
    assert judge.evaluate(claim, as_of=as_of).findings


def test_the_zone_is_that_of_the_facts_else_of_the_regime():
    """The same instant is another day for a provider in another zone."""
    rule = support.rule(
        violation="created > DATE '2026-08-01'", message={"en": "{created}", "ar": "{created}"}
    )
    judge = engine.Engine([support.pack(rule)], support.KNOWN)
    claim, as_of = examples.build({"created": "2026-08-01T22:30:00Z"})
    assert judge.evaluate(claim, as_of=as_of).findings[0].message.en == "2026-08-02"
    assert judge.evaluate(claim, as_of=as_of, facts={"zone": "Europe/London"}).findings == []


def test_a_finding_says_all_there_is():
    """Path, line, values, message, suggestion, codes, source and marks come from the rule and the row."""
    rule = support.rule(
        violation="net <> unit_price", expected="unit_price * 1.0000",
        message={"en": "{net} not {expected}", "ar": "{net} لا {expected}"},
        suggestion={"en": "Write {expected}.", "ar": "اكتب {expected}."},
        codes={"nphies": "BE-1-6", "x12": {"category": "A7"}}, blocking=True, review=True,
    )  # fmt: skip
    outcome = support.judge({"lines": [{}, {"sequence": 7, "net": 1234.5}]}, rule)
    assert outcome.findings == [
        decisions.Finding(
            rule="R-1", severity="error", path="lines[1].net", line=7, actual=1234.5, expected=100,
            message=decisions.Bilingual(
                en="1,234.50 not 100.00", ar="\u20661,234.50\u2069 لا \u2066100.00\u2069"
            ),
            suggestion=decisions.Bilingual(en="Write 100.00.", ar="اكتب \u2066100.00\u2069."),
            blocking=True, review=True, codes=decisions.Codes(nphies="BE-1-6", x12={"category": "A7"}),
            source="tests",
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("scope", "partial", "violation", "path", "line", "detail"),
    [
        ("claim", {}, "total = 100", "total", None, None),
        ("claim", {}, "encounter_class = 'AMB'", "encounter.class", None, None),
        ("line", {"lines": [{}, {}]}, "sequence = 2", "lines[1].sequence", 2, None),
        ("diagnosis", {}, "code = 'E11.9'", "diagnoses[0].code", None, None),
        ("care_team", {}, "role = 'primary'", "care_team[0].role", None, None),
        ("information", {}, "text = 'thirst'", "supporting_info[0].text", None, None),
        ("insurance", {}, "focal", "insurance[0].focal", None, None),
        (
            "detail", {"lines": [{}, {"details": [{}, {}]}]}, "sequence = 2",
            "lines[1].details[1].sequence", 2, 2,
        ),
        (
            "detail", {"lines": [{"details": [{}, {"details": [{"net": 5}]}]}]}, "net = 5",
            "lines[0].details[1].details[0].net", 1, 1,
        ),
        ("line", {}, "claim.total = 100", "lines[0]", 1, None),
    ],
)  # fmt: skip
def test_paths_are_those_of_the_canonical_claim(  # noqa: PLR0917 - one parameter per column of the table
    scope: str, partial: dict[str, Any], violation: str, path: str, line: int | None, detail: int | None
):
    """A finding points into the canonical JSON, counted from zero, beside the sender's own numbers."""
    rule = support.rule(applies={"scope": scope}, violation=violation, message={"en": "x", "ar": "x"})
    finding = support.judge(partial, rule).findings[0]
    assert (finding.path, finding.line, finding.detail) == (path, line, detail)


def test_an_unknown_rule_says_what_is_missing():
    """A rule that is neither TRUE nor FALSE names the absent values and the place."""
    rule = support.rule(violation="net <> quantity * unit_price + claim.patient_paid")
    outcome = support.judge({"lines": [{}, {"quantity": None, "unit_price": None}]}, rule)
    assert outcome.findings == []
    assert outcome.not_checked == [
        decisions.NotChecked(
            rule="R-1", path="lines[0].net", missing=["amounts.patient_paid"],
            reason="not decidable: amounts.patient_paid is missing",
        ),
        decisions.NotChecked(
            rule="R-1", path="lines[1].net",
            missing=["lines[1].quantity", "lines[1].unit_price", "amounts.patient_paid"],
            reason="not decidable: quantity, unit_price, amounts.patient_paid are missing",
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("scope", "violation", "missing"),
    [
        ("claim", "SUM(lines.tax) > 1", ["lines.tax"]),
        ("claim", "total <> SUM(lines.tax + lines.net)", ["lines.tax"]),
        ("diagnosis", "MAX(lines.tax) FILTER (WHERE lines.tax > 0 OR TRUE) > 1", ["lines.tax"]),
    ],
)
def test_an_open_aggregate_names_its_column(scope: str, violation: str, missing: list[str]):
    """An aggregate that one row leaves open is not decided, and says over which column."""
    rule = support.rule(applies={"scope": scope}, violation=violation, message={"en": "x", "ar": "x"})
    outcome = support.judge({"lines": [{"tax": None}, {}]}, rule)
    assert [entry.missing for entry in outcome.not_checked] == [missing]


def test_outside_its_window_a_table_says_nothing():
    """A code is not checked where no issue of the table covers the day, and never invalid."""
    rule = support.rule(
        violation="NOT in_codeset(code, 'letters', service_date)", message={"en": "x", "ar": "x"}, path="code"
    )
    inside = support.judge({}, rule)
    outside = support.judge({"lines": [{"service_date": "2025-12-31"}]}, rule)
    assert [finding.path for finding in inside.findings] == ["lines[0].code"]
    assert [entry.reason for entry in outside.not_checked] == ["not checked: no table for this date"]
    assert outside.findings == []
    assert [(entry.name, entry.from_, entry.to) for entry in inside.code_sets] == [
        ("letters", "2026-01-01", "2026-12-31")
    ]


def test_only_tables_that_were_asked_are_stamped():
    """A decision names the tables its rules looked into, and no other."""
    assert support.judge({}, support.rule()).code_sets == []


def test_when_that_is_not_true_is_no_question():
    """Where `when` is FALSE or unknown the rule does not apply and reports nothing."""
    for when in ("FALSE", "tax > 0", "factor > 5 AND tax > 0"):
        outcome = support.judge({"lines": [{"tax": None}]}, support.rule(when=when, violation="tax > 0"))
        assert (outcome.findings, outcome.not_checked) == ([], [])


def test_answers_come_in_the_order_of_rules_and_rows():
    """Findings are sorted by the pack's order of rules, then by row."""
    rules = [
        support.rule(id="R-2", violation="sequence > 0", message={"en": "x", "ar": "x"}),
        support.rule(
            id="R-1", applies={"scope": "claim"}, violation="total > 0", message={"en": "x", "ar": "x"}
        ),
    ]
    outcome = support.judge({"lines": [{}, {}]}, *rules)
    assert [(finding.rule, finding.line) for finding in outcome.findings] == [
        ("R-2", 1),
        ("R-2", 2),
        ("R-1", None),
    ]


def test_what_is_remembered_is_bounded():
    """A sender who invents claim types cannot make the engine's memory grow."""
    rule = support.rule(applies={"scope": "line", "type": ["professional"]}, violation="net < 0")
    judge = engine.Engine([support.pack(rule)], support.KNOWN)
    for number in range(engine.MAX_SELECTIONS + 10):
        claim, as_of = examples.build({"type": f"made-up-{number}"})
        judge.evaluate(claim, as_of=as_of)
    assert len(judge._selected) <= engine.MAX_SELECTIONS
    assert len(judge._programs) == 1


def test_two_packs_must_not_share_a_rule_id():
    """Ids are unique over all packs in force."""
    pack = support.pack(support.rule())
    with pytest.raises(errors.Invalid) as caught:
        engine.Engine([pack, pack], support.KNOWN)
    assert caught.value.reason == "pack.invalid"
    assert [violation.path for violation in caught.value.violations] == ["R-1"]


def test_an_engine_without_packs_finds_nothing():
    """No pack, no finding, no revision."""
    claim, as_of = examples.build({})
    outcome = engine.Engine([], support.KNOWN).evaluate(claim, as_of=as_of)
    assert (outcome.findings, outcome.not_checked, outcome.rules, outcome.code_sets) == ([], [], [], [])


def test_rules_of_one_scope_may_read_rows_of_another():
    """Columns that a later rule adds to a row set leave earlier loops over it intact."""
    rules = [
        support.rule(id="R-1", violation="net > 0", message={"en": "{net}", "ar": "{net}"}),
        support.rule(id="R-2", applies={"scope": "insurance"}, violation="MAX(lines.quantity) = 1 AND focal",
                     message={"en": "{focal} {payer}", "ar": "{focal}"}),
        support.rule(id="R-3", applies={"scope": "detail"},
                     violation="COUNT(DISTINCT lines.code) = 1 AND level = 1",
                     message={"en": "{line_sequence}", "ar": "x"}),
    ]  # fmt: skip
    outcome = support.judge({"lines": [{"details": [{}]}]}, *rules)
    assert [(finding.rule, finding.message.en) for finding in outcome.findings] == [
        ("R-1", "100.00"), ("R-2", "yes 7001571327"), ("R-3", "1"),
    ]  # fmt: skip
