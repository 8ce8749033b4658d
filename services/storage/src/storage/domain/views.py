"""What readers get: tenants, claims, rows of lists, transitions, events and export rows."""

import msgspec


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """A customer of the platform and its defaults."""

    tenant: str
    display_name: str
    review_threshold: float = 0.5
    default_regime: str = "base"
    active: bool = True


class StoredClaim(msgspec.Struct, frozen=True, kw_only=True):
    """A claim with its documents; the decision is the latest revision's."""

    id: str
    claim_id: str
    revision: int
    claim_json: bytes
    decision_json: bytes
    wire_status: str
    business_status: str
    review_status: str
    content_hash: bytes


class Unscored(msgspec.Struct, frozen=True, kw_only=True):
    """A claim recorded without a score."""

    tenant: str
    id: str
    revision: int
    claim_json: bytes
    decision_json: bytes


class ClaimRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a list shows of a claim; money in minor units."""

    id: str
    claim_id: str
    use: str
    type: str
    provider_id: str | None
    payer_id: str | None
    currency: str | None
    submitted_minor: int | None
    verdict: str
    wire_status: str
    business_status: str
    review_status: str
    score_state: str | None
    probability: float | None
    at_risk_minor: int | None
    revision: int


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """One revision of a claim: what happened, by whom, and the decision that came with it."""

    revision: int
    event: str
    wire_status: str
    business_status: str
    review_status: str
    subject: str
    at_ms: int
    decision_json: bytes


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded change as it is published; `position` is opaque and grows."""

    position: str
    id: str
    claim_id: str
    event: str
    verdict: str
    wire_status: str
    business_status: str
    review_status: str
    at_ms: int


class LineOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one source said of a line; money in minor units."""

    outcome: str
    nphies: str | None
    carc: str | None
    allowed_minor: int | None
    paid_minor: int | None
    at_ms: int


class FoundClaim(msgspec.Struct, frozen=True, kw_only=True):
    """A claim found by its sender's id; `payer` is the payer's latest word by line."""

    claim: StoredClaim
    use: str
    provider_id: str | None
    payer_id: str | None
    payer: dict[int, LineOutcome]


class ExportRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a claim for data scientists; no patient's data.

    `inputs` are what the claim was scored for, in the order of records.LATER.
    """

    claim_id: str
    id: str
    line: int
    use: str
    type: str
    code: str | None
    system: str | None
    service_day: int | None
    net_minor: int | None
    currency: str | None
    verdict: str
    business_status: str
    probability: float | None
    model_revision: str | None
    payer_id: str | None
    provider_id: str | None
    wire_status: str
    review_status: str
    score_state: str | None
    line_probability: float | None
    inputs: tuple[int | None, ...]
    payer: LineOutcome | None = None
    reviewer: LineOutcome | None = None
