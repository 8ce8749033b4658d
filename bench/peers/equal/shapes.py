"""The claim as pydantic models: the first peers' shapes with what the rules of this set need besides.

A moment without an offset is in the provider's zone; what is only a day is midnight of it. Empty lists come
from a factory: pydantic copies a default deeply each time, two fifths of what reading a claim cost.
"""

from datetime import date, datetime
from decimal import Decimal

import pydantic


class Coverage(pydantic.BaseModel):
    member_id: str | None = None
    payer: str | None = None
    plan: str | None = None
    policy: str | None = None
    relationship: str | None = None
    start: datetime | None = None
    end: datetime | None = None


class Adjudicated(pydantic.BaseModel):
    paid: Decimal | None = None
    date: datetime | None = None


class Insurance(pydantic.BaseModel):
    sequence: int
    focal: bool | None = None
    coverage: Coverage | None = None
    preauth_refs: list[str] = pydantic.Field(default_factory=list)
    adjudicated: Adjudicated | None = None


class Provider(pydantic.BaseModel):
    id: str | None = None
    type: str | None = None
    branch: str | None = None


class Patient(pydantic.BaseModel):
    id: str | None = None
    id_type: str | None = None
    id_system: str | None = None
    birth_date: date | None = None
    deceased_date: datetime | None = None
    sex: str | None = None


class Period(pydantic.BaseModel):
    start: datetime | None = None
    end: datetime | None = None


class Accident(pydantic.BaseModel):
    date: datetime | None = None


class Amounts(pydantic.BaseModel):
    patient_paid: Decimal | None = None
    patient_estimated: Decimal | None = None
    prior_payer_paid: Decimal | None = None


class Related(pydantic.BaseModel):
    claim_id: str | None = None
    relationship: str | None = None
    reference: str | None = None


class Diagnosis(pydantic.BaseModel):
    sequence: int
    code: str | None = None
    system: str | None = None
    type: list[str] = pydantic.Field(default_factory=list)


class Procedure(pydantic.BaseModel):
    sequence: int
    code: str | None = None
    date: datetime | None = None


class CareTeamMember(pydantic.BaseModel):
    sequence: int
    practitioner: str | None = None
    role: str | None = None


class MeasuredQuantity(pydantic.BaseModel):
    value: Decimal
    unit: str | None = None


class Attachment(pydantic.BaseModel):
    content_type: str | None = None


class Information(pydantic.BaseModel):
    sequence: int
    category: str | None = None
    code: str | None = None
    text: str | None = None
    reason: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    timing_date: datetime | None = None
    value_string: str | None = None
    value_boolean: bool | None = None
    value_quantity: MeasuredQuantity | None = None
    value_attachment: Attachment | None = None
    value_reference: str | None = None


class Detail(pydantic.BaseModel):
    sequence: int
    code: str | None = None
    system: str | None = None
    revenue_code: str | None = None
    service_date: datetime | None = None
    service_end: datetime | None = None
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    factor: Decimal | None = None
    tax: Decimal | None = None
    net: Decimal | None = None
    patient_share: Decimal | None = None
    package: bool | None = None
    details: list["Detail"] = pydantic.Field(default_factory=list)


class Line(Detail):
    diagnosis_sequences: list[int] = pydantic.Field(default_factory=list)
    care_team_sequences: list[int] = pydantic.Field(default_factory=list)
    information_sequences: list[int] = pydantic.Field(default_factory=list)
    procedure_sequences: list[int] = pydantic.Field(default_factory=list)
    modifiers: list[str] = pydantic.Field(default_factory=list)
    body_site: str | None = None
    sub_site: list[str] = pydantic.Field(default_factory=list)
    tooth: str | None = None
    preauth_ref: str | None = None


class Claim(pydantic.BaseModel):
    claim_id: str
    type: str
    subtype: str | None = None
    use: str
    status: str | None = None
    created: datetime | None = None
    currency: str | None = None
    frequency_code: str | None = None
    newborn: bool | None = None
    billable_period: Period | None = None
    provider: Provider
    patient: Patient
    insurance: list[Insurance]
    related: list[Related] = pydantic.Field(default_factory=list)
    accident: Accident | None = None
    encounter: Period | None = None
    amounts: Amounts | None = None
    diagnoses: list[Diagnosis] = pydantic.Field(default_factory=list)
    procedures: list[Procedure] = pydantic.Field(default_factory=list)
    care_team: list[CareTeamMember] = pydantic.Field(default_factory=list)
    supporting_info: list[Information] = pydantic.Field(default_factory=list)
    lines: list[Line]
    total: Decimal | None = None
