"""nphies messages and other bundles: header, references, companions."""

from decimal import Decimal
from typing import Any

import pytest

import fhir_support
from chassis import errors
from formats import hashing, media, model, readers
from formats.fhir import bundles, reading, references


def read(document: Any) -> readers.Read:
    """Return the one claim of a document."""
    (found,) = readers.read(fhir_support.text(document), media.FHIR)
    assert isinstance(found, readers.Read), found
    return found


def refusal(document: Any) -> tuple[str, str]:
    """Return path and code of the first violation of a document."""
    (found,) = readers.read(fhir_support.text(document), media.FHIR)
    assert isinstance(found, readers.Refused), found
    return found.fault.violations[0].path, found.fault.violations[0].code


def test_an_nphies_message_is_read_with_its_companions():
    """Provider, patient, coverage, practitioner and encounter come from the bundle."""
    found = read(fhir_support.message())
    claim = found.claim
    assert claim.regime == "nphies"
    assert (claim.provider.id, claim.provider.type) == ("PR-FHIR", "prov")
    assert claim.patient.id == "2000000007"
    assert claim.care_team[0] == model.CareTeamMember(
        sequence=1, practitioner="DOC-1", role="primary", qualification="08.26", responsible=True
    )
    assert claim.diagnoses[0].on_admission == "y"
    assert claim.related == [
        model.Related(claim_id="CL-1", claim_id_system="https://x.example", relationship="prior")
    ]
    assert not any("not in the message" in note for note in found.notes)


def test_the_extensions_of_nphies_have_fields():
    """Episode, eligibility, authorisation, transfer, newborn; tax, share, package, invoice, maternity."""
    claim = read(fhir_support.message()).claim
    assert claim.episode == model.Episode(value="EP-9", system="https://clinic.example/fhir/episode")
    assert claim.eligibility == model.Eligibility(
        offline_reference="EL-1", offline_date="2026-05-01", response="ER-5"
    )
    assert claim.authorization == model.Authorization(
        offline_date="2026-05-02T10:00:00+03:00", prior_auth_response="PA-6"
    )
    assert (claim.transfer, claim.newborn) == (True, False)
    line = claim.lines[0]
    assert (str(line.tax), str(line.patient_share)) == ("18.0", "20.0")
    assert (line.package, line.maternity, line.patient_invoice) == (False, False, "INV-3")


@pytest.mark.parametrize("name", ["patient-share", "patientShare", "Patient-Share", "patientShare|1.0.0"])
def test_an_extension_is_known_by_either_spelling(name: str):
    """Hyphens, camel case and versions of the URL do not matter."""
    item = fhir_support.nphies_item(
        extension=[fhir_support.extension(name, valueMoney=fhir_support.money(5))]
    )
    claim = read(fhir_support.message(fhir_support.nphies_claim(item=[item]))).claim
    assert claim.lines[0].patient_share == 5


def test_the_encounter_is_read_with_its_hospitalisation():
    """Class, period, service type, events, admission and discharge."""
    assert read(fhir_support.message()).claim.encounter == model.Encounter(
        class_="AMB", start="2026-05-10T09:00:00+03:00", end="2026-05-10T09:40:00+03:00", id="ENC-4",
        status="finished", service_type="acute-care", service_event_type="ICSE", admit_source="WKIN",
        readmission="R", discharge_disposition="home", discharge_specialty="08.26",
    )  # fmt: skip


def test_emergency_extensions_of_the_encounter_are_read():
    """Triage, arrival, start and disposition of an emergency visit."""
    encounter = fhir_support.resources()["Encounter/e-1"] | {
        "extension": [
            fhir_support.extension("triageCategory", valueCodeableConcept=fhir_support.concept("VU")),
            fhir_support.extension("triageDate", valueDateTime="2026-05-10T08:55:00+03:00"),
            fhir_support.extension("emergencyArrivalCode", valueCodeableConcept=fhir_support.concept("EM")),
            fhir_support.extension("emergencyServiceStart", valueDateTime="2026-05-10T09:05:00+03:00"),
            fhir_support.extension("emergencyDepartmentDisposition", valueCoding={"code": "DH"}),
            fhir_support.extension("intendedLengthOfStay", valueCode="IO"),
            fhir_support.extension("causeOfDeath", valueString="none"),
        ]
    }
    document = fhir_support.message()
    document["entry"] = [
        entry | ({"resource": encounter} if entry["resource"]["resourceType"] == "Encounter" else {})
        for entry in document["entry"]
    ]
    found = read(document).claim.encounter
    assert found is not None
    assert (found.triage_category, found.triage_date, found.emergency_arrival) == (
        "VU", "2026-05-10T08:55:00+03:00", "EM",
    )  # fmt: skip
    assert (found.emergency_service_start, found.emergency_disposition) == ("2026-05-10T09:05:00+03:00", "DH")
    assert (found.intended_length_of_stay, found.cause_of_death) == ("IO", "none")


def test_the_coverage_is_read_with_its_classes_and_payer():
    """Member, payer, plan, group, network, period; classes without a field are kept."""
    found = read(fhir_support.message())
    assert found.claim.insurance[0] == model.Insurance(
        sequence=1, focal=True, responsibility="P", preauth_refs=["PRE-1"],
        coverage=model.Coverage(
            member_id="MEM-1", member_id_system="https://payer.example/member", payer="IN-FHIR",
            relationship="self", group="G-1", plan="GOLD", network="N-A", type="EHCPOL",
            subscriber="2000000007", start="2026-01-01", end="2026-12-31",
        ),
    )  # fmt: skip
    assert [extra.path for extra in found.claim.extra] == ["Coverage.class", "Patient.maritalStatus"]


def test_another_payers_answer_in_the_message_is_what_it_paid():
    """A ClaimResponse the insurance refers to gives paid amount, patient's part and date."""
    response = {
        "resourceType": "ClaimResponse", "id": "r-1", "created": "2026-05-01T10:00:00Z",
        "total": [
            {"category": fhir_support.concept("benefit"), "amount": fhir_support.money(80)},
            {"category": fhir_support.concept("copay"), "amount": fhir_support.money(15)},
            {"category": fhir_support.concept("deductible"), "amount": fhir_support.money(5)},
        ],
    }  # fmt: skip
    insurance = {
        "sequence": 1, "focal": False, "coverage": fhir_support.reference("Coverage", "k-1"),
        "claimResponse": fhir_support.reference("ClaimResponse", "r-1"),
    }  # fmt: skip
    document = fhir_support.message(
        fhir_support.nphies_claim(insurance=[insurance]), **{"ClaimResponse_r-1": response}
    )
    found = read(document).claim.insurance[0]
    assert found.adjudicated == model.Adjudicated(
        paid=Decimal(80), patient_responsibility=Decimal(20), date="2026-05-01"
    )
    assert found.claim_response == f"{fhir_support.CLINIC}/ClaimResponse/r-1"


def test_the_header_tells_who_asks_whom_about_what():
    """The reply needs the message's id, its event and both ends."""
    message = reading.message(fhir_support.text(fhir_support.message()))
    assert message == read(fhir_support.message()).message
    assert message is not None
    assert (message.event, message.is_nphies) == ("claim-request", True)
    assert (message.sender, message.receiver) == ("PR-FHIR", "IN-FHIR")
    assert reading.message(fhir_support.text(fhir_support.bare_claim())) is None


@pytest.mark.parametrize("kind", ["collection", "transaction", "batch", "searchset"])
def test_any_other_bundle_may_hold_several_claims(kind: str):
    """Each Claim is answered in order, by its place."""
    entries = [
        {"resource": fhir_support.bare_claim(id=f"c-{n}", use="claim" if n else "x")} for n in range(3)
    ]
    body = fhir_support.text({"resourceType": "Bundle", "type": kind, "entry": entries})
    answers = readers.read(body, media.FHIR)
    assert [(type(answer).__name__, answer.position) for answer in answers] == [
        ("Refused", 1), ("Read", 2), ("Read", 3),
    ]  # fmt: skip
    assert isinstance(answers[0], readers.Refused)
    assert answers[0].fault.violations[0].path == "Bundle.entry[0].resource.use"


def test_a_batch_of_messages_is_opened_once():
    """Nphies' batches nest message bundles; each claim has the header of its own message."""
    batch = {"resourceType": "Bundle", "type": "message", "entry": [
        {"resource": fhir_support.header()}, {"resource": fhir_support.message()},
        {"resource": fhir_support.message(fhir_support.nphies_claim(identifier=[{"value": "CL-2"}]))},
    ]}  # fmt: skip
    answers = readers.read(fhir_support.text(batch), media.FHIR)
    assert [answer.claim.claim_id for answer in answers if isinstance(answer, readers.Read)] == [
        "CL-88",
        "CL-2",
    ]


def test_where_a_resource_stands_in_the_bundle_is_not_content():
    """The same message in another order is the same claim."""
    document = fhir_support.message()
    turned = {**document, "entry": [document["entry"][0], *document["entry"][:0:-1]]}
    assert hashing.content_hash(read(document).claim) == hashing.content_hash(read(turned).claim)


@pytest.mark.parametrize(
    ("document", "path", "code"),
    [
        ([], "$", "fhir.no_resource"),
        ({}, "$", "fhir.no_resource"),
        ({"resourceType": 5}, "$", "fhir.no_resource"),
        ({"resourceType": "Patient"}, "resourceType", "fhir.not_a_claim"),
        ({"resourceType": "Bundle", "type": "collection"}, "Bundle.entry", "fhir.no_claim"),
        ({"resourceType": "Bundle", "entry": {}}, "Bundle.entry", "field.type"),
        ({"resourceType": "Bundle", "entry": [5]}, "Bundle.entry[0].resource", "fhir.no_resource"),
        ({"resourceType": "Bundle", "entry": [{"resource": 5}]}, "Bundle.entry[0].resource",
         "fhir.no_resource"),
        ({"resourceType": "Bundle", "type": "message", "entry": []}, "Bundle.entry[0].resource",
         "message.no_header"),
        ({"resourceType": "Bundle", "type": "message",
          "entry": [{"resource": fhir_support.bare_claim()}]}, "Bundle.entry[0].resource",
         "message.no_header"),
        ({"resourceType": "Bundle", "type": "message",
          "entry": [{"resource": fhir_support.header(eventCoding={})}]},
         "Bundle.entry[0].resource.eventCoding.code", "message.no_event"),
        ({"resourceType": "Bundle", "type": "message", "entry": [
            {"resource": fhir_support.header()}, *[{"resource": fhir_support.bare_claim()}] * 101]},
         "Bundle.entry", "fhir.too_many_claims"),
    ],
)  # fmt: skip
def test_a_document_without_fhirs_structure_is_refused(document: Any, path: str, code: str):
    """No resource, no claim, no header: each has a code of its own."""
    assert refusal(document) == (path, code)


def test_the_header_of_a_broken_message_is_refused_too():
    """A reply cannot be addressed without a header."""
    with pytest.raises(errors.Invalid):
        reading.message(fhir_support.text({"resourceType": "Bundle", "type": "message", "entry": []}))


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example/fhir/Organization/1", "Organization/1", "Organization/1/_history/3",
        "https://other.example/base/Organization/1", "urn:uuid:7", "Organization?identifier=s|V",
    ],
)  # fmt: skip
def test_a_resource_is_found_by_every_form_of_reference(text: str):
    """Full URL, relative, versioned, other base, URN and conditional references resolve in the bundle."""
    resource = {"resourceType": "Organization", "id": "1", "identifier": [{"system": "s", "value": "V"}]}
    index = references.Index()
    index.add(resource, "here", full_url="urn:uuid:7" if text.startswith("urn") else "https://a.example/x")
    assert index.find(text) == (resource, "here")


@pytest.mark.parametrize(
    "text", ["#1", "urn:uuid:8", "Organization/2", "Patient/1", "", "/", "Organization?identifier=s|W"]
)
def test_a_reference_to_nothing_finds_nothing(text: str):
    """Nothing is guessed."""
    index = references.Index()
    index.add({"resourceType": "Organization", "id": "1"}, "here", full_url="urn:uuid:7")
    assert index.find(text) is None


def test_a_contained_resource_is_found_by_its_fragment_and_has_no_lasting_id():
    """An id that is only local to its container never becomes a patient's identity."""
    document = fhir_support.bare_claim(
        contained=[{"resourceType": "Patient", "id": "p", "birthDate": "1990-01-01"}],
        patient={"reference": "#p"},
    )
    assert read(document).claim.patient == model.Patient(birth_date="1990-01-01")


def test_a_logical_reference_finds_the_resource_with_that_identifier():
    """A reference by identifier resolves inside the bundle."""
    document = fhir_support.message(
        fhir_support.nphies_claim(
            patient={
                "identifier": {"system": f"{fhir_support.NPHIES}/identifier/iqama", "value": "2000000007"}
            }
        )
    )
    assert read(document).claim.patient.birth_date == "1991-02-03"


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        ({"type": fhir_support.concept("NI"), "value": "1"}, "national_id"),
        ({"type": fhir_support.concept("PRC"), "value": "1"}, "iqama"),
        ({"type": fhir_support.concept("PPN"), "value": "1"}, "passport"),
        ({"type": fhir_support.concept("BN"), "value": "1"}, "border"),
        ({"type": fhir_support.concept("DP"), "value": "1"}, "displaced_person"),
        ({"type": fhir_support.concept("MR"), "value": "1"}, "mrn"),
        ({"system": "http://nphies.sa/identifier/nationalid", "value": "1"}, "national_id"),
        ({"system": "http://nphies.sa/identifier/passportnumber", "value": "1"}, "passport"),
        ({"system": "urn:own", "value": "1"}, None),
    ],
)
def test_the_kind_of_an_identity_is_told_by_type_or_system(identity: dict[str, Any], expected: Any):
    """HL7's and nphies' codes become the claim's id types."""
    patient = {"resourceType": "Patient", "id": "p", "identifier": [identity]}
    found = read(fhir_support.bare_claim(contained=[patient], patient={"reference": "#p"})).claim.patient
    assert (found.id, found.id_type) == ("1", expected)


def test_the_country_of_an_identity_is_read():
    """A passport needs its country."""
    identity = {
        "type": fhir_support.concept("PPN"), "value": "X1",
        "extension": [
            fhir_support.extension("identifier-country", valueCodeableConcept=fhir_support.concept("JOR"))
        ],
    }  # fmt: skip
    patient = {"resourceType": "Patient", "id": "p", "identifier": [identity]}
    found = read(fhir_support.bare_claim(contained=[patient], patient={"reference": "#p"})).claim.patient
    assert (found.id_type, found.id_country) == ("passport", "JOR")


def test_a_gender_no_code_knows_is_refused():
    """FHIR's four genders, no other text."""
    patient = {"resourceType": "Patient", "id": "p", "gender": "m"}
    document = fhir_support.bare_claim(contained=[patient], patient={"reference": "#p"})
    assert refusal(document) == ("Claim.contained[0].gender", "field.choice")


def test_a_patient_with_several_names_and_an_address_is_read():
    """The first name is used, the others are kept; address and death have fields."""
    occupation = fhir_support.concept("others")
    patient = {
        "resourceType": "Patient", "id": "p", "name": [{"text": "One"}, {"text": "Two"}],
        "address": [{"use": "home", "line": ["A", "B"], "city": "C", "postalCode": "1", "country": "SA"}],
        "deceasedDateTime": "2026-05-12",
        "extension": [fhir_support.extension("occupation", valueCodeableConcept=occupation)],
    }  # fmt: skip
    found = read(fhir_support.bare_claim(contained=[patient], patient={"reference": "#p"})).claim
    assert found.patient == model.Patient(
        name="One", deceased_date="2026-05-12", occupation="others",
        address=model.Address(lines=["A", "B"], city="C", postal_code="1", country="SA"),
    )  # fmt: skip
    assert [extra.path for extra in found.extra] == ["Patient.name"]


def test_nphies_own_spelling_of_the_gender_is_dropped_only_when_it_says_the_same():
    """The second code is redundant, or it is news and kept."""
    for coded, expected in (("female", []), ("undetermined", ["Patient._gender"])):
        gender = fhir_support.extension(
            "ksa-administrative-gender", valueCodeableConcept=fhir_support.concept(coded)
        )
        patient = {
            "resourceType": "Patient",
            "id": "p",
            "gender": "female",
            "_gender": {"extension": [gender]},
        }
        found = read(fhir_support.bare_claim(contained=[patient], patient={"reference": "#p"})).claim
        assert [extra.path for extra in found.extra] == expected


def test_every_claim_of_a_bundle_reads_a_shared_patient():
    """One claim's reading takes nothing from another's."""
    patient = fhir_support.resources()["Patient/p-1"]
    entries = [{"resource": fhir_support.bare_claim(id=str(n))} for n in range(2)] + [{"resource": patient}]
    body = fhir_support.text({"resourceType": "Bundle", "type": "collection", "entry": entries})
    one, two = (answer.claim for answer in readers.read(body, media.FHIR) if isinstance(answer, readers.Read))
    assert one.patient == two.patient
    assert one.patient.id == "2000000007"


def test_is_nphies_needs_a_message_or_a_profile_of_nphies():
    """A base claim in a base message is not judged by nphies' rules."""
    assert read(fhir_support.bare_claim()).claim.regime == "base"
    assert read(fhir_support.nphies_claim()).claim.regime == "nphies"
    assert not bundles.Message(event="x", event_system="https://own.example").is_nphies


def test_the_message_is_noted_beside_the_claim_and_not_in_its_content():
    """Another Bundle around the same Claim changes what is known of the message, not what is claimed."""
    first, second = fhir_support.message(), {**fhir_support.message(), "id": "b-2", "type": "collection"}
    one, other = read(first).claim, read(second).claim
    assert one.source != other.source
    assert hashing.content_hash(one) == hashing.content_hash(other)


def test_the_header_of_a_message_is_noted_without_what_it_lacks():
    """A header that names neither sender nor focus leaves these open."""
    document = fhir_support.message()
    document["entry"][0]["resource"] = fhir_support.header(sender={}, focus=None)
    source = read(document).claim.source
    assert source is not None
    assert source.message is not None
    assert (source.message.sender, source.message.focus) == (None, [])
    assert source.message.event == "claim-request"
