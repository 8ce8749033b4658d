"""The decision and its parts, in the names of the canonical JSON; data only, no judgement here."""

from typing import Any, Literal

import msgspec

type Severity = Literal["error", "warning", "info"]
type Verdict = Literal["accept", "review", "reject"]


class Part(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, gc=False):
    """Common behaviour of a decision's parts: immutable, empty fields not written."""


class Bilingual(Part, frozen=True, kw_only=True):
    en: str
    ar: str


class Codes(Part, frozen=True, kw_only=True):
    """What the payers' code lists call a finding; empty where no code applies."""

    nphies: str | None = None
    bv: str | None = None
    carc: str | None = None
    rarc: str | None = None
    group: str | None = None
    x12: dict[str, str] | None = None  # {category, status} of 277CA


class Finding(Part, frozen=True, kw_only=True):
    """One rule that fired: which rule, which field, what stands there, what should, what to do."""

    rule: str
    severity: Severity
    path: str
    line: int | None = None  # sequence of the line, when the finding is about one
    detail: int | None = None
    actual: Any = None
    expected: Any = None
    message: Bilingual
    suggestion: Bilingual | None = None
    blocking: bool = False
    review: bool = False
    codes: Codes | None = None
    source: str | None = None


class NotChecked(Part, frozen=True, kw_only=True):
    """A rule that could not be decided, and what it lacked."""

    rule: str
    path: str
    missing: list[str] = []
    reason: str


class Revision(Part, frozen=True, kw_only=True):
    pack: str
    revision: str


class CodeSetRevision(Part, frozen=True, kw_only=True):
    name: str
    revision: str
    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None


class Contribution(Part, frozen=True, kw_only=True):
    feature: str
    label: Bilingual
    log_odds: float


class LikelyReason(Part, frozen=True, kw_only=True):
    """A predicted payer's reason: marked predicted, never shown as the payer's answer."""

    nphies: str | None = None
    carc: str | None = None
    label: Bilingual
    probability: float
    predicted: Literal[True]  # without a default, so that it is always written


class Evidence(Part, frozen=True, kw_only=True):
    """One feature in which a row stands out: as billed, as usual among its peers, and in words.

    A column of the row schema is told with the peers' median (amounts in minor units); a pair, such as
    `code_for_specialty`, as share of the lines that carry it with the share of the commonest.
    """

    feature: str
    value: float
    typical: float
    en: str
    ar: str


class Anomaly(Part, frozen=True, kw_only=True):
    """How unusual a line or claim is among named peers, or the `reason` why nobody can say.

    A hint for a person: no verdict is decided by it.
    """

    percentile: float | None = None
    peer_group: dict[str, str] = {}
    peers: int | None = None
    evidence: list[Evidence] = []
    isolation_percentile: float | None = None  # of a claim, in explanations
    reason: str | None = None


class LineRisk(Part, frozen=True, kw_only=True):
    """`probability` is absent where the claim is outside what the model knows and only an anomaly is told."""

    sequence: int
    probability: float | None = None
    at_risk_minor: int | None = None
    likely_reason: LikelyReason | None = None
    reasons: list[Contribution] = []
    fix: Bilingual | None = None
    anomaly: Anomaly | None = None


class Model(Part, frozen=True, kw_only=True):
    name: str
    revision: str


class Risk(Part, frozen=True, kw_only=True):
    """What the model says; it never decides alone."""

    state: Literal["scored", "not_scored", "out_of_range"]
    reason: str | None = None
    simulated: bool | None = None
    probability: float | None = None
    at_risk_minor: int | None = None
    currency: str | None = None
    reasons: list[Contribution] = []
    lines: list[LineRisk] = []
    model: Model | None = None
    anomaly: Anomaly | None = None  # of the claim as a whole
    anomaly_model: Model | None = None  # which bundle told anomalies, of the claim or its lines


class Amounts(Part, frozen=True, kw_only=True):
    """Decimals in major units as text-exact numbers."""

    submitted: Any = None
    tax: Any = None
    patient_share: Any = None
    payer_share: Any = None


class Duplicate(Part, frozen=True, kw_only=True):
    claim_id: str
    line: int | None = None
    kind: str
    matched_on: list[str] = []


class Status(Part, frozen=True, kw_only=True):
    wire: str
    business: str
    review: str


class Thresholds(Part, frozen=True, kw_only=True):
    review: float


class Review(Part, frozen=True, kw_only=True):
    """What a person decided; the words that go with it are kept beside the claim, not here."""

    verdict: Verdict
    subject: str
    at: str


class LineOutcome(Part, frozen=True, kw_only=True):
    """What one source said of a line; amounts in minor units."""

    sequence: int
    outcome: Literal["approved", "partial", "denied"]
    nphies: str | None = None
    carc: str | None = None
    allowed_minor: int | None = None
    paid_minor: int | None = None


class Adjudication(Part, frozen=True, kw_only=True):
    """The payer's answer as it was told to us; `sent_outside` when the claim did not leave through us."""

    outcome: Literal["approved", "partial", "rejected"]
    decided_at: str
    received_at: str
    subject: str
    payer: str | None = None
    sent_outside: bool = False
    lines: list[LineOutcome]


class RequiredDocument(Part, frozen=True, kw_only=True):
    code: str
    label: Bilingual
    reason: str


class Decision(Part, frozen=True, kw_only=True):
    """The answer about one claim; `id` and `revision` are set by storage when it is recorded."""

    id: str | None = None
    claim_id: str
    claim_id_system: str | None = None
    revision: int = 0
    content_hash: str
    tenant: str | None = None
    use: str
    type: str
    regime: str
    status: Status
    verdict: Verdict
    thresholds: Thresholds
    as_of: str
    findings: list[Finding]
    not_checked: list[NotChecked]
    risk: Risk
    amounts: Amounts
    review: Review | None = None
    adjudication: Adjudication | None = None
    duplicates: list[Duplicate] = []
    required_documents: list[RequiredDocument] = []
    submit_by: str | None = None
    rules: list[Revision] = []
    code_sets: list[CodeSetRevision] = []
    received_at: str
    decided_at: str
