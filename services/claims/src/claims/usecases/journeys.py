"""A claim on its way through the stages of being assessed, and the decision that it becomes."""

import functools
from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

import msgspec

from chassis import errors
from claims import ports
from claims.domain import (
    amounts,
    checklists,
    decisions,
    documents,
    histories,
    identities,
    lifecycle,
    risk,
    tenants,
    verdicts,
    zones,
)
from formats import canonical, hashing, model


class Day(NamedTuple):
    """A calendar day, how it is written, and how the instant is written that was taken for it."""

    day: date
    written: str
    instant: str


class Moment:
    """When a batch came, and the day that is in each regime; told once for all its claims."""

    __slots__ = ("_days", "_received")

    def __init__(self, received: datetime) -> None:
        self._received = received
        self._days: dict[str | None, Day] = {}

    def day(self, regime: str | None) -> Day:
        """Return the calendar day for claims of a regime."""
        found = self._days.get(regime)
        if found is None:
            day = zones.day(self._received, regime)
            found = self._days[regime] = Day(day, day.isoformat(), documents.instant(self._received))
        return found


class Journey:
    """One admitted claim; each stage leaves here what it found."""

    __slots__ = (
        "_day", "_moment", "_sent", "advice", "as_of", "body", "claim", "claim_json", "content_hash",
        "context", "duplicates", "earlier", "fault", "findings", "identity", "known", "left", "media_type",
        "outcome", "question", "rules", "score", "sums", "tenant",
    )  # fmt: skip

    def __init__(
        self,
        arrival: ports.Arrival,
        claim: model.Claim,
        tenant: tenants.Tenant,
        rules: ports.Rules,
        moment: Moment,
    ) -> None:
        self.context, self.body, self.media_type = arrival.context, arrival.body, arrival.media_type
        self.tenant, self.rules = tenant, rules
        self._sent = claim  # its hash is the sender's: a tenant's default is not content
        self.claim = claim if claim.regime else msgspec.structs.replace(claim, regime=tenant.default_regime)
        self._moment = moment
        self.known: histories.Known | None = None
        self.fault: errors.Fault | None = None
        self._day: Day
        self.as_of: date
        self.identity: identities.Identity
        self.question: histories.Question
        self.claim_json: bytes
        self.content_hash: bytes
        self.outcome: ports.Outcome
        self.earlier: ports.Outcome  # what the rules that look at earlier claims say
        self.left: list[histories.Left]
        self.score: risk.Score
        self.findings: list[decisions.Finding]
        self.sums: amounts.Sums
        self.duplicates: list[decisions.Duplicate]
        self.advice: checklists.Advice

    def write(self) -> None:
        """Keep what hangs on the claim alone: its day, text and hash, sums, what it leaves in history."""
        self._day = self._moment.day(self.claim.regime)
        self.as_of = self._day.day
        self.claim_json = canonical.encode_as_sent(self.claim)
        self.content_hash = hashing.content_hash_as_sent(self._sent, self.claim_json)
        self.left = histories.leaves(self.claim, self.identity)
        self.sums = amounts.add_up(self.claim)

    def conclude(self) -> None:
        """Keep all of the decision that does not hang on the score, when the rules have spoken."""
        claim = self.claim
        self.findings = [*self.outcome.findings, *self.earlier.findings]
        self.duplicates = [] if self.known is None else histories.duplicates(claim, self.question, self.known)
        self.advice = self.rules.checklists.advise(claim, self.findings, as_of=self.as_of)

    def decide(self, decided: str, sheet: object) -> ports.Submission:
        """Return the claim decided, ready for the record; `sheet` was laid out for it."""
        decision = self._decision(decided)
        return ports.Submission(
            context=self.context,
            claim=self.claim,
            claim_json=self.claim_json,
            content_hash=self.content_hash,
            identity=self.identity,
            left=self.left,
            sums=self.sums,
            decision=decision,
            document=documents.encode(decision),
            body=self.body,
            media_type=self.media_type,
            inputs=ports.Inputs(feature_hash=self.score.feature_hash, known=self.known),
            sheet=sheet,
        )

    def _decision(self, decided: str) -> decisions.Decision:
        claim, outcome, advice = self.claim, self.outcome, self.advice
        danger = risk.assess(self.score, claim, self.sums)
        threshold = self.tenant.review_threshold
        verdict = verdicts.decide(self.findings, danger, review_threshold=threshold)
        return decisions.Decision(
            claim_id=claim.claim_id or "",
            claim_id_system=claim.claim_id_system,
            revision=lifecycle.FIRST_REVISION,
            content_hash=self.content_hash.hex(),
            tenant=self.context.tenant,
            use=claim.use,
            type=claim.type,
            regime=claim.regime or "base",
            status=lifecycle.begin(verdict),
            verdict=verdict,
            thresholds=_thresholds(threshold),
            as_of=self._day.written,
            findings=self.findings,
            not_checked=[*outcome.not_checked, *self.earlier.not_checked],
            risk=danger,
            amounts=amounts.shown(self.sums),
            duplicates=self.duplicates,
            required_documents=advice.required_documents,
            submit_by=advice.submit_by,
            rules=list(outcome.rules),
            code_sets=_once(outcome.code_sets, advice.code_sets),
            received_at=self._day.instant,
            decided_at=decided,
        )


@functools.lru_cache(maxsize=64)  # tenants keep theirs
def _thresholds(review: float) -> decisions.Thresholds:
    return decisions.Thresholds(review=review)


def _once(
    told: Sequence[decisions.CodeSetRevision], more: Sequence[decisions.CodeSetRevision]
) -> list[decisions.CodeSetRevision]:
    """Return all revisions that were asked, each once."""
    if not more:
        return list(told)
    return [*told, *(revision for revision in more if revision not in told)]
