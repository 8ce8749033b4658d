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
    past: bool = False  # known from earlier claims only, through Lookup; `h` is the line's history

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
    Field("claim_id_system", _TEXT, "who gave that number, as sent"),
    Field("profile", _TEXTS, "profiles the sender names, with their versions", nullable=False),
    Field("type", _TEXT, "professional, institutional, oral, pharmacy, vision …", nullable=False),
    Field("subtype", _TEXT, "ip, op, emr …"),
    Field("use", _TEXT, "claim, preauthorization, predetermination", nullable=False),
    Field("regime", _TEXT, "nphies, x12-us, base", source="(x.regime or 'base')", nullable=False),
    Field("status", _TEXT, "active, cancelled, draft"),
    Field("created", _DATE, "day the claim was made out"),
    Field("currency", _TEXT, "ISO 4217 code of all amounts"),
    Field("priority", _TEXT, "stat, normal, deferred"),
    Field("frequency_code", _TEXT, "X12: 1 original, 7 replacement, 8 void …"),
    Field("payer_claim_control_number", _TEXT, "the payer's number of the claim replaced or voided"),
    Field("referral", _TEXT, "number of the referral"),
    Field("prescription", _TEXT, "number of the prescription"),
    Field("original_prescription", _TEXT, "number of the prescription before it was changed"),
    Field("funds_reserve", _TEXT, "for whom funds are to be reserved"),
    _parent("payee", "type", _TEXT, "who is to be paid: provider, subscriber …"),
    _parent("episode", "value", _TEXT, "number of the episode of care", column="episode"),
    Field("total", _MONEY, "sum the claim asks for"),
    Field("transfer", _BOOL, "the authorisation moves to another provider"),
    Field("newborn", _BOOL, "the claim is for a newborn"),
    _parent("billable_period", "start", _DATE, "first day billed"),
    _parent("billable_period", "end", _DATE, "last day billed"),
    Field("provider_id", _TEXT, "licence or number of the provider", path="provider.id"),
    Field("provider_type", _TEXT, "kind of provider", path="provider.type"),
    Field("provider_branch", _TEXT, "site within the provider", path="provider.branch"),
    Field("provider_taxonomy", _TEXT, "specialty of the provider (X12)", path="provider.taxonomy"),
    _parent("facility", "id", _TEXT, "place where the care was given"),
    Field("patient_id", _TEXT, "number of the patient", path="patient.id"),
    Field("patient_id_type", _TEXT, "national_id, iqama, passport …", path="patient.id_type"),
    Field("patient_id_country", _TEXT, "country that gave the patient's number", path="patient.id_country"),
    Field("patient_occupation", _TEXT, "occupation of the patient", path="patient.occupation"),
    Field("patient_sex", _TEXT, "male, female, other, unknown", path="patient.sex"),
    Field("patient_birth_date", _DATE, "day of birth", path="patient.birth_date"),
    Field("patient_deceased_date", _DATE, "day of death", path="patient.deceased_date"),
    Field("payer", _TEXT, "payer of the focal insurance", path="insurance.coverage.payer",
          source="_focal(x, 'payer')"),
    Field("member_id", _TEXT, "member number of the focal insurance", path="insurance.coverage.member_id",
          source="_focal(x, 'member_id')"),
    Field("policy", _TEXT, "policy of the focal insurance", path="insurance.coverage.policy",
          source="_focal(x, 'policy')"),
    Field("relationship", _TEXT, "of the patient to the member: self, spouse, child …",
          path="insurance.coverage.relationship", source="_focal(x, 'relationship')"),
    Field("coverage_start", _DATE, "first day of the focal cover", path="insurance.coverage.start",
          source="_day(_focal(x, 'start'), zone)"),
    Field("coverage_end", _DATE, "last day of the focal cover", path="insurance.coverage.end",
          source="_day(_focal(x, 'end'), zone)"),
    Field("preauth_refs", _TEXTS, "pre-authorisations named by any insurance", path="insurance.preauth_refs",
          source="[ref for entry in x.insurance for ref in entry.preauth_refs]", nullable=False),
    _parent("encounter", "class", _TEXT, "IMP, AMB, EMER, SS, HH, VR …"),
    _parent("encounter", "start", _DATE, "first day of the encounter"),
    _parent("encounter", "end", _DATE, "last day of the encounter"),
    _parent("encounter", "status", _TEXT, "planned, in-progress, finished …"),
    _parent("encounter", "id", _TEXT, "number of the encounter"),
    _parent("encounter", "reference", _TEXT, "an encounter that is named but not in the message"),
    _parent("encounter", "service_type", _TEXT, "kind of service"),
    _parent("encounter", "service_event_type", _TEXT, "initial or subsequent encounter (nphies)"),
    _parent("encounter", "admit_source", _TEXT, "where the patient came from"),
    _parent("encounter", "specialty", _TEXT, "specialty the patient was admitted to"),
    _parent("encounter", "triage_category", _TEXT, "IR, VU, U, SER, NU"),
    _parent("encounter", "triage_date", _DATE, "day of the triage"),
    _parent("encounter", "emergency_arrival", _TEXT, "how the patient came to the emergency room"),
    _parent("encounter", "emergency_service_start", _DATE, "day emergency care began"),
    _parent("encounter", "emergency_disposition", _TEXT, "where the patient went from the emergency room"),
    _parent("encounter", "intended_length_of_stay", _TEXT, "length of stay that was planned"),
    _parent("encounter", "readmission", _TEXT, "marks a readmission"),
    _parent("encounter", "discharge_disposition", _TEXT, "how the patient left"),
    _parent("encounter", "discharge_specialty", _TEXT, "specialty the patient left from"),
    _parent("encounter", "cause_of_death", _TEXT, "cause of death"),
    _parent("accident", "date", _DATE, "day of the accident"),
    _parent("accident", "type", _TEXT, "MVA road traffic, WPA work …, or X12's AA, EM, OA"),
    _parent("accident", "location", _TEXT, "where it happened"),
    _parent("accident", "state", _TEXT, "state it happened in"),
    _parent("eligibility", "offline_reference", _TEXT, "eligibility asked outside the exchange: its number"),
    _parent("eligibility", "offline_date", _DATE, "day of that eligibility"),
    _parent("eligibility", "response", _TEXT, "eligibility answer within the exchange"),
    _parent("authorization", "offline_date", _DATE, "day of an authorisation given outside the exchange"),
    _parent("authorization", "prior_auth_response", _TEXT, "authorisation answer within the exchange",
            column="authorization_response"),
    Field("admission_date", _DATE, "day of admission", path="institutional.admission_datetime",
          source="_day(x.institutional and x.institutional.admission_datetime, zone)"),
    Field("bill_type", _TEXT, "type of bill (institutional claims)", path="institutional.type_of_bill",
          source="(x.institutional and x.institutional.type_of_bill)"),
    Field("drg", _TEXT, "diagnosis-related group", path="institutional.drg",
          source="(x.institutional and x.institutional.drg)"),
    *(
        _parent("institutional", name, _TEXT, meaning, column=name)
        for name, meaning in (
            ("admission_type", "priority of the admission (UB-04)"),
            ("admission_source", "point of origin (UB-04)"),
            ("patient_status", "discharge status (UB-04)"),
            ("discharge_hour", "hour of discharge (UB-04)"),
        )
    ),
    Field("condition_codes", _TEXTS, "condition codes (UB-04)", path="institutional.condition_codes",
          source="(x.institutional.condition_codes if x.institutional else [])", nullable=False),
    Field("occurrence_codes", _TEXTS, "occurrence codes (UB-04)", path="institutional.occurrence_codes",
          source="([entry.code for entry in x.institutional.occurrence_codes] if x.institutional else [])",
          nullable=False),
    Field("value_codes", _TEXTS, "value codes (UB-04)", path="institutional.value_codes",
          source="([entry.code for entry in x.institutional.value_codes] if x.institutional else [])",
          nullable=False),
    Field("patient_estimated", _MONEY, "estimated part of the patient", path="amounts.patient_estimated",
          source="(x.amounts and x.amounts.patient_estimated)"),
    Field("prior_payer_paid", _MONEY, "already paid by other payers", path="amounts.prior_payer_paid",
          source="(x.amounts and x.amounts.prior_payer_paid)"),
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
    Field("service_end_text", _TEXT, "last moment of the service as sent, with its time",
          path="service_end", source="x.service_end"),
    Field("text", _TEXT, "text beside the code"),
    Field("codings", _TEXTS, "systems of the further codes of the service", path="codings",
          source="[entry.system or '' for entry in x.codings]", nullable=False),
    Field("patient_invoice", _TEXT, "number of the patient's invoice"),
    Field("line_control_number", _TEXT, "the sender's number of the line"),
    Field("emergency", _BOOL, "the service was for an emergency"),
    Field("preauth_ref", _TEXT, "pre-authorisation of this service"),
    Field("prosthesis", _BOOL, "the service is a prosthesis"),
    Field("pharmacist_substitute", _TEXT, "why the pharmacist gave another medicine"),
    Field("prescribed_medication", _TEXT, "code of the medicine prescribed"),
    Field("program_codes", _TEXTS, "programmes it is charged to", nullable=False),
    Field("udi", _TEXTS, "device identifiers", nullable=False),
    Field("ndc_code", _TEXT, "national drug code", path="ndc.code", source="(x.ndc and x.ndc.code)"),
    Field("ndc_quantity", _NUMBER, "quantity of the drug", path="ndc.quantity",
          source="(x.ndc and x.ndc.quantity)"),
    Field("ndc_unit", _TEXT, "unit of that quantity: F2, GR, ME, ML, UN", path="ndc.unit",
          source="(x.ndc and x.ndc.unit)"),
)  # fmt: skip

# What earlier claims say about a line; NULL where history was not or could not be asked (see domain/past.py).
_PAST = tuple(
    Field(name, kind, meaning, path="history", source=f"(h and h.{attribute})", past=True)
    for name, kind, attribute, meaning in (
        ("duplicates_exact", _INT, "exact", "earlier lines that are this service in every particular"),
        ("duplicates_likely", _INT, "likely", "earlier lines: same patient, provider, day and code"),
        ("duplicates_possible", _INT, "possible", "earlier lines: same patient, day, code; other provider"),
        ("visits_in_window", _INT, "visits", "earlier visits to this provider within the follow-up days"),
        ("claimed_quantity", _NUMBER, "claimed_quantity", "claimed before, within the days of `frequency`"),
        ("authorized_used", _NUMBER, "authorized_used", "claimed before under the line's authorisation"),
    )
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
            *_PAST,
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
            Field("text", _TEXT, "text of the diagnosis"),
        )),
        Scope("care_team", "care_team", "claim.care_team", _fields(
            _SEQUENCE,
            Field("practitioner", _TEXT, "number of the practitioner"),
            Field("role", _TEXT, "primary, assist, supervisor, other …"),
            Field("qualification", _TEXT, "specialty"),
            Field("responsible", _BOOL, "the practitioner in charge"),
            Field("taxonomy", _TEXT, "specialty of the practitioner (X12)"),
        )),
        Scope("information", "information", "claim.supporting_info", _fields(
            _SEQUENCE,
            Field("category", _TEXT, "kind of information"),
            Field("code", _TEXT, "what it is about"),
            Field("system", _TEXT, "code system of code"),
            Field("text", _TEXT, "text of code"),
            Field("start", _DATE, "first day it speaks of"),
            Field("end", _DATE, "last day it speaks of"),
            Field("reason", _TEXT, "reason it is given or missing"),
            Field("timing_date", _DATE, "day it speaks of"),
            Field("value_reference", _TEXT, "value as a reference"),
            Field("attachment_type", _TEXT, "media type of the attached document",
                  path="value_attachment.content_type",
                  source="(x.value_attachment and x.value_attachment.content_type)"),
            Field("attachment_url", _TEXT, "where the attached document lies", path="value_attachment.url",
                  source="(x.value_attachment and x.value_attachment.url)"),
            Field("attachment_size", _INT, "bytes of the attached document", path="value_attachment.size",
                  source="(x.value_attachment and x.value_attachment.size)"),
            Field("attachment_sha256", _TEXT, "SHA-256 of the attached document",
                  path="value_attachment.sha256",
                  source="(x.value_attachment and x.value_attachment.sha256)"),
            Field("attachment_title", _TEXT, "title of the attached document", path="value_attachment.title",
                  source="(x.value_attachment and x.value_attachment.title)"),
            Field("has_attachment", _BOOL, "a document is attached", path="value_attachment",
                  source="(x.value_attachment is not None)", nullable=False),
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
            Field("policy", _TEXT, "policy", path="coverage.policy",
                  source="(x.coverage and x.coverage.policy)"),
            Field("relationship", _TEXT, "of the patient to the member", path="coverage.relationship",
                  source="(x.coverage and x.coverage.relationship)"),
            Field("subscriber", _TEXT, "member who holds the policy", path="coverage.subscriber",
                  source="(x.coverage and x.coverage.subscriber)"),
            Field("coverage_type", _TEXT, "kind of cover", path="coverage.type",
                  source="(x.coverage and x.coverage.type)"),
            Field("claim_filing_indicator", _TEXT, "kind of payer (X12)"),
            Field("business_arrangement", _TEXT, "agreement the claim rests on"),
            Field("preauth_refs", _TEXTS, "pre-authorisations", nullable=False),
            Field("claim_response", _TEXT, "answer of another payer"),
            Field("adjudicated_paid", _MONEY, "what this payer has already paid", path="adjudicated.paid",
                  source="(x.adjudicated and x.adjudicated.paid)"),
            Field("adjudicated_date", _DATE, "day this payer decided", path="adjudicated.date",
                  source="_day(x.adjudicated and x.adjudicated.date, zone)"),
            Field("coverage_start", _DATE, "first day of cover", path="coverage.start",
                  source="_day(x.coverage and x.coverage.start, zone)"),
            Field("coverage_end", _DATE, "last day of cover", path="coverage.end",
                  source="_day(x.coverage and x.coverage.end, zone)"),
        )),
        Scope("procedure", "procedures", "claim.procedures", _fields(
            _SEQUENCE,
            Field("code", _TEXT, "procedure code"),
            Field("system", _TEXT, "code system: icd-10-pcs, sbs … or a URI, as sent"),
            Field("type", _TEXTS, "primary, secondary …", nullable=False),
            Field("date", _DATE, "day of the procedure"),
            Field("text", _TEXT, "text of the procedure"),
        )),
        Scope("related", "related", "claim.related", _fields(
            Field("claim_id", _TEXT, "number of the related claim"),
            Field("claim_id_system", _TEXT, "who gave that number"),
            Field("relationship", _TEXT, "prior, associated, appealing, extend"),
            Field("reference", _TEXT, "a related claim that is named but not in the message"),
        )),
    )
}  # fmt: skip

ROWS: dict[str, Scope] = {scope.rows: scope for scope in SCOPES.values() if scope.rows}

PAST = frozenset(field.name for field in _PAST)

UNITS: dict[tree.Kind, str] = {
    tree.Kind.MONEY: "major units of the claim's currency, exact",
    tree.Kind.NUMBER: "exact decimal",
    tree.Kind.DATE: "calendar day in the provider's zone",
    tree.Kind.INT: "whole number",
}
