"""The claim model: the only in-memory claim of the house, in the names of its canonical JSON.

Room: formats. Knows no transport and no storage; readers build these structs, writers and rules read them.

Conventions for every struct here: a missing value is None or an empty list; money is an exact Decimal in
major units of the claim's currency (int64 minor units appear only in columns and contracts); quantity and
factor are Decimals of at most four places; `When` and `Day` keep the sender's ISO 8601 text (checked when
read), so that a claim is written back as it came. Codes are kept verbatim beside their system.
"""

from decimal import Decimal
from typing import Any, Literal

import msgspec

from formats import envelopes, institutional, kinds

Money = kinds.Money
Quantity = kinds.Quantity
Day = kinds.Day
When = kinds.When
OccurrenceCode = institutional.OccurrenceCode
OccurrenceSpan = institutional.OccurrenceSpan
ValueCode = institutional.ValueCode
Institutional = institutional.Institutional
MAX_LINES = 1_000  # more is refused: a longer claim is a file, not a claim


class Node(
    msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False
):
    """Common behaviour: immutable, unknown fields refused, empty fields not written."""


class Extra(Node, frozen=True, kw_only=True):
    """A value a reader could not map, kept so that it is written back; `path` is the place in the source."""

    path: str
    value: Any


class Identifier(Node, frozen=True, kw_only=True):
    type: str | None = None
    system: str | None = None
    value: str


class Coding(Node, frozen=True, kw_only=True):
    system: str | None = None
    code: str | None = None
    display: str | None = None


class Address(Node, frozen=True, kw_only=True):
    text: str | None = None
    lines: list[str] = []
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None


class Party(Node, frozen=True, kw_only=True):
    """Anyone a claim names: payee, facility, enterer, referrer."""

    id: str | None = None
    type: str | None = None
    branch: str | None = None
    identifiers: list[Identifier] = []
    taxonomy: str | None = None
    name: str | None = None
    address: Address | None = None
    reference: str | None = None  # kept when it resolves to nothing


class Provider(Party, frozen=True, kw_only=True):
    """Who asks for the money; `branch` is the site within it."""


class Patient(Node, frozen=True, kw_only=True):
    id: str | None = None
    id_type: str | None = None  # national_id, iqama, passport, border, displaced_person, visa, gcc, mrn
    id_system: str | None = None
    id_country: str | None = None
    birth_date: Day | None = None
    sex: Literal["male", "female", "other", "unknown"] | None = None
    deceased_date: When | None = None
    occupation: str | None = None
    name: str | None = None
    address: Address | None = None
    telecom: list[str] = []
    identifiers: list[Identifier] = []
    reference: str | None = None


class Adjustment(Node, frozen=True, kw_only=True):
    group: str | None = None
    carc: str | None = None
    amount: Money | None = None
    quantity: Quantity | None = None


class Adjudicated(Node, frozen=True, kw_only=True):
    """What another payer has already decided."""

    paid: Money | None = None
    patient_responsibility: Money | None = None
    date: Day | None = None
    adjustments: list[Adjustment] = []


class Coverage(Node, frozen=True, kw_only=True):
    member_id: str | None = None
    member_id_system: str | None = None
    policy: str | None = None
    payer: str | None = None
    relationship: str | None = None
    group: str | None = None
    plan: str | None = None
    network: str | None = None
    type: str | None = None
    subscriber: str | None = None
    start: When | None = None
    end: When | None = None
    reference: str | None = None


class Insurance(Node, frozen=True, kw_only=True):
    sequence: int
    focal: bool | None = None
    coverage: Coverage | None = None
    responsibility: Literal["P", "S", "T"] | None = None
    claim_filing_indicator: str | None = None
    business_arrangement: str | None = None
    preauth_refs: list[str] = []
    claim_response: str | None = None
    adjudicated: Adjudicated | None = None


class Encounter(Node, frozen=True, kw_only=True):
    class_: str | None = msgspec.field(default=None, name="class")
    start: When | None = None
    end: When | None = None
    id: str | None = None
    status: str | None = None
    service_type: str | None = None
    service_event_type: str | None = None
    admit_source: str | None = None
    specialty: str | None = None
    triage_category: str | None = None
    triage_date: When | None = None
    emergency_arrival: str | None = None
    emergency_service_start: When | None = None
    emergency_disposition: str | None = None
    intended_length_of_stay: str | None = None
    readmission: str | None = None
    discharge_disposition: str | None = None
    discharge_specialty: str | None = None
    cause_of_death: str | None = None
    reference: str | None = None


class Episode(Node, frozen=True, kw_only=True):
    value: str
    system: str | None = None


class Diagnosis(Node, frozen=True, kw_only=True):
    sequence: int
    code: str | None = None
    system: str | None = None
    type: list[str] = []  # principal, secondary, admitting, discharge, differential
    on_admission: Literal["y", "n", "u", "w"] | None = None
    package_code: str | None = None
    codings: list[Coding] = []
    text: str | None = None
    reference: str | None = None


class Procedure(Node, frozen=True, kw_only=True):
    sequence: int
    type: list[str] = []
    code: str | None = None
    system: str | None = None
    date: When | None = None
    codings: list[Coding] = []
    text: str | None = None
    reference: str | None = None


class CareTeamMember(Node, frozen=True, kw_only=True):
    sequence: int
    practitioner: str | None = None
    role: str | None = None
    qualification: str | None = None
    qualification_system: str | None = None
    responsible: bool | None = None
    taxonomy: str | None = None
    reference: str | None = None


class MeasuredQuantity(Node, frozen=True, kw_only=True):
    value: Decimal
    unit: str | None = None


class Attachment(Node, frozen=True, kw_only=True):
    id: str | None = None
    content_type: str | None = None
    size: int | None = None
    sha256: str | None = None
    sha1: str | None = None  # FHIR's hash, base64 as sent
    title: str | None = None
    url: str | None = None


class SupportingInfo(Node, frozen=True, kw_only=True):
    """Evidence beside the lines; exactly one of the value fields, or none."""

    sequence: int
    category: str | None = None
    code: str | None = None
    system: str | None = None
    text: str | None = None
    reason: str | None = None
    start: When | None = None
    end: When | None = None
    timing_date: When | None = None
    value_string: str | None = None
    value_boolean: bool | None = None
    value_quantity: MeasuredQuantity | None = None
    value_attachment: Attachment | None = None
    value_reference: str | None = None


class NationalDrugCode(Node, frozen=True, kw_only=True):
    code: str
    quantity: Decimal | None = None
    unit: str | None = None


class PriorPayerLine(Node, frozen=True, kw_only=True):
    """What another payer decided about one line."""

    payer: str | None = None
    paid: Money | None = None
    code: str | None = None
    system: str | None = None
    quantity: Quantity | None = None
    date: Day | None = None
    adjustments: list[Adjustment] = []


class Detail(Node, frozen=True, kw_only=True):
    """A line's inside: the same shape as a line; its net may be absent."""

    sequence: int
    code: str | None = None
    system: str | None = None
    codings: list[Coding] = []
    text: str | None = None
    description: str | None = None
    revenue_code: str | None = None
    service_date: When | None = None
    service_end: When | None = None
    quantity: Quantity | None = None
    unit_price: Money | None = None
    factor: Quantity | None = None
    tax: Money | None = None
    net: Money | None = None  # includes tax and the patient's share
    patient_share: Money | None = None
    diagnosis_sequences: list[int] = []
    care_team_sequences: list[int] = []
    information_sequences: list[int] = []
    procedure_sequences: list[int] = []
    modifiers: list[str] = []
    place_of_service: str | None = None
    unit_of_measure: str | None = None
    body_site: str | None = None
    sub_site: list[str] = []
    tooth: str | None = None
    package: bool | None = None
    maternity: bool | None = None
    patient_invoice: str | None = None
    line_control_number: str | None = None
    emergency: bool | None = None
    preauth_ref: str | None = None
    ndc: NationalDrugCode | None = None
    udi: list[str] = []
    prosthesis: bool | None = None
    encounter: list[str] = []
    program_codes: list[str] = []
    pharmacist_substitute: str | None = None
    prescribed_medication: str | None = None
    prior_payer: list[PriorPayerLine] = []


class Line(Detail, frozen=True, kw_only=True):
    details: list["LineDetail"] = []


class LineDetail(Detail, frozen=True, kw_only=True):
    details: list[Detail] = []  # FHIR's subDetail


class Payee(Node, frozen=True, kw_only=True):
    type: str | None = None
    party: Party | None = None


class Related(Node, frozen=True, kw_only=True):
    claim_id: str | None = None
    claim_id_system: str | None = None
    relationship: str | None = None  # prior, associated, appealing, extend
    reference: str | None = None


class Accident(Node, frozen=True, kw_only=True):
    date: Day | None = None
    type: str | None = None
    location: str | None = None
    state: str | None = None


class Eligibility(Node, frozen=True, kw_only=True):
    offline_reference: str | None = None
    offline_date: When | None = None
    response: str | None = None


class Authorization(Node, frozen=True, kw_only=True):
    offline_date: When | None = None
    prior_auth_response: str | None = None


class Amounts(Node, frozen=True, kw_only=True):
    patient_paid: Money | None = None
    patient_estimated: Money | None = None
    prior_payer_paid: Money | None = None


class Period(Node, frozen=True, kw_only=True):
    start: When | None = None
    end: When | None = None


class Source(Node, frozen=True, kw_only=True):
    format: str
    version: str | None = None
    message: envelopes.Envelope | None = None


class Claim(Node, frozen=True, kw_only=True):
    """One claim, pre-authorisation or predetermination; see the module for units and conventions."""

    claim_id: str | None = None
    claim_id_system: str | None = None
    claim_id_source: Literal["sender", "resource", "content"] | None = None
    type: str
    subtype: str | None = None
    use: Literal["claim", "preauthorization", "predetermination"]
    regime: Literal["nphies", "x12-us", "base"] | None = None
    profile: list[str] = []
    source: Source | None = None
    status: str | None = None
    created: When | None = None
    currency: str | None = None
    priority: str | None = None
    frequency_code: str | None = None
    payer_claim_control_number: str | None = None
    billable_period: Period | None = None
    provider: Provider
    enterer: Party | None = None
    funds_reserve: str | None = None
    referral: str | None = None
    facility: Party | None = None
    prescription: str | None = None
    original_prescription: str | None = None
    payee: Payee | None = None
    related: list[Related] = []
    accident: Accident | None = None
    eligibility: Eligibility | None = None
    authorization: Authorization | None = None
    transfer: bool | None = None
    newborn: bool | None = None
    notes: list[str] = []
    patient: Patient
    insurance: list[Insurance]
    encounter: Encounter | None = None
    episode: Episode | None = None
    diagnoses: list[Diagnosis] = []
    procedures: list[Procedure] = []
    institutional: Institutional | None = None
    care_team: list[CareTeamMember] = []
    supporting_info: list[SupportingInfo] = []
    attachments: list[Attachment] = []
    amounts: Amounts | None = None
    lines: list[Line]
    total: Money | None = None
    extra: list[Extra] = []
