"""The FHIR doors: messages pass as they are, refusals are OperationOutcomes, the statement is true."""

import pytest
from fhir.resources.R4B import capabilitystatement, operationoutcome

import gateway_support as support
from chassis import errors
from gateway.inbound import fhir

MESSAGE = b'{"resourceType":"Bundle","type":"message"}'


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/api/fhir/$process-message", "application/fhir+json; profile=message"),
        ("/api/fhir/Claim/$submit", "application/fhir+json"),
    ],
)
@pytest.mark.parametrize("sent_as", [support.FHIR, support.JSON])
async def test_a_message_reaches_claims_as_it_is(path: str, accept: str, sent_as: dict[str, str]) -> None:
    """Body and media type go on unchanged with the wish for a Bundle or a resource; the answer is FHIR."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.post(path, content=MESSAGE, headers=support.BILLER | sent_as)
    submission = stage.claims.submissions[0][0]
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/fhir+json"
    assert (submission.body, submission.media_type) == (MESSAGE, "application/fhir+json")
    assert (submission.accept, submission.dry_run) == (accept, False)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (errors.Invalid("json.malformed", "Not JSON."), 400, "structure"),
        (errors.Invalid("media_type.unsupported", "No."), 415, "not-supported"),
        (errors.Invalid("body.too_large", "Too large."), 413, "too-long"),
        (errors.Conflict("idempotency.key_reused", "Used."), 409, "conflict"),
        (errors.Denied("role.missing", "No."), 403, "forbidden"),
        (errors.Denied("token.expired", "Old."), 401, "security"),
        (errors.Exhausted("queue.full", "Full."), 429, "throttled"),
        (errors.Unavailable("call.unavailable", "Away."), 503, "transient"),
        (errors.Unavailable("deadline.exceeded", "Late."), 504, "timeout"),
        (errors.Internal("internal.unexpected", "Failed."), 500, "exception"),
    ],
)
async def test_a_refusal_is_an_outcome(fault: errors.Fault, status: int, code: str) -> None:
    """Each kind has its issue type, the reason is the coding, and the resource is valid R4."""
    stage = support.stage()
    stage.claims.failure = fault
    async with support.client(stage.app) as client:
        url = "/api/fhir/$process-message"
        answer = await client.post(url, content=MESSAGE, headers=support.BILLER | support.FHIR)
    assert answer.status_code == status
    outcome = operationoutcome.OperationOutcome.model_validate_json(answer.content)
    assert outcome.issue[0].code == code
    details = outcome.issue[0].details
    assert details is not None
    assert details.coding is not None
    assert details.coding[0].code == fault.reason


@pytest.mark.parametrize(
    ("code", "issue"),
    [
        ("field.missing", "required"),
        ("field.unknown", "structure"),
        ("json.too_deep", "too-costly"),
        ("field.code", "code-invalid"),
        ("sequence.duplicate", "duplicate"),
        ("money.too_many_decimals", "value"),
    ],
)
async def test_each_violation_is_an_issue_with_its_place(code: str, issue: str) -> None:
    """What is wrong with an element stands beside its path."""
    stage = support.stage()
    found = errors.Violation("Claim.item[0].net", code, "It is wrong.")
    stage.claims.failure = errors.Invalid("claim.invalid", "The claim is wrong.", violations=(found,))
    async with support.client(stage.app) as client:
        url = "/api/fhir/Claim/$submit"
        answer = await client.post(url, content=MESSAGE, headers=support.BILLER | support.FHIR)
    told = operationoutcome.OperationOutcome.model_validate_json(answer.content).issue[0]
    assert (told.code, told.expression, told.diagnostics) == (issue, ["Claim.item[0].net"], "It is wrong.")


async def test_the_statement_is_valid_and_names_only_what_is_served() -> None:
    """Metadata is a valid R4 CapabilityStatement with the two operations there are."""
    async with support.client(support.stage().app) as client:
        answer = await client.get("/api/fhir/metadata")
        statement = capabilitystatement.CapabilityStatement.model_validate_json(answer.content)
        assert statement.rest is not None
        (rest,) = statement.rest
        assert [operation.name for operation in rest.operation or ()] == ["process-message"]
        served = [(one.type, [each.name for each in one.operation or ()]) for one in rest.resource or ()]
        assert served == [("Claim", ["submit"])]
        for path in ("$process-message", "Claim/$submit"):
            assert (await client.get(f"/api/fhir/{path}")).status_code == 405
    assert statement.fhirVersion == fhir.FHIR_VERSION


async def test_a_repeated_message_says_so() -> None:
    """The header of a repetition is the same as on the other routes."""
    stage = support.stage()
    headers = support.BILLER | support.FHIR | {"idempotency-key": "m-1"}
    async with support.client(stage.app) as client:
        await client.post("/api/fhir/$process-message", content=MESSAGE, headers=headers)
        again = await client.post("/api/fhir/$process-message", content=MESSAGE, headers=headers)
    assert again.headers["idempotent-replayed"] == "true"
