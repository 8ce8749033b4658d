"""Claims as the typed columns of the storage contract, by name; NULLs as the contract writes them."""

import math
import operator
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from claims import ports
from claims.domain import amounts, decisions, identities, zones
from claims.outbound import calls
from formats import days, model
from ultrathink.storage.v1 import storage_pb2

QUANTITY_SCALE = 4  # decimal places of DECIMAL(12,4)
QUANTITY_MOST = 10**12  # of DECIMAL(12,4); what is more counts nothing and is another rule's affair
MEMORY = (
    "provider_claims", "provider_denied", "provider_net_minor",
    "patient_claims", "patient_denied", "patient_net_minor",
)  # fmt: skip

type Columns = dict[str, Sequence[Any]]

_memory = operator.attrgetter(*MEMORY)
_QUANTITY_UNITS = Decimal(10) ** QUANTITY_SCALE
_NO_RISK = decisions.LineRisk(sequence=0)  # of a line that no model spoke of
_UNKNOWN = (calls.MISSING,) * len(MEMORY)


def claims(items: Sequence[ports.Draft]) -> Columns:
    """Return one entry per claim, all but what hangs on its score; see `decided`."""
    told = [item.claim for item in items]
    spans = [_span(claim) for claim in told]
    sums = [item.sums for item in items]
    return {
        "claim_id": [claim.claim_id or "" for claim in told],
        "claim_id_system": [claim.claim_id_system or "" for claim in told],
        "use": [claim.use for claim in told],
        "type": [claim.type for claim in told],
        "regime": [claim.regime or "" for claim in told],
        "provider_id": [claim.provider.id or "" for claim in told],
        "provider_branch": [claim.provider.branch or "" for claim in told],
        "payer_id": [identities.focal_payer(claim) or "" for claim in told],
        "patient_key": [item.identity.patient_key for item in items],
        "currency": [claim.currency or "" for claim in told],
        "submitted_minor": _integers([one.submitted for one in sums]),
        "payer_share_minor": _integers([one.payer_share for one in sums]),
        "service_from_day": [first for first, _ in spans],
        "service_to_day": [last for _, last in spans],
    }


def decided(items: Sequence[ports.Submission]) -> Columns:
    """Return what the score decided, one entry per claim."""
    told = [item.decision for item in items]
    status = [decision.status for decision in told]
    risks = [decision.risk for decision in told]
    return {
        "verdict": [decision.verdict for decision in told],
        "wire_status": [one.wire for one in status],
        "business_status": [one.business for one in status],
        "review_status": [one.review for one in status],
        "score_state": [risk.state for risk in risks],
        "probability": _reals([risk.probability for risk in risks]),
        "at_risk_minor": _integers([risk.at_risk_minor for risk in risks]),
        "model_revision": [risk.model.revision if risk.model else "" for risk in risks],
        **_inputs([item.inputs for item in items]),
    }


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


def lines(items: Sequence[ports.Draft]) -> Columns:
    """Return one entry per line of every claim, all but its score; see `scored`."""
    found: list[model.Line] = []
    places: list[int] = []
    zone: list[str] = []
    sums: list[amounts.LineSums] = []
    keys: list[str] = []
    for place, item in enumerate(items):
        mine = item.claim.lines
        count = len(mine)
        found += mine
        places += [place] * count
        zone += [zones.name(item.claim.regime)] * count
        sums += item.sums.lines
        keys += item.identity.service_keys
    return {
        "item": places,
        "sequence": [line.sequence for line in found],
        "code": [line.code or line.revenue_code or "" for line in found],
        "system": [line.system or "" for line in found],
        "service_day": _integers(list(map(days.known_day, [line.service_date for line in found], zone))),
        "quantity_e4": _quantities([line.quantity for line in found]),
        "net_minor": _integers([one.net for one in sums]),
        "patient_share_minor": _integers([one.patient_share for one in sums]),
        "service_key": keys,
    }


def scored(items: Sequence[ports.Submission]) -> Columns:
    """Return the score of every line."""
    risks: list[decisions.LineRisk] = []
    for item in items:
        count, told = len(item.claim.lines), item.decision.risk.lines
        risks += told if len(told) == count else [*told, *[_NO_RISK] * (count - len(told))]
    return {
        "probability": _reals([one.probability for one in risks]),
        "at_risk_minor": _integers([one.at_risk_minor for one in risks]),
    }


def history(items: Sequence[ports.Draft]) -> Columns:
    """Return what later claims may ask of each claim."""
    found = [left for item in items for left in item.left]
    scaled = _quantities([left.quantity for left in found])
    return {
        "item": [place for place, item in enumerate(items) for _ in item.left],
        "line": [left.line for left in found],
        "key": [left.key for left in found],
        "day": [left.day for left in found],
        "quantity_e4": [one if -QUANTITY_MOST <= one <= QUANTITY_MOST else calls.MISSING for one in scaled],
        "mark": [left.mark for left in found],
        "party": [left.party for left in found],
    }


def findings(items: Sequence[ports.Submission]) -> Columns:
    """Return one entry per finding of every claim."""
    found = [(place, one) for place, item in enumerate(items) for one in item.decision.findings]
    if not found:
        return {}
    return {
        "item": [place for place, _ in found],
        "rule": [one.rule for _, one in found],
        "severity": [one.severity for _, one in found],
        "line": [one.line or 0 for _, one in found],
        "path": [one.path for _, one in found],
    }


def integer(value: int | None) -> int:
    """Return the value, or the contract's NULL."""
    return calls.MISSING if value is None else value


def real(value: float | None) -> float:
    """Return the value, or NaN, the contract's NULL."""
    return math.nan if value is None else value


def _integers(values: list[int | None]) -> list[int]:
    """Return a column with the contract's NULL where a value is missing."""
    return [calls.MISSING if value is None else value for value in values]


def _reals(values: list[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _quantities(values: list[Decimal | None]) -> list[int]:
    """Return a column of quantities as whole numbers of their smallest unit."""
    return [calls.MISSING if value is None else int(value * _QUANTITY_UNITS) for value in values]


def _span(claim: model.Claim) -> tuple[int, int]:
    """Return the first and the last day of service, or NULLs."""
    zone = zones.name(claim.regime)
    named = {line.service_date for line in claim.lines} | {line.service_end for line in claim.lines}
    known = [day for when in named if (day := days.known_day(when, zone)) is not None]
    return (min(known), max(known)) if known else (calls.MISSING, calls.MISSING)
