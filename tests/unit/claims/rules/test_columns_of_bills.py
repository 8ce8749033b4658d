"""Columns that are worked out from a claim: addresses, incomplete hospital codes, earlier payers."""

from typing import Any

import pytest

import rules_support as support

HOSPITAL = {
    "institutional": {
        "admission_datetime": "2026-08-01T09:00:00",
        "occurrence_codes": [{"code": "11", "date": "2026-08-01"}, {"code": "A1"}],
        "occurrence_spans": [{"code": "74", "start": "2026-08-01"}, {"code": "M1"}],
        "value_codes": [{"code": "80", "amount": 3}, {"code": "A2"}],
    }
}
DECIDED = {
    "paid": 60,
    "patient_responsibility": 15,
    "adjustments": [{"group": "CO", "carc": "45", "amount": 25}, {"group": "PR", "carc": "2", "amount": 15}],
}


@pytest.mark.parametrize(
    ("text", "partial", "expected"),
    [
        ("occurrences_undated", HOSPITAL, 3),
        ("occurrences_undated", {}, 0),
        ("values_without_amount", HOSPITAL, 1),
        ("values_without_amount", {}, 0),
        ("admission_text", HOSPITAL, "2026-08-01T09:00:00"),
        ("CARDINALITY(occurrence_spans)", HOSPITAL, 2),
        ("bill_kind || '/' || bill_frequency", {"institutional": {"type_of_bill": "0111"}}, "11/1"),
        ("bill_kind || '/' || bill_frequency", {"institutional": {"type_of_bill": "13A"}}, "13/A"),
        ("bill_kind", {"institutional": {"type_of_bill": "1111"}}, None),
        ("bill_frequency", {}, None),
        ("hospital_codes_misformed", HOSPITAL, 0),
        ("hospital_codes_misformed", {"institutional": {"condition_codes": ["C", "C1", "C12", "C-"]}}, 3),
        ("provider_address", {}, False),
        ("provider_address", {"provider": {"address": {"lines": ["1 High St"]}}}, False),
        ("provider_address", {"provider": {"address": {"lines": ["1 High St"], "city": "Ames"}}}, True),
        ("patient_named", {"patient": {"name": "N"}}, True),
        ("patient_address", {"patient": {"address": {"city": "Ames"}}}, False),
        ("'EI' = ANY(provider_identifier_types)",
         {"provider": {"identifiers": [{"type": "EI", "value": "1"}, {"value": "2"}]}}, True),
    ],
)  # fmt: skip
def test_columns_of_the_claim(text: str, partial: dict[str, Any], expected: object) -> None:
    """A count of what is incomplete, or whether the whole of something is there."""
    assert support.value(text, partial, scope="claim") == expected


@pytest.mark.parametrize(
    ("text", "insurance", "expected"),
    [
        ("has_adjudication", {}, False),
        ("has_adjudication", {"adjudicated": DECIDED}, True),
        ("adjudicated_adjusted", {}, None),
        ("adjudicated_adjusted", {"adjudicated": {"paid": 1}}, 0),
        ("adjudicated_adjusted", {"adjudicated": DECIDED}, 40),
        ("adjudicated_adjusted", {"adjudicated": {"adjustments": [{"group": "CO"}]}}, None),
        ("adjudicated_patient", {"adjudicated": DECIDED}, 15),
        ("adjustment_groups <@ ARRAY['CO', 'PR']", {"adjudicated": DECIDED}, True),
        ("CARDINALITY(adjustment_reasons)", {}, 0),
    ],
)
def test_what_another_payer_decided(text: str, insurance: dict[str, Any], expected: object) -> None:
    """Adjustments are summed; one without an amount leaves the sum unknown."""
    assert support.value(text, {"insurance": [insurance]}, scope="insurance") == expected


@pytest.mark.parametrize(
    ("text", "prior", "expected"),
    [
        ("prior_payer_count", [], 0),
        ("prior_paid", [], None),
        ("prior_paid", [{"paid": 60}, {"paid": 5}], 65),
        ("prior_paid", [{"paid": 60}, {}], None),
        ("prior_adjusted", [], 0),
        ("prior_adjusted", [{"adjustments": [{"amount": 3}]}, {"adjustments": [{"amount": 4}]}], 7),
    ],
)
def test_what_other_payers_decided_about_a_line(text: str, prior: list[Any], expected: object) -> None:
    """Payments and adjustments of all earlier payers are summed per line."""
    assert support.value(text, {"lines": [{"prior_payer": prior}]}) == expected


@pytest.mark.parametrize(("modifiers", "expected"), [([], ""), (["25"], "25"), (["RT", "59"], "RT,59")])
def test_modifiers_as_one_text(modifiers: list[str], expected: str) -> None:
    """Their forms can be asked at once."""
    assert support.value("modifiers_text", {"lines": [{"modifiers": modifiers}]}) == expected
