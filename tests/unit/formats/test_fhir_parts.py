"""The parts of the FHIR reader: cursors, concepts, identities, extensions, other payers."""

from decimal import Decimal
from typing import Any

import pytest

import fhir_support
from formats import media, model, readers
from formats.fhir import codes, cursors, extensions


def cursor(data: dict[str, Any]) -> cursors.Cursor:
    """Return a cursor over data at a path of a document, with a sink of its own."""
    return cursors.Cursor(data, "Bundle.entry[2].resource", cursors.Sink(), element="Claim")


def claim(document: dict[str, Any]) -> readers.Read:
    """Return the one claim of a document."""
    (found,) = readers.read(fhir_support.text(document), media.FHIR)
    assert isinstance(found, readers.Read), found
    return found


def only(found: cursors.Cursor) -> tuple[str, str]:
    """Return path and code of the only violation."""
    (violation,) = found.sink.violations
    return violation.path, violation.code


@pytest.mark.parametrize(
    ("method", "good", "bad"),
    [
        ("text", "x", 1), ("text", "x", " "), ("boolean", False, 0), ("boolean", True, "true"),
        ("integer", 3, "3"), ("integer", 3, True), ("integer", 3, Decimal(3)),
        ("decimal", Decimal("1.5"), "1.5"),
        ("decimal", Decimal(2), True), ("day", "2026-05-10", "10.05.2026"), ("day", "2026-05-10", 5),
        ("when", "2026-05-10T10:00:00Z", "2026-05-10T25:00:00Z"), ("texts", ["a"], ["a", 1]),
        ("texts", ["a"], "a"), ("integers", [1, 2], [1, "2"]), ("integers", [1], [True]), ("child", None, []),
        ("children", None, {}), ("items", [1], "x"),
    ],
)  # fmt: skip
def test_a_member_is_taken_by_its_type_or_refused_at_its_path(method: str, good: Any, bad: Any):
    """The right type is returned, the wrong one refused, an absent one is nothing."""
    if good is not None:
        found = cursor({"m": good, "n": 0})
        assert getattr(found, method)("m") == good
        assert found.sink.violations == []
        assert found.leftovers() == [("Claim.n", 0)]
    found = cursor({"m": bad})
    assert not getattr(found, method)("m")
    assert only(found)[0].startswith("Bundle.entry[2].resource.m")
    found = cursor({})
    assert not getattr(found, method)("m")
    assert found.sink.violations == []


def test_a_list_with_a_wrong_entry_names_the_entry():
    """The other entries are still read."""
    found = cursor({"m": [{}, 5, {}]})
    assert len(found.children("m")) == 2
    assert only(found) == ("Bundle.entry[2].resource.m[1]", "field.type")


def test_a_list_beyond_its_bound_is_refused_unread():
    """A message of a hundred thousand entries costs no more than its parsing."""
    found = cursor({"m": [{}] * 5001, "n": [{}] * 5000})
    assert len(found.children("n")) == 5000
    assert found.children("m") == []
    assert only(found) == ("Bundle.entry[2].resource.m", "list.too_long")


def test_what_nobody_takes_is_left_by_element_path():
    """Kept values are named within their resource, wherever it stood in the bundle."""
    found = cursor({"a": {"b": 1, "c": 2}, "text": {}, "id": "x", "meta": {}, "resourceType": "Claim"})
    inner = found.child("a")
    assert inner is not None
    inner.take("b")
    assert [extra.path for extra in found.sink.extras()] == ["Claim.a.c"]


def test_an_object_nobody_reads_is_left_whole():
    """An unknown extension is one value, not its members."""
    found = cursor({"a": [{"url": "u", "valueString": "v"}]})
    found.children("a")
    (extra,) = found.sink.extras()
    assert (extra.path, extra.value) == ("Claim.a[0]", {"url": "u", "valueString": "v"})


def test_an_incomplete_date_is_left():
    """A month or year is no violation and no value."""
    found = cursor({"a": "2026-05", "b": "2026"})
    assert (found.when("a"), found.day("b")) == (None, None)
    assert found.sink.violations == []
    assert sorted(name for name, _ in found.leftovers()) == ["Claim"]


def test_the_first_violation_of_a_path_is_the_only_one():
    """A wrong type is not also reported as missing."""
    sink = cursors.Sink()
    sink.refuse("a", "field.type", "x")
    sink.refuse("a", "field.missing", "y")
    assert [violation.code for violation in sink.violations] == ["field.type"]


def test_violations_and_notes_are_bounded():
    """A hostile resource gets a short answer."""
    sink = cursors.Sink()
    for number in range(500):
        sink.refuse(f"p{number}", "c", "m")
        sink.note(f"n{number}")
    assert len(sink.violations) == 20
    assert len(sink.notes()) == 50


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, codes.Concept()),
        ({"text": "t"}, codes.Concept(text="t")),
        ({"coding": [{"code": "a"}]}, codes.Concept(code="a")),
        ({"coding": [{"system": "http://loinc.org", "code": "a", "display": "d"}], "text": "t"},
         codes.Concept(code="a", system="loinc", display="d", text="t")),
        ({"coding": [{"display": "only"}]}, codes.Concept(others=[model.Coding(display="only")])),
        ({"coding": [{"code": "own"}, {"system": "http://snomed.info/sct", "code": "1"}]},
         codes.Concept(code="1", system="snomed", others=[model.Coding(code="own")])),
        ({"coding": [{"system": "a", "code": "1"}, {"system": "b", "code": "2"}]},
         codes.Concept(code="1", system="a", others=[model.Coding(system="b", code="2")])),
        ({"coding": [{"code": "a", "version": "3", "userSelected": True}]}, codes.Concept(code="a")),
    ],
)  # fmt: skip
def test_a_concept_has_a_main_coding_and_others(data: dict[str, Any], expected: Any):
    """Main is the first of a known system, else the first with a code."""
    assert codes.concept(cursor(data)) == expected


@pytest.mark.parametrize(
    ("concept", "expected", "kept"),
    [
        ({"coding": [{"code": "a"}]}, "a", []),
        ({"coding": [{"code": "a", "system": "http://terminology.hl7.org/CodeSystem/x"}]}, "a", []),
        ({"coding": [{"code": "a", "system": "https://own.example"}]}, "a", ["Claim.m"]),
        ({"coding": [{"code": "a"}, {"code": "b"}]}, "a", ["Claim.m"]),
        ({"coding": [{"code": "a", "display": "same"}], "text": "same"}, "a", []),
        ({"coding": [{"code": "a", "display": "d"}], "text": "other"}, "a", ["Claim.m.text"]),
        ({"text": "words"}, "words", []),
    ],
)
def test_a_plain_code_keeps_aside_what_its_field_cannot_say(
    concept: dict[str, Any], expected: str, kept: list[str]
):
    """A second coding, a foreign system and a text of its own are not lost."""
    found = cursor({"m": concept})
    assert codes.code(found, "m") == expected
    assert [extra.path for extra in found.sink.extras()] == kept


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://nphies.sa/fhir/ksa/nphies-fs/StructureDefinition/extension-patient-share", "patientshare"),
        ("http://nphies.sa/StructureDefinition/extension-patientInvoice", "patientinvoice"),
        ("http://nphies.sa/x/extension-tax|1.0.0", "tax"), ("extension-tax/", "tax"), ("colour", "colour"),
    ],
)  # fmt: skip
def test_the_name_of_an_extension_is_folded(url: str, name: str):
    """Only the last part counts, without case and hyphens."""
    assert extensions.folded(url) == name


@pytest.mark.parametrize(
    "value",
    [
        {"valueString": "v"}, {"valueCode": "v"}, {"valueUri": "v"}, {"valueId": "v"},
        {"valueIdentifier": {"value": "v"}},
    ],
)  # fmt: skip
def test_an_extension_is_text_in_any_of_its_types(value: dict[str, Any]):
    """String, code, URI, id and identifier values are read alike."""
    found = extensions.Extensions(cursor({"extension": [{"url": "extension-a", **value}]}))
    assert found.text("a") == "v"
    assert found.text("b") is None


def test_an_extension_without_a_value_is_nothing():
    """No value, no text, no boolean, no date."""
    found = extensions.Extensions(cursor({"extension": [{"url": "a"}]}))
    assert (found.text("a"), found.boolean("a"), found.when("a")) == (None, None, None)
    assert (found.boolean("b"), found.when("b")) == (None, None)


def test_a_coverage_without_resource_is_named_by_what_there_is():
    """Identifier, display or reference; the insurer pays where the insurance is focal."""
    insurance = [
        {"sequence": 1, "focal": True, "coverage": {"identifier": {"system": "s", "value": "M-9"}}},
        {"sequence": 2, "focal": False, "coverage": {"display": "Other plan"}},
        {"sequence": 3, "focal": False},
    ]
    found = claim(
        fhir_support.bare_claim(insurance=insurance, insurer={"identifier": {"value": "INS"}})
    ).claim
    assert [entry.coverage for entry in found.insurance] == [
        model.Coverage(member_id="M-9", member_id_system="s", payer="INS"),
        model.Coverage(plan="Other plan"),
        None,
    ]


@pytest.mark.parametrize(
    ("changes", "name", "expected"),
    [
        ({"identifier": None, "subscriberId": "S-1"}, "member_id", "S-1"),
        ({"payor": [{"identifier": {"value": "ELSE"}}]}, "payer", "ELSE"),
        ({"payor": []}, "payer", "IN-FHIR"),
        ({"subscriber": {"identifier": {"value": "SUB"}}}, "subscriber", "SUB"),
        ({"subscriber": None}, "subscriber", None),
        ({"class": [{"type": fhir_support.concept("policy"), "value": "POL"}]}, "policy", "POL"),
        ({"class": [{"type": {}, "value": "POL"}]}, "policy", None),
        ({"class": [{"type": {"coding": [{"code": ["policy"]}]}, "value": "POL"}]}, "policy", None),
        ({"period": None}, "start", None),
    ],
)
def test_a_coverage_resource_is_read_in_its_variants(changes: dict[str, Any], name: str, expected: Any):
    """Every way a coverage can say something has its field."""
    resource = {**fhir_support.resources()["Coverage/k-1"], **changes}
    resource = {member: value for member, value in resource.items() if value is not None}
    found = claim(fhir_support.message(**{"Coverage_k-1": resource})).claim.insurance[0].coverage
    assert found is not None
    assert getattr(found, name) == expected


@pytest.mark.parametrize(
    ("order", "expected"), [(1, "P"), (2, "S"), (3, "T"), (4, None), ("1", None), ([], None), (None, None)]
)
def test_the_order_of_a_coverage_is_its_responsibility(order: Any, expected: Any):
    """Primary, secondary, tertiary; anything else is kept."""
    resource = {**fhir_support.resources()["Coverage/k-1"], "order": order}
    found = claim(fhir_support.message(**{"Coverage_k-1": resource})).claim
    assert found.insurance[0].responsibility == expected


def test_another_payers_answer_that_is_not_there_is_named():
    """A reference to a response outside the message stays a name."""
    insurance = {"sequence": 1, "focal": True, "coverage": {"identifier": {"value": "M"}},
                 "claimResponse": {"identifier": {"value": "CR-1"}}}  # fmt: skip
    found = claim(fhir_support.bare_claim(insurance=[insurance])).claim.insurance[0]
    assert (found.claim_response, found.adjudicated) == ("CR-1", None)


def test_a_location_and_a_practitioner_are_parties_too():
    """A party's type may be one concept or many; names may be texts."""
    location = {
        "resourceType": "Location", "id": "l", "name": "House", "type": [fhir_support.concept("HOSP")],
        "address": {"city": "Tabuk"},
    }  # fmt: skip
    device = {"resourceType": "Device", "id": "d", "type": fhir_support.concept("machine")}
    document = fhir_support.bare_claim(
        contained=[location, device], facility={"reference": "#l"}, enterer={"reference": "#d"}
    )
    found = claim(document).claim
    assert found.facility == model.Party(type="HOSP", name="House", address=model.Address(city="Tabuk"))
    assert found.enterer == model.Party(type="machine")


def test_an_onset_code_nobody_knows_is_kept():
    """On-admission is y, n, u or w; another code is not forced into it."""
    diagnosis = {
        "sequence": 1, "diagnosisCodeableConcept": {"text": "x"},
        "onAdmission": fhir_support.concept("maybe"),
    }  # fmt: skip
    found = claim(fhir_support.bare_claim(diagnosis=[diagnosis])).claim
    assert found.diagnoses[0].on_admission is None
    assert [extra.path for extra in found.extra] == ["Claim.diagnosis[0].onAdmission"]


def test_an_encounter_that_is_not_there_is_a_reference():
    """The extension's reference is kept, by identifier or text."""
    for reference, expected in (
        ({"reference": "Encounter/9"}, model.Encounter(reference="Encounter/9")),
        ({"identifier": {"value": "E-9"}}, model.Encounter(id="E-9")),
    ):
        extension = fhir_support.extension("encounter", valueReference=reference)
        assert claim(fhir_support.bare_claim(extension=[extension])).claim.encounter == expected


def test_an_entry_without_a_resource_is_skipped():
    """A bundle may carry entries that only have a request."""
    document = {"resourceType": "Bundle", "type": "transaction", "entry": [
        {"request": {"method": "GET", "url": "x"}}, {"resource": fhir_support.bare_claim()},
    ]}  # fmt: skip
    assert claim(document).claim.claim_id == "CL-88"
