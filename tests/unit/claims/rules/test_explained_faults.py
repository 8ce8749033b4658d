"""Every planted fault, explained and replayed: what a person is shown is what happened."""

import datetime as dt
import functools
from typing import Any

import msgspec
import pytest

import planted_faults
import planting
import planting_grounds
import rules_support as support
from claims.domain import decisions, documents, past, replaying, verdicts
from claims.domain.rules import coverage, dissecting, explaining, packs, portraits
from formats import canonical, model

DAY = dt.date(2026, 8, 2)
GROUNDS = planting_grounds.grounds()
RISK = decisions.Risk(state="scored", probability=0.2)


@functools.cache
def _rules() -> dict[str, tuple[packs.Pack, packs.Rule]]:
    return {rule.id: (pack, rule) for pack in support.committed()[0] for rule in pack.rules}


def _claim(fault: planting.Fault) -> model.Claim:
    return canonical.decode(msgspec.json.encode(planting.planted(GROUNDS[fault.base], fault)))


def _case(claim: model.Claim) -> explaining.Case:
    return dissecting.case_of(claim, DAY, [past.NOTHING] * len(claim.lines))


@pytest.mark.parametrize("fault", planted_faults.FAULTS, ids=lambda fault: f"{fault.rule}-{fault.what}")
def test_the_rule_that_fires_is_shown_firing_on_its_row(fault: planting.Fault) -> None:
    """The row that the finding points to says fires, its violation is true, and its `when` holds."""
    _, rule = _rules()[fault.rule]
    rows = dissecting.rows(rule, _case(_claim(fault)), support.committed()[1])
    fired = [row for row in rows if row.said == "fires"]
    assert fired
    assert all(row.violation.value is True for row in fired)
    assert all(row.when is None or row.when.value is True for row in fired)
    assert any(fault.path.startswith(row.path) for row in fired), (fault.path, [row.path for row in fired])


@pytest.mark.parametrize("fault", planted_faults.FAULTS[::7], ids=lambda fault: f"{fault.rule}-{fault.what}")
def test_a_portrait_of_a_fault_is_plain_and_whole(fault: planting.Fault) -> None:
    """It becomes JSON as it is, names its columns, and the rule is told to apply."""
    pack, rule = _rules()[fault.rule]
    known = support.committed()[1]
    told = portraits.of(rule, None, known) | portraits.on(pack, rule, _claim(fault), DAY, known)
    assert told["misfits"] == []
    assert told["columns"]
    assert msgspec.json.decode(msgspec.json.encode(told))["id"] == fault.rule


def _recorded(claim: model.Claim, number: int) -> replaying.Recorded:
    """Record a claim as the service does, one at a time and with nothing before it."""
    said = (
        support.judging().evaluate(claim, as_of=DAY),
        support.judging().evaluate_past(claim, as_of=DAY, past=[past.NOTHING] * len(claim.lines)),
    )
    findings = [finding for outcome in said for finding in outcome.findings]
    decision = decisions.Decision(
        claim_id=claim.claim_id or "", content_hash="", use=claim.use, type=claim.type,
        regime=claim.regime or "base",
        status=decisions.Status(wire="received", business="draft", review="none"),
        verdict=verdicts.decide(findings, RISK, review_threshold=0.5),
        thresholds=decisions.Thresholds(review=0.5), as_of=DAY.isoformat(), findings=findings,
        not_checked=[entry for outcome in said for entry in outcome.not_checked], risk=RISK,
        amounts=decisions.Amounts(), received_at="", decided_at="",
    )  # fmt: skip
    return replaying.Recorded(f"id-{number}", canonical.encode(claim), documents.encode(decision))


def test_what_was_decided_one_by_one_is_replayed_in_bulk_without_a_difference() -> None:
    """Sound claims and faulty ones of every regime, through JSON and back, in one batch."""
    claims = [_claim(fault) for fault in planted_faults.FAULTS]
    claims += [canonical.decode(msgspec.json.encode(ground)) for ground in GROUNDS.values()]
    recorded = [_recorded(claim, number) for number, claim in enumerate(claims)]
    judged = replaying.replay(recorded, support.judging(), None)
    assert judged.unreadable == []
    assert [found for found in judged.found if found.any()] == []
    assert len(judged.found) == len(claims)


def test_coverage_over_planted_faults_counts_each_fault_at_its_rule() -> None:
    """Every rule that a fault was planted for is seen to fire, and none is counted twice for one claim."""
    counted = coverage.Coverage(support.judging(), support.committed()[1])
    faults = planted_faults.FAULTS[::5]
    for fault in faults:
        claim = _claim(fault)
        counted.add(claim, DAY, [past.NOTHING] * len(claim.lines))
    tallies: dict[str, Any] = {tally.rule: tally for tally in counted.tallies()}
    assert all(tallies[fault.rule].fired >= 1 for fault in faults)
    for tally in tallies.values():
        parts = tally.fired + tally.satisfied + tally.not_checked + tally.idle
        assert tally.applied == parts <= len(faults)
    never = set(coverage.summary(counted.tallies())["never_fired"])
    assert never.isdisjoint(fault.rule for fault in faults)
