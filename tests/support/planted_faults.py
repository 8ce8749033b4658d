"""The faults that are planted, one per claim: the ground, the fault, the rule that must see it and where."""

from typing import Any

from planting import Edit, Fault, add, again, drop, information, put, without


def _fault(base: str, what: str, rule: str, path: str, *edits: Edit) -> Fault:
    return Fault(base, what, rule, path, edits)


def _missing(base: str, category: str, rule: str) -> Fault:
    return Fault(base, f"{category} is not given", rule, "supporting_info", (without(category),))


def _line(**changes: Any) -> Edit:
    return again("lines", **changes)


MONEY = (
    _fault("base", "net is a unit off", "BASE-101", "lines[0].net",
           put("lines.0.net", 116), put("total", 116)),
    _fault("base", "total leaves out a line", "BASE-102", "total", put("total", 100)),
    _fault("base", "tax is negative", "BASE-103", "lines[0].tax",
           put("lines.0.tax", -15), put("lines.0.net", 85), put("total", 85)),
    _fault("base", "patient share is negative", "BASE-104", "lines[0].patient_share",
           put("lines.0.patient_share", -1)),
    _fault("base", "patient pays more than all", "BASE-108", "lines[0].patient_share",
           put("lines.0.patient_share", 116)),
    _fault("base", "factor is zero", "BASE-109", "lines[0].factor",
           put("lines.0.factor", 0), put("lines.0.net", 15), put("total", 15),
           put("lines.0.patient_share", 0)),
    _fault("nphies-professional", "another currency", "NPH-201", "currency", put("currency", "USD")),
    _fault("nphies-professional", "a package without details", "BV-00036", "lines[0].package",
           put("lines.0.package", True)),
    _fault("nphies-professional", "details do not add up", "BV-00224", "lines[0].net",
           put("lines.0.details", [{
               "sequence": 1, "code": "83600-00-10", "system": "nphies-services", "quantity": 1,
               "unit_price": 100, "tax": 15, "patient_share": 20, "net": 114,
           }]), put("lines.0.details.0.tax", 14)),
)  # fmt: skip

SEQUENCES = (
    _fault("base", "two lines of one number", "BASE-201", "lines[0].sequence",
           _line(service_date="2026-07-31", code="X-2"), put("encounter.start", "2026-07-31"),
           put("total", 230)),
    _fault("base", "two diagnoses of one number", "BASE-202", "diagnoses[0].sequence",
           again("diagnoses", code="I10", type=["secondary"])),
    _fault("base", "two practitioners of one number", "BASE-203", "care_team[0].sequence",
           again("care_team", practitioner="PR-2", role="assist")),
    _fault("base", "two pieces of information of one number", "BASE-204", "supporting_info[0].sequence",
           again("supporting_info", category="info")),
    _fault("base", "two insurances of one number", "BASE-205", "insurance[0].sequence",
           again("insurance", focal=False)),
    _fault("base", "a diagnosis that is not there", "BASE-211", "lines[0].diagnosis_sequences",
           put("lines.0.diagnosis_sequences", [1, 9])),
    _fault("base", "a practitioner who is not there", "BASE-212", "lines[0].care_team_sequences",
           put("lines.0.care_team_sequences", [9])),
    _fault("base", "information that is not there", "BASE-213", "lines[0].information_sequences",
           put("lines.0.information_sequences", [9])),
)  # fmt: skip

DATES = (
    _fault("base", "service after the claim", "BASE-301", "lines[0].service_date",
           put("lines.0.service_date", "2026-08-03"), put("encounter.end", "2026-08-03")),
    _fault("base", "service ends before it starts", "BASE-302", "lines[0].service_end",
           put("lines.0.service_end", "2026-07-31")),
    _fault("base", "encounter ends before it starts", "BASE-303", "encounter.end",
           put("encounter.end", "2026-07-31")),
    _fault("nphies-professional", "service outside the encounter", "BASE-305", "lines[0].service_date",
           put("lines.0.service_date", "2026-07-31")),
    _fault("base", "billed period ends before it starts", "BASE-306", "billable_period.end",
           put("billable_period", {"start": "2026-08-01", "end": "2026-07-01"})),
    _fault("base", "service before birth", "BASE-307", "lines[0].service_date",
           put("patient.birth_date", "2026-08-02"), drop("encounter")),
    _fault("base", "service after death", "BASE-308", "lines[0].service_date",
           put("patient.deceased_date", "2026-07-30")),
    _fault("base", "claim before birth", "BASE-310", "patient.birth_date",
           put("patient.birth_date", "2026-08-03"), put("lines.0.service_date", None),
           drop("encounter")),
    _fault("base", "death before birth", "BASE-312", "patient.deceased_date",
           put("patient.deceased_date", "1980-01-01"), put("lines.0.service_date", None)),
    _fault("nphies-professional", "claim of tomorrow", "BV-00064", "created", put("created", "2026-08-04")),
    _fault("nphies-vision", "no day of service", "BV-00066", "lines[0].service_date",
           drop("lines.0.service_date")),
    _fault("nphies-professional", "born in another century", "BV-00848", "patient.birth_date",
           put("patient.birth_date", "1899-12-31")),
)  # fmt: skip

DIAGNOSES = (
    _fault("nphies-professional", "two principal diagnoses", "BV-00054", "diagnoses",
           again("diagnoses", sequence=2, code="I10")),
    _fault("nphies-professional", "no principal diagnosis", "BV-00054", "diagnoses",
           put("diagnoses.0.type", ["secondary"])),
    _fault("nphies-professional", "a diagnosis twice", "BV-00057", "diagnoses[2].code",
           again("diagnoses", sequence=2, code="I10", type=["secondary"]), again("diagnoses", sequence=3)),
    _fault("nphies-professional", "on admission in an outpatient claim", "BV-00027",
           "diagnoses[0].on_admission", put("diagnoses.0.on_admission", "y")),
    _fault("nphies-professional", "admitting diagnosis of an outpatient", "BV-00477", "diagnoses[1].type",
           again("diagnoses", sequence=2, code="I10", type=["admitting"])),
    _fault("nphies-professional", "discharge diagnosis of an outpatient", "BV-00478", "diagnoses[1].type",
           again("diagnoses", sequence=2, code="I10", type=["discharge"])),
    _fault("nphies-professional", "morphology without a tumour", "BV-00809", "supporting_info[14].category",
           add("supporting_info", {"sequence": 15, "category": "morphology", "code": "8000/3"})),
    _fault("nphies-professional", "an unknown kind of diagnosis", "NPH-405", "diagnoses[1].type",
           again("diagnoses", sequence=2, code="I10", type=["final"])),
    _fault("base", "a code that ICD-10-CM has not", "BASE-501", "diagnoses[0].code",
           put("diagnoses.0.code", "E99.99")),
)  # fmt: skip

EVIDENCE = (
    _missing("nphies-institutional", "vital-sign-weight", "BV-00763"),
    _missing("nphies-institutional", "vital-sign-height", "BV-00764"),
    _missing("nphies-institutional", "vital-sign-systolic", "BV-00765"),
    _missing("nphies-institutional", "vital-sign-diastolic", "BV-00766"),
    _missing("nphies-institutional", "temperature", "BV-00767"),
    _missing("nphies-institutional", "pulse", "BV-00768"),
    _missing("nphies-institutional", "oxygen-saturation", "BV-00769"),
    _missing("nphies-institutional", "chief-complaint", "BV-00770"),
    _missing("nphies-institutional", "respiratory-rate", "BV-00771"),
    _missing("nphies-professional", "vital-sign-weight", "BV-00772"),
    _missing("nphies-professional", "vital-sign-height", "BV-00773"),
    _missing("nphies-professional", "vital-sign-systolic", "BV-00774"),
    _missing("nphies-professional", "vital-sign-diastolic", "BV-00775"),
    _missing("nphies-professional", "temperature", "BV-00776"),
    _missing("nphies-professional", "pulse", "BV-00777"),
    _missing("nphies-professional", "oxygen-saturation", "BV-00778"),
    _missing("nphies-professional", "chief-complaint", "BV-00779"),
    _missing("nphies-professional", "respiratory-rate", "BV-00780"),
    _missing("nphies-professional", "treatment-plan", "BV-00803"),
    _missing("nphies-professional", "patient-history", "BV-00804"),
    _missing("nphies-professional", "physical-examination", "BV-00805"),
    _missing("nphies-institutional", "history-of-present-illness", "BV-00806"),
    _missing("nphies-professional", "investigation-result", "BV-00752"),
    _missing("nphies-oral", "chief-complaint", "BV-00751"),
    _missing("nphies-newborn", "admission-weight", "BV-00849"),
    _missing("nphies-newborn", "birth-weight", "BV-00506"),
    _fault("nphies-professional", "a result said to be attached", "BV-00846",
           "supporting_info[13].value_attachment", information("investigation-result", code="IRA")),
    _fault("nphies-professional", "an unknown category", "NPH-406", "supporting_info[14].category",
           add("supporting_info", {"sequence": 15, "category": "gossip", "value_string": "x"})),
    _fault("nphies-professional", "an empty attachment", "BV-00342", "supporting_info[14].value_attachment",
           add("supporting_info", {"sequence": 15, "category": "attachment", "value_attachment": {}})),
    _fault("nphies-professional", "an address without size", "BV-00344",
           "supporting_info[14].value_attachment.size",
           add("supporting_info", {"sequence": 15, "category": "attachment", "value_attachment": {
               "url": "https://files.example/x.pdf", "sha256": "ab", "content_type": "application/pdf"}})),
)  # fmt: skip

ENCOUNTERS = (
    _fault("nphies-institutional", "a stay in an ambulance", "BV-00741", "encounter.class",
           put("encounter.class", "AMB")),
    _fault("nphies-professional", "an outpatient admitted", "BV-00742", "encounter.class",
           put("encounter.class", "IMP")),
    _fault("nphies-oral", "a dentist's house call", "BV-00743", "encounter.class",
           put("encounter.class", "HH")),
    _fault("nphies-emergency", "arrival is not given", "BV-00732", "encounter.emergency_arrival",
           drop("encounter.emergency_arrival")),
    _fault("nphies-emergency", "no day of triage", "BV-00733", "encounter.triage_date",
           drop("encounter.triage_date")),
    _fault("nphies-emergency", "no category of triage", "BV-00734", "encounter.triage_category",
           drop("encounter.triage_category")),
    _fault("nphies-emergency", "start of emergency care", "BV-00735", "encounter.emergency_service_start",
           drop("encounter.emergency_service_start")),
    _fault("nphies-emergency", "an unknown category of triage", "NPH-404", "encounter.triage_category",
           put("encounter.triage_category", "RED")),
    _fault("nphies-institutional", "no source of admission", "BV-00727", "encounter.admit_source",
           drop("encounter.admit_source")),
    _fault("nphies-institutional", "no specialty", "BV-00737", "encounter.specialty",
           drop("encounter.specialty")),
    _fault("nphies-institutional", "no intended stay", "BV-00744", "encounter.intended_length_of_stay",
           drop("encounter.intended_length_of_stay")),
    _fault("nphies-professional", "no encounter", "NPH-121", "encounter", drop("encounter")),
)  # fmt: skip

HEADS = (
    _fault("nphies-institutional", "subtype of a stay", "BV-00364", "subtype",
           put("subtype", "emr"), drop("diagnoses.1")),
    _fault("nphies-professional", "subtype of an office", "BV-00365", "subtype", put("subtype", "ip")),
    _fault("nphies-oral", "subtype of a dentist", "BV-00366", "subtype", put("subtype", "emr")),
    _fault("nphies-vision", "subtype of an optician", "BV-00367", "subtype", put("subtype", "ip")),
    _fault("nphies-pharmacy", "subtype of a pharmacy", "BV-00368", "subtype", put("subtype", "ip")),
    _fault("nphies-professional", "no episode", "NPH-122", "episode.value", drop("episode")),
    _fault("nphies-professional", "no share of the patient", "NPH-123", "lines[0].patient_share",
           drop("lines.0.patient_share")),
    _fault("nphies-professional", "no invoice of the patient", "NPH-124", "lines[0].patient_invoice",
           drop("lines.0.patient_invoice")),
    _fault("nphies-pharmacy", "a medicine without diagnosis", "BV-00723", "lines[0].diagnosis_sequences",
           put("lines.0.diagnosis_sequences", [])),
    _fault("nphies-newborn", "a newborn of four months", "BV-00553", "patient.birth_date",
           put("patient.birth_date", "2026-04-01")),
    _fault("nphies-newborn", "a newborn who was not born", "BV-00557", "diagnoses",
           put("diagnoses.0.code", "P59.9")),
)  # fmt: skip

INSURANCE = (
    _fault("base", "two focal insurances", "BASE-601", "insurance", again("insurance", sequence=2)),
    _fault("nphies-professional", "two focal insurances", "BV-00400", "insurance",
           again("insurance", sequence=2)),
    _fault("nphies-professional", "a permission without its answer", "BV-00420", "insurance.preauth_refs",
           put("insurance.0.preauth_refs", ["A-1"])),
    _fault("nphies-professional", "a day of no permission", "BV-00449", "insurance.preauth_refs",
           put("authorization", {"offline_date": "2026-07-01"})),
    _fault("nphies-professional", "an answer to no permission", "BV-00462", "insurance.preauth_refs",
           put("authorization", {"prior_auth_response": "R-1"})),
    _fault("nphies-professional", "eligibility told twice", "BV-00379", "eligibility.response",
           put("eligibility", {"response": "R-1", "offline_reference": "E-1", "offline_date": "2026-08-01"})),
    _fault("nphies-professional", "a transfer that asks for money", "BV-00508", "transfer",
           put("transfer", True)),
    _fault("nphies-professional", "a national number of a resident", "BV-00797", "patient.id",
           put("patient.id", "2012345678")),
    _fault("nphies-professional", "an iqama of a citizen", "BV-00798", "patient.id",
           put("patient.id_type", "iqama")),
    _fault("nphies-professional", "a passport of nowhere", "BV-00481", "patient.id_country",
           put("patient.id_type", "passport")),
)  # fmt: skip

US = (
    _fault("x12-professional", "an NPI with a slip", "X12-101", "provider.id",
           put("provider.id", "1234567890")),
    _fault("x12-professional", "a rendering NPI with a slip", "X12-103", "care_team[0].practitioner",
           put("care_team.0.practitioner", "1234567890")),
    _fault("x12-professional", "a taxonomy of another form", "X12-107", "provider.taxonomy",
           put("provider.taxonomy", "FAMILY")),
    _fault("x12-professional", "sex is not said", "X12-121", "patient.sex", drop("patient.sex")),
    _fault("x12-professional", "birth is not said", "X12-122", "patient.birth_date",
           drop("patient.birth_date")),
    _fault("x12-professional", "no payer", "X12-201", "insurance.coverage.payer",
           drop("insurance.0.coverage.payer")),
    _fault("x12-professional", "no member", "X12-202", "insurance.coverage.member_id",
           drop("insurance.0.coverage.member_id")),
    _fault("x12-professional", "replaces nothing", "X12-307", "payer_claim_control_number",
           put("frequency_code", "7")),
    _fault("x12-professional", "a frequency that is not", "X12-305", "frequency_code",
           put("frequency_code", "9"), put("payer_claim_control_number", "P-1")),
    _fault("x12-professional", "an accident without its day", "X12-310", "accident.date",
           put("accident", {"type": "AA", "state": "IL"})),
    _fault("x12-professional", "a car accident without its state", "X12-311", "accident.state",
           put("accident", {"type": "AA", "date": "2026-07-30"})),
    _fault("x12-professional", "an outside cause as the reason", "X12-406", "diagnoses[0].code",
           put("diagnoses.0.code", "W010XXA")),
    _fault("x12-institutional", "no diagnosis", "X12-401", "diagnoses", put("diagnoses", [])),
)  # fmt: skip

FAULTS = (*MONEY, *SEQUENCES, *DATES, *DIAGNOSES, *EVIDENCE, *ENCOUNTERS, *HEADS, *INSURANCE, *US)
