"""The columns a rule may name: scope, type, unit, meaning, and where each value lies in the claim.

Room: domain. This table is the whole vocabulary of the language; docs/rule-schema.md is written from it.
`source` is Python text over `x` (the struct of the row, or the claim), written here and never by a rule.
"""

import dataclasses

from claims.domain.rules import tree

_BOOL, _TEXT, _INT = tree.Kind.BOOL, tree.Kind.TEXT, tree.Kind.INT
_NUMBER, _MONEY, _DATE = tree.Kind.NUMBER, tree.Kind.MONEY, tree.Kind.DATE
_TEXTS, _INTS = tree.Kind.TEXTS, tree.Kind.INTS


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """One column: `path` is its place in the canonical JSON, relative to the row (or to the claim)."""

    name: str
    kind: tree.Kind
    meaning: str
    path: str = ""
    source: str = ""
    nullable: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", self.path or self.name)
        plain = f"x.{self.path}"
        if not self.source:
            object.__setattr__(self, "source", f"_day({plain}, zone)" if self.kind is _DATE else plain)


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """A kind of row: `rows` is the row set's name in aggregates, `items` Python text over `claim`."""

    name: str
    rows: str
    items: str
    fields: dict[str, Field]


def _fields(*fields: Field) -> dict[str, Field]:
    return {field.name: field for field in fields}


def _parent(parent: str, name: str, kind: tree.Kind, meaning: str, *, column: str = "") -> Field:
    attribute = "class_" if name == "class" else name
    value = f"(x.{parent} and x.{parent}.{attribute})"
    return Field(
        column or f"{parent}_{name}",
        kind,
        meaning,
        path=f"{parent}.{name}",
        source=f"_day({value}, zone)" if kind is _DATE else value,
    )


_SEQUENCE = Field("sequence", _INT, "number of the row, given by the sender", nullable=False)

CLAIM = _fields(
    Field("claim_id", _TEXT, "the sender's number of the claim"),
    Field("type", _TEXT, "professional, institutional, oral, pharmacy, vision …", nullable=False),
    Field("subtype", _TEXT, "ip, op, emr …"),
    Field("use", _TEXT, "claim, preauthorization, predetermination", nullable=False),
    Field("regime", _TEXT, "nphies, x12-us, base", source="(x.regime or 'base')", nullable=False),
    Field("status", _TEXT, "active, cancelled, draft"),
    Field("created", _DATE, "day the claim was made out"),
    Field("currency", _TEXT, "ISO 4217 code of all amounts"),
    Field("priority", _TEXT, "stat, normal, deferred"),
    Field("frequency_code", _TEXT, "X12: 1 original, 7 replacement, 8 void …"),
    Field("total", _MONEY, "sum the claim asks for"),
    Field("transfer", _BOOL, "the authorisation moves to another provider"),
    Field("newborn", _BOOL, "the claim is for a newborn"),
    _parent("billable_period", "start", _DATE, "first day billed"),
    _parent("billable_period", "end", _DATE, "last day billed"),
    Field("provider_id", _TEXT, "licence or number of the provider", path="provider.id"),
    Field("provider_type", _TEXT, "kind of provider", path="provider.type"),
    Field("provider_branch", _TEXT, "site within the provider", path="provider.branch"),
    Field("patient_id", _TEXT, "number of the patient", path="patient.id"),
    Field("patient_id_type", _TEXT, "national_id, iqama, passport …", path="patient.id_type"),
    Field("patient_sex", _TEXT, "male, female, other, unknown", path="patient.sex"),
    Field("patient_birth_date", _DATE, "day of birth", path="patient.birth_date"),
    Field("patient_deceased_date", _DATE, "day of death", path="patient.deceased_date"),
    Field("payer", _TEXT, "payer of the focal insurance", path="insurance.coverage.payer",
          source="_focal(x, 'payer')"),
    Field("member_id", _TEXT, "member number of the focal insurance", path="insurance.coverage.member_id",
          source="_focal(x, 'member_id')"),
    _parent("encounter", "class", _TEXT, "IMP, AMB, EMER, SS, HH, VR …"),
    _parent("encounter", "start", _DATE, "first day of the encounter"),
    _parent("encounter", "end", _DATE, "last day of the encounter"),
    _parent("encounter", "status", _TEXT, "planned, in-progress, finished …"),
    _parent("accident", "date", _DATE, "day of the accident"),
    Field("admission_date", _DATE, "day of admission", path="institutional.admission_datetime",
          source="_day(x.institutional and x.institutional.admission_datetime, zone)"),
    Field("bill_type", _TEXT, "type of bill (institutional claims)", path="institutional.type_of_bill",
          source="(x.institutional and x.institutional.type_of_bill)"),
    Field("drg", _TEXT, "diagnosis-related group", path="institutional.drg",
          source="(x.institutional and x.institutional.drg)"),
    Field("patient_paid", _MONEY, "already paid by the patient", path="amounts.patient_paid",
          source="(x.amounts and x.amounts.patient_paid)"),
)  # fmt: skip

_SERVICE = (
    Field("code", _TEXT, "code of the service"),
    Field("system", _TEXT, "code system: an alias (hcpcs, cpt, sbs …) or a URI, as sent"),
    Field("revenue_code", _TEXT, "NUBC revenue code"),
    Field("description", _TEXT, "text of the service"),
    Field("service_date", _DATE, "first day of the service"),
    Field("service_end", _DATE, "last day of the service"),
    Field("service_start_text", _TEXT, "first moment of the service as sent, with its time",
          path="service_date", source="x.service_date"),
    Field("quantity", _NUMBER, "DECIMAL(12,4)"),
    Field("unit_price", _MONEY, "price of one unit"),
    Field("factor", _NUMBER, "DECIMAL(12,4); price multiplier, 1 where absent"),
    Field("tax", _MONEY, "tax within net"),
    Field("net", _MONEY, "amount asked, with tax and the patient's share"),
    Field("patient_share", _MONEY, "what the patient pays of net"),
    Field("modifiers", _TEXTS, "modifiers of the code", nullable=False),
    Field("diagnosis_sequences", _INTS, "diagnoses this service is for", nullable=False),
    Field("care_team_sequences", _INTS, "who performed it", nullable=False),
    Field("information_sequences", _INTS, "supporting information for it", nullable=False),
    Field("procedure_sequences", _INTS, "procedures it belongs to", nullable=False),
    Field("place_of_service", _TEXT, "place of service"),
    Field("unit_of_measure", _TEXT, "unit of quantity"),
    Field("body_site", _TEXT, "body site or tooth number as sent"),
    Field("sub_site", _TEXTS, "surfaces of a tooth, or regions of the site", nullable=False),
    Field("tooth", _TEXT, "tooth"),
    Field("package", _BOOL, "the service is a package of its details"),
    Field("maternity", _BOOL, "the service is for maternity"),
)  # fmt: skip

SCOPES: dict[str, Scope] = {
    scope.name: scope
    for scope in (
        Scope("claim", "", "", CLAIM),
        Scope("line", "lines", "claim.lines", _fields(
            _SEQUENCE,
            *_SERVICE,
            Field("detail_count", _INT, "number of details", path="details", source="len(x.details)",
                  nullable=False),
        )),
        Scope("detail", "details", "_details(claim)", _fields(
            Field("sequence", _INT, "number of the detail, given by the sender", source="x.item.sequence",
                  nullable=False),
            Field("line_sequence", _INT, "number of the line it stands in", path="sequence",
                  source="x.line.sequence", nullable=False),
            Field("level", _INT, "1: a line's detail; 2: a detail's detail", path="sequence",
                  source="x.level", nullable=False),
            *(dataclasses.replace(field, source=field.source.replace("x.", "x.item."))
              for field in _SERVICE),
        )),
        Scope("diagnosis", "diagnosis", "claim.diagnoses", _fields(
            _SEQUENCE,
            Field("code", _TEXT, "diagnosis code, with or without dot"),
            Field("system", _TEXT, "icd-10-cm, icd-10-am … or a URI, as sent"),
            Field("type", _TEXTS, "principal, secondary, admitting, discharge, differential",
                  nullable=False),
            Field("on_admission", _TEXT, "y, n, u, w"),
        )),
        Scope("care_team", "care_team", "claim.care_team", _fields(
            _SEQUENCE,
            Field("practitioner", _TEXT, "number of the practitioner"),
            Field("role", _TEXT, "primary, assist, supervisor, other …"),
            Field("qualification", _TEXT, "specialty"),
            Field("responsible", _BOOL, "the practitioner in charge"),
        )),
        Scope("information", "information", "claim.supporting_info", _fields(
            _SEQUENCE,
            Field("category", _TEXT, "kind of information"),
            Field("code", _TEXT, "what it is about"),
            Field("system", _TEXT, "code system of code"),
            Field("text", _TEXT, "text of code"),
            Field("start", _DATE, "first day it speaks of"),
            Field("end", _DATE, "last day it speaks of"),
            Field("value_string", _TEXT, "value as text"),
            Field("value_boolean", _BOOL, "value as yes or no"),
            Field("value_number", _NUMBER, "value of the quantity", path="value_quantity.value",
                  source="(x.value_quantity and x.value_quantity.value)"),
            Field("value_unit", _TEXT, "unit of the quantity", path="value_quantity.unit",
                  source="(x.value_quantity and x.value_quantity.unit)"),
        )),
        Scope("insurance", "insurance", "claim.insurance", _fields(
            _SEQUENCE,
            Field("focal", _BOOL, "the insurance this claim is addressed to"),
            Field("responsibility", _TEXT, "P, S, T"),
            Field("payer", _TEXT, "payer", path="coverage.payer",
                  source="(x.coverage and x.coverage.payer)"),
            Field("member_id", _TEXT, "member number", path="coverage.member_id",
                  source="(x.coverage and x.coverage.member_id)"),
            Field("coverage_start", _DATE, "first day of cover", path="coverage.start",
                  source="_day(x.coverage and x.coverage.start, zone)"),
            Field("coverage_end", _DATE, "last day of cover", path="coverage.end",
                  source="_day(x.coverage and x.coverage.end, zone)"),
        )),
    )
}  # fmt: skip

ROWS: dict[str, Scope] = {scope.rows: scope for scope in SCOPES.values() if scope.rows}

UNITS: dict[tree.Kind, str] = {
    tree.Kind.MONEY: "major units of the claim's currency, exact",
    tree.Kind.NUMBER: "exact decimal",
    tree.Kind.DATE: "calendar day in the provider's zone",
    tree.Kind.INT: "whole number",
}
