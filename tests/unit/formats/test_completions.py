"""A claim tells models its codes and circumstances: never its principal diagnosis, an amount or a name."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import completion_support as support
from formats import completions, model
from ultrathink.scoring.v1 import completion_pb2

SECRETS = ("Zq7Name", "1012345678", "M-0001", "0500000000", "thirst")


def _told(*lines: dict[str, Any], **changes: Any) -> completion_pb2.CompletionClaim:
    return completions.to_wire(support.claim(*lines, **changes))


def _diagnosis(sequence: int, code: str | None = "I10", *types: str, **more: Any) -> dict[str, Any]:
    told = {"sequence": sequence, "code": code, "system": "icd-10-cm", "type": list(types)} | more
    return {name: value for name, value in told.items() if value is not None}


def test_the_circumstances_of_a_claim_are_told():
    """Who, where, for whom and when, as codes and numbers."""
    told = _told({})
    assert (told.type, told.subtype, told.regime, told.currency) == ("professional", "op", "base", "SAR")
    assert (told.provider, told.provider_type) == ("PR-10013", "polyclinic")
    assert (told.payer, told.plan, told.specialty) == ("PAYER-03", "gold", "metabolic")
    assert (told.encounter_class, told.sex, told.age_years) == ("AMB", "male", 44)
    assert told.day == 20_149  # 2025-03-02
    assert told.minor_digits == 2


def test_lines_are_told_with_their_place():
    """Code, system, quantity and factor; no price, no net, no share of the patient."""
    told = _told({"quantity": "2.5", "factor": "0.5"}, {"code": "G0403", "quantity": None})
    assert [line.place for line in told.lines] == [0, 1]
    assert (told.lines[0].system, told.lines[0].code) == ("hcpcs", "G0108")
    assert (told.lines[0].quantity, told.lines[0].factor) == (2.5, 0.5)
    assert not told.lines[1].HasField("quantity")
    assert not told.lines[1].HasField("factor")


def test_amounts_are_not_told():
    """A claim with its prices says the same as one without."""
    priced = {"unit_price": 148, "net": 296, "tax": 0, "patient_share": 10}
    assert _told(priced, total=296) == _told({})


def test_nobody_is_named():
    """No identity, no name, no telephone, no member's number and no sentence crosses the door."""
    told = _told(
        {"description": "Zq7Name saw a doctor", "text": "thirst"},
        patient={"id": "1012345678", "id_type": "national_id", "name": "Zq7Name", "telecom": ["0500000000"],
                 "birth_date": "1980-05-18", "sex": "male"},
        insurance=[{"sequence": 1, "coverage": {"member_id": "M-0001", "payer": "PAYER-03"}}],
        supporting_info=[{"sequence": 1, "category": "chief-complaint", "value_string": "thirst"}],
        notes=["Zq7Name"],
    )  # fmt: skip
    wire = told.SerializeToString()
    for secret in SECRETS:
        assert secret.encode() not in wire


@pytest.mark.parametrize(
    ("diagnoses", "principal", "others"),
    [
        ([], None, []),
        ([_diagnosis(1, "I10", "principal")], "I10", []),
        ([_diagnosis(1, "I10", "secondary"), _diagnosis(2, "E11.9", "principal")], "E11.9", [0]),
        ([_diagnosis(1, "I10"), _diagnosis(2, "E11.9", "secondary")], "I10", [1]),
        ([_diagnosis(1, "I10", "secondary")], None, [0]),
        ([_diagnosis(1, None, "principal"), _diagnosis(2, "E11.9", "secondary")], None, [1]),
        ([_diagnosis(1, "R07.9", "admitting"), _diagnosis(2, "I10")], "I10", [0]),
        ([_diagnosis(1, "I10", "principal", "admitting")], "I10", []),
    ],
)
def test_the_principal_diagnosis_is_found_and_never_told(
    diagnoses: list[dict[str, Any]], principal: str | None, others: list[int]
):
    """It is the one said to be it, else the first of which nothing is said; the others keep their places."""
    claim = support.claim({}, diagnoses=diagnoses)
    found = completions.principal(claim)
    assert (found.code if found else None) == principal
    told = completions.to_wire(claim)
    assert [one.place for one in told.diagnoses] == others
    assert principal not in [one.code for one in told.diagnoses if principal != "I10" or len(diagnoses) == 1]


def test_the_answer_cannot_leak_into_the_question():
    """Another principal diagnosis changes not one byte of what models are told."""
    one, two = (
        _told({}, diagnoses=[_diagnosis(1, code, "principal"), _diagnosis(2, "I10", "secondary")])
        for code in ("E11.9", "C61")
    )
    assert one == two


def test_an_admitting_diagnosis_is_marked():
    """It is no other diagnosis like the rest."""
    told = _told({}, diagnoses=[_diagnosis(1, "R07.9", "admitting"), _diagnosis(2, "I10", "secondary")])
    assert [(one.code, one.admitting) for one in told.diagnoses] == [("R07.9", True), ("I10", False)]


def test_procedures_are_told_apart():
    """With their place and system."""
    told = _told({}, procedures=[{"sequence": 1, "code": "36.06", "system": "icd-9-cm"}, {"sequence": 2}])
    assert [(one.place, one.system, one.code) for one in told.procedures] == [(0, "icd-9-cm", "36.06")]


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ("icd-10-am", "icd-10-am"),
        ("ICD-10-AM", "icd-10-am"),
        ("http://hl7.org/fhir/sid/icd-10-am", "icd-10-am"),
        ("urn:oid:2.16.840.1.113883.6.285", "hcpcs"),
        ("http://example.org/Own/Codes", "http://example.org/Own/Codes"),
        ("", ""),
        (None, ""),
    ],
)
def test_systems_have_one_name(stated: str | None, told: str):
    """A URI and its alias are one system; one we have no name for stays as it is."""
    assert completions.alias(stated) == told


def test_an_overlong_text_is_no_code():
    """It may be a sentence about somebody, and is not told."""
    told = _told({"code": "x" * 41}, diagnoses=[_diagnosis(1, "y" * 41, "secondary")])
    assert told.lines[0].code == ""
    assert list(told.diagnoses) == []


@pytest.mark.parametrize(
    ("birth", "age"), [("1980-05-18", 44), ("1920-01-01", 90), ("2025-03-02", 0), (None, None)]
)
def test_ages_are_told_in_years(birth: str | None, age: int | None):
    """The very old are all ninety; without a birth date there is no age."""
    patient = {"id": "P-1", "sex": "male"} | ({"birth_date": birth} if birth else {})
    told = _told({}, patient=patient)
    assert (told.age_years if told.HasField("age_years") else None) == age


def test_a_birth_after_the_service_is_no_age():
    """It is a mistake, and nought would be another."""
    patient = {"id": "P-1", "birth_date": "2026-01-01"}
    assert not _told({}, patient=patient).HasField("age_years")


def test_the_day_is_that_of_the_first_service_else_of_the_claim():
    """So that a price is told for its day; without any day there is none."""
    assert _told({"service_date": "2025-03-05"}, {"service_date": "2025-03-04"}).day == 20_151
    bare = {"service_date": None}
    assert _told(bare, encounter=None).day == 20_152  # created 2025-03-05
    assert not _told(bare, encounter=None, created=None).HasField("day")


@pytest.mark.parametrize(("currency", "digits"), [("SAR", 2), ("KWD", 3), ("JPY", 0), (None, 2)])
def test_the_currencys_decimals_are_told(currency: str | None, digits: int):
    """The other room need not know the table."""
    assert _told({}, currency=currency).minor_digits == digits


@given(
    st.lists(st.sampled_from(["principal", "secondary", "admitting", "differential"]), max_size=3),
    st.lists(st.sampled_from(["I10", "E11.9", None]), max_size=5),
)
def test_every_coded_diagnosis_but_one_is_told(types: list[str], codes: list[str | None]):
    """Whatever they are called, none is lost and at most the principal one is kept back."""
    diagnoses = [
        model.Diagnosis(sequence=number, code=code, type=types) for number, code in enumerate(codes, 1)
    ]
    claim = model.Claim(
        type="professional", use="claim", provider=model.Provider(id="P"), patient=model.Patient(),
        insurance=[model.Insurance(sequence=1)], lines=[model.Line(sequence=1, code="A")],
        diagnoses=diagnoses,
    )  # fmt: skip
    told = completions.to_wire(claim)
    coded = [place for place, one in enumerate(diagnoses) if one.code]
    kept = set(coded) - {one.place for one in told.diagnoses}
    assert len(kept) == (completions.principal(claim) is not None)
