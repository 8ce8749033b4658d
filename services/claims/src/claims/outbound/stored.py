"""Recorded claims as storage tells of them, in this room's words."""

from datetime import UTC, datetime
from typing import Any

from claims import ports
from claims.domain import decisions, documents
from claims.outbound import calls
from formats import money
from ultrathink.storage.v1 import storage_pb2


def claim(tenant: str, told: storage_pb2.StoredClaim) -> ports.Stored:
    """Return a recorded claim."""
    return ports.Stored(
        tenant=tenant,
        id=told.id,
        revision=told.revision,
        claim=told.claim_json,
        decision=told.decision_json,
        status=_status(told),
        received_at=instant(told.received_at_ms),
    )


def found(tenant: str, told: storage_pb2.FoundClaim) -> ports.Found:
    """Return a claim found by its sender's id."""
    return ports.Found(
        stored=claim(tenant, told.claim),
        claim_id=told.claim.claim_id,
        use=told.use,
        provider=told.provider_id,
        payer=told.payer_id,
        said=_said(told.payer) if told.HasField("payer") else None,
    )


def _said(told: storage_pb2.Outcomes) -> ports.Outcomes:
    columns = zip(
        told.line, told.outcome, told.nphies, told.carc, told.allowed_minor, told.paid_minor, strict=True
    )
    lines = [
        decisions.LineOutcome(
            sequence=line,
            outcome=outcome,
            nphies=nphies or None,
            carc=carc or None,
            allowed_minor=_known(allowed, allowed),
            paid_minor=_known(paid, paid),
        )
        for line, outcome, nphies, carc, allowed, paid in columns
    ]
    return ports.Outcomes(source="payer", at_ms=told.at_ms, lines=lines)


def unscored(told: storage_pb2.UnscoredClaim) -> ports.Stored:
    """Return a claim that waits for its score; status and time of receipt stand in its decision."""
    decision = documents.decode(told.decision_json)
    return ports.Stored(
        tenant=told.tenant,
        id=told.id,
        revision=told.revision,
        claim=told.claim_json,
        decision=told.decision_json,
        status=decision.status,
        received_at=datetime.fromisoformat(decision.received_at),
    )


def row(told: storage_pb2.ClaimRow) -> dict[str, Any]:
    """Return a list's row as it is shown: amounts as exact decimals, missing values left out."""
    currency = told.currency or None
    shown = {
        "id": told.id,
        "claim_id": told.claim_id,
        "revision": told.revision,
        "use": told.use,
        "type": told.type,
        "provider": told.provider_id,
        "payer": told.payer_id,
        "currency": told.currency,
        "submitted": _known(told.submitted_minor, money.from_minor(told.submitted_minor, currency)),
        "verdict": told.verdict,
        "status": _status(told),
        "score_state": told.score_state,
        "probability": told.probability if told.probability == told.probability else None,
        "at_risk_minor": _known(told.at_risk_minor, told.at_risk_minor),
        "received_at": documents.instant(instant(told.received_at_ms)),
    }
    return {name: value for name, value in shown.items() if value not in (None, "")}


def transition(told: storage_pb2.Transition) -> dict[str, Any]:
    """Return one transition as it is shown; of the decision the verdict, nothing of its content."""
    shown: dict[str, Any] = {
        "revision": told.revision,
        "event": told.event,
        "status": _status(told),
        "subject": told.subject,
        "at": documents.instant(instant(told.at_ms)),
    }
    if told.decision_json:
        decision = documents.decode(told.decision_json)
        shown |= {"verdict": decision.verdict, "score_state": decision.risk.state}
    return shown


def audit_entry(told: storage_pb2.AuditEntry) -> dict[str, Any]:
    """Return one audit entry as it is shown, hashes in hex."""
    return {
        "chain": told.chain,
        "sequence": told.sequence,
        "event": told.event,
        "subject": told.subject,
        "at": documents.instant(instant(told.at_ms)),
        "hash": told.hash.hex(),
        "previous_hash": told.previous_hash.hex(),
    }


def event(told: storage_pb2.WatchResponse) -> ports.Event:
    """Return one recorded change as it is shown."""
    return ports.Event(
        position=told.position,
        document={
            "id": told.id,
            "claim_id": told.claim_id,
            "event": told.event,
            "status": _status(told),
            "verdict": told.verdict,
            "at": documents.instant(instant(told.at_ms)),
        },
    )


def instant(milliseconds: int) -> datetime:
    """Return the instant, aware, in UTC, of milliseconds since 1970-01-01."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _status(
    told: storage_pb2.StoredClaim | storage_pb2.ClaimRow | storage_pb2.Transition | storage_pb2.WatchResponse,
) -> decisions.Status:
    return decisions.Status(wire=told.wire_status, business=told.business_status, review=told.review_status)


def _known[T](minor: int, shown: T) -> T | None:
    return None if minor == calls.MISSING else shown
