"""A user's token says what it was issued to say: nothing added, nothing moved, by anybody."""

import asyncio
import base64
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis import errors, testing, tokens

CLOCK = testing.ManualClock()
WORDS = st.text("abcdefghij-", min_size=1, max_size=12)


@pytest.fixture(scope="module")
def issuer() -> tokens.DevelopmentIssuer:
    """An issuer with a key of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return tokens.DevelopmentIssuer(Path(folder) / "key.pem", CLOCK)


def verified(issuer: tokens.DevelopmentIssuer, token: str) -> tokens.Principal:
    """Return whom a fresh verifier takes the token for."""
    return asyncio.run(tokens.development_verifier(issuer.jwks(), CLOCK).verify(token))


def encoded(value: dict[str, Any]) -> str:
    """Return a part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def decoded(part: str) -> dict[str, Any]:
    """Return what a part of a token says."""
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


@settings(deadline=None, max_examples=40)
@given(WORDS, WORDS, st.lists(WORDS, max_size=3), WORDS)
def test_a_token_says_what_was_issued(
    issuer: tokens.DevelopmentIssuer, tenant: str, subject: str, roles: list[str], branch: str
) -> None:
    """For any principal: what was put in comes out, roles in their order."""
    token = issuer.issue(tenant=tenant, subject=subject, roles=roles, branch=branch)
    told = verified(issuer, token)
    assert (told.tenant, told.subject, told.roles, told.branch) == (tenant, subject, tuple(roles), branch)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["tenant", "sub", "roles", "branch", "exp", "iat", "aud", "iss", "admin"]),
    WORDS | st.integers(0, 2**40) | st.lists(WORDS, max_size=2) | st.none(),
)
def test_no_claim_can_be_changed_under_its_signature(
    issuer: tokens.DevelopmentIssuer, name: str, value: object
) -> None:
    """For any claim given any other value: the token is refused, whatever it now says."""
    head, body, signature = issuer.issue(tenant="demo", subject="me", roles=["biller"]).split(".")
    told = decoded(body)
    changed = told | {name: value}
    if changed == told:
        changed["jti"] = "another"
    with pytest.raises(errors.Denied) as caught:
        verified(issuer, ".".join([head, encoded(changed), signature]))
    assert caught.value.reason.startswith("token.")


@pytest.mark.parametrize(
    "head",
    [
        {"alg": "none"}, {"alg": "None"}, {"alg": "HS256"}, {"typ": "other"}, {"crit": ["exp"]},
        {"kid": "someone"}, {"jwk": {"kty": "oct", "k": "AAAA"}}, {"jku": "https://example.org/keys"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("signature", ["kept", "", "AAAA"])
def test_no_head_can_choose_its_own_proof(
    issuer: tokens.DevelopmentIssuer, head: dict[str, Any], signature: str
) -> None:
    """Another algorithm, none at all, or a key brought along: the signature must be the issuer's."""
    first, body, last = issuer.issue(tenant="demo", subject="me").split(".")
    kept = last if signature == "kept" else signature
    with pytest.raises(errors.Denied) as caught:
        verified(issuer, ".".join([encoded(decoded(first) | head), body, kept]))
    assert caught.value.reason in {"token.signature", "token.malformed"}


def test_parts_of_two_tokens_do_not_mix(issuer: tokens.DevelopmentIssuer) -> None:
    """A signature belongs to the words it was made for."""
    one = issuer.issue(tenant="one", subject="me").split(".")
    two = issuer.issue(tenant="two", subject="me").split(".")
    with pytest.raises(errors.Denied, match=r"token\.signature"):
        verified(issuer, ".".join([*one[:2], two[2]]))
    assert verified(issuer, ".".join(two)).tenant == "two"
