"""Who comes in: tokens, roles, and what a stranger is told."""

from collections.abc import Mapping

import hypothesis
import pytest
from hypothesis import strategies

import gateway_support as support
from chassis import errors, tokens
from chassis import testing as plumbing
from gateway.domain import callers
from gateway.outbound import bearers

CLAIM = b'{"claim_id":"CLM-1"}'
SECURED = [
    ("POST", "/api/v1/claims"),
    ("POST", "/api/v1/claims/check"),
    ("POST", "/api/v1/completions"),
    ("GET", "/api/v1/claims"),
    ("GET", "/api/v1/claims/01990d5a-6b1e-7c3a-9f10-2b7f6f1d2c11"),
    ("GET", "/api/v1/claims/01990d5a-6b1e-7c3a-9f10-2b7f6f1d2c11/history"),
    ("GET", "/api/v1/claims/01990d5a-6b1e-7c3a-9f10-2b7f6f1d2c11/explanation"),
    ("POST", "/api/v1/claims/01990d5a-6b1e-7c3a-9f10-2b7f6f1d2c11/decision"),
    ("GET", "/api/v1/events"),
]


@pytest.mark.parametrize(("method", "path"), SECURED)
async def test_without_a_token_nobody_comes_in(method: str, path: str) -> None:
    """Every route of claims answers a stranger with 401 and how to authenticate."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.request(method, path, headers=support.JSON)
    support.problem(answer, 401, "token.missing")
    assert answer.headers["www-authenticate"] == 'Bearer realm="ultrathink"'


@pytest.mark.parametrize(("method", "path"), SECURED)
async def test_a_role_that_does_not_fit_is_refused(method: str, path: str) -> None:
    """A role without a place in the table gets 403 everywhere, before anything else is judged."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        answer = await client.request(method, path, headers={"authorization": "Bearer guest"})
    support.problem(answer, 403, "role.missing")


@pytest.mark.parametrize(
    ("role", "action", "allowed"),
    [
        ("biller", "submit", True), ("reviewer", "submit", False), ("reviewer", "check", True),
        ("biller", "decide", False), ("reviewer", "decide", True), ("manager", "decide", True),
        ("scientist", "read", True), ("scientist", "watch", False), ("auditor", "read", True),
        ("payer", "check", True), ("payer", "submit", False), ("guest", "read", False),
    ],
)  # fmt: skip
def test_the_table_of_roles(role: str, action: str, *, allowed: bool) -> None:
    """Each role may do what its work needs and no more."""
    caller = callers.Caller("demo", "someone", (role,))
    if allowed:
        callers.require(caller, action)
    else:
        with pytest.raises(errors.Denied, match=r"role\.missing"):
            callers.require(caller, action)


async def test_a_stranger_is_refused_before_the_query_is_judged() -> None:
    """Wrong parameters teach a stranger nothing: authentication comes first."""
    async with support.client(support.stage().app) as client:
        answer = await client.get("/api/v1/claims", params={"limit": "many"})
    support.problem(answer, 401, "token.missing")


async def test_fhir_callers_are_refused_in_fhir() -> None:
    """On the FHIR routes a refusal is an OperationOutcome."""
    async with support.client(support.stage().app) as client:
        answer = await client.post("/api/fhir/Claim/$submit", content=b"{}", headers=support.FHIR)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.json()["issue"][0]["code"] == "login"


class _Verifier:
    def __init__(self, failure: errors.Fault | None = None) -> None:
        self.failure = failure

    async def verify(self, token: str) -> tokens.Principal:
        if self.failure is not None:
            raise self.failure
        return self.verified(token)

    def known(self, token: str) -> tokens.Principal | None:
        return None if token == "new" else self.verified(token)

    def verified(self, token: str) -> tokens.Principal:
        return tokens.Principal(
            tenant="demo", subject=token, roles=("biller",), branch="riyadh", expires_at=plumbing.START
        )


@pytest.mark.parametrize("headers", [{"authorization": "Bearer abc"}, {"authorization": "bearer  abc "}])
async def test_a_bearer_is_who_its_token_says(headers: Mapping[str, str]) -> None:
    """Scheme names have no case; tenant, subject, roles and branch are the token's."""
    caller = await bearers.BearerAuthenticator(_Verifier()).authenticate(headers)
    assert caller == callers.Caller("demo", "abc", ("biller",), "riyadh")


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "token.missing"),
        ({"x-user": "admin"}, "token.missing"),
        ({"authorization": "Basic YTpi"}, "token.malformed"),
        ({"authorization": "Bearer"}, "token.malformed"),
        ({"authorization": "Bearer   "}, "token.malformed"),
    ],
)
async def test_what_is_no_bearer_token_is_refused(headers: Mapping[str, str], reason: str) -> None:
    """Other schemes and empty tokens never reach the verifier."""
    with pytest.raises(errors.Denied) as refusal:
        await bearers.BearerAuthenticator(_Verifier()).authenticate(headers)
    assert refusal.value.reason == reason


@hypothesis.given(strategies.text())
async def test_no_text_makes_a_caller_by_itself(text: str) -> None:
    """Whatever an Authorization header holds, only the verifier's word lets anybody in."""
    refusing = bearers.BearerAuthenticator(_Verifier(errors.Denied("token.signature", "No.")))
    with pytest.raises(errors.Denied) as refusal:
        await refusing.authenticate({"authorization": text})
    assert refusal.value.reason.startswith("token.")
