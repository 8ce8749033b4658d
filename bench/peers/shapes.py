"""The peers' claim as pydantic models: what a newcomer writes on the first day."""

from datetime import date
from decimal import Decimal

import pydantic


class Coverage(pydantic.BaseModel):
    member_id: str
    payer: str
    plan: str | None = None
    relationship: str | None = None


class Insurance(pydantic.BaseModel):
    sequence: int
    focal: bool = True
    coverage: Coverage
    preauth_refs: list[str] = []


class Provider(pydantic.BaseModel):
    id: str
    type: str | None = None
    branch: str | None = None


class Patient(pydantic.BaseModel):
    id: str
    id_type: str | None = None
    birth_date: date | None = None
    sex: str | None = None


class Diagnosis(pydantic.BaseModel):
    sequence: int
    code: str
    system: str | None = None
    type: list[str] = []


class Information(pydantic.BaseModel):
    sequence: int
    category: str


class CareTeamMember(pydantic.BaseModel):
    sequence: int
    practitioner: str | None = None
    role: str | None = None


class Line(pydantic.BaseModel):
    sequence: int
    code: str
    system: str | None = None
    service_date: date
    quantity: Decimal
    unit_price: Decimal
    factor: Decimal = Decimal(1)
    tax: Decimal = Decimal(0)
    net: Decimal
    patient_share: Decimal = Decimal(0)
    diagnosis_sequences: list[int] = []
    care_team_sequences: list[int] = []
    information_sequences: list[int] = []


class Claim(pydantic.BaseModel):
    claim_id: str
    type: str
    subtype: str | None = None
    use: str
    created: str
    currency: str
    provider: Provider
    patient: Patient
    insurance: list[Insurance]
    diagnoses: list[Diagnosis] = []
    care_team: list[CareTeamMember] = []
    supporting_info: list[Information] = []
    lines: list[Line]
    total: Decimal
