"""User tokens: whom they speak for, and every way in which they do not."""

import asyncio
import base64
import contextlib
import hmac
import json
import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk, jwt

from chassis import errors, jose, oidc, testing, tokens

ISSUER = "https://login.example"
AUDIENCE = "ultrathink"
KID = "2026"


@pytest.fixture
def clock() -> testing.ManualClock:
    """A clock that obeys."""
    return testing.ManualClock()


async def reason_of(verifier: tokens.TokenVerifier, token: str) -> str:
    """Return the reason for which the verifier refuses the token."""
    with pytest.raises(errors.Fault) as caught:
        await verifier.verify(token)
    return caught.value.reason


async def test_an_issued_token_is_verified(tmp_path: Path, clock: testing.ManualClock) -> None:
    """Tenant, subject, roles, branch and end come back as they were issued."""
    issuer = tokens.DevelopmentIssuer(tmp_path / "issuer.pem", clock)
    token = issuer.issue(tenant="demo", subject="sara", roles=["biller", "reviewer"], branch="riyadh")
    verifier = tokens.development_verifier(issuer.public_file, clock)
    for _ in range(2):
        assert await verifier.verify(token) == tokens.Principal(
            tenant="demo",
            subject="sara",
            roles=("biller", "reviewer"),
            branch="riyadh",
            expires_at=testing.START
            + timedelta(seconds=tokens.DEVELOPMENT_LIFETIME_SECONDS + jose.LEEWAY_SECONDS),
        )


async def test_the_issuers_key_is_private_and_stays(tmp_path: Path, clock: testing.ManualClock) -> None:
    """The key is its owner's alone, a second start signs with the same one, verifiers get the public half."""
    path = tmp_path / "issuer.pem"
    first = tokens.DevelopmentIssuer(path, clock)
    token = first.issue(tenant="demo", subject="sara")
    second = tokens.DevelopmentIssuer(path, clock)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "d" not in json.loads(second.public_file.read_text())["keys"][0]
    assert (await tokens.development_verifier(second.jwks(), clock).verify(token)).subject == "sara"


async def test_an_expired_token_is_refused_even_where_it_was_seen(
    tmp_path: Path, clock: testing.ManualClock
) -> None:
    """A remembered proof ends with its token."""
    issuer = tokens.DevelopmentIssuer(tmp_path / "issuer.pem", clock)
    verifier = tokens.development_verifier(issuer.jwks(), clock)
    token = issuer.issue(tenant="demo", subject="sara", lifetime_seconds=60)
    await verifier.verify(token)
    clock.advance(60 + jose.LEEWAY_SECONDS)
    assert await reason_of(verifier, token) == "token.expired"


async def test_another_issuers_key_is_refused(tmp_path: Path, clock: testing.ManualClock) -> None:
    """A token of another installation's development issuer proves nothing here."""
    ours = tokens.DevelopmentIssuer(tmp_path / "ours.pem", clock)
    theirs = tokens.DevelopmentIssuer(tmp_path / "theirs.pem", clock)
    token = theirs.issue(tenant="demo", subject="sara")
    assert await reason_of(tokens.development_verifier(ours.jwks(), clock), token) == "token.signature"


CLAIMS: dict[str, Any] = {
    "iss": tokens.DEVELOPMENT_ISSUER, "aud": AUDIENCE, "sub": "sara", "tenant": "demo", "roles": ["biller"],
    "branch": "", "iat": testing.START.timestamp(), "exp": testing.START.timestamp() + 60,
}  # fmt: skip


def absent(name: str) -> dict[str, Any]:
    """Return the claims without one."""
    return {key: value for key, value in CLAIMS.items() if key != name}


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        (CLAIMS | {"iss": "somebody"}, "token.issuer"),
        (absent("iss"), "token.issuer"),
        (CLAIMS | {"aud": "other"}, "token.audience"),
        (CLAIMS | {"aud": ["other"]}, "token.audience"),
        (absent("aud"), "token.audience"),
        (CLAIMS | {"exp": testing.START.timestamp() - 31}, "token.expired"),
        (absent("exp"), "token.malformed"),
        (CLAIMS | {"exp": "tomorrow"}, "token.malformed"),
        (CLAIMS | {"exp": True}, "token.malformed"),
        (CLAIMS | {"exp": float("inf")}, "token.malformed"),
        (CLAIMS | {"exp": 10**400}, "token.malformed"),
        (CLAIMS | {"exp": float("nan")}, "token.malformed"),
        (CLAIMS | {"exp": -1}, "token.malformed"),
        (CLAIMS | {"nbf": testing.START.timestamp() + 31}, "token.not_yet_valid"),
        (CLAIMS | {"iat": testing.START.timestamp() + 31}, "token.not_yet_valid"),
        (absent("tenant"), "token.tenant_missing"),
        (CLAIMS | {"tenant": ""}, "token.tenant_missing"),
        (CLAIMS | {"tenant": ["demo"]}, "token.tenant_missing"),
        (absent("sub"), "token.malformed"),
        (CLAIMS | {"roles": "biller"}, "token.malformed"),
        (CLAIMS | {"roles": [1]}, "token.malformed"),
        (CLAIMS | {"branch": 1}, "token.malformed"),
    ],
)
async def test_every_refusal_has_its_reason(
    claims: dict[str, Any], reason: str, clock: testing.ManualClock
) -> None:
    """A true signature under wrong claims is refused with a stable reason."""
    key = jwk.generate_key("EC", "P-256")
    public = {"keys": [dict(key.as_dict(private=False), kid="k")]}
    token = jose.sign(key, claims, kid="k", typ="JWT")
    assert await reason_of(tokens.development_verifier(public, clock), token) == reason


@pytest.mark.parametrize(
    ("token", "reason"),
    [("", "token.missing"), ("x", "token.malformed"), ("a.b.c", "token.malformed"), ("ü", "token.malformed"),
     ("a" * 9_000, "token.malformed"), ("....", "token.malformed")],
)  # fmt: skip
async def test_what_is_no_token_is_refused(tmp_path: Path, token: str, reason: str) -> None:
    """Anything may arrive in a header."""
    clock = testing.ManualClock()
    issuer = tokens.DevelopmentIssuer(tmp_path / "issuer.pem", clock)
    assert await reason_of(tokens.development_verifier(issuer.jwks(), clock), token) == reason


def test_a_verifier_without_keys_does_not_start(tmp_path: Path) -> None:
    """A missing file of public keys is told at the start."""
    with pytest.raises(errors.Invalid) as caught:
        tokens.development_verifier(tmp_path / "none.json", testing.ManualClock())
    assert caught.value.reason == "key.unreadable"


class Provider:
    """An OpenID Connect provider that answers from memory and counts how often it is asked."""

    def __init__(self, keys: dict[str, Any]) -> None:
        self.issuer = ISSUER
        self.keys = keys
        self.asked: list[str] = []
        self.away = False
        self.answers: dict[str, bytes] = {}

    async def fetch(self, url: str) -> bytes:
        """Answer as the provider would."""
        self.asked.append(url)
        if self.away:
            raise OSError
        if url in self.answers:
            return self.answers[url]
        if url.endswith("/.well-known/openid-configuration"):
            return json.dumps({"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}).encode()
        public = [dict(key.as_dict(private=False), kid=kid) for kid, key in self.keys.items()]
        return json.dumps({"keys": public}).encode()

    def token(self, kid: str = KID, algorithm: str = "RS256", **claims: Any) -> str:
        """Return a token of this provider."""
        whole = {**CLAIMS, "iss": self.issuer, **claims}
        key = self.keys.get(kid, self.keys[KID])
        return jwt.encode({"alg": algorithm, "kid": kid}, whole, key, algorithms=[algorithm])

    def verifier(self, clock: testing.ManualClock) -> tokens.TokenVerifier:
        """Return a verifier that asks this provider."""
        return oidc.oidc_verifier(ISSUER, AUDIENCE, clock, fetch=self.fetch)


@pytest.fixture(scope="module")
def keys() -> dict[str, Any]:
    """RSA keys, which take long to make."""
    return {kid: jwk.generate_key("RSA", 2048) for kid in (KID, "2027")}


@pytest.fixture
def provider(keys: dict[str, Any]) -> Provider:
    """A provider with one key."""
    return Provider({KID: keys[KID]})


async def test_a_providers_token_is_verified(provider: Provider, clock: testing.ManualClock) -> None:
    """Keys are found by discovery, fetched once, and a token is checked once."""
    verifier = provider.verifier(clock)
    assert provider.asked == []
    for audience in (AUDIENCE, ["other", AUDIENCE]):
        token = provider.token(aud=audience)
        for _ in range(2):
            assert (await verifier.verify(token)).tenant == "demo"
    assert provider.asked == [f"{ISSUER}/.well-known/openid-configuration", f"{ISSUER}/keys"]


async def test_a_new_key_is_fetched_when_it_appears(
    provider: Provider, keys: dict[str, Any], clock: testing.ManualClock
) -> None:
    """A provider may change its key at any time; the token that names the new one has it fetched."""
    verifier = provider.verifier(clock)
    await verifier.verify(provider.token())
    provider.keys["2027"] = keys["2027"]
    clock.advance(oidc.REFRESH_SECONDS)
    assert (await verifier.verify(provider.token("2027"))).subject == "sara"


async def test_invented_keys_do_not_flood_the_provider(
    provider: Provider, clock: testing.ManualClock
) -> None:
    """However many tokens name unknown keys, the provider is asked once per interval."""
    verifier = provider.verifier(clock)
    await verifier.verify(provider.token())
    clock.advance(oidc.REFRESH_SECONDS)
    token = provider.token("none")
    for _ in range(5):
        assert await reason_of(verifier, token) == "token.signature"
    assert len(provider.asked) == 4


async def test_a_provider_that_is_away_is_not_the_users_fault(
    provider: Provider, clock: testing.ManualClock
) -> None:
    """Without keys the answer is Unavailable, not Denied; with known ones the provider is not needed."""
    verifier = provider.verifier(clock)
    provider.away = True
    with pytest.raises(errors.Unavailable) as caught:
        await verifier.verify(provider.token())
    assert caught.value.reason == "oidc.unreachable"
    provider.away = False
    assert await reason_of(verifier, provider.token()) == "oidc.unreachable"
    clock.advance(oidc.REFRESH_SECONDS)
    await verifier.verify(provider.token())
    provider.away = True
    clock.advance(oidc.REFRESH_SECONDS)
    assert await reason_of(verifier, provider.token("2027")) == "oidc.unreachable"
    assert (await verifier.verify(provider.token(sub="omar"))).subject == "omar"


def segment(part: dict[str, Any] | bytes) -> bytes:
    """Return a part of a compact token."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


@pytest.mark.parametrize("algorithm", ["HS256", "none"])
async def test_a_public_key_is_no_shared_secret(
    provider: Provider, clock: testing.ManualClock, algorithm: str
) -> None:
    """Tokens signed with the public key as an HMAC secret, or not signed, are refused."""
    secret = provider.keys[KID].as_pem(private=False)
    text = b".".join([segment({"alg": algorithm, "kid": KID}), segment({**CLAIMS, "iss": ISSUER})])
    signature = b"" if algorithm == "none" else segment(hmac.digest(secret, text, "sha256"))
    token = b".".join([text, signature]).decode()
    assert await reason_of(provider.verifier(clock), token) == "token.signature"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/.well-known/openid-configuration", b"<html>"),
        ("/.well-known/openid-configuration", b"[1]"),
        ("/.well-known/openid-configuration", b'{"issuer": "https://login.example"}'),
        (
            "/.well-known/openid-configuration",
            b'{"issuer": "https://login.example", "jwks_uri": "http://x/"}',
        ),
        ("/keys", b"<html>"),
        ("/keys", b'{"keys": [{"kty": "??"}]}'),
    ],
)
async def test_a_provider_that_answers_nonsense_is_as_good_as_away(
    provider: Provider, clock: testing.ManualClock, path: str, answer: bytes
) -> None:
    """What cannot be read, or would have to be fetched in the clear, is not used."""
    provider.answers[ISSUER + path] = answer
    assert await reason_of(provider.verifier(clock), provider.token()) == "oidc.unreachable"


async def test_a_provider_that_names_itself_differently_is_refused(
    provider: Provider, clock: testing.ManualClock
) -> None:
    """The discovered issuer must be the configured one."""
    provider.issuer = "https://evil.example"
    assert await reason_of(provider.verifier(clock), provider.token()) == "oidc.issuer_differs"


@pytest.mark.parametrize("issuer", ["http://login.example", "ftp://x", "login.example", "file:///etc"])
def test_an_issuer_in_the_clear_is_refused(issuer: str) -> None:
    """Keys that anyone on the way could change are not keys; loopback is exempt."""
    with pytest.raises(errors.Invalid) as caught:
        oidc.oidc_verifier(issuer, AUDIENCE, testing.ManualClock())
    assert caught.value.reason == "oidc.insecure"
    oidc.oidc_verifier("http://127.0.0.1:1", AUDIENCE, testing.ManualClock())


@contextlib.asynccontextmanager
async def website(answer: bytes) -> AsyncIterator[str]:
    """A web server on loopback that gives every request this answer; yields its URL."""
    answered = asyncio.Event()

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError):  # who has enough of a flood goes away
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)
                await writer.drain()
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            answered.set()

    async with await asyncio.start_server(respond, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
        await asyncio.wait_for(answered.wait(), 10)


async def test_documents_are_fetched() -> None:
    """What a GET answers is returned as it is."""
    async with website(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}") as url:
        assert await oidc.fetched(url) == b"{}"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
        b"HTTP/1.0 500 Broken\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n" + b" " * (oidc.MAX_DOCUMENT_BYTES + 1),
    ],
)
async def test_what_is_not_a_document_is_not_taken(answer: bytes, clock: testing.ManualClock) -> None:
    """Redirects, failures, nonsense and floods make the issuer unreachable, whatever they are."""
    async with website(answer) as url:
        verifier = oidc.oidc_verifier(url, AUDIENCE, clock)
        token = jose.sign(jwk.generate_key("EC", "P-256"), CLAIMS, kid="k", typ="JWT")
        assert await reason_of(verifier, token) == "oidc.unreachable"


@given(st.text(max_size=100))
async def test_any_text_is_judged(text: str) -> None:
    """No text makes a verifier fail in another way than by refusing."""
    key = jwk.generate_key("EC", "P-256")
    public = {"keys": [dict(key.as_dict(private=False), kid="k")]}
    verifier = tokens.development_verifier(public, testing.ManualClock())
    assert (await reason_of(verifier, text)).startswith("token.")
