"""Rescore claims that were recorded without a score, when scoring answers again.

The first decision stays: verdict and status are kept, the score is appended as a change of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from chassis import clock as clocks
from chassis import contexts, errors, logs, telemetry
from claims import ports
from claims.domain import amounts, documents, histories, identities, lifecycle, risk
from formats import canonical, model

EVENT = "score.appended"
SUBJECT = "system:rescore"
PAGE = 64  # As many as share a message with live claims without delaying them.
PAUSE_SECONDS = 1.0  # Between full pages: live claims come first.
IDLE_SECONDS = 15.0  # After a page with nothing left, or while scoring is away.
CALL_SECONDS = 5.0
MAX_SET_ASIDE = 936  # Claims that cannot be scored; with a page beside them the list stays within 1,000.


class Rescore:
    """Appends late scores, paced; one page at a time."""

    def __init__(
        self,
        *,
        store: ports.Store,
        scorer: ports.Scorer,
        clock: clocks.Clock,
        patient_key: bytes,
    ) -> None:
        self._store, self._scorer, self._clock = store, scorer, clock
        self._patient_key = patient_key
        self._set_aside: dict[str, None] = {}  # Failed for reasons of their own; until a restart.
        self._appended = telemetry.counter("claims_rescored_total", "Late scores, by outcome.", ["outcome"])
        self._log = logs.get("claims.rescore")

    async def run(self, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Rescore page after page until cancelled; a room that is away is asked again later."""
        while True:
            try:
                found = await self.page()
            except errors.Fault as fault:
                self._log.warning("rescore failed", kind=fault.kind, reason=fault.reason)
                found = 0
            await pause(PAUSE_SECONDS if found else IDLE_SECONDS)

    async def page(self) -> int:
        """Rescore one page and return how many scores were appended; raise what a whole page failed with."""
        listed = await self._store.unscored(PAGE + len(self._set_aside))
        waiting = [stored for stored in listed if stored.id not in self._set_aside][:PAGE]
        if not waiting:
            return 0
        waiting, cases = self._readable(waiting)
        if not cases:
            return 0
        known = await self._known(waiting, cases)
        asked = [
            ports.Case(context=case.context, claim=case.claim, known=_beside(memory, stored, case.claim))
            for stored, case, memory in zip(waiting, cases, known, strict=True)
        ]
        scores = await self._scorer.score(asked, deadline=self._clock.monotonic() + CALL_SECONDS)
        done = [
            await self._settle(stored, case, score)
            for stored, case, score in zip(waiting, asked, scores, strict=True)
        ]
        return sum(done)

    def _case(self, stored: ports.Stored) -> ports.Case:
        context = contexts.CallContext(
            item_id=stored.id,
            tenant=stored.tenant,
            subject=SUBJECT,
            deadline=self._clock.monotonic() + CALL_SECONDS,
        )
        return ports.Case(context=context, claim=canonical.decode(stored.claim))

    def _readable(self, listed: list[ports.Stored]) -> tuple[list[ports.Stored], list[ports.Case]]:
        """Return the claims that can still be read, with their cases; the others are put aside."""
        found: list[tuple[ports.Stored, ports.Case]] = []
        for stored in listed:
            try:
                found.append((stored, self._case(stored)))
            except errors.Invalid:
                self._put_aside(stored.id)
        return [stored for stored, _ in found], [case for _, case in found]

    async def _known(
        self, waiting: list[ports.Stored], cases: Sequence[ports.Case]
    ) -> list[histories.Known | None]:
        answers = await self._store.lookup(
            [
                (case.context, self._question(stored, case.claim))
                for stored, case in zip(waiting, cases, strict=True)
            ],
            deadline=self._clock.monotonic() + CALL_SECONDS,
        )
        return [answer if isinstance(answer, histories.Known) else None for answer in answers]

    def _question(self, stored: ports.Stored, claim: model.Claim) -> histories.Question:
        identity = identities.identify(claim, tenant=stored.tenant, key=self._patient_key)
        return histories.ask_counts(claim, identity, before=stored.id)

    async def _settle(self, stored: ports.Stored, case: ports.Case, score: risk.Score | errors.Fault) -> bool:
        if isinstance(score, errors.Unavailable | errors.Exhausted):
            return False  # the room's trouble, not the claim's: it stays in the list
        if isinstance(score, errors.Fault) or score.state == "not_scored":
            self._put_aside(stored.id)
            return False
        try:
            await self._store.append(_change(stored, case, score))
        except errors.Conflict:  # Somebody decided meanwhile; the next page brings the new revision.
            self._appended.labels("conflict").inc()
            return False
        self._appended.labels("appended").inc()
        return True

    def _put_aside(self, identifier: str) -> None:
        self._set_aside[identifier] = None
        if len(self._set_aside) > MAX_SET_ASIDE:
            del self._set_aside[next(iter(self._set_aside))]
        self._appended.labels("set_aside").inc()


def _beside(
    known: histories.Known | None, stored: ports.Stored, claim: model.Claim
) -> histories.Known | None:
    if known is None:
        return None
    submitted = amounts.add_up(claim).submitted or 0
    return histories.without(known, documents.decode(stored.decision), submitted)


def _change(stored: ports.Stored, case: ports.Case, score: risk.Score) -> ports.Change:
    danger = risk.assess(score, case.claim, amounts.add_up(case.claim))
    return ports.Change(
        context=case.context,
        id=stored.id,
        revision=stored.revision,
        event=EVENT,
        verdict=documents.decode(stored.decision).verdict,
        status=lifecycle.advance(stored.status, "score.appended"),
        risk=danger,
        document=documents.amend(stored.decision, revision=stored.revision + 1, risk=danger),
        inputs=ports.Inputs(feature_hash=score.feature_hash, known=case.known),
    )
