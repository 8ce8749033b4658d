"""Between messages and storage's own shapes; no judgement beyond what a shape demands."""

import hashlib
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from chassis import clock as clocks
from chassis import errors, faults
from storage.domain import answers, chains, ids, records, views
from ultrathink.common.v1 import common_pb2
from ultrathink.storage.v1 import storage_pb2

KEY_BYTES = (
    16  # of the key's SHA-256: chance meetings within a tenant are out of reach, the index stays small
)
PORTION_BYTES = 4 * 1024 * 1024  # of documents in one message: a quarter of the largest message
EXPORTED_TEXTS = (
    "claim_id", "id", "use", "type", "code", "system", "currency", "verdict", "wire_status",
    "business_status", "review_status", "score_state", "model_revision", "payer_id", "provider_id",
)  # fmt: skip
CHOSEN, OWN = b"k\0", b"n\0"  # a key chosen by a sender and a claim's own identity never meet


_COLUMNS: dict[type[records.Columns], Callable[[object], Any]] = {
    kind: operator.attrgetter(*kind.__struct_fields__)
    for kind in (records.Claims, records.Lines, records.Findings, records.History)
}


def _columns[C: records.Columns](kind: type[C], message: object) -> C:
    return kind(*[column[:] for column in _COLUMNS[kind](message)])


def submission(request: storage_pb2.RecordRequest, clock: clocks.Clock) -> records.Submission:
    """Return the submission in a request; deadlines count from now."""
    now = clock.monotonic()
    lines = _columns(records.Lines, request.lines)
    if request.HasField(
        "history"
    ):  # it holds what service keys did; they come for a storage that knows no more
        lines.service_key = [""] * len(lines.service_key)
    return records.Submission(
        [_item(item, now) for item in request.items],
        _claims(request.claims, len(request.items)),
        lines,
        _columns(records.Findings, request.findings),
        _history(request.history),
    )


def _history(message: storage_pb2.HistoryColumns) -> records.History:
    """Return the history's columns; a sender that knows no parties has left theirs out."""
    history = _columns(records.History, message)
    if not history.party:
        history.party = [None] * len(history.key)
    return history


_LATER = operator.attrgetter(*records.LATER)


def _claims(message: storage_pb2.ClaimColumns, count: int) -> records.Claims:
    """Return the claims' columns; of a sender that does not know the later ones, those are NULL."""
    claims = _columns(records.Claims, message)
    if count and len(claims.feature_hash) != count and not any(_LATER(claims)):
        for name in records.LATER:
            setattr(claims, name, [records.NO_INT] * count)
    return claims


def _item(item: storage_pb2.RecordItem, now: float) -> records.Item:
    context = item.context
    return records.Item(
        item_id=context.item_id,
        tenant=context.tenant,
        subject=context.subject,
        key=_key(context.idempotency_key, item.natural_key),
        content_hash=item.content_hash,
        claim_json=item.claim_json,
        decision_json=item.decision_json,
        received_body=item.received_body,
        received_media_type=item.received_media_type,
        deadline=now + context.remaining_ms / 1000,
    )


def _key(chosen: str, own: str) -> bytes:
    if not chosen and not own:
        return b""
    return hashlib.sha256(CHOSEN + chosen.encode() if chosen else OWN + own.encode()).digest()[:KEY_BYTES]


def record_response(
    batch_id: int, items: Sequence[records.Item], outcomes: Sequence[records.Outcome]
) -> storage_pb2.RecordResponse:
    """Return the answer: one result per item, in order."""
    response = storage_pb2.RecordResponse(batch_id=batch_id)
    add = response.results.add
    for item, outcome in zip(items, outcomes, strict=True):
        result = add(item_id=item.item_id)
        if isinstance(outcome, records.Recorded):
            told = result.recorded
            told.id, told.recorded_at_ms = outcome.id, outcome.recorded_at_ms
            if outcome.replayed:
                told.replayed, told.decision_json = True, outcome.decision_json
        else:
            result.error.CopyFrom(faults.to_wire(outcome))
    return response


def question(item: storage_pb2.LookupItem) -> records.Question:
    """Return what an item asks of history."""
    return records.Question(
        tenant=item.context.tenant,
        claim_id=item.claim_id,
        use=item.use,
        provider_id=item.provider_id,
        patient_key=item.patient_key,
        service_keys=list(item.service_keys),
        before=item.before,
        past=list(map(_past, item.past)),
    )


def _past(one: storage_pb2.PastQuestion) -> records.Past:
    party = one.party or (b"" if one.HasField("party") else None)
    return records.Past(one.key, one.from_day, one.to_day, one.most, party)


def lookup_response(
    request: storage_pb2.LookupRequest, answers: Sequence[records.Answer | errors.Fault]
) -> storage_pb2.LookupResponse:
    """Return the answer: one result per item, in order."""
    response = storage_pb2.LookupResponse(batch_id=request.batch_id)
    for item, answer in zip(request.items, answers, strict=True):
        result = response.results.add()
        result.item_id = item.context.item_id
        if isinstance(answer, records.Answer):
            _tell(answer, result)
        else:
            result.error.CopyFrom(faults.to_wire(answer))
    return response


def _tell(answer: records.Answer, result: storage_pb2.LookupResult) -> None:
    for hit in answer.duplicates:
        result.duplicates.add(index=hit.index, id=hit.id, claim_id=hit.claim_id, line=hit.line)
    if answer.provider.claims:
        _aggregate(answer.provider, result.provider)
    if answer.patient.claims:
        _aggregate(answer.patient, result.patient)
    add = result.past.add
    for one in answer.past:
        told = add()
        if one.lines or one.quantity_e4:
            told.quantity_e4 = one.quantity_e4
            told.lines.extend(map(_past_line, one.lines))


def _past_line(line: records.PastLine) -> storage_pb2.PastLine:
    return storage_pb2.PastLine(**{name: getattr(line, name) for name in line.__struct_fields__})


def _aggregate(found: records.Aggregate, told: storage_pb2.Aggregate) -> None:
    told.claims, told.denied, told.net_minor = found.claims, found.denied, found.net_minor


def change(message: storage_pb2.Change) -> records.Change:
    """Return the change in a message."""
    apart = {"tenant", "subject", "inputs", "outcomes"}
    names = [name for name in records.Change.__struct_fields__ if name not in apart]
    inputs = tuple(getattr(message.inputs, name) for name in records.LATER)
    return records.Change(
        tenant=message.context.tenant,
        subject=message.context.subject,
        inputs=inputs if message.HasField("inputs") else (),
        outcomes=_outcomes(message.outcomes) if message.HasField("outcomes") else None,
        **{name: getattr(message, name) for name in names},
    )


def _outcomes(message: storage_pb2.Outcomes) -> answers.Outcomes:
    names = [name for name in answers.Outcomes.__struct_fields__ if name not in {"source", "at_ms"}]
    return answers.Outcomes(
        source=message.source,
        at_ms=message.at_ms,
        **{name: list(getattr(message, name)) for name in names},
    )


def deadline(context: common_pb2.Context, clock: clocks.Clock) -> float:
    """Return the monotonic instant by which an item must be answered."""
    return clock.monotonic() + context.remaining_ms / 1000


def tenant(found: views.Tenant) -> storage_pb2.GetTenantResponse:
    """Return a tenant's message."""
    return storage_pb2.GetTenantResponse(**{name: getattr(found, name) for name in found.__struct_fields__})


def unscored(found: views.Unscored) -> storage_pb2.UnscoredClaim:
    """Return the message of a claim without a score."""
    return storage_pb2.UnscoredClaim(**{name: getattr(found, name) for name in found.__struct_fields__})


def stored_claim(found: views.StoredClaim) -> storage_pb2.StoredClaim:
    """Return the message of a claim; the instant of receipt is in its id."""
    values = {name: getattr(found, name) for name in found.__struct_fields__}
    return storage_pb2.StoredClaim(**values, received_at_ms=ids.ms_of(found.id))


def found_claim(found: views.FoundClaim) -> storage_pb2.FoundClaim:
    """Return the message of a claim found by its sender's id."""
    return storage_pb2.FoundClaim(
        claim=stored_claim(found.claim),
        use=found.use,
        provider_id=found.provider_id or "",
        payer_id=found.payer_id or "",
        payer=_said(found.payer) if found.payer else None,
    )


def _said(lines: dict[int, views.LineOutcome]) -> storage_pb2.Outcomes:
    told = storage_pb2.Outcomes(source="payer", at_ms=max(one.at_ms for one in lines.values()))
    for line, one in sorted(lines.items()):
        told.line.append(line)
        told.outcome.append(one.outcome)
        told.nphies.append(one.nphies or "")
        told.carc.append(one.carc or "")
        told.allowed_minor.append(_integer(one.allowed_minor))
        told.paid_minor.append(_integer(one.paid_minor))
    return told


def changed(item_id: str, outcome: int | errors.Fault) -> storage_pb2.RecordOutcomesResult:
    """Return what became of one change: its revision, or the fault."""
    if isinstance(outcome, errors.Fault):
        return storage_pb2.RecordOutcomesResult(item_id=item_id, error=faults.to_wire(outcome))
    return storage_pb2.RecordOutcomesResult(item_id=item_id, revision=outcome)


def portions(found: Sequence[views.StoredClaim]) -> Iterator[list[storage_pb2.StoredClaim]]:
    """Yield claims in lists that each fit a message."""
    portion: list[storage_pb2.StoredClaim] = []
    size = 0
    for claim in found:
        weight = len(claim.claim_json) + len(claim.decision_json)
        if portion and size + weight > PORTION_BYTES:
            yield portion
            portion, size = [], 0
        portion.append(stored_claim(claim))
        size += weight
    if portion:
        yield portion


def claim_row(found: views.ClaimRow) -> storage_pb2.ClaimRow:
    """Return a list's row: absent numbers as the contract's columns tell them, absent texts empty."""
    texts = {
        name: getattr(found, name) or ""
        for name in found.__struct_fields__
        if name not in {"submitted_minor", "at_risk_minor", "probability", "revision"}
    }
    return storage_pb2.ClaimRow(
        **texts,
        submitted_minor=_integer(found.submitted_minor),
        at_risk_minor=_integer(found.at_risk_minor),
        probability=_number(found.probability),
        revision=found.revision,
        received_at_ms=ids.ms_of(found.id),
    )


def _integer(value: int | None) -> int:
    return records.NO_INT if value is None else value


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def transition(found: views.Transition) -> storage_pb2.Transition:
    """Return a transition's message."""
    return storage_pb2.Transition(**{name: getattr(found, name) for name in found.__struct_fields__})


def audit_entry(link: chains.Link) -> storage_pb2.AuditEntry:
    """Return an audit entry's message."""
    return storage_pb2.AuditEntry(
        chain=link.entry.chain,
        sequence=link.sequence,
        event=link.entry.event,
        subject=link.entry.subject,
        at_ms=link.entry.at_ms,
        hash=link.hash,
        previous_hash=link.previous_hash,
    )


def event(found: views.Event) -> storage_pb2.WatchResponse:
    """Return a published change's message."""
    return storage_pb2.WatchResponse(**{name: getattr(found, name) for name in found.__struct_fields__})


def export_row(found: views.ExportRow) -> storage_pb2.ExportRow:
    """Return an export's row: absent numbers as the contract's columns tell them, absent texts empty."""
    inputs = {name: _integer(value) for name, value in zip(records.LATER, found.inputs, strict=True)}
    return storage_pb2.ExportRow(
        **{name: getattr(found, name) or "" for name in EXPORTED_TEXTS},
        line=found.line,
        service_day=_integer(found.service_day),
        net_minor=_integer(found.net_minor),
        probability=_number(found.probability),
        line_probability=_number(found.line_probability),
        received_at_ms=ids.ms_of(found.id),
        inputs=storage_pb2.Inputs(**inputs),
        payer=_line_outcome(found.payer),
        reviewer=_line_outcome(found.reviewer),
    )


def _line_outcome(said: views.LineOutcome | None) -> storage_pb2.LineOutcome | None:
    if said is None:
        return None
    return storage_pb2.LineOutcome(
        outcome=said.outcome,
        nphies=said.nphies or "",
        carc=said.carc or "",
        allowed_minor=_integer(said.allowed_minor),
        paid_minor=_integer(said.paid_minor),
        at_ms=said.at_ms,
    )


def sha256(text: str) -> bytes:
    """Return the 32 bytes of a hexadecimal sha256; Invalid `object.name`."""
    try:
        digest = bytes.fromhex(text)
    except ValueError as cause:
        raise errors.Invalid("object.name", "An object is named by 64 hexadecimal digits.") from cause
    if len(digest) != hashlib.sha256().digest_size:
        raise errors.Invalid("object.name", "An object is named by 64 hexadecimal digits.")
    return digest
