"""Submit claims: assess, record, answer. Nothing is acknowledged before it is durable."""

from collections.abc import Sequence

import msgspec

from chassis import clock as clocks
from chassis import errors
from claims import ports
from claims.domain import decisions, documents
from claims.usecases import assess
from formats import model


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the sender of one claim is told; `id` is empty and `replayed` false for a check."""

    claim: model.Claim
    document: bytes
    verdict: decisions.Verdict
    id: str = ""
    replayed: bool = False


class Submit:
    """Decides claims and records them; every item fails or succeeds alone, answers keep the order."""

    def __init__(self, assessing: assess.Assess, store: ports.Store, clock: clocks.Clock) -> None:
        self._assess, self._store, self._clock = assessing, store, clock

    async def __call__(self, arrivals: Sequence[ports.Arrival]) -> list[Answer | errors.Fault]:
        """Return one answer or fault per arrival, in order; an answer is durable."""
        assessed = await self._assess(arrivals, permission="submit")
        outcomes = [self._in_time(item) for item in assessed]
        ready = [(place, item) for place, item in enumerate(outcomes) if isinstance(item, ports.Submission)]
        answers: list[Answer | errors.Fault] = [
            item if isinstance(item, errors.Fault) else assess.late() for item in outcomes
        ]
        if ready:
            recorded = await self._record([item for _, item in ready])
            for (place, item), made in zip(ready, recorded, strict=True):
                answers[place] = _answer(item, made)
        return answers

    def _in_time(self, item: ports.Submission | errors.Fault) -> ports.Submission | errors.Fault:
        if isinstance(item, ports.Submission) and item.context.deadline <= self._clock.monotonic():
            return assess.late()
        return item

    async def _record(self, items: list[ports.Submission]) -> Sequence[ports.Recorded | errors.Fault]:
        try:
            with self._assess.stages.stage("record", [item.context for item in items]):
                return await self._store.record(items)
        except errors.Exhausted as fault:
            return [fault] * len(items)
        except errors.Fault as cause:
            return [assess.storage_away(cause)] * len(items)


def _answer(item: ports.Submission, made: ports.Recorded | errors.Fault) -> Answer | errors.Fault:
    if isinstance(made, errors.Unavailable) and made.reason != assess.late().reason:
        return assess.storage_away(made)
    if isinstance(made, errors.Fault):
        return made
    verdict = documents.decode(made.document).verdict if made.replayed else item.decision.verdict
    document = documents.with_id(made.document if made.replayed else item.document, made.id)
    return Answer(claim=item.claim, document=document, verdict=verdict, id=made.id, replayed=made.replayed)
