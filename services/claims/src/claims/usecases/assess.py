"""Assess claims: tenant, rules beside look-ups, score, verdict. Stores nothing; submit and check share it."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple

from chassis import clock as clocks
from chassis import errors, logs
from claims import ports
from claims.domain import documents, histories, identities, neighbours, risk, roles, tenants, verdicts
from claims.domain.rules.columnar import forms
from claims.usecases import journeys, stages

RULES_TURN = 32  # Claims judged before other work of the loop gets a turn: two or three milliseconds.
RULES_BULK = forms.MANY  # So many claims at once are judged together: the engine then reads columns.
RETRY_AFTER_MS = 1_000  # A storage that was restarted answers again within about this.
RECORD_SECONDS = 0.15  # Kept back from the score's time, so that a slow model never costs the record.


class _Sheets(NamedTuple):
    """What a batch's next two questions can hold before they can be asked."""

    question: object  # to the scorer
    record: object  # to the store


_NO_SHEETS = _Sheets(None, None)


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
    ) -> list[ports.Submission | errors.Fault]:
        """Return one decided claim or fault per arrival, in order."""
        moment = journeys.Moment(self._clock.now())
        with self.stages.stage("admit", [arrival.context for arrival in arrivals]):
            admitted = await self._admit(arrivals, permission, moment)
        works = [work for work in admitted if isinstance(work, journeys.Journey)]
        sheets = _NO_SHEETS
        if works:
            sheets = await self._judge(works, recorded=permission == "submit")
            works = [work for work in works if work.fault is None]
        if works:
            await self._weigh(works, sheets)
            works = [work for work in works if work.fault is None]
        with self.stages.stage("decide", [work.context for work in works]):
            at = documents.instant(self._clock.now())
            decided = [_decided(work, at, sheets) for work in admitted]
        asyncio.get_running_loop().call_soon(self._left, decided, admitted)
        return decided

    def _left(self, decided: list[ports.Submission | errors.Fault], journeys: object) -> None:
        """Count decisions, and let go of the journeys, once what is said of them next has left.

        Freeing the many small parts of a claim takes as long as a stage.
        """
        del journeys
        self.stages.decided(one.decision for one in decided if isinstance(one, ports.Submission))

    async def _admit(
        self, arrivals: Sequence[ports.Arrival], permission: roles.Permission, moment: journeys.Moment
    ) -> list[journeys.Journey | errors.Fault]:
        known: dict[str, tenants.Tenant | errors.Fault] = {}
        for name in {arrival.context.tenant for arrival in arrivals}:
            known[name] = await self._tenant(name)
        now = self._clock.monotonic()
        return [
            self._admitted(arrival, known[arrival.context.tenant], permission, moment, now)
            for arrival in arrivals
        ]

    async def _tenant(self, name: str) -> tenants.Tenant | errors.Fault:
        try:
            return await self._tenants.find(name)
        except errors.Unavailable as fault:
            return storage_away(fault)
        except errors.Fault as fault:
            return fault

    def _admitted(
        self,
        arrival: ports.Arrival,
        tenant: tenants.Tenant | errors.Fault,
        permission: roles.Permission,
        moment: journeys.Moment,
        now: float,
    ) -> journeys.Journey | errors.Fault:
        if isinstance(tenant, errors.Fault):
            return tenant
        try:
            roles.require(arrival.context.roles, permission)
        except errors.Denied as fault:
            return fault
        if isinstance(arrival.claim, errors.Fault):
            return arrival.claim
        if arrival.context.deadline <= now:
            return late()
        rules = self._rules.of(tenant.name)
        work = journeys.Journey(arrival, arrival.claim, tenant, rules, moment)
        work.identity = identities.identify(
            work.claim, tenant=arrival.context.tenant, key=self._patient_key, looking=rules.windows
        )
        work.question = histories.ask(work.claim, work.identity)
        return work

    async def _judge(self, works: list[journeys.Journey], *, recorded: bool) -> _Sheets:
        """Evaluate rules while storage is asked; a history that does not come leaves `known` at None.

        Return what was laid out meanwhile for those who are asked next.
        """
        items = [work.context for work in works]
        asked = await _leaving(self._look_up(works))
        try:
            with self.stages.stage("rules", items):
                await self._evaluate(works)
                sheets = self._lay_out([work for work in works if work.fault is None], recorded=recorded)
            with self.stages.stage("lookup", items):
                await asked
            return sheets
        finally:
            asked.cancel()

    def _lay_out(self, works: list[journeys.Journey], *, recorded: bool) -> _Sheets:
        """Lay out the next questions: what one of them lacks still is then all that it waits for."""
        try:
            question = self._scorer.lay_out([(work.context, work.claim) for work in works])
            return _Sheets(question, self._store.lay_out(works) if recorded else None)
        except Exception as cause:  # noqa: BLE001 - a question is made without; what it meets again is its claim's
            self._log.error("questions could not be laid out beforehand", exc_info=cause)
            return _NO_SHEETS

    async def _weigh(self, works: list[journeys.Journey], sheets: _Sheets) -> None:
        """Ask the model, and meanwhile the rules that had to wait for what history knows."""
        scored = await _leaving(self._score(works, sheets.question))
        try:
            with self.stages.stage("history", [work.context for work in works]):
                alone = neighbours.strangers([work.left for work in works])
                beside = None if alone else neighbours.Neighbours()
                await self._in_turns(works, lambda work: self._look_back(work, beside))
            await scored
        finally:
            scored.cancel()

    async def _evaluate(self, works: list[journeys.Journey]) -> None:
        """Keep what the rules say, claim by claim for a few, as the engine sees fit for many."""
        many = len(works) >= RULES_BULK
        await self._in_turns(works, journeys.Journey.write if many else self._evaluate_one)
        if not many:
            return
        senders: dict[str, list[journeys.Journey]] = {}
        for work in works:
            senders.setdefault(work.tenant.name, []).append(work)
        for tenant, mine in senders.items():
            await self._evaluate_many(tenant, mine)

    def _evaluate_one(self, work: journeys.Journey) -> None:
        """Keep the claim's own text, which the question need not wait for, and what the rules say."""
        work.write()
        work.outcome = work.rules.evaluate(work.claim, as_of=work.as_of)

    async def _evaluate_many(self, tenant: str, works: list[journeys.Journey]) -> None:
        claims = [work.claim for work in works]
        days = [work.as_of for work in works]
        for turn in self._rules.of(tenant).evaluate_turns(claims, as_of=days):
            for at, answer in turn:
                if isinstance(answer, errors.Fault):
                    self._failed(works[at], answer.__cause__ or answer)
                else:
                    works[at].outcome = answer
            await asyncio.sleep(0)

    def _look_back(self, work: journeys.Journey, beside: neighbours.Neighbours | None) -> None:
        """Keep what the rules that look at earlier claims say, which had to wait for the answer.

        Claims that came earlier in the batch are earlier claims, unless a rule keeps them from being sent.
        What else the decision needs beside the score is done here, while the model is at work.
        """
        if beside is not None and work.known is not None:
            work.known = beside.beside(work.tenant.name, work.question, work.known)
        past = histories.of_lines(work.claim, work.question, work.known)
        work.earlier = work.rules.evaluate_past(work.claim, as_of=work.as_of, past=past)
        work.conclude()
        if beside is not None and not verdicts.refused(work.findings):
            beside.add(work.tenant.name, work.question, work.left)

    async def _in_turns(
        self, works: Sequence[journeys.Journey], step: Callable[[journeys.Journey], None]
    ) -> None:
        """Take a step for every claim, and let other work of the loop have its turn in between.

        A defect of ours that one claim meets is its own, not its batch's.
        """
        for start in range(0, len(works), RULES_TURN):
            if start:
                await asyncio.sleep(0)
            for work in works[start : start + RULES_TURN]:
                try:
                    step(work)
                except Exception as cause:  # noqa: BLE001 - told as the fault of one item and in the log
                    self._failed(work, cause)

    def _failed(self, work: journeys.Journey, cause: BaseException) -> None:
        self._log.error("rules failed", request_id=work.context.request_id, exc_info=cause)
        work.fault = errors.Internal("rules.failed", "The rules could not be applied to this claim.")
        work.fault.__cause__ = cause

    async def _look_up(self, works: list[journeys.Journey]) -> None:
        try:
            answers = await self._store.lookup(
                [(work.context, work.question) for work in works],
                deadline=self._clock.monotonic() + self._support_seconds,
            )
        except errors.Fault:
            return
        for work, answer in zip(works, answers, strict=True):
            work.known = None if isinstance(answer, errors.Fault) else answer

    async def _score(self, works: list[journeys.Journey], sheet: object) -> None:
        cases = [
            ports.Case(context=work.context, claim=work.claim, known=work.known, sheet=sheet)
            for work in works
        ]
        with self.stages.stage("score", [case.context for case in cases]):
            scores = await score_or_say_why(
                self._scorer, cases, now=self._clock.monotonic(), seconds=self._support_seconds
            )
        for work, score in zip(works, scores, strict=True):
            work.score = score


async def _leaving(question: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Return the task that asks another room, begun at once, when its message has left.

    Transports write at the end of a turn of the loop, so one turn comes before our own work.
    """
    loop = asyncio.get_running_loop()
    asked = asyncio.Task(
        question, loop=loop, name="question", eager_start=True
    )  # unnamed, it would be numbered
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        asked.cancel()
        raise
    return asked


def _decided(
    work: journeys.Journey | errors.Fault, at: str, sheets: _Sheets
) -> ports.Submission | errors.Fault:
    if isinstance(work, errors.Fault):
        return work
    return work.decide(at, sheets.record) if work.fault is None else work.fault


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
    latest = max([case.context.deadline for case in cases]) - RECORD_SECONDS
    try:
        answers = await scorer.score(cases, deadline=min(now + seconds, latest))
    except errors.Fault as fault:
        return [risk.not_scored(f"scoring.{fault.kind}")] * len(cases)
    return [
        risk.not_scored(f"scoring.{answer.kind}") if isinstance(answer, errors.Fault) else answer
        for answer in answers
    ]
