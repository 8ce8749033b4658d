"""Between wire and use cases: items to arrivals, answers to results in the form the sender accepts."""

import functools
import math
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import msgspec

from chassis import contexts, errors, faults
from claims import ports
from claims.domain import decisions, documents
from claims.usecases import submit
from formats import canonical, media, model, protobuf, readers
from formats.fhir import responses
from ultrathink.claims.v1 import claims_pb2

JSON, FHIR, PROTOBUF = "application/json", "application/fhir+json", "application/protobuf"
MAX_KEY = 255  # characters of an idempotency key: longer than any UUID or message id
_PLAIN = ("", JSON)
WISHES = 64  # ways of writing a wish that are remembered; senders use a few

VERDICTS: dict[str, claims_pb2.Verdict.ValueType] = {
    "accept": claims_pb2.VERDICT_ACCEPT,
    "review": claims_pb2.VERDICT_REVIEW,
    "reject": claims_pb2.VERDICT_REJECT,
}


def arrival(item: claims_pb2.SubmitItem, context: contexts.CallContext) -> ports.Arrival:
    """Return the item decoded; what cannot be read, or not answered as asked, arrives as its fault."""
    try:
        accepted(item.accept)
        if len(context.idempotency_key) > MAX_KEY:
            raise errors.Invalid("idempotency.key_too_long", f"A key has at most {MAX_KEY} characters.")
        if item.HasField("typed"):
            return ports.Arrival(context=context, claim=protobuf.decode(item.typed))
        raw = item.raw
        claim = _decoded(raw.body, raw.media_type)
        return ports.Arrival(context=context, claim=claim, body=raw.body, media_type=raw.media_type or JSON)
    except errors.Fault as fault:
        return ports.Arrival(context=context, claim=fault)


@functools.lru_cache(WISHES)
def accepted(media_type: str) -> str:
    """Return how decisions are to be written; raise Invalid `accept.unsupported` for what we cannot write."""
    essence = media.essence(media_type) if media_type else JSON
    if essence not in _RENDERERS:
        raise errors.Invalid("accept.unsupported", f"Decisions are written as {', '.join(_RENDERERS)}.")
    return essence


class Results(Protocol):
    """The results of a message."""

    def add(self) -> claims_pb2.SubmitResult:
        """Append an empty one and return it."""
        ...


def tell(
    results: Results, item_id: str, answer: submit.Answer | errors.Fault, accept: str, *, position: int = 0
) -> claims_pb2.SubmitResult:
    """Append the answer about one item in the accepted form, where it is sent from: nothing is copied."""
    told = results.add()
    told.item_id = item_id
    if position:
        told.position = position
    if isinstance(answer, errors.Fault):
        told.error.CopyFrom(faults.to_wire(answer))
        return told
    if answer.replayed:
        told.replayed = True
    told.claim_id, told.verdict = answer.id, VERDICTS[answer.verdict]
    _RENDERERS[accept](told, answer)
    return told


def _decoded(body: bytes, media_type: str) -> model.Claim:
    if media_type in _PLAIN or (essence := media.essence(media_type)) == JSON:
        return canonical.decode(body)
    if essence != FHIR:
        raise errors.Invalid("media_type.unsupported", f"One claim is sent as {JSON} or {FHIR}.")
    found = readers.read(body, essence)
    if len(found) != 1:
        raise _not_one(len(found))
    if isinstance(found[0], readers.Refused):
        raise found[0].fault
    return found[0].claim


def _not_one(count: int) -> errors.Invalid:
    text = f"A message here holds one claim; this one holds {count}. Several go through the door for files."
    violation = errors.Violation("entry", "bundle.not_one_claim", text)
    return errors.Invalid("claim.not_one", text, violations=(violation,))


def _as_json(told: claims_pb2.SubmitResult, answer: submit.Answer) -> None:
    rendered = told.rendered
    rendered.body, rendered.media_type = answer.document, JSON


def _as_fhir(told: claims_pb2.SubmitResult, answer: submit.Answer) -> None:
    decision = msgspec.json.decode(answer.document)
    told.rendered.body = responses.claim_response(decision, answer.claim)
    told.rendered.media_type = FHIR


def _as_protobuf(told: claims_pb2.SubmitResult, answer: submit.Answer) -> None:
    decision = documents.decode(answer.document)
    told.decision.CopyFrom(typed(decision, answer.document))


def typed(decision: decisions.Decision, document: bytes) -> claims_pb2.Decision:
    """Return the typed decision, the whole document beside it."""
    told = claims_pb2.Decision(
        id=decision.id or "",
        claim_id=decision.claim_id,
        verdict=VERDICTS[decision.verdict],
        findings=[_finding(finding) for finding in decision.findings],
        currency=decision.risk.currency or "",
        document=document,
    )
    if decision.risk.probability is not None and not math.isnan(decision.risk.probability):
        told.probability = decision.risk.probability
    if decision.risk.at_risk_minor is not None:
        told.at_risk_minor = decision.risk.at_risk_minor
    told.decided_at.FromDatetime(datetime.fromisoformat(decision.decided_at))
    return told


def _finding(finding: decisions.Finding) -> claims_pb2.Finding:
    return claims_pb2.Finding(
        rule=finding.rule,
        severity=finding.severity,
        path=finding.path,
        line=finding.line,
        message_en=finding.message.en,
        message_ar=finding.message.ar,
    )


_RENDERERS: dict[str, Callable[[claims_pb2.SubmitResult, submit.Answer], None]] = {
    JSON: _as_json,
    FHIR: _as_fhir,
    PROTOBUF: _as_protobuf,
}
