"""A recorded claim judged again: by other packs or as of another day, compared with what was decided.

Room: domain. Both verdicts are made of the rules' findings and the risk that was recorded, so that a person's
decision and the model stay out of the comparison. Rules that look at earlier claims are not asked again: what
they said stands as it was recorded, as long as the packs still hold them.
"""

import datetime as dt
from collections.abc import Sequence

import msgspec

from chassis import errors
from claims.domain import amounts, comparisons, decisions, documents, verdicts
from claims.domain.rules import engine, packs
from formats import canonical, model


class Recorded(msgspec.Struct, frozen=True):
    """A claim as storage keeps it: id, claim and decision in canonical JSON."""

    id: str
    claim: bytes
    decision: bytes


class Judged(msgspec.Struct, frozen=True):
    """What became of some recorded claims: differences, and the ids of those that cannot be read."""

    found: list[comparisons.Difference]
    unreadable: list[str]


class Case(msgspec.Struct, frozen=True):
    """A recorded claim that was read, with the day it is judged on."""

    id: str
    claim: model.Claim
    decision: decisions.Decision
    as_of: dt.date


def replay(recorded: Sequence[Recorded], judge: engine.Engine, as_of: dt.date | None) -> Judged:
    """Return what the packs say of claims as of a day, or each as of the day it was decided on."""
    cases: list[Case] = []
    unreadable: list[str] = []
    for one in recorded:
        case = read(one, as_of)
        if case is None:
            unreadable.append(one.id)
        else:
            cases.append(case)
    said = judge.evaluate_batch([case.claim for case in cases], as_of=[case.as_of for case in cases])
    found = []
    for case, outcome in zip(cases, said, strict=True):
        if isinstance(outcome, errors.Fault):
            unreadable.append(case.id)
        else:
            found.append(_difference(case, outcome, judge))
    return Judged(found, unreadable)


def read(one: Recorded, as_of: dt.date | None) -> Case | None:
    """Return a recorded claim with the day it is judged on: `as_of`, else its own; None if it is damaged."""
    try:
        claim, decision = canonical.decode(one.claim), documents.decode(one.decision)
        day = as_of or dt.date.fromisoformat(decision.as_of)
    except (errors.Invalid, msgspec.MsgspecError, ValueError):
        return None
    if claim.regime is None:  # decided by the tenant's default, which is not part of the claim
        claim = msgspec.structs.replace(claim, regime=decision.regime)
    return Case(one.id, claim, decision, day)


def _difference(case: Case, outcome: engine.Outcome, judge: engine.Engine) -> comparisons.Difference:
    decision = case.decision
    later = {rule.id for rule in judge.applying(case.claim, case.as_of) if packs.needs_past(rule)}
    findings = [*outcome.findings, *(one for one in decision.findings if one.rule in later)]
    unchecked = [*outcome.not_checked, *(one for one in decision.not_checked if one.rule in later)]
    appeared, vanished = comparisons.findings(decision.findings, findings)
    sums = amounts.add_up(case.claim)
    return comparisons.Difference(
        claim_id=decision.claim_id, id=case.id, before=_verdict(decision.findings, decision),
        after=_verdict(findings, decision), appeared=appeared, vanished=vanished,
        undecided=comparisons.unchecked(decision.not_checked, unchecked),
        currency=sums.currency, submitted=sums.submitted,
    )  # fmt: skip


def _verdict(findings: Sequence[decisions.Finding], decision: decisions.Decision) -> decisions.Verdict:
    return verdicts.decide(findings, decision.risk, review_threshold=decision.thresholds.review)
