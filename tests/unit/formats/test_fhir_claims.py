"""FHIR Claims: which element becomes which field, what is kept, what is refused."""

from decimal import Decimal
from typing import Any

import pytest

import fhir_support
from formats import canonical, hashing, media, model, readers


def answer(document: Any) -> readers.Read | readers.Refused:
    """Return the one answer to a document."""
    (found,) = readers.read(fhir_support.text(document), media.FHIR)
    return found


def read(document: Any) -> readers.Read:
    """Return the one claim of a document with its notes."""
    found = answer(document)
    assert isinstance(found, readers.Read), found
    return found


def codes(document: Any) -> dict[str, str]:
    """Return path to code of the one refusal of a document."""
    found = answer(document)
    assert isinstance(found, readers.Refused), found
    return {violation.path: violation.code for violation in found.fault.violations}


def kept(found: readers.Read) -> dict[str, Any]:
    """Return what the claim keeps, by path."""
    return {extra.path: extra.value for extra in found.claim.extra}


def test_a_claim_alone_is_read_and_its_references_are_kept():
    """Nothing but the Claim is there: references stay as text, each with a note."""
    found = read(fhir_support.bare_claim())
    claim = found.claim
    assert (claim.claim_id, claim.claim_id_system) == ("CL-88", "https://clinic.example/claims")
    assert (claim.regime, claim.source) == ("base", model.Source(format="fhir", version="4.0.1"))
    assert (claim.type, claim.use, claim.status, claim.priority) == (
        "professional",
        "claim",
        "active",
        "normal",
    )
    assert claim.patient == model.Patient(reference="Patient/p-1")
    assert claim.provider.id == "PV-501"
    assert claim.insurance[0].coverage == model.Coverage(reference="Coverage/k-1")
    assert (claim.currency, claim.total) == ("USD", Decimal("138.5"))
    assert claim.lines == [
        model.Line(
            sequence=1, code="99213", system="cpt", description="visit", service_date="2026-05-10",
            net=Decimal("138.5"),
        )
    ]  # fmt: skip
    assert found.notes == (
        "reference not in the message: Claim.insurance[0].coverage",
        "reference not in the message: Claim.patient",
    )
    assert found.message is None


def test_the_claim_id_falls_back_to_the_resource_id_and_then_to_the_content():
    """The claim says which of the three it was."""
    by_resource = read(fhir_support.bare_claim(identifier=None)).claim
    by_content = read(fhir_support.bare_claim(identifier=None, id=None)).claim
    assert (by_resource.claim_id, by_resource.claim_id_source) == ("c-1", "resource")
    assert by_content.claim_id_source == "content"
    assert by_content.claim_id is not None
    assert by_content.claim_id.startswith("sha256-")


def test_more_identifiers_than_one_are_kept():
    """The first names the claim, the others are not lost."""
    found = read(fhir_support.bare_claim(identifier=[{"value": "A"}, {"value": "B"}]))
    assert found.claim.claim_id == "A"
    assert kept(found) == {"Claim.identifier[1]": {"value": "B"}}


@pytest.mark.parametrize(
    ("system", "alias"),
    [
        ("http://hl7.org/fhir/sid/icd-10", "icd-10"), ("http://hl7.org/fhir/sid/icd-10-am", "icd-10-am"),
        ("http://hl7.org/fhir/sid/icd-10-cm", "icd-10-cm"), ("http://snomed.info/sct", "snomed"),
        ("http://loinc.org", "loinc"), ("http://hl7.org/fhir/sid/ndc", "ndc"),
        ("http://nphies.sa/terminology/CodeSystem/oral-health-op", "nphies-oral-op"),
        ("http://nphies.sa/terminology/CodeSystem/procedures", "nphies-procedures"),
        ("https://own.example/codes", "https://own.example/codes"), (None, None),
    ],
)  # fmt: skip
def test_a_code_system_becomes_its_alias_or_stays_as_it_is(system: Any, alias: Any):
    """Known URIs have aliases, unknown ones are verbatim, none stays none."""
    diagnosis = {"sequence": 1, "diagnosisCodeableConcept": fhir_support.concept("X1", system)}
    claim = read(fhir_support.bare_claim(diagnosis=[diagnosis])).claim
    assert (claim.diagnoses[0].code, claim.diagnoses[0].system) == ("X1", alias)


def test_the_standard_coding_is_the_main_one_and_the_own_code_is_beside_it():
    """Shadow billing: the provider's own code is kept among the codings, in either order."""
    for turned in (False, True):
        item = fhir_support.nphies_item()
        if turned:
            item["productOrService"]["coding"].reverse()
        (line,) = read(fhir_support.message(fhir_support.nphies_claim(item=[item]))).claim.lines
        assert (line.code, line.system, line.description) == (
            "83600-00-10",
            "nphies-services",
            "consultation",
        )
        assert line.codings == [
            model.Coding(system="https://clinic.example/prices", code="OWN-7", display="our visit")
        ]


def test_a_service_without_a_code_is_described_by_its_text():
    """Text alone makes a line readable."""
    item = {"sequence": 1, "productOrService": {"text": "dressing"}}
    (line,) = read(fhir_support.bare_claim(item=[item], total=None)).claim.lines
    assert (line.code, line.description, line.text) == (None, "dressing", None)


def test_details_and_sub_details_keep_their_nesting():
    """Item, detail and subDetail become line, detail and detail."""
    inner = {
        "sequence": 1,
        "productOrService": fhir_support.concept("C"),
        "net": fhir_support.money(1, "USD"),
    }
    detail = {"sequence": 2, "productOrService": fhir_support.concept("B"), "subDetail": [inner]}
    item = {"sequence": 3, "productOrService": fhir_support.concept("A"), "detail": [detail]}
    (line,) = read(fhir_support.bare_claim(item=[item])).claim.lines
    assert (line.sequence, line.code) == (3, "A")
    assert (line.details[0].sequence, line.details[0].code) == (2, "B")
    assert line.details[0].details == [model.Detail(sequence=1, code="C", net=Decimal(1))]


def test_the_places_and_dates_of_an_item_are_read():
    """Tooth or body site, sub-sites, place of service, period, modifiers, revenue, programme, references."""
    item = {
        "sequence": 1,
        "productOrService": fhir_support.concept("D2391"),
        "bodySite": fhir_support.concept("13", "http://fdi.org/fhir/oraltoothcodes"),
        "subSite": [fhir_support.concept("M"), fhir_support.concept("O")],
        "locationCodeableConcept": fhir_support.concept("24", "https://pos.example"),
        "servicedPeriod": {"start": "2026-05-10", "end": "2026-05-12"},
        "modifier": [fhir_support.concept("59")],
        "revenue": fhir_support.concept("0450"),
        "programCode": [fhir_support.concept("as")],
        "udi": [{"reference": "Device/1"}],
        "encounter": [{"identifier": {"value": "E-1"}}],
        "quantity": {"value": 2.5, "unit": "box"},
    }
    (line,) = read(fhir_support.bare_claim(item=[item])).claim.lines
    assert (line.tooth, line.body_site, line.sub_site, line.place_of_service) == (
        "13",
        None,
        ["M", "O"],
        "24",
    )
    assert (line.service_date, line.service_end) == ("2026-05-10", "2026-05-12")
    assert (line.modifiers, line.revenue_code, line.program_codes) == (["59"], "0450", ["as"])
    assert (line.udi, line.encounter) == (["Device/1"], ["E-1"])
    assert (line.quantity, line.unit_of_measure) == (Decimal("2.5"), "box")


def test_a_body_site_of_another_system_is_no_tooth():
    """Only tooth numbers are teeth."""
    item = {**fhir_support.bare_claim()["item"][0], "bodySite": fhir_support.concept("LA")}
    (line,) = read(fhir_support.bare_claim(item=[item])).claim.lines
    assert (line.tooth, line.body_site) == (None, "LA")


def test_the_rest_of_the_head_is_read():
    """Facility, enterer, referral, prescription, accident, payee, period and funds have fields."""
    found = read(
        fhir_support.bare_claim(
            billablePeriod={"start": "2026-05-01", "end": "2026-05-31"},
            enterer={"identifier": {"value": "U-1"}},
            facility={"identifier": {"system": "s", "value": "H-1"}, "display": "House"},
            fundsReserve=fhir_support.concept("provider"),
            referral={"identifier": {"value": "RF-1"}},
            prescription={"reference": "MedicationRequest/1"},
            originalPrescription={"display": "by hand"},
            payee={"type": fhir_support.concept("other"), "party": {"identifier": {"value": "Q-1"}}},
            accident={
                "date": "2026-05-09",
                "type": fhir_support.concept("MVA"),
                "locationAddress": {"line": ["Road 1"], "city": "Abha", "state": "AS"},
            },
        )
    )
    claim = found.claim
    assert claim.billable_period == model.Period(start="2026-05-01", end="2026-05-31")
    assert claim.enterer == model.Party(id="U-1")
    assert claim.facility == model.Party(
        id="H-1", identifiers=[model.Identifier(system="s", value="H-1")], name="House"
    )
    assert (claim.funds_reserve, claim.referral, claim.prescription, claim.original_prescription) == (
        "provider", "RF-1", "MedicationRequest/1", "by hand",
    )  # fmt: skip
    assert claim.payee == model.Payee(type="other", party=model.Party(id="Q-1"))
    assert claim.accident == model.Accident(
        date="2026-05-09", type="MVA", location="Road 1, Abha", state="AS"
    )


def test_supporting_information_of_every_kind_of_value_is_read():
    """String, boolean, quantity, attachment and reference each have their field; periods and reasons too."""
    category = {"category": fhir_support.concept("info")}
    infos = [
        {"sequence": 1, **category, "valueString": "thirsty"},
        {"sequence": 2, **category, "valueBoolean": False},
        {"sequence": 3, **category, "valueQuantity": {"value": 37.25, "unit": "Cel"}},
        {"sequence": 4, **category, "valueReference": {"reference": "Observation/1"}},
        {"sequence": 5, **category,
         "valueAttachment": {"url": "https://x.example/a", "size": 7, "hash": "AAA="}},
        {"sequence": 6, **category, "timingPeriod": {"start": "2026-05-01", "end": "2026-05-02"},
         "reason": {"code": "why", "system": "s"}},
        {"sequence": 7, **category, "timingDate": "2026-05-01", "reason": fhir_support.concept("because"),
         "code": fhir_support.concept("R07", "http://hl7.org/fhir/sid/icd-10", display="pain")},
    ]  # fmt: skip
    found = read(fhir_support.bare_claim(supportingInfo=infos))
    one, two, three, four, five, six, seven = found.claim.supporting_info
    assert one.value_string == "thirsty"
    assert two.value_boolean is False
    assert three.value_quantity == model.MeasuredQuantity(value=Decimal("37.25"), unit="Cel")
    assert four.value_reference == "Observation/1"
    assert five.value_attachment == model.Attachment(size=7, sha1="AAA=", url="https://x.example/a")
    assert (six.start, six.end, six.reason) == ("2026-05-01", "2026-05-02", "why")
    assert (seven.timing_date, seven.reason, seven.code, seven.system, seven.text) == (
        "2026-05-01", "because", "R07", "icd-10", "pain",
    )  # fmt: skip
    assert kept(found) == {}


def test_an_inline_attachment_is_named_by_its_hash_and_not_carried():
    """The claim holds size and SHA-256; the note says where the bytes are."""
    found = read(fhir_support.message())
    attachment = found.claim.supporting_info[1].value_attachment
    assert attachment is not None
    assert (attachment.size, attachment.sha256) == (
        5, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    )  # fmt: skip
    assert b"aGVsbG8=" not in canonical.encode(found.claim)
    assert any("SHA-256" in note for note in found.notes)


def test_diagnoses_and_procedures_may_be_references():
    """A Condition or Procedure in the message is read; one that is not there is kept as reference."""
    condition = {"resourceType": "Condition", "id": "x", "code": fhir_support.concept("I10")}
    document = fhir_support.bare_claim(
        contained=[condition],
        diagnosis=[
            {"sequence": 1, "diagnosisReference": {"reference": "#x"}},
            {"sequence": 2, "diagnosisReference": {"reference": "Condition/away"}},
        ],
        procedure=[
            {"sequence": 1, "procedureCodeableConcept": fhir_support.concept("47.0"), "date": "2026-05-10"},
            {"sequence": 2, "procedureReference": {"identifier": {"value": "PR-1"}}},
        ],
    )
    claim = read(document).claim
    assert claim.diagnoses[0] == model.Diagnosis(sequence=1, code="I10")
    assert claim.diagnoses[1] == model.Diagnosis(sequence=2, reference="Condition/away")
    assert claim.procedures[0] == model.Procedure(sequence=1, code="47.0", date="2026-05-10")
    assert claim.procedures[1] == model.Procedure(sequence=2, reference="PR-1")


def test_what_has_no_field_is_kept_listed_and_round_trips():
    """Unknown elements, extensions and modifiers stay in `extra` with their paths."""
    document = fhir_support.bare_claim(
        extension=[{"url": "https://own.example/colour", "valueString": "red"}],
        modifierExtension=[{"url": "https://own.example/not", "valueBoolean": True}],
        _status={"id": "s"},
        newElement={"a": [1.10]},
        subType=fhir_support.concept("831", "https://www.cms.gov/codes/billtype"),
    )
    document["item"][0]["category"] = fhir_support.concept("food")
    found = read(document)
    assert found.claim.subtype == "831"
    assert set(kept(found)) == {
        "Claim.extension[0]", "Claim.modifierExtension", "Claim._status", "Claim.newElement",
        "Claim.subType", "Claim.item[0].category",
    }  # fmt: skip
    assert canonical.decode(canonical.encode(found.claim)) == found.claim
    assert "kept, not read: Claim.item.category (1)" in found.notes


def test_an_incomplete_date_is_kept_and_not_guessed():
    """FHIR allows a year or a month; such a date cannot be compared, so it has no field."""
    found = read(fhir_support.bare_claim(created="2026-05", accident={"date": "2026"}))
    assert found.claim.created is None
    assert kept(found) == {"Claim.created": "2026-05", "Claim.accident": {"date": "2026"}}


def test_narratives_and_displays_are_not_kept():
    """Renderings repeat what is coded; they may hold names and are left out."""
    found = read(fhir_support.bare_claim(text={"status": "generated", "div": "<div>Sara</div>"}))
    assert kept(found) == {}
    assert b"Sara" not in canonical.encode(found.claim)


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"type": None}, "Claim.type", "field.missing"),
        ({"type": {"coding": []}}, "Claim.type", "field.missing"),
        ({"type": "professional"}, "Claim.type", "field.type"),
        ({"use": None}, "Claim.use", "field.missing"),
        ({"use": "quote"}, "Claim.use", "field.choice"),
        ({"use": 5}, "Claim.use", "field.type"),
        ({"patient": None}, "Claim.patient", "field.missing"),
        ({"provider": None}, "Claim.provider", "field.missing"),
        ({"insurance": None}, "Claim.insurance", "field.missing"),
        ({"insurance": []}, "Claim.insurance", "field.missing"),
        ({"item": None}, "Claim.item", "field.missing"),
        ({"item": {}}, "Claim.item", "field.type"),
        ({"item": [5]}, "Claim.item[0]", "field.type"),
        ({"created": "11/05/2026"}, "Claim.created", "date.invalid"),
        ({"created": 2026}, "Claim.created", "date.invalid"),
        ({"status": ""}, "Claim.status", "field.type"),
        ({"total": {"value": "138.5"}}, "Claim.total.value", "field.type"),
        ({"total": {"value": 138.555, "currency": "USD"}}, "Claim.total.value", "money.too_many_decimals"),
        ({"total": {"value": 138.5, "currency": "SAR"}}, "Claim.total.currency", "currency.mixed"),
        ({"contained": [1]}, "Claim.contained[0]", "field.type"),
        ({"extension": [{"valueString": "x"}]}, "Claim.extension[0].url", "field.missing"),
        ({"diagnosis": [{"sequence": 1}]}, "Claim.diagnosis[0].diagnosis", "field.missing"),
        ({"diagnosis": [{"diagnosisCodeableConcept": {"text": "x"}}]}, "Claim.diagnosis[0].sequence",
         "field.missing"),
        ({"careTeam": [{"sequence": 0}]}, "Claim.careTeam[0].sequence", "sequence.invalid"),
        ({"supportingInfo": [{"sequence": 1, "valueQuantity": {"unit": "kg"}}]},
         "Claim.supportingInfo[0].valueQuantity.value", "field.missing"),
        ({"supportingInfo": [{"sequence": 1, "valueString": "a", "valueBoolean": True}]},
         "Claim.supportingInfo[0]", "value.ambiguous"),
        ({"supportingInfo": [{"sequence": 1, "valueAttachment": {"data": "%%%"}}]},
         "Claim.supportingInfo[0].valueAttachment.data", "attachment.invalid"),
        ({"insurance": [{"sequence": 1, "preAuthRef": [1]}]}, "Claim.insurance[0].preAuthRef", "field.type"),
        ({"insurance": [{"sequence": 1, "focal": "yes"}]}, "Claim.insurance[0].focal", "field.type"),
        ({"item": [{"sequence": 1, "productOrService": {}}]}, "Claim.item[0].code", "field.missing"),
        ({"item": [{"sequence": 1.5, "productOrService": {"text": "x"}}]}, "Claim.item[0].sequence",
         "field.type"),
        ({"item": [{"sequence": 1, "productOrService": {"text": "x"}, "diagnosisSequence": ["1"]}]},
         "Claim.item[0].diagnosisSequence", "field.type"),
        ({"item": [{"sequence": 1, "productOrService": {"text": "x"}, "quantity": {"value": 1.00001}}]},
         "Claim.item[0].quantity.value", "quantity.too_many_decimals"),
        ({"item": [{"sequence": 1, "productOrService": {"text": "x"}, "servicedDate": "2026-05-10",
                    "servicedPeriod": {}}]}, "Claim.item[0].servicedDate", "value.ambiguous"),
    ],
)  # fmt: skip
def test_a_broken_element_is_refused_by_fhir_path_and_code(changes: dict[str, Any], path: str, code: str):
    """Structure is judged strictly, and the refusal speaks the sender's paths."""
    found = codes(fhir_support.bare_claim(**changes))
    assert found[path] == code


def test_several_broken_elements_are_reported_at_once():
    """One refusal names them all."""
    document = fhir_support.bare_claim(use="x", created="x", patient=None, total={"value": "1"})
    assert set(codes(document)) == {"Claim.use", "Claim.created", "Claim.patient", "Claim.total.value"}


def test_a_thousand_and_one_items_are_refused():
    """The bound on lines holds for FHIR too."""
    items = [{"sequence": n, "productOrService": {"text": "x"}} for n in range(1, 1002)]
    assert codes(fhir_support.bare_claim(item=items)) == {"Claim.item": "claim.too_many_lines"}


def test_more_kept_values_than_a_claim_can_have_are_refused():
    """What has no field is bounded too."""
    more = [{"url": f"https://own.example/{number}"} for number in range(1001)]
    assert "extra.too_many" in codes(fhir_support.bare_claim(extension=more)).values()


def test_a_refusal_never_repeats_what_was_sent():
    """Messages and paths hold no value of the resource."""
    document = fhir_support.bare_claim(use="Zubaydah", created="Zubaydah", total={"value": "Zubaydah"})
    found = answer(document)
    assert isinstance(found, readers.Refused)
    assert all("Zubaydah" not in v.message + v.path for v in found.fault.violations)


def test_a_fhir_claim_hashes_as_the_json_that_says_the_same():
    """The content hash does not depend on the format where both can say everything."""
    claim = read(fhir_support.bare_claim()).claim
    as_json = b"""{"type": "professional", "use": "claim", "claim_id": "CL-88", "status": "active",
     "claim_id_system": "https://clinic.example/claims", "created": "2026-05-11", "currency": "USD",
     "priority": "normal", "provider": {"id": "PV-501",
     "identifiers": [{"system": "https://registry.example", "value": "PV-501"}]},
     "patient": {"reference": "Patient/p-1"},
     "insurance": [{"sequence": 1, "focal": true, "coverage": {"reference": "Coverage/k-1"}}],
     "lines": [{"sequence": 1, "code": "99213", "system": "cpt", "description": "visit",
       "service_date": "2026-05-10", "net": "138.50"}], "total": 138.50}"""
    assert hashing.content_hash(claim) == hashing.content_hash(canonical.decode(as_json))
