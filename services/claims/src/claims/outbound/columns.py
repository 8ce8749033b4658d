"""Submissions as the typed columns of the storage contract; NULLs as the contract writes them."""

import math
import operator
from collections.abc import Iterable, Sequence
from decimal import Decimal

from claims import ports
from claims.domain import histories, identities, zones
from claims.outbound import calls
from formats import days, model
from ultrathink.storage.v1 import storage_pb2

QUANTITY_SCALE = 4  # decimal places of DECIMAL(12,4)
QUANTITY_MOST = 10**12  # of DECIMAL(12,4); what is more counts nothing and is another rule's affair
MEMORY = (
    "provider_claims", "provider_denied", "provider_net_minor",
    "patient_claims", "patient_denied", "patient_net_minor",
)  # fmt: skip

_memory = operator.attrgetter(*MEMORY)
_UNKNOWN = (calls.MISSING,) * len(MEMORY)


def claims(items: Sequence[ports.Submission]) -> storage_pb2.ClaimColumns:
    """Return one entry per submission."""
    parts = [(item.claim, item.decision, item.decision.risk) for item in items]
    spans = [_span(claim) for claim, _, _ in parts]
    return storage_pb2.ClaimColumns(
        claim_id=[claim.claim_id or "" for claim, _, _ in parts],
        claim_id_system=[claim.claim_id_system or "" for claim, _, _ in parts],
        use=[claim.use for claim, _, _ in parts],
        type=[claim.type for claim, _, _ in parts],
        regime=[claim.regime or "" for claim, _, _ in parts],
        provider_id=[claim.provider.id or "" for claim, _, _ in parts],
        provider_branch=[claim.provider.branch or "" for claim, _, _ in parts],
        payer_id=[identities.focal_payer(claim) or "" for claim, _, _ in parts],
        patient_key=[item.identity.patient_key for item in items],
        currency=[claim.currency or "" for claim, _, _ in parts],
        submitted_minor=[integer(item.sums.submitted) for item in items],
        payer_share_minor=[integer(item.sums.payer_share) for item in items],
        service_from_day=[integer(first) for first, _ in spans],
        service_to_day=[integer(last) for _, last in spans],
        verdict=[decision.verdict for _, decision, _ in parts],
        wire_status=[decision.status.wire for _, decision, _ in parts],
        business_status=[decision.status.business for _, decision, _ in parts],
        review_status=[decision.status.review for _, decision, _ in parts],
        score_state=[risk.state for _, _, risk in parts],
        probability=[real(risk.probability) for _, _, risk in parts],
        at_risk_minor=[integer(risk.at_risk_minor) for _, _, risk in parts],
        model_revision=[risk.model.revision if risk.model else "" for _, _, risk in parts],
        **_inputs([item.inputs for item in items]),
    )


def inputs(told: ports.Inputs) -> storage_pb2.Inputs:
    """Return what one late score was given for."""
    values = _values(told)
    return storage_pb2.Inputs(feature_hash=values[0], **dict(zip(MEMORY, values[1:], strict=True)))


def outcomes(told: ports.Outcomes) -> storage_pb2.Outcomes:
    """Return what one source said of a claim's lines."""
    return storage_pb2.Outcomes(
        source=told.source,
        at_ms=told.at_ms,
        line=[line.sequence for line in told.lines],
        outcome=[line.outcome for line in told.lines],
        nphies=[line.nphies or "" for line in told.lines],
        carc=[line.carc or "" for line in told.lines],
        allowed_minor=[integer(line.allowed_minor) for line in told.lines],
        paid_minor=[integer(line.paid_minor) for line in told.lines],
    )


def _inputs(told: Sequence[ports.Inputs | None]) -> dict[str, Sequence[int]]:
    """Return the columns of what scores were given for, by name."""
    names = ("feature_hash", *MEMORY)
    columns = zip(*map(_values, told), strict=True) if told else [()] * len(names)
    return dict(zip(names, columns, strict=True))


def _values(told: ports.Inputs | None) -> tuple[int, ...]:
    if told is None or told.known is None:
        return (integer(None if told is None else told.feature_hash), *_UNKNOWN)
    return (integer(told.feature_hash), *_memory(told.known))


def lines(items: Sequence[ports.Submission]) -> storage_pb2.LineColumns:
    """Return one entry per line of every submission."""
    rows = [
        (place, line, sums, key, *_risk_of(item, index))
        for place, item in enumerate(items)
        for index, (line, sums, key) in enumerate(
            zip(item.claim.lines, item.sums.lines, item.identity.service_keys, strict=True)
        )
    ]
    zone = [zones.name(item.claim.regime) for item in items]
    return storage_pb2.LineColumns(
        item=[row[0] for row in rows],
        sequence=[row[1].sequence for row in rows],
        code=[row[1].code or row[1].revenue_code or "" for row in rows],
        system=[row[1].system or "" for row in rows],
        service_day=[integer(days.day_number(row[1].service_date, zone[row[0]])) for row in rows],
        quantity_e4=[_quantity(row[1]) for row in rows],
        net_minor=[integer(row[2].net) for row in rows],
        patient_share_minor=[integer(row[2].patient_share) for row in rows],
        probability=[row[4] for row in rows],
        at_risk_minor=[row[5] for row in rows],
        service_key=[row[3] for row in rows],
    )


def history(items: Sequence[ports.Submission]) -> storage_pb2.HistoryColumns:
    """Return what later claims may ask of each submission."""
    rows = [
        (place, left)
        for place, item in enumerate(items)
        for left in histories.leaves(item.claim, item.identity)
    ]
    return storage_pb2.HistoryColumns(
        item=[place for place, _ in rows],
        line=[left.line for _, left in rows],
        key=[left.key for _, left in rows],
        day=[left.day for _, left in rows],
        quantity_e4=[_countable(left.quantity) for _, left in rows],
        mark=[left.mark for _, left in rows],
    )


def findings(items: Sequence[ports.Submission]) -> storage_pb2.FindingColumns:
    """Return one entry per finding of every submission."""
    found = [(place, one) for place, item in enumerate(items) for one in item.decision.findings]
    return storage_pb2.FindingColumns(
        item=[place for place, _ in found],
        rule=[one.rule for _, one in found],
        severity=[one.severity for _, one in found],
        line=[one.line or 0 for _, one in found],
        path=[one.path for _, one in found],
    )


def integer(value: int | None) -> int:
    """Return the value, or the contract's NULL."""
    return calls.MISSING if value is None else value


def real(value: float | None) -> float:
    """Return the value, or NaN, the contract's NULL."""
    return math.nan if value is None else value


def _risk_of(item: ports.Submission, index: int) -> tuple[float, int]:
    told = item.decision.risk.lines
    if index >= len(told):
        return math.nan, calls.MISSING
    return real(told[index].probability), integer(told[index].at_risk_minor)


def _quantity(line: model.Line) -> int:
    return calls.MISSING if line.quantity is None else int(line.quantity.scaleb(QUANTITY_SCALE))


def _countable(quantity: Decimal | None) -> int:
    scaled = calls.MISSING if quantity is None else int(quantity.scaleb(QUANTITY_SCALE))
    return scaled if abs(scaled) <= QUANTITY_MOST else calls.MISSING


def _span(claim: model.Claim) -> tuple[int | None, int | None]:
    zone = zones.name(claim.regime)
    known = list(_known(claim, zone))
    return (min(known), max(known)) if known else (None, None)


def _known(claim: model.Claim, zone: str) -> Iterable[int]:
    for line in claim.lines:
        for when in (line.service_date, line.service_end):
            day = days.day_number(when, zone)
            if day is not None:
                yield day
