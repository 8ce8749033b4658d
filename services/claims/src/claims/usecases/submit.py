"""Submit claims: assess, record, answer. Nothing is acknowledged before it is durable."""

import asyncio
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
        now = self._clock.monotonic()
        ready = [
            item for item in assessed if isinstance(item, ports.Submission) and item.context.deadline > now
        ]
        recorded = iter(await self._record(ready) if ready else ())
        answers: list[Answer | errors.Fault] = []
        for item in assessed:
            if isinstance(item, errors.Fault):
                answers.append(item)
            elif item.context.deadline <= now:
                answers.append(assess.late())
            else:
                answers.append(_answer(item, next(recorded)))
        asyncio.get_running_loop().call_soon(_let_go, assessed, arrivals)
        return answers

    async def _record(self, items: list[ports.Submission]) -> Sequence[ports.Recorded | errors.Fault]:
        try:
            with self._assess.stages.stage("record", [item.context for item in items]):
                return await self._store.record(items)
        except errors.Exhausted as fault:
            return [fault] * len(items)
        except errors.Fault as cause:
            return [assess.storage_away(cause)] * len(items)


def _let_go(*parts: object) -> None:
    """Free a batch in a turn of its own, when its answers have left: they need not wait for that."""
    del parts


def _answer(item: ports.Submission, made: ports.Recorded | errors.Fault) -> Answer | errors.Fault:
    if isinstance(made, errors.Fault):
        away = isinstance(made, errors.Unavailable) and made.reason != assess.late().reason
        return assess.storage_away(made) if away else made
    verdict = documents.decode(made.document).verdict if made.replayed else item.decision.verdict
    document = documents.with_id(made.document if made.replayed else item.document, made.id)
    return Answer(claim=item.claim, document=document, verdict=verdict, id=made.id, replayed=made.replayed)
