"""One claim per request: what is created, repeated, refused, and how each is told."""

import pytest

import gateway_support as support
from chassis import errors

CLAIM = b'{"claim_id":"CLM-1"}'
URL = "/api/v1/claims"


async def test_a_new_claim_is_created_with_its_location() -> None:
    """A first submission answers 201, the decision as claims wrote it, and where the claim is."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.post(URL, content=CLAIM, headers=support.BILLER | support.JSON)
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["location"] == f"{URL}/{answer.json()['id']}"
    assert answer.json()["claim_id"] == "CLM-1"


async def test_the_context_comes_from_the_token_alone() -> None:
    """Identity headers that a client invents change nothing."""
    stage = support.stage()
    invented = {"x-tenant": "other", "x-subject": "admin", "x-roles": "operator"}
    async with support.client(stage.app) as client:
        await client.post(URL, content=CLAIM, headers=support.BILLER | support.JSON | invented)
    context = stage.claims.submissions[0][1]
    assert (context.tenant, context.subject, context.roles, context.branch) == (
        "demo", "bilal", ("biller",), "riyadh",
    )  # fmt: skip


async def test_the_same_key_and_body_repeat_the_answer() -> None:
    """A repetition answers 200 with Idempotent-Replayed and the same id."""
    stage = support.stage()
    headers = support.BILLER | support.JSON | {"idempotency-key": "key-1"}
    async with support.client(stage.app) as client:
        first = await client.post(URL, content=CLAIM, headers=headers)
        again = await client.post(URL, content=CLAIM, headers=headers)
    assert again.status_code == 200
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert again.json()["id"] == first.json()["id"]


async def test_the_same_key_with_another_body_is_a_conflict() -> None:
    """A key that was used for another claim answers 409 and stores nothing."""
    stage = support.stage()
    headers = support.BILLER | support.JSON | {"idempotency-key": "key-1"}
    async with support.client(stage.app) as client:
        await client.post(URL, content=CLAIM, headers=headers)
        answer = await client.post(URL, content=b'{"claim_id":"CLM-2"}', headers=headers)
    support.problem(answer, 409, "idempotency.key_reused")
    assert len(stage.claims.stored) == 1


async def test_a_check_stores_nothing() -> None:
    """The check answers 200 with a decision and leaves no claim behind."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.post(f"{URL}/check", content=CLAIM, headers=support.BILLER | support.JSON)
    assert answer.status_code == 200
    assert "location" not in answer.headers
    assert stage.claims.stored == {}
    assert stage.claims.submissions[0][0].dry_run


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "Application/JSON", "application/fhir+json"]
)
async def test_media_types_are_read_as_the_standard_says(media_type: str) -> None:
    """Case and a UTF-8 charset do not matter."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.post(URL, content=CLAIM, headers=support.BILLER | {"content-type": media_type})
    assert answer.status_code == 201


async def test_accept_chooses_the_form_of_the_decision() -> None:
    """Whoever asks for FHIR gets a FHIR answer from claims."""
    stage = support.stage()
    headers = support.BILLER | support.JSON | {"accept": "application/fhir+json"}
    async with support.client(stage.app) as client:
        answer = await client.post(URL, content=CLAIM, headers=headers)
    assert answer.headers["content-type"] == "application/fhir+json"
    assert stage.claims.submissions[0][0].accept == "application/fhir+json"


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ({}, 415, "media_type.unsupported"),
        ({"content-type": "application/xml"}, 415, "media_type.unsupported"),
        ({"content-type": "application/json; charset=latin-1"}, 415, "media_type.unsupported"),
        (support.JSON | {"content-encoding": "gzip"}, 415, "content_encoding.unsupported"),
        (support.JSON | {"idempotency-key": "two words"}, 422, "idempotency.key_malformed"),
        (support.JSON | {"idempotency-key": "k" * 201}, 422, "idempotency.key_malformed"),
        (support.JSON | {"idempotency-key": ""}, 422, "idempotency.key_malformed"),
        (support.JSON | {"content-length": "-5"}, 400, "headers.malformed"),
        (support.JSON | {"content-length": "ten"}, 400, "headers.malformed"),
    ],
)
async def test_headers_that_cannot_be_served_are_refused(
    headers: dict[str, str], status: int, reason: str
) -> None:
    """Each odd header has its own refusal, and claims never hears of the request."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.post(URL, content=CLAIM, headers=support.BILLER | headers)
    support.problem(answer, status, reason)
    assert stage.claims.submissions == []


async def test_a_header_that_decides_may_be_sent_once() -> None:
    """Two idempotency keys are refused: neither is more right than the other."""
    stage = support.stage()
    headers = [*(support.BILLER | support.JSON).items(), ("idempotency-key", "a"), ("idempotency-key", "b")]
    async with support.client(stage.app) as client:
        answer = await client.post(URL, content=CLAIM, headers=headers)
    support.problem(answer, 400, "headers.malformed")


async def test_eleven_megabytes_are_refused_by_their_announcement() -> None:
    """A Content-Length over the limit is 413 before a byte of the body is read, and the connection ends."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.post(URL, content=b" " * 11_000_000, headers=support.BILLER | support.JSON)
    support.problem(answer, 413, "body.too_large")
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (errors.Invalid("json.malformed", "Not JSON."), 400),
        (errors.Invalid("json.too_deep", "Nested too deep."), 400),
        (errors.Invalid("claim.too_many_lines", "More than 1,000 lines."), 422),
        (errors.NotFound("claim.unknown", "None."), 404),
        (errors.Conflict("idempotency.key_reused", "Used."), 409),
        (errors.Denied("tenant.unknown", "Unknown tenant."), 403),
        (errors.Exhausted("queue.full", "Full.", retry_after_ms=2500), 429),
        (errors.Unavailable("call.unavailable", "Away."), 503),
        (errors.Unavailable("deadline.exceeded", "Late."), 504),
        (errors.Internal("internal.unexpected", "Failed."), 500),
    ],
)
async def test_what_claims_refuses_keeps_its_reason(fault: errors.Fault, status: int) -> None:
    """Every kind has its status, and those that pass by themselves say when to come back."""
    stage = support.stage()
    stage.claims.failure = fault
    async with support.client(stage.app) as client:
        answer = await client.post(URL, content=CLAIM, headers=support.BILLER | support.JSON)
    support.problem(answer, status, fault.reason)
    assert ("retry-after" in answer.headers) == (status in {429, 503, 504})
    if status == 429:
        assert answer.headers["retry-after"] == "3"


async def test_violations_become_errors_with_their_places() -> None:
    """What claims found wrong stands in errors with path, code and message."""
    stage = support.stage()
    found = errors.Violation("lines[0].net", "money.too_many_decimals", "Two decimals at most.")
    stage.claims.failure = errors.Invalid("claim.invalid", "The claim is wrong.", violations=(found,))
    async with support.client(stage.app) as client:
        answer = await client.post(URL, content=CLAIM, headers=support.BILLER | support.JSON)
    told = support.problem(answer, 422, "claim.invalid")
    assert told.errors == [support.Item("lines[0].net", "money.too_many_decimals", "Two decimals at most.")]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 20_000, b"null"])
async def test_bodies_that_are_no_claim_pass_to_claims_and_come_back_refused(body: bytes) -> None:
    """The gateway does not judge a body; claims does, and its refusal is the answer."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.post(URL, content=body, headers=support.BILLER | support.JSON)
    support.problem(answer, 400, "json.malformed")
    assert stage.claims.submissions[0][0].body == body
