"""FHIR receipts: what they say, what they never say, and that they are valid R4."""

import json
from typing import Any

import msgspec
import pytest
from fhir.resources.R4B import bundle as r4_bundle
from fhir.resources.R4B import claimresponse as r4_response
from fhir.resources.R4B import operationoutcome as r4_outcome
from hypothesis import given
from hypothesis import strategies as st

import fhir_support
import formats_support
from chassis import errors
from formats import media, model, readers
from formats.fhir import bundles, outcomes, responses

GUIDS = {
    "bundle_id": "22222222-2222-4222-8222-222222222222",
    "header_id": "33333333-3333-4333-8333-333333333333",
    "resource_id": "44444444-4444-4444-8444-444444444444",
    "timestamp": "2026-05-11T10:20:00Z",
}


def decision(**changes: Any) -> dict[str, Any]:
    """Return a decision that refuses for one reason and warns of another."""
    return {
        "id": "0197a1b2",
        "verdict": "reject",
        "regime": "nphies",
        "decided_at": "2026-05-11T10:15:01Z",
        "findings": [
            {
                "rule": "nphies.net", "severity": "error", "path": "lines[0].net", "line": 1,
                "message": {"en": "The net does not add up.", "ar": "الصافي لا يطابق"},
                "codes": {"bv": "BV-00251", "nphies": "BE-1-6", "carc": "16", "rarc": "M79", "group": "CO"},
            },
            {
                "rule": "base.note", "severity": "warning", "path": "total",
                "message": {"en": "Look again.", "ar": "راجع"},
            },
        ],
        **changes,
    }  # fmt: skip


def response(claim: model.Claim | None = None, **changes: Any) -> dict[str, Any]:
    """Return the ClaimResponse of a decision, validated as R4, as plain data."""
    text = responses.claim_response(decision(**changes), claim or formats_support.sample_claim())
    r4_response.ClaimResponse.model_validate_json(text)
    plain: dict[str, Any] = json.loads(text)
    return plain


def test_a_reject_is_an_error_with_its_codes():
    """Each blocking finding is an error with the item it is about and every code known for it."""
    found = response()
    assert found["outcome"] == "error"
    assert "extension" not in found
    (error,) = found["error"]
    assert error["itemSequence"] == 1
    assert [(coding["system"], coding["code"]) for coding in error["code"]["coding"]] == [
        ("http://nphies.sa/terminology/CodeSystem/adjudication-error", "BV-00251"),
        ("http://nphies.sa/terminology/CodeSystem/adjudication-reason", "BE-1-6"),
        (responses.RULES, "nphies.net"),
    ]
    assert error["code"]["text"] == "The net does not add up."
    assert [note["text"] for note in found["processNote"]] == ["Look again."]


def test_a_reject_outside_nphies_names_the_adjustment():
    """X12's codes and the remark stand beside ours where the claim did not come through nphies."""
    (error,) = response(regime="x12-us")["error"]
    assert {(coding["system"], coding["code"]) for coding in error["code"]["coding"]} >= {
        (responses.CARC, "16"),
        (responses.RARC, "M79"),
        (responses.RULES, "nphies.net"),
    }


def test_what_a_model_predicts_is_no_error_of_the_answer():
    """A likely reason is never shown as a payer's: no code of the risk stands in the response."""
    likely = {"nphies": "MN-1-1", "carc": "50", "probability": 0.9, "predicted": True}
    text = json.dumps(response(risk={"state": "scored", "lines": [{"sequence": 1, "likely_reason": likely}]}))
    assert "MN-1-1" not in text
    assert '"50"' not in text


@pytest.mark.parametrize("verdict", ["accept", "review"])
def test_what_we_let_pass_is_queued_and_pended(verdict: str):
    """We are not the payer: no adjudication, no errors, pended in nphies' words."""
    found = response(verdict=verdict)
    assert found["outcome"] == "queued"
    (extension,) = found["extension"]
    assert extension["valueCodeableConcept"]["coding"][0]["code"] == "pended"
    assert not {"error", "item", "total", "payment", "preAuthRef"} & set(found)


def test_outside_nphies_there_is_no_extension_of_nphies():
    """A base claim is answered in base R4."""
    found = response(verdict="accept", regime="base")
    assert "extension" not in found
    assert "meta" not in found
    assert "nphies" not in json.dumps({name: found[name] for name in ("insurer", "requestor", "subType")})


def test_the_response_answers_to_the_senders_identifier():
    """The request is named by its business identifier, as nphies asks."""
    found = response()
    assert found["request"]["identifier"] == {
        "system": "https://clinic.example/claims", "value": "CLM-7700-0042",
    }  # fmt: skip
    assert found["requestor"]["identifier"]["value"] == "PV-501"
    assert found["insurer"]["identifier"]["value"] == "PY-20"


def test_a_reject_without_findings_still_has_an_error():
    """R4 and rule 505 ask for at least one."""
    assert len(response(findings=[])["error"]) == 1


def test_a_claim_of_which_little_is_known_gets_a_valid_response():
    """Missing patient id, payer and coverage are answered with displays, not with broken references."""
    claim = formats_support.sample_claim(
        claim_id_system=None, patient=model.Patient(), provider=model.Provider(), subtype=None,
        insurance=[model.Insurance(sequence=1, coverage=model.Coverage())],
    )  # fmt: skip
    found = response(claim)
    assert found["patient"] == {"display": "patient of the claim"}
    assert found["insurer"] == {"display": "payer of the claim"}
    claim = formats_support.sample_claim(patient=model.Patient(reference="Patient/1"))
    assert response(claim)["patient"] == {"reference": "Patient/1"}


def test_a_preauthorisation_has_its_own_profile():
    """The profile follows the use."""
    (profile,) = response(formats_support.sample_claim(use="preauthorization"))["meta"]["profile"]
    assert "prior-auth-response" in profile


def test_long_texts_are_cut_at_nphies_limits():
    """A note has at most a thousand characters."""
    finding = {"rule": "r", "severity": "warning", "message": {"en": "x" * 5000}}
    (note,) = response(verdict="accept", findings=[finding])["processNote"]
    assert len(note["text"]) == 1000


def test_at_most_a_hundred_errors_are_listed():
    """The decision holds all; the response stays readable."""
    finding = {"rule": "r", "severity": "error", "message": {"en": "x"}}
    assert len(response(findings=[finding] * 500)["error"]) == 100


@given(
    formats_support.claims(),
    st.sampled_from(["accept", "review", "reject"]),
    st.sampled_from(["nphies", "base"]),
)
def test_any_claims_response_is_valid_r4_and_never_complete(claim: model.Claim, verdict: str, regime: str):
    """Whatever the claim holds, the receipt validates and promises nothing."""
    found = response(claim, verdict=verdict, regime=regime)
    assert found["outcome"] == ("error" if verdict == "reject" else "queued")


def request() -> bundles.Message:
    """Return the header of a message that was read."""
    (found,) = readers.read(fhir_support.text(fhir_support.message()), media.FHIR)
    assert isinstance(found, readers.Read)
    assert found.message is not None
    return found.message


def bundle(resource: bytes, asked: bundles.Message | None) -> dict[str, Any]:
    """Return the response Bundle around a resource, validated as R4, as plain data."""
    text = responses.response_bundle(asked, resource, **GUIDS)
    r4_bundle.Bundle.model_validate_json(text)
    plain: dict[str, Any] = json.loads(text)
    return plain


def test_the_bundle_answers_the_message_it_got():
    """Header first, the ends swapped, the event answered, the request named, the focus inside."""
    resource = responses.claim_response(decision(verdict="accept"), formats_support.sample_claim())
    found = bundle(resource, request())
    header, body = (entry["resource"] for entry in found["entry"])
    assert (found["type"], found["id"], found["timestamp"]) == (
        "message", GUIDS["bundle_id"], GUIDS["timestamp"],
    )  # fmt: skip
    assert header["eventCoding"]["code"] == "claim-response"
    assert header["response"] == {"identifier": "11111111-1111-4111-8111-111111111111", "code": "ok"}
    assert header["sender"]["identifier"]["value"] == "IN-FHIR"
    assert header["destination"][0]["receiver"]["identifier"]["value"] == "PR-FHIR"
    assert header["destination"][0]["endpoint"] == "https://clinic.example/out"
    assert header["source"]["endpoint"] == "https://payer.example/in"
    assert header["focus"] == [{"reference": found["entry"][1]["fullUrl"]}]
    assert body["id"] == GUIDS["resource_id"]


def test_a_refused_message_is_answered_with_a_fatal_error():
    """An error response and an OperationOutcome are no success."""
    resource = responses.claim_response(decision(), formats_support.sample_claim())
    assert bundle(resource, request())["entry"][0]["resource"]["response"]["code"] == "fatal-error"
    outcome = responses.operation_outcome(errors.Invalid("claim.unreadable", "no"))
    assert bundle(outcome, request())["entry"][1]["resource"]["resourceType"] == "OperationOutcome"


def test_a_message_without_a_readable_header_is_answered_as_error_notice():
    """There is nobody to name, and the Bundle is still valid."""
    outcome = responses.operation_outcome(errors.Invalid("json.malformed", "no"))
    header = bundle(outcome, None)["entry"][0]["resource"]
    assert header["eventCoding"]["code"] == "error-notice"
    assert "response" not in header


@pytest.mark.parametrize(
    ("event", "answer"),
    [
        ("claim-request", "claim-response"), ("priorauth-request", "priorauth-response"),
        ("eligibility-request", "eligibility-response"), ("status-check", "status-response"),
        ("batch-request", "batch-response"),
    ],
)  # fmt: skip
def test_an_event_is_answered_by_its_response(event: str, answer: str):
    """The names follow nphies' code system."""
    assert responses.response_event(event) == answer


@pytest.mark.parametrize(
    ("code", "issue"),
    [
        ("json.malformed", "structure"), ("json.encoding", "structure"), ("field.unknown", "structure"),
        ("field.missing", "required"), ("field.choice", "code-invalid"), ("date.invalid", "value"),
        ("money.too_many_decimals", "value"), ("sequence.invalid", "value"), ("claim.too_large", "too-long"),
        ("claim.too_many_lines", "too-long"), ("json.too_deep", "too-costly"),
        ("rule.failed", "business-rule"),
        ("token.expired", "security"), ("fhir.no_claim", "structure"), ("message.no_header", "structure"),
        ("something.else", "invalid"),
    ],
)  # fmt: skip
def test_a_stable_code_has_its_issue_type(code: str, issue: str):
    """Our codes map to FHIR's issue types by themselves or by family."""
    assert outcomes.issue_type(code) == issue


@pytest.mark.parametrize(
    ("fault", "issue"),
    [
        (errors.Invalid("odd", "m"), "invalid"), (errors.NotFound("odd", "m"), "not-found"),
        (errors.Conflict("idempotency.key_reused", "m"), "duplicate"),
        (errors.Denied("odd", "m"), "forbidden"),
        (errors.Denied("auth.expired", "m"), "security"), (errors.Exhausted("odd", "m"), "throttled"),
        (errors.Unavailable("odd", "m"), "transient"), (errors.Internal("odd", "m"), "exception"),
    ],
)  # fmt: skip
def test_a_fault_without_violations_is_one_issue_by_its_kind(fault: errors.Fault, issue: str):
    """The kind decides where the reason has no family."""
    text = responses.operation_outcome(fault)
    r4_outcome.OperationOutcome.model_validate_json(text)
    (found,) = json.loads(text)["issue"]
    assert (found["code"], found["severity"], found["diagnostics"]) == (issue, "error", "m")
    assert found["details"]["coding"][0]["code"] == fault.reason


def test_each_violation_is_an_issue_with_its_place():
    """FHIR paths become expressions; canonical paths are no FHIRPath and are left out."""
    fault = errors.Invalid("claim.unreadable", "x", violations=(
        errors.Violation("Claim.item[0].net", "money.out_of_range", "a"),
        errors.Violation("lines[0].net", "field.missing", "b"),
    ))  # fmt: skip
    text = responses.operation_outcome(fault)
    r4_outcome.OperationOutcome.model_validate_json(text)
    first, second = msgspec.json.decode(text)["issue"]
    assert (first["expression"], first["code"]) == (["Claim.item[0].net"], "value")
    assert "expression" not in second
    assert second["code"] == "required"
