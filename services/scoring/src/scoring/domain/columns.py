"""The columns this room reads, and the model features made of them, by name and human group. Data only.

The wall between services keeps `formats` out of serving: names and kinds stand here, and the row schema's
hash in the bundle proves that sender, training and serving mean the same columns.
"""

# Columns of rows.proto that are read: name → kind. Others are skipped.
CLAIM_CODES = (
    "type", "subtype", "provider", "provider_type", "payer", "plan", "network", "relationship",
    "patient_sex", "encounter_class", "specialty", "principal_group", "use", "currency",
)  # fmt: skip
CLAIM_NUMBERS = (
    "patient_age_years", "diagnosis_count", "procedure_count", "line_count", "net_minor", "total_minor",
    "days_to_created", "encounter_days", "has_preauth", "has_related", "has_accident", "insurance_count",
    "info_vitals", "info_narratives", "info_results", "info_attachments", "info_others",
    "provider_claims", "provider_denied", "patient_claims",
)  # fmt: skip
LINE_CODES = (
    "code", "code_group", "revenue_code", "modifier", "place_of_service", "diagnosis_group",
)  # fmt: skip
LINE_FLOATS = ("quantity", "factor", "net_share")
LINE_NUMBERS = (
    "unit_price_minor", "net_minor", "patient_share_minor", "tax_minor", "modifier_count", "linked_diagnoses",
    "linked_information", "linked_care_team", "has_body_site", "has_preauth", "is_package", "is_maternity",
    "detail_count", "same_code_lines", "day_offset", "service_days",
)  # fmt: skip

CLAIM_KINDS = dict.fromkeys(CLAIM_CODES, "codes") | dict.fromkeys(CLAIM_NUMBERS, "i64")
LINE_KINDS = (
    dict.fromkeys(LINE_CODES, "codes")
    | dict.fromkeys(LINE_FLOATS, "f64")
    | dict.fromkeys(LINE_NUMBERS, "i64")
)

# How a batch holds them: one block of codes and one of numbers per level, a row per column in this order.
LINE_FIGURES = (*LINE_FLOATS, *LINE_NUMBERS)
CLAIM_LEVEL = (CLAIM_CODES, CLAIM_NUMBERS)
LINE_LEVEL = (LINE_CODES, LINE_FIGURES)

# What changes the meaning of every number: another value than those trained on is outside the range.
MEANING = ("use", "currency")

# Model features: name → human group. Categories are ranks in a vocabulary, the rest are numbers.
CLAIM_CATEGORIES = {
    "type": "setting", "subtype": "setting", "provider": "provider", "provider_type": "provider",
    "payer": "payer", "plan": "payer", "network": "payer", "relationship": "payer", "patient_sex": "patient",
    "encounter_class": "setting", "specialty": "service_for_diagnosis", "principal_group": "diagnosis",
}  # fmt: skip
LINE_CATEGORIES = {
    "code": "service", "code_group": "service", "revenue_code": "service", "modifier": "service",
    "place_of_service": "setting", "diagnosis_group": "diagnosis",
}  # fmt: skip
CLAIM_FEATURES = {
    "age_years": "patient", "net_log": "amount", "total_to_net": "amount", "days_to_created": "timing",
    "encounter_days": "timing", "diagnosis_count": "diagnosis", "procedure_count": "structure",
    "line_count": "structure", "claim_preauth": "authorization", "has_related": "structure",
    "has_accident": "structure", "insurance_count": "payer", "info_vitals": "documentation",
    "info_narratives": "documentation", "info_results": "documentation", "info_attachments": "documentation",
    "info_others": "documentation", "provider_claims": "history", "provider_denied_rate": "history",
    "patient_claims": "history", "diagnosis_for_sex": "service_for_patient",
    "diagnosis_for_age": "service_for_patient",
}  # fmt: skip
LINE_FEATURES = {
    "quantity_log": "quantity", "factor": "price", "line_net_log": "amount", "net_share": "amount",
    "patient_share_rate": "amount", "tax_rate": "amount", "modifier_count": "structure",
    "linked_diagnoses": "structure", "linked_information": "documentation", "linked_care_team": "structure",
    "has_body_site": "structure", "line_preauth": "authorization", "is_package": "structure",
    "is_maternity": "structure", "detail_count": "structure", "same_code_lines": "structure",
    "day_offset": "timing", "service_days": "timing", "price_to_service": "price", "price_to_payer": "price",
    "quantity_to_service": "quantity", "preauth_gap": "authorization",
    "service_for_diagnosis": "service_for_diagnosis", "service_for_specialty": "service_for_diagnosis",
    "service_for_sex": "service_for_patient", "service_for_age": "service_for_patient",
    "service_for_setting": "setting",
}  # fmt: skip
# Line features whose largest and smallest value in a claim the claim's model sees.
SUMMARISED = (
    "quantity_log", "patient_share_rate", "tax_rate", "same_code_lines", "day_offset", "service_days",
    "linked_information", "price_to_service", "price_to_payer", "quantity_to_service", "preauth_gap",
    "service_for_diagnosis", "service_for_specialty", "service_for_sex", "service_for_age",
    "service_for_setting",
)  # fmt: skip

# Pairs whose familiarity is tabulated: feature → (column of its rows, column of its columns).
PAIRS = {
    "diagnosis_for_sex": ("principal_group", "patient_sex"),
    "diagnosis_for_age": ("principal_group", "age_band"),
    "service_for_diagnosis": ("code", "diagnosis_group"),
    "service_for_specialty": ("code", "specialty"),
    "service_for_sex": ("code", "patient_sex"),
    "service_for_age": ("code", "age_band"),
    "service_for_setting": ("code", "encounter_class"),
}
LINE_PAIRS = tuple(name for name in PAIRS if name in LINE_FEATURES)
USUAL = ("price", "quantity", "preauth")  # tables by code: what is usual of it
AGE_BANDS = (1, 6, 13, 18, 30, 40, 50, 65, 80)  # years at which a new band starts; below 1 is the first

MAIN_CODE = "main_code"  # the code of the claim's most expensive line, a category of the claim's model
OWN_CLAIM = tuple(CLAIM_CATEGORIES) + tuple(CLAIM_FEATURES)
OWN_LINE = tuple(LINE_CATEGORIES) + tuple(LINE_FEATURES)
LINE_MODEL = OWN_LINE + OWN_CLAIM
CLAIM_MODEL = (
    *OWN_CLAIM, MAIN_CODE, *(f"most_{n}" for n in SUMMARISED), *(f"least_{n}" for n in SUMMARISED)
)  # fmt: skip


def group_of(feature: str) -> str:
    """Return the human group a model feature belongs to."""
    if feature == MAIN_CODE:
        return LINE_CATEGORIES["code"]
    plain = feature.removeprefix("most_").removeprefix("least_")
    return ({**CLAIM_CATEGORIES, **CLAIM_FEATURES, **LINE_CATEGORIES, **LINE_FEATURES})[plain]
