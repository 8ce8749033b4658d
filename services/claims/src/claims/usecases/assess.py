"""Assess claims: tenant, rules beside look-ups, score, verdict. Stores nothing; submit and check share it."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from chassis import clock as clocks
from chassis import errors, logs
from claims import ports
from claims.domain import (
    amounts,
    checklists,
    decisions,
    documents,
    histories,
    identities,
    lifecycle,
    neighbours,
    risk,
    roles,
    tenants,
    verdicts,
    zones,
)
from claims.domain.rules.columnar import forms
from claims.usecases import stages
from formats import canonical, model

RULES_TURN = 32  # Claims judged before other work of the loop gets a turn: two or three milliseconds.
LEAVING_TURNS = 2  # Turns of the loop until a message is with the transport: the stream's, and the writer's.
RULES_BULK = forms.MANY  # So many claims at once are judged together: the engine then reads columns.
RETRY_AFTER_MS = 1_000  # A storage that was restarted answers again within about this.
RECORD_SECONDS = 0.15  # Kept back from the score's time, so that a slow model never costs the record.


class Assessed(msgspec.Struct, frozen=True, kw_only=True):
    """A decided claim with its canonical JSON: the decision without an id, and its own."""

    arrival: ports.Arrival
    claim: model.Claim
    claim_json: bytes
    content_hash: bytes
    identity: identities.Identity
    sums: amounts.Sums
    decision: decisions.Decision
    document: bytes
    inputs: ports.Inputs


class _Moment:
    """When a batch came, and the day that is in each regime; told once for all its claims."""

    def __init__(self, received: datetime) -> None:
        self.received = documents.instant(received)
        self._received = received
        self._days: dict[str | None, date] = {}

    def day(self, regime: str | None) -> date:
        """Return the calendar day for claims of a regime."""
        if regime not in self._days:
            self._days[regime] = zones.day(self._received, regime)
        return self._days[regime]


class _Work:
    """One admitted claim on its way through the stages."""

    __slots__ = (
        "arrival", "claim", "claim_json", "content_hash", "earlier", "fault", "identity", "known", "outcome",
        "question", "score", "tenant",
    )  # fmt: skip

    def __init__(self, arrival: ports.Arrival, claim: model.Claim, tenant: tenants.Tenant) -> None:
        self.arrival = arrival
        self.tenant = tenant
        written = canonical.written(claim, regime=tenant.default_regime)
        self.claim, self.claim_json, self.content_hash = written
        self.known: histories.Known | None = None
        self.fault: errors.Fault | None = None
        self.identity: identities.Identity
        self.question: histories.Question
        self.outcome: ports.Outcome
        self.earlier: ports.Outcome  # what the rules that look at earlier claims say
        self.score: risk.Score


class Assess:
    """Turns arrivals into decisions; every item fails or succeeds alone, answers keep the order.

    `patient_key` is the secret of the keyed hash; `support_seconds` bounds each wait for history and model,
    which a claim can do without.
    """

    def __init__(
        self,
        *,
        tenants: ports.Tenants,
        rules: ports.TenantRules,
        store: ports.Store,
        scorer: ports.Scorer,
        clock: clocks.Clock,
        patient_key: bytes,
        support_seconds: float,
    ) -> None:
        self._tenants, self._rules, self._store, self._scorer = tenants, rules, store, scorer
        self._clock, self._patient_key, self._support_seconds = clock, patient_key, support_seconds
        self.stages = stages.Stages(clock)
        self._log = logs.get("claims.assess")

    async def __call__(
        self, arrivals: Sequence[ports.Arrival], *, permission: roles.Permission
    ) -> list[Assessed | errors.Fault]:
        """Return one decision or fault per arrival, in order."""
        moment = _Moment(self._clock.now())
        with self.stages.stage("admit", [arrival.context for arrival in arrivals]):
            admitted = await self._admit(arrivals, permission)
        works = [work for work in admitted if isinstance(work, _Work)]
        if works:
            await self._judge(works, moment)
            works = [work for work in works if work.fault is None]
        if works:
            await self._weigh(works, moment)
            works = [work for work in works if work.fault is None]
        with self.stages.stage("decide", [work.arrival.context for work in works]):
            at = documents.instant(self._clock.now())
            decided = [
                self._decide(work, moment, at) if isinstance(work, _Work) else work for work in admitted
            ]
            self.stages.decided(one.decision for one in decided if isinstance(one, Assessed))
            return decided

    async def _admit(
        self, arrivals: Sequence[ports.Arrival], permission: roles.Permission
    ) -> list[_Work | errors.Fault]:
        known: dict[str, tenants.Tenant | errors.Fault] = {}
        for name in {arrival.context.tenant for arrival in arrivals}:
            known[name] = await self._tenant(name)
        return [self._admitted(arrival, known[arrival.context.tenant], permission) for arrival in arrivals]

    async def _tenant(self, name: str) -> tenants.Tenant | errors.Fault:
        try:
            return await self._tenants.find(name)
        except errors.Unavailable as fault:
            return storage_away(fault)
        except errors.Fault as fault:
            return fault

    def _admitted(
        self, arrival: ports.Arrival, tenant: tenants.Tenant | errors.Fault, permission: roles.Permission
    ) -> _Work | errors.Fault:
        if isinstance(tenant, errors.Fault):
            return tenant
        try:
            roles.require(arrival.context.roles, permission)
        except errors.Denied as fault:
            return fault
        if isinstance(arrival.claim, errors.Fault):
            return arrival.claim
        if arrival.context.deadline <= self._clock.monotonic():
            return late()
        work = _Work(arrival, arrival.claim, tenant)
        work.identity = identities.identify(
            work.claim,
            tenant=arrival.context.tenant,
            key=self._patient_key,
            looking=self._rules.of(tenant.name).windows,
        )
        work.question = histories.ask(work.claim, work.identity)
        return work

    async def _judge(self, works: list[_Work], moment: _Moment) -> None:
        """Evaluate rules while storage is asked; a history that does not come leaves `known` at None."""
        items = [work.arrival.context for work in works]
        asked = await _leaving(self._look_up(works))
        try:
            with self.stages.stage("rules", items):
                await self._evaluate(works, moment)
            with self.stages.stage("lookup", items):
                await asked
        finally:
            asked.cancel()

    async def _weigh(self, works: list[_Work], moment: _Moment) -> None:
        """Ask the model, and meanwhile the rules that had to wait for what history knows."""
        scored = await _leaving(self._score(works))
        try:
            with self.stages.stage("history", [work.arrival.context for work in works]):
                beside = neighbours.Neighbours()
                await _in_turns(works, lambda work: self._look_back(work, moment, beside))
            await scored
        finally:
            scored.cancel()

    async def _evaluate(self, works: list[_Work], moment: _Moment) -> None:
        """Keep what the rules say, claim by claim for a few, as the engine sees fit for many."""
        if len(works) < RULES_BULK:
            await _in_turns(works, lambda work: self._evaluate_one(work, moment))
            return
        senders: dict[str, list[_Work]] = {}
        for work in works:
            senders.setdefault(work.tenant.name, []).append(work)
        for tenant, mine in senders.items():
            await self._evaluate_many(tenant, mine, moment)

    def _evaluate_one(self, work: _Work, moment: _Moment) -> None:
        """Keep what the rules say; a defect of ours that this claim meets is its own, not its batch's."""
        with self._own_fault(work):
            rules = self._rules.of(work.tenant.name)
            work.outcome = rules.evaluate(work.claim, as_of=moment.day(work.claim.regime))

    async def _evaluate_many(self, tenant: str, works: list[_Work], moment: _Moment) -> None:
        claims = [work.claim for work in works]
        days = [moment.day(claim.regime) for claim in claims]
        for turn in self._rules.of(tenant).evaluate_turns(claims, as_of=days):
            for at, answer in turn:
                with self._own_fault(works[at]):
                    if isinstance(answer, errors.Fault):
                        raise answer.__cause__ or answer
                    works[at].outcome = answer
            await asyncio.sleep(0)

    def _look_back(self, work: _Work, moment: _Moment, beside: neighbours.Neighbours) -> None:
        """Keep what the rules that look at earlier claims say, which had to wait for the answer.

        Claims that came earlier in the batch are earlier claims, unless a rule keeps them from being sent.
        """
        with self._own_fault(work):
            if work.known is not None:
                work.known = beside.beside(work.tenant.name, work.question, work.known)
            past = histories.of_lines(work.claim, work.question, work.known)
            day = moment.day(work.claim.regime)
            rules = self._rules.of(work.tenant.name)
            work.earlier = rules.evaluate_past(work.claim, as_of=day, past=past)
            if not verdicts.refused([*work.outcome.findings, *work.earlier.findings]):
                beside.add(work.tenant.name, work.claim, work.question, work.identity)

    @contextlib.contextmanager
    def _own_fault(self, work: _Work) -> Iterator[None]:
        try:
            yield
        except Exception as cause:  # noqa: BLE001 - told as the fault of one item and in the log
            self._log.error("rules failed", request_id=work.arrival.context.request_id, exc_info=cause)
            work.fault = errors.Internal("rules.failed", "The rules could not be applied to this claim.")
            work.fault.__cause__ = cause

    async def _look_up(self, works: list[_Work]) -> None:
        try:
            answers = await self._store.lookup(
                [(work.arrival.context, work.question) for work in works],
                deadline=self._clock.monotonic() + self._support_seconds,
            )
        except errors.Fault:
            return
        for work, answer in zip(works, answers, strict=True):
            work.known = None if isinstance(answer, errors.Fault) else answer

    async def _score(self, works: list[_Work]) -> None:
        cases = [
            ports.Case(context=work.arrival.context, claim=work.claim, known=work.known) for work in works
        ]
        with self.stages.stage("score", [case.context for case in cases]):
            scores = await score_or_say_why(
                self._scorer, cases, now=self._clock.monotonic(), seconds=self._support_seconds
            )
        for work, score in zip(works, scores, strict=True):
            work.score = score

    def _decide(self, work: _Work, moment: _Moment, decided: str) -> Assessed | errors.Fault:
        if work.fault is not None:
            return work.fault
        sums = amounts.add_up(work.claim)
        decision = _decision(work, sums, moment, decided, self._rules.of(work.tenant.name).checklists)
        return Assessed(
            arrival=work.arrival,
            claim=work.claim,
            claim_json=work.claim_json,
            content_hash=work.content_hash,
            identity=work.identity,
            sums=sums,
            decision=decision,
            document=documents.encode(decision),
            inputs=ports.Inputs(feature_hash=work.score.feature_hash, known=work.known),
        )


async def _leaving(question: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Return the task that asks another room, begun at once, when its message has left."""
    asked = asyncio.Task(question, loop=asyncio.get_running_loop(), eager_start=True)
    try:
        for _ in range(LEAVING_TURNS):
            await asyncio.sleep(0)
    except asyncio.CancelledError:
        asked.cancel()
        raise
    return asked


async def _in_turns(works: Sequence[_Work], step: Callable[[_Work], None]) -> None:
    """Take a step for every claim, and let other work of the loop have its turn in between."""
    for start in range(0, len(works), RULES_TURN):
        if start:
            await asyncio.sleep(0)
        for work in works[start : start + RULES_TURN]:
            step(work)


def storage_away(cause: errors.Fault) -> errors.Unavailable:
    """Return the fault of a claim that cannot be taken because storage does not answer."""
    fault = errors.Unavailable(
        "storage.unavailable",
        "The claim could not be recorded now; sending it again is safe.",
        retry_after_ms=RETRY_AFTER_MS,
    )
    fault.__cause__ = cause
    return fault


def late() -> errors.Unavailable:
    """Return the fault of an item whose time is over before it is recorded."""
    return errors.Unavailable("deadline.exceeded", "The time given for this claim is over.")


async def score_or_say_why(
    scorer: ports.Scorer, cases: Sequence[ports.Case], *, now: float, seconds: float
) -> list[risk.Score]:
    """Return one score per case, waiting at most `seconds`.

    A model that is away, slow or failing makes a claim "not scored", never "low risk".
    """
    latest = max(case.context.deadline for case in cases) - RECORD_SECONDS
    try:
        answers = await scorer.score(cases, deadline=min(now + seconds, latest))
    except errors.Fault as fault:
        return [risk.not_scored(f"scoring.{fault.kind}")] * len(cases)
    return [
        risk.not_scored(f"scoring.{answer.kind}") if isinstance(answer, errors.Fault) else answer
        for answer in answers
    ]


def _decision(
    work: _Work, sums: amounts.Sums, moment: _Moment, decided: str, asking: checklists.Checklists
) -> decisions.Decision:
    claim, outcome = work.claim, work.outcome
    duplicates = [] if work.known is None else histories.duplicates(claim, work.question, work.known)
    earlier = work.earlier
    findings = [*outcome.findings, *earlier.findings]
    advice = asking.advise(claim, findings, as_of=moment.day(claim.regime))
    danger = risk.assess(work.score, claim, sums)
    threshold = work.tenant.review_threshold
    verdict = verdicts.decide(findings, danger, review_threshold=threshold)
    return decisions.Decision(
        claim_id=claim.claim_id or "",
        claim_id_system=claim.claim_id_system,
        revision=lifecycle.FIRST_REVISION,
        content_hash=work.content_hash.hex(),
        tenant=work.arrival.context.tenant,
        use=claim.use,
        type=claim.type,
        regime=claim.regime or "base",
        status=lifecycle.begin(verdict),
        verdict=verdict,
        thresholds=decisions.Thresholds(review=threshold),
        as_of=moment.day(claim.regime).isoformat(),
        findings=findings,
        not_checked=[*outcome.not_checked, *earlier.not_checked],
        risk=danger,
        amounts=amounts.shown(sums),
        duplicates=duplicates,
        required_documents=advice.required_documents,
        submit_by=advice.submit_by,
        rules=list(outcome.rules),
        code_sets=_once(outcome.code_sets, advice.code_sets),
        received_at=moment.received,
        decided_at=decided,
    )


def _once(
    told: Sequence[decisions.CodeSetRevision], more: Sequence[decisions.CodeSetRevision]
) -> list[decisions.CodeSetRevision]:
    """Return all revisions that were asked, each once."""
    return [*told, *(revision for revision in more if revision not in told)]
