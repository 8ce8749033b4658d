"""Which rules a corpus of claims puts to the test: what fired, was satisfied, undecided, or never applied.

Room: domain. A rule that never fired on a corpus is proved by its examples alone; one that never applied, or
whose `when` never held, may be unreachable.
"""

import datetime as dt
from collections.abc import Iterable

import msgspec

from claims.domain.rules import dissecting, engine, packs, programs, tables
from formats import model


class Tally(msgspec.Struct, kw_only=True):
    """One rule over a corpus, counted in claims: `idle` where nothing in the claim was to be judged."""

    rule: str
    severity: str
    applied: int = 0
    fired: int = 0
    satisfied: int = 0
    not_checked: int = 0
    idle: int = 0
    findings: int = 0


class Coverage:
    """Counts claims; rules of all packs are there from the beginning, with zeros."""

    def __init__(self, judge: engine.Engine, known: tables.Tables) -> None:
        self._judge, self._tables = judge, known
        self._tallies = {
            rule.id: Tally(rule=rule.id, severity=rule.severity)
            for pack in judge.packs
            for rule in pack.rules
        }
        self._conditions: dict[str, dissecting.Condition] = {}
        self.claims = 0

    def add(self, claim: model.Claim, as_of: dt.date, past: programs.Past = None) -> None:
        """Count one claim; without its past, rules that look at earlier claims stay undecided."""
        self.claims += 1
        said = (
            self._judge.evaluate(claim, as_of=as_of),
            self._judge.evaluate_past(claim, as_of=as_of, past=past),
        )
        fired = [finding.rule for outcome in said for finding in outcome.findings]
        unknown = {entry.rule for outcome in said for entry in outcome.not_checked}
        for rule in self._judge.applying(claim, as_of):
            tally = self._tallies[rule.id]
            tally.applied += 1
            tally.findings += fired.count(rule.id)
            if rule.id in fired:
                tally.fired += 1
            elif rule.id in unknown:
                tally.not_checked += 1
            elif self._judged(rule, claim, as_of, past):
                tally.satisfied += 1
            else:
                tally.idle += 1

    def tallies(self) -> list[Tally]:
        """Return what was counted, in the order of the packs."""
        return list(self._tallies.values())

    def _judged(self, rule: packs.Rule, claim: model.Claim, as_of: dt.date, past: programs.Past) -> bool:
        """Tell whether a rule that did not fire had anything to judge: a row on which its `when` held."""
        condition = self._conditions.get(rule.id)
        if condition is None:
            condition = self._conditions[rule.id] = dissecting.Condition(rule, self._tables)
        return any(condition.holds(dissecting.case_of(claim, as_of, past)))


def summary(tallies: Iterable[Tally]) -> dict[str, list[str]]:
    """Return the ids of rules that never fired, by how near they came."""
    found = list(tallies)
    return {
        "never_applied": [one.rule for one in found if not one.applied],
        "never_reached": [one.rule for one in found if one.applied and one.applied == one.idle],
        "never_decided": [one.rule for one in found if one.not_checked and not one.fired + one.satisfied],
        "never_fired": [one.rule for one in found if not one.fired],
    }
