"""POST /api/v1/completions: convert, call, convert; the body goes on untouched, refusals are problems."""

import msgspec
import pytest

import gateway_support as support
from chassis import errors
from gateway.inbound import completions, documents, examples

JSON = {"content-type": "application/json"}
BODY = '{"lines": [{"sequence": 1}], "note": "صافي"}'.encode()
ROUTE = completions.ROUTE


def _bearer(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {name}"}


async def test_the_body_goes_on_as_it_came():
    """For the caller's tenant; the answer comes back as claims wrote it and is kept by no cache."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.post(ROUTE, content=BODY, headers=JSON | _bearer("biller"))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["refusals"] == [{"path": "lines[0].net", "reason": "completion.no_model"}]
    ((body, tenant),) = stage.completer.asked
    assert (body, tenant) == (BODY, "demo")


@pytest.mark.parametrize("role", ["biller", "reviewer"])
async def test_who_may_check_may_ask(role: str):
    """The same roles as for the check."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.post(ROUTE, content=BODY, headers=JSON | _bearer(role))
    assert answer.status_code == 200


async def test_who_may_not_check_may_not_ask():
    """And the claim goes nowhere."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.post(ROUTE, content=BODY, headers=JSON | _bearer("guest"))
    support.problem(answer, 403, "role.missing")
    assert stage.completer.asked == []


async def test_nobody_is_asked_for_a_token():
    """Before the body is read."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.post(ROUTE, content=BODY, headers=JSON)
    support.problem(answer, 401, "token.missing")
    assert stage.completer.asked == []


@pytest.mark.parametrize(
    "media_type", ["application/fhir+json", "text/csv", "application/x-ndjson", "text/plain", ""]
)
async def test_only_canonical_claims_are_taken(media_type: str):
    """Anything else is 415 with the types that are served."""
    stage = support.stage()
    headers = _bearer("biller") | ({"content-type": media_type} if media_type else {})
    async with support.client(stage.app) as client:
        answer = await client.post(ROUTE, content=BODY, headers=headers)
    told = support.problem(answer, 415, "media_type.unsupported")
    assert "application/json" in told.detail


async def test_a_compressed_body_is_refused():
    """As at every route."""
    stage = support.stage()
    headers = JSON | _bearer("biller") | {"content-encoding": "gzip"}
    async with support.client(stage.app) as client:
        answer = await client.post(ROUTE, content=BODY, headers=headers)
    assert answer.status_code == 415
    assert stage.completer.asked == []


@pytest.mark.parametrize(
    ("fault", "status", "retry"),
    [
        (errors.Invalid("json.malformed", "No."), 400, None),
        (errors.Invalid("claim.unreadable", "No."), 422, None),
        (errors.Denied("tenant.unknown", "No."), 403, None),
        (errors.Unavailable("completion.unavailable", "Away.", retry_after_ms=2_500), 503, "3"),
        (errors.Unavailable("deadline.exceeded", "Late."), 504, "1"),
        (errors.Exhausted("call.exhausted", "Much.", retry_after_ms=100), 429, "1"),
        (errors.Internal("completion.refused", "Ours."), 500, None),
    ],
)
async def test_a_fault_is_a_problem_of_its_kind(fault: errors.Fault, status: int, retry: str | None):
    """Never an answer that looks like "nothing to suggest"; what may help stands in the headers."""
    stage = support.stage()
    stage.completer.failure = fault
    async with support.client(stage.app) as client:
        answer = await client.post(ROUTE, content=BODY, headers=JSON | _bearer("biller"))
    told = support.problem(answer, status, fault.reason)
    assert told.instance == ROUTE
    assert answer.headers.get("retry-after") == retry


async def test_a_body_beyond_the_limit_is_refused():
    """Without being handed on."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.post(ROUTE, content=b" " * 10_000_001, headers=JSON | _bearer("biller"))
    assert answer.status_code == 413
    assert stage.completer.asked == []


async def test_other_methods_are_told_the_right_one():
    """The route takes POST."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.get(ROUTE, headers=_bearer("biller"))
    support.problem(answer, 405, "route.method_not_allowed")
    assert answer.headers["allow"] == "POST"


async def test_the_document_has_the_route_and_the_page_shows_it():
    """With the claim as its body, an example of an answer, and every refusal there can be."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        document = (await client.get("/openapi.json")).json()
        page = (await client.get("/docs")).text
    told = document["paths"][ROUTE]["post"]
    assert told["tags"] == ["claims"]
    assert told["requestBody"]["required"] is True
    content = told["responses"]["200"]["content"]["application/json"]
    assert {"suggestions", "refusals", "models", "open"} <= content["example"].keys()
    assert "503" in told["responses"]
    assert ROUTE in page
    assert documents.TITLE in page


def test_the_example_of_an_open_claim_is_open():
    """It lacks what suggestions are for, and is JSON."""
    told = msgspec.json.decode(msgspec.json.encode(examples.OPEN_CLAIM))
    assert "diagnoses" not in told
    assert "net" not in told["lines"][0]
