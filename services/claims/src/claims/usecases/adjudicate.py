"""Take payers' answers: find the claim of each, judge what may happen to it, append status and outcomes.

An answer may be about a claim that never left through us, because nothing here sends claims to payers yet: it
was sent by other means. One that the rules refused before it left cannot have an answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from chassis import clock as clocks
from chassis import contexts, errors
from claims import ports
from claims.domain import decisions, documents, lifecycle, roles
from formats import adjudications, canonical

EVENT = "adjudication.received"
MOST_NAMED = 20  # lines named in one refusal

type Said = adjudications.Adjudication | errors.Fault


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one answer; `replayed` when the very same was known."""

    id: str
    claim_id: str
    outcome: Literal["approved", "partial", "rejected"]
    lines: int
    revision: int
    status: decisions.Status
    replayed: bool = False
    sent_outside: bool = False


class Adjudicate:
    """Joins payers' answers to recorded claims; each succeeds or fails alone, answers keep the order."""

    def __init__(self, archive: ports.Archive, store: ports.Store, clock: clocks.Clock) -> None:
        self._archive, self._store, self._clock = archive, store, clock

    async def __call__(
        self, context: contexts.CallContext, said: Sequence[Said]
    ) -> list[Joined | errors.Fault]:
        """Return what was joined, or why nothing was.

        Raises Denied `role.not_allowed`, Unavailable. Faults of one answer: what reading it ended in,
        NotFound `claim.not_found`, Conflict `claim.ambiguous`, `lifecycle.not_allowed`,
        `adjudication.superseded` or `revision.stale`, Invalid `adjudication.lines` or `adjudication.use`.
        """
        roles.require(context.roles, "remit")
        answers: list[Joined | errors.Fault] = [
            one if isinstance(one, errors.Fault) else _AWAY for one in said
        ]
        for wave in _waves(said):
            made = await self._wave(context, [said[place] for place in wave])
            for place, answer in zip(wave, made, strict=True):
                answers[place] = answer
        return answers

    async def _wave(self, context: contexts.CallContext, said: Sequence[Said]) -> list[Joined | errors.Fault]:
        """Take answers of which no two are about one claim."""
        read = [one for one in said if isinstance(one, adjudications.Adjudication)]
        found = await self._archive.find(context, [one.claim_id for one in read])
        by_id: dict[str, list[ports.Found]] = {}
        for one in found:
            by_id.setdefault(one.claim_id, []).append(one)
        judged = [self._judge(context, one, by_id.get(one.claim_id, [])) for one in read]
        changes = [one for one in judged if isinstance(one, ports.Change)]
        revisions = iter(await self._store.append_each(changes) if changes else [])
        return [
            _joined(one, change, next(revisions)) if isinstance(change, ports.Change) else change
            for one, change in zip(read, judged, strict=True)
        ]

    def _judge(
        self,
        context: contexts.CallContext,
        said: adjudications.Adjudication,
        found: Sequence[ports.Found],
    ) -> ports.Change | Joined | errors.Fault:
        """Return the change that an answer brings, what is known already, or what speaks against it."""
        try:
            one = _pick(said, found)
            _check_lines(said, one)
            outcomes = _outcomes(said)
            if outcomes == one.said:
                return _known(said, one)
            if one.said is not None and outcomes.at_ms < one.said.at_ms:
                raise errors.Conflict("adjudication.superseded", "A later answer of the payer is known.")
            return self._change(context, said, one, outcomes)
        except errors.Fault as fault:
            return fault

    def _change(
        self,
        context: contexts.CallContext,
        said: adjudications.Adjudication,
        found: ports.Found,
        outcomes: ports.Outcomes,
    ) -> ports.Change:
        stored = found.stored
        status = _adjudicated(stored.status, said.outcome)
        decision = documents.decode(stored.decision)
        document = documents.amend(
            stored.decision,
            revision=stored.revision + 1,
            status=status,
            adjudication=decisions.Adjudication(
                outcome=said.outcome,
                decided_at=said.decided_at,
                received_at=documents.instant(self._clock.now()),
                subject=context.subject,
                payer=said.payer,
                sent_outside=_outside(status),
                lines=list(outcomes.lines),
            ),
        )
        return ports.Change(
            context=context,
            id=stored.id,
            revision=stored.revision,
            event=EVENT,
            verdict=decision.verdict,
            status=status,
            risk=decision.risk,
            document=document,
            outcomes=outcomes,
        )


_AWAY = errors.Internal("adjudication.lost", "The answer was not looked at.")  # replaced for each one read


def _waves(said: Sequence[Said]) -> Iterator[list[int]]:
    """Yield the places of answers so that no claim is met twice in one part, and never out of order."""
    rounds: dict[str, int] = {}
    waves: list[list[int]] = []
    for place, one in enumerate(said):
        if isinstance(one, errors.Fault):
            continue
        turn = rounds.get(one.claim_id, 0)
        rounds[one.claim_id] = turn + 1
        if turn == len(waves):
            waves.append([])
        waves[turn].append(place)
    yield from waves


def _pick(said: adjudications.Adjudication, found: Sequence[ports.Found]) -> ports.Found:
    """Return the one claim that is meant."""
    wanted: Mapping[str, str | None] = {"id": said.id, "provider": said.provider, "payer": said.payer}
    meant = [one for one in found if _is_meant(one, wanted)]
    if not meant:
        raise errors.NotFound(
            "claim.not_found",
            "No such claim is recorded (by claim_id, and id, provider, payer where named).",
        )
    if len(meant) > 1:
        raise errors.Conflict(
            "claim.ambiguous",
            f"{len(meant)} claims have this claim_id: name the provider, or our id of the claim.",
        )
    if meant[0].use != "claim":
        raise errors.Invalid(
            "adjudication.use", f"It is a {meant[0].use}: only a claim is adjudicated for payment."
        )
    return meant[0]


def _is_meant(found: ports.Found, wanted: Mapping[str, str | None]) -> bool:
    known = {"id": found.stored.id, "provider": found.provider, "payer": found.payer}
    return all(value is None or known[name] in {value, ""} for name, value in wanted.items())


def _check_lines(said: adjudications.Adjudication, found: ports.Found) -> None:
    sent = {line.sequence for line in canonical.decode(found.stored.claim).lines}
    told = {line.sequence for line in said.lines}
    violations = [
        errors.Violation("lines", "line.unknown", f"The claim has no line {number}.")
        for number in sorted(told - sent)
    ] + [
        errors.Violation("lines", "line.unanswered", f"Line {number} has no answer.")
        for number in sorted(sent - told)
    ]
    if violations:
        raise errors.Invalid(
            "adjudication.lines",
            f"The answer is not about the claim's lines: {violations[0].message}",
            violations=tuple(violations[:MOST_NAMED]),
        )


def _outcomes(said: adjudications.Adjudication) -> ports.Outcomes:
    lines = [
        decisions.LineOutcome(
            sequence=line.sequence,
            outcome=line.outcome,
            nphies=line.nphies or None,
            carc=line.carc or None,
            allowed_minor=line.allowed_minor,
            paid_minor=line.paid_minor,
        )
        for line in sorted(said.lines, key=lambda line: line.sequence)
    ]
    return ports.Outcomes(source="payer", at_ms=said.at_ms, lines=lines)


def _adjudicated(status: decisions.Status, answer: lifecycle.Answer) -> decisions.Status:
    """Return the status after the answer, or say in a biller's words why there can be none."""
    if status.wire == "refused":
        raise errors.Conflict(
            "lifecycle.not_allowed",
            "The claim was refused before it left, so no payer has judged it: submit it corrected, then "
            "send the answer to that one.",
        )
    try:
        return lifecycle.adjudicate(status, answer)
    except errors.Conflict as fault:
        raise errors.Conflict(
            fault.reason, f"A claim that is {status.business} takes no answer of a payer."
        ) from fault


def _outside(status: decisions.Status) -> bool:
    return status.wire == "received"


def _known(said: adjudications.Adjudication, found: ports.Found) -> Joined:
    return Joined(
        id=found.stored.id,
        claim_id=said.claim_id,
        outcome=said.outcome,
        lines=len(said.lines),
        revision=found.stored.revision,
        status=found.stored.status,
        replayed=True,
        sent_outside=_outside(found.stored.status),
    )


def _joined(
    said: adjudications.Adjudication, change: ports.Change, revision: int | errors.Fault
) -> Joined | errors.Fault:
    if isinstance(revision, errors.Fault):
        return revision
    return Joined(
        id=change.id,
        claim_id=said.claim_id,
        outcome=said.outcome,
        lines=len(said.lines),
        revision=revision,
        status=change.status,
        sent_outside=_outside(change.status),
    )
