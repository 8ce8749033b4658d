"""What models suggest for a claim's open places, through the scoring room: facts out, suggestions in."""

import math
from collections.abc import Sequence
from decimal import Decimal

from chassis import clock as clocks
from chassis import contexts, deadlines, errors
from claims.domain import completions, decisions
from claims.outbound import calls
from formats import completions as facts
from formats import model, money
from ultrathink.scoring.v1 import completion_pb2, scoring_pb2_grpc

DIGITS = 4  # of a confidence: more would pretend to a precision that calibration has not
LATE = frozenset({"deadline.exceeded", deadlines.TOO_SHORT})  # the caller's own time, not a room that is away

_KINDS = {
    "principal_diagnosis": completion_pb2.COMPLETION_KIND_PRINCIPAL_DIAGNOSIS,
    "line_net": completion_pb2.COMPLETION_KIND_LINE_NET,
}


class GrpcCompleter:
    """Implements the port Completer over Scorer.Complete."""

    def __init__(self, stub: "scoring_pb2_grpc.ScorerAsyncStub", clock: clocks.Clock) -> None:
        self._ask, self._clock = stub.Complete, clock

    async def complete(
        self, context: contexts.CallContext, claim: model.Claim, opened: Sequence[completions.Open]
    ) -> completions.Told:
        """Return one suggestion or refusal per open place, in order."""
        request = completion_pb2.CompleteRequest(
            context=calls.wire([context], {}, self._clock)[0],
            claim=facts.to_wire(claim),
            wishes=[
                completion_pb2.CompletionWish(path=one.path, kind=_KINDS[one.wanted], line=one.line or 0)
                for one in opened
            ],
        )
        try:
            answer = await calls.unary(self._ask, request, context, self._clock)
        except errors.Fault as fault:
            raise _told(fault) from fault
        digits = money.minor_digits(claim.currency)
        return completions.Told(
            answers=_answers(opened, answer.answers, digits), models=[_model(one) for one in answer.models]
        )


def _told(fault: errors.Fault) -> errors.Fault:
    """Return a fault of scoring as the sender of a claim may hear it."""
    if isinstance(fault, errors.Unavailable) and fault.reason not in LATE:
        text = "The models that make suggestions cannot be asked now; send the claim again in a moment."
        return errors.Unavailable("completion.unavailable", text, retry_after_ms=fault.retry_after_ms)
    if isinstance(fault, errors.Denied):
        return errors.Internal("completion.refused", "A service behind does not accept this one.")
    return fault


def _answers(
    opened: Sequence[completions.Open], wire: Sequence[completion_pb2.CompletionAnswer], digits: int
) -> list[completions.Suggestion | completions.Refusal]:
    """Return the answers in this room's words; raises Internal when they are not about what was asked."""
    if [one.path for one in wire] != [one.path for one in opened]:
        raise errors.Internal("completion.mismatched", "The models answered something that was not asked.")
    return [_answer(place, one, digits) for place, one in zip(opened, wire, strict=True)]


def _answer(
    place: completions.Open, wire: completion_pb2.CompletionAnswer, digits: int
) -> completions.Suggestion | completions.Refusal:
    if wire.WhichOneof("outcome") == "refusal":
        told = wire.refusal
        return completions.Refusal(
            path=place.path,
            wanted=place.wanted,
            reason=told.reason,
            message=decisions.Bilingual(en=told.message_en, ar=told.message_ar),
            remedy=decisions.Bilingual(en=told.remedy_en, ar=told.remedy_ar),
            model=wire.model_revision,
        )
    if wire.WhichOneof("outcome") != "suggestion":
        raise errors.Internal("completion.nothing", "The models answered neither yes nor no.")
    return _suggestion(place, wire, digits)


def _suggestion(
    place: completions.Open, wire: completion_pb2.CompletionAnswer, digits: int
) -> completions.Suggestion:
    told = wire.suggestion
    return completions.Suggestion(
        path=place.path,
        wanted=place.wanted,
        first=_choice(told.first, digits),
        alternatives=[_choice(one, digits) for one in told.alternatives],
        group=_choice(told.group, digits) if told.HasField("group") else None,
        covered=round(told.covered, DIGITS) if told.HasField("covered") else None,
        evidence=[_evidence(one) for one in told.evidence],
        training_cases=told.training_cases,
        similar_cases=told.similar_cases,
        model=wire.model_revision,
    )


def _choice(wire: completion_pb2.CompletionChoice, digits: int) -> completions.Choice:
    if not (math.isfinite(wire.confidence) and 0 <= wire.confidence <= 1):
        raise errors.Internal("completion.nonsense", "The models answered something that is no probability.")
    ranged: dict[str, str | float] | None = None
    if wire.HasField("amount_minor"):
        ranged = {
            "low": _major(wire.low_minor, digits),
            "high": _major(wire.high_minor, digits),
            "share": round(wire.range_share, DIGITS),
        }
    labelled = bool(wire.label_en or wire.label_ar)
    return completions.Choice(
        kind=wire.kind,
        value=_major(wire.amount_minor, digits) if ranged else wire.value,
        confidence=round(wire.confidence, DIGITS),
        system=wire.system,
        currency=wire.currency,
        label=completions.Label(en=wire.label_en, ar=wire.label_ar) if labelled else None,
        range=ranged,
        tolerance=wire.tolerance or None,
    )


def _evidence(wire: completion_pb2.CompletionEvidence) -> completions.Evidence:
    return completions.Evidence(
        path=wire.path,
        text=decisions.Bilingual(en=wire.text_en, ar=wire.text_ar),
        cases=wire.cases,
        agreeing=wire.agreeing,
        weight=round(wire.weight, DIGITS) or None,
    )


def _model(wire: completion_pb2.CompletionModel) -> completions.Model:
    return completions.Model(
        name=wire.name,
        revision=wire.revision,
        task=wire.task,
        simulated=wire.simulated,
        data=wire.data,
        knows=completions.Knows(
            reads=list(wire.reads_systems),
            answers=list(wire.answers_systems),
            currencies=list(wire.currencies),
            regimes=list(wire.regimes),
        ),
    )


def _major(minor: int, digits: int) -> str:
    """Return an amount as a claim would state it."""
    return f"{Decimal(minor).scaleb(-digits):.{digits}f}"
