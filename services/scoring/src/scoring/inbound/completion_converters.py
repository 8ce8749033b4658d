"""Messages of completion.proto to facts and wishes, and answers back. Decides nothing."""

import math
from collections.abc import Iterable

from chassis import errors
from scoring.domain import completion
from ultrathink.scoring.v1 import completion_pb2

MAX_LINES = 1_000
MAX_CODES = 1_000
MAX_DIGITS = 4  # of any currency (ISO 4217)
KINDS = {
    completion_pb2.COMPLETION_KIND_PRINCIPAL_DIAGNOSIS: completion.DIAGNOSIS,
    completion_pb2.COMPLETION_KIND_LINE_NET: completion.NET,
}


def to_facts(wire: completion_pb2.CompletionClaim) -> completion.Facts:
    """Return what the claim says; raises Invalid `completion.too_many`, `.not_finite`, `.digits`."""
    if wire.minor_digits > MAX_DIGITS:
        raise errors.Invalid("completion.digits", f"An amount has at most {MAX_DIGITS} decimals.")
    if len(wire.lines) > MAX_LINES or len(wire.diagnoses) + len(wire.procedures) > MAX_CODES:
        raise errors.Invalid(
            "completion.too_many", f"A claim has at most {MAX_LINES:,} lines and {MAX_CODES:,} other codes."
        )
    return completion.Facts(
        type=wire.type,
        subtype=wire.subtype,
        regime=wire.regime,
        currency=wire.currency,
        provider=wire.provider,
        provider_type=wire.provider_type,
        payer=wire.payer,
        plan=wire.plan,
        specialty=wire.specialty,
        encounter_class=wire.encounter_class,
        sex=wire.sex,
        drg=wire.drg,
        age=float(wire.age_years) if wire.HasField("age_years") else math.nan,
        day=float(wire.day) if wire.HasField("day") else math.nan,
        diagnoses=_codes(wire.diagnoses),
        procedures=_codes(wire.procedures),
        lines=tuple(_line(line) for line in wire.lines),
        digits=wire.minor_digits,
    )


def to_wishes(
    wire: Iterable[completion_pb2.CompletionWish], facts: completion.Facts
) -> list[completion.Wish]:
    """Return what is wanted.

    Raises Invalid `completion.too_many`, `completion.wish` (of no kind, or of a line that is not there).
    """
    wishes = [completion.Wish(one.path, KINDS.get(one.kind, ""), one.line) for one in wire]
    if len(wishes) > completion.MAX_WISHES:
        raise errors.Invalid("completion.too_many", f"At most {completion.MAX_WISHES:,} wishes at once.")
    places = {line.place for line in facts.lines}
    for wish in wishes:
        if not wish.kind or (wish.kind == completion.NET and wish.line not in places):
            raise errors.Invalid(
                "completion.wish", "A wish is for the principal diagnosis, or for the amount of a line sent."
            )
    return wishes


def to_response(
    answers: Iterable[completion.Answer], origins: Iterable[completion.Origin]
) -> completion_pb2.CompleteResponse:
    """Return the answers and the models that gave them."""
    told = list(answers)
    spoke = {answer.revision for answer in told}
    return completion_pb2.CompleteResponse(
        answers=[_answer(answer) for answer in told],
        models=[_model(origin) for origin in origins if origin.revision in spoke],
    )


def _codes(wire: Iterable[completion_pb2.CompletionCode]) -> tuple[completion.Code, ...]:
    return tuple(completion.Code(one.place, one.system, one.code, one.admitting) for one in wire)


def _line(wire: completion_pb2.CompletionLine) -> completion.Line:
    quantity = wire.quantity if wire.HasField("quantity") else math.nan
    factor = wire.factor if wire.HasField("factor") else math.nan
    if math.isinf(quantity) or math.isinf(factor):
        raise errors.Invalid("completion.not_finite", "Quantity and factor of a line are finite numbers.")
    return completion.Line(wire.place, wire.system, wire.code, quantity, factor)


def _answer(answer: completion.Answer) -> completion_pb2.CompletionAnswer:
    told = completion_pb2.CompletionAnswer(path=answer.path, model_revision=answer.revision)
    if isinstance(answer.outcome, completion.Refusal):
        refusal = answer.outcome
        told.refusal.CopyFrom(
            completion_pb2.CompletionRefusal(
                reason=refusal.reason,
                message_en=refusal.message.en,
                message_ar=refusal.message.ar,
                remedy_en=refusal.remedy.en,
                remedy_ar=refusal.remedy.ar,
            )
        )
    else:
        told.suggestion.CopyFrom(_suggestion(answer.outcome))
    return told


def _suggestion(found: completion.Suggestion) -> completion_pb2.CompletionSuggestion:
    told = completion_pb2.CompletionSuggestion(
        first=_choice(found.first),
        alternatives=[_choice(one) for one in found.alternatives],
        evidence=[
            completion_pb2.CompletionEvidence(
                path=one.path,
                text_en=one.text.en,
                text_ar=one.text.ar,
                cases=one.cases,
                agreeing=one.agreeing,
                weight=one.weight,
            )
            for one in found.evidence
        ],
        training_cases=found.cases,
        similar_cases=found.similar,
        group=None if found.group is None else _choice(found.group),
    )
    if found.covered is not None:
        told.covered = found.covered
    return told


def _choice(one: completion.Choice) -> completion_pb2.CompletionChoice:
    told = completion_pb2.CompletionChoice(
        kind=one.kind,
        system=one.system,
        value=one.value,
        label_en=one.label.en,
        label_ar=one.label.ar,
        confidence=one.confidence,
        currency=one.currency,
        low_minor=one.low,
        high_minor=one.high,
        range_share=one.share,
        tolerance=one.tolerance,
    )
    if one.amount_minor is not None:
        told.amount_minor = one.amount_minor
    return told


def _model(origin: completion.Origin) -> completion_pb2.CompletionModel:
    knows = origin.knows
    return completion_pb2.CompletionModel(
        name=origin.name,
        revision=origin.revision,
        task=origin.task,
        simulated=origin.simulated,
        reads_systems=sorted(knows.reads),
        answers_systems=knows.answers,
        currencies=sorted(knows.currencies),
        regimes=sorted(knows.regimes),
        data=origin.data,
    )
