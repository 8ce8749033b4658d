"""Services prove themselves to exactly the service they call, and the table decides what they may call."""

import base64
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk, jwt

from chassis import errors, identity, jose, testing, tokens

METHOD = "/pkg.v1.Store/Record"
NAMES = ("claims", "scoring")


@pytest.fixture
def keys(tmp_path: Path) -> identity.KeyFiles:
    """Keys of two services."""
    return identity.create_keys(tmp_path / "keys", NAMES)


@pytest.fixture
def clock() -> testing.ManualClock:
    """A clock that obeys."""
    return testing.ManualClock()


def signer_of(keys: identity.KeyFiles, name: str, clock: testing.ManualClock) -> identity.ServiceSigner:
    """Return the signer of a service."""
    made = identity.signer(name, keys.private[name], clock)
    assert made is not None
    return made


def verifier_of(keys: identity.KeyFiles, clock: testing.ManualClock) -> identity.ServiceVerifier:
    """Return a new verifier."""
    made = identity.verifier(keys.public, clock)
    assert made is not None
    return made


def token_of(signer: identity.ServiceSigner, method: str = METHOD) -> str:
    """Return the token a signer sends."""
    key, value = signer.metadata(method)
    assert key == "authorization"
    return value.removeprefix(identity.SERVICE_SCHEME)


def test_keys_are_private_and_stay(tmp_path: Path) -> None:
    """Key files are readable by their owner alone and survive a second start; the public set names each."""
    first = identity.create_keys(tmp_path / "keys", NAMES)
    before = {name: path.read_bytes() for name, path in first.private.items()}
    second = identity.create_keys(tmp_path / "keys", (*NAMES, "storage"))
    assert {name: second.private[name].read_bytes() for name in NAMES} == before
    assert {stat.S_IMODE(path.stat().st_mode) for path in second.private.values()} == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    public = json.loads(second.public.read_text())["keys"]
    assert [key["kid"] for key in public] == [*NAMES, "storage"]
    assert all("d" not in key for key in public)


@pytest.mark.parametrize("name", ["user", "../evil", "", "a b", "ü"])
def test_a_name_that_cannot_be_a_service_is_refused(tmp_path: Path, name: str) -> None:
    """`user` has a meaning of its own, and a name never leaves the directory."""
    with pytest.raises(errors.Invalid) as caught:
        identity.create_keys(tmp_path, [name])
    assert caught.value.reason == "key.name"


def test_a_signed_call_is_recognised(keys: identity.KeyFiles, clock: testing.ManualClock) -> None:
    """The verifier tells which service signed."""
    token = token_of(signer_of(keys, "claims", clock))
    verifier = verifier_of(keys, clock)
    assert verifier.verify(token, METHOD) == "claims"
    assert verifier.verify(token, "/pkg.v1.Store/Lookup") == "claims"


def test_a_token_opens_one_service_only(keys: identity.KeyFiles, clock: testing.ManualClock) -> None:
    """A service cannot use what it received to call another one, verified before or not."""
    token = token_of(signer_of(keys, "claims", clock))
    verifier = verifier_of(keys, clock)
    for _ in range(2):
        with pytest.raises(errors.Denied) as caught:
            verifier.verify(token, "/pkg.v1.Audit/Append")
        assert caught.value.reason == "token.audience"
        assert verifier.verify(token, METHOD) == "claims"


def test_a_token_is_kept_and_renewed_in_time(keys: identity.KeyFiles, clock: testing.ManualClock) -> None:
    """Calls share a token until it is close to its end; what is sent is always still valid."""
    signer, verifier = signer_of(keys, "claims", clock), verifier_of(keys, clock)
    first = token_of(signer)
    clock.advance(identity.TOKEN_LIFETIME_SECONDS - identity.RENEWAL_SECONDS - 1)
    assert token_of(signer) == first
    clock.advance(1)
    second = token_of(signer)
    assert second != first
    assert verifier.verify(first, METHOD) == verifier.verify(second, METHOD) == "claims"


def test_a_clock_that_was_put_back_gets_a_new_token_at_once(
    keys: identity.KeyFiles, clock: testing.ManualClock
) -> None:
    """A token made while the clock was ahead would be refused for as long as it was ahead."""
    signer, verifier = signer_of(keys, "claims", clock), verifier_of(keys, clock)
    clock.advance(600)
    token_of(signer)
    clock.advance(-600)
    assert verifier.verify(token_of(signer), METHOD) == "claims"


def test_a_token_expires_even_where_it_was_seen(keys: identity.KeyFiles, clock: testing.ManualClock) -> None:
    """A remembered proof ends with its token; clocks may differ by the leeway and no more."""
    token, verifier = token_of(signer_of(keys, "claims", clock)), verifier_of(keys, clock)
    clock.advance(identity.TOKEN_LIFETIME_SECONDS + jose.LEEWAY_SECONDS - 1)
    assert verifier.verify(token, METHOD) == "claims"
    clock.advance(1)
    with pytest.raises(errors.Denied) as caught:
        verifier.verify(token, METHOD)
    assert caught.value.reason == "token.expired"


def test_a_token_from_the_future_waits(keys: identity.KeyFiles, clock: testing.ManualClock) -> None:
    """A signer whose clock runs ahead by more than the leeway is refused."""
    ahead = testing.ManualClock()
    ahead.advance(jose.LEEWAY_SECONDS + 1)
    with pytest.raises(errors.Denied) as caught:
        verifier_of(keys, clock).verify(token_of(signer_of(keys, "claims", ahead)), METHOD)
    assert caught.value.reason == "token.not_yet_valid"


def test_one_service_cannot_speak_for_another(
    keys: identity.KeyFiles, clock: testing.ManualClock, tmp_path: Path
) -> None:
    """A token named like one service and signed by another, or by a key of nobody, is refused."""
    pem = keys.private["scoring"].read_bytes()
    stranger = identity.create_keys(tmp_path / "strange", ["claims", "stranger"])
    for token in (
        token_of(identity.ServiceSigner("claims", pem, clock)),
        token_of(signer_of(stranger, "claims", clock)),
        token_of(signer_of(stranger, "stranger", clock)),
    ):
        with pytest.raises(errors.Denied) as caught:
            verifier_of(keys, clock).verify(token, METHOD)
        assert caught.value.reason == "token.signature"


def test_the_name_in_a_token_is_the_keys_name(keys: identity.KeyFiles, clock: testing.ManualClock) -> None:
    """A service that signs with its own key but claims another issuer is refused."""
    key = jose.read_key(keys.private["scoring"].read_bytes(), "scoring")
    now = clock.now().timestamp()
    claims = {"iss": "claims", "aud": "pkg.v1.Store", "exp": now + 60}
    token = jose.sign(key, claims, kid="scoring", typ=identity.SERVICE_TYPE)
    with pytest.raises(errors.Denied) as caught:
        verifier_of(keys, clock).verify(token, METHOD)
    assert caught.value.reason == "token.issuer"


def test_a_users_token_is_no_services(keys: identity.KeyFiles, clock: testing.ManualClock) -> None:
    """Even signed by a service's key, a token of another type proves no service."""
    key = jose.read_key(keys.private["claims"].read_bytes(), "claims")
    claims = {"iss": "claims", "aud": "pkg.v1.Store", "exp": clock.now().timestamp() + 60}
    with pytest.raises(errors.Denied) as caught:
        verifier_of(keys, clock).verify(jose.sign(key, claims, kid="claims", typ="JWT"), METHOD)
    assert caught.value.reason == "token.malformed"


def test_other_algorithms_are_refused(keys: identity.KeyFiles, clock: testing.ManualClock) -> None:
    """`none`, and an HMAC keyed with the public key, prove nothing."""
    head = {"alg": "none", "kid": "claims", "typ": identity.SERVICE_TYPE}
    body = {"iss": "claims", "aud": "pkg.v1.Store", "exp": clock.now().timestamp() + 60}
    segments = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (head, body)]
    unsigned = b".".join([*segments, b""]).decode()
    public = json.loads(keys.public.read_text())["keys"][0]
    shared = jwk.import_key(json.dumps(public).encode(), "oct")
    confused = jwt.encode({**head, "alg": "HS256"}, body, shared, algorithms=["HS256"])
    for token in (unsigned, confused):
        with pytest.raises(errors.Denied) as caught:
            verifier_of(keys, clock).verify(token, METHOD)
        assert caught.value.reason == "token.signature"


@given(st.data())
def test_a_tampered_token_is_refused(data: st.DataObject) -> None:
    """Whatever character is changed: the token proves nothing any more, and nothing but Denied is raised."""
    clock = testing.ManualClock()
    key = jwk.generate_key("EC", "P-256")
    public = {"keys": [dict(key.as_dict(private=False), kid="claims")]}
    token = token_of(identity.ServiceSigner("claims", key.as_pem(private=True), clock))
    place = data.draw(st.integers(0, len(token) - 2))  # the last character carries padding bits
    other = data.draw(st.characters(codec="utf-8").filter(lambda char: char != token[place]))
    with pytest.raises(errors.Denied):
        identity.ServiceVerifier(public, clock).verify(token[:place] + other + token[place + 1 :], METHOD)


@given(st.text(max_size=200) | st.just("a" * 9_000))
def test_any_text_is_judged(text: str) -> None:
    """No text makes the verifier fail in another way than by refusing."""
    key = jwk.generate_key("EC", "P-256")
    public = {"keys": [dict(key.as_dict(private=False), kid="claims")]}
    with pytest.raises(errors.Denied) as caught:
        identity.ServiceVerifier(public, testing.ManualClock()).verify(text, METHOD)
    assert caught.value.reason in {"token.malformed", "token.signature"}


def test_the_memory_of_proofs_is_bounded() -> None:
    """The proof used longest ago leaves first."""
    cache = jose.VerifiedCache[str](testing.ManualClock(), limit=2)
    end = testing.START.timestamp() + 60
    for token in ("a", "b"):
        cache.put(token, end, token)
    assert cache.get("a") == "a"
    cache.put("c", end, "c")
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == ("a", None, "c")
    assert len(cache) == 2


def test_a_forgotten_proof_makes_room() -> None:
    """An expired proof is dropped when it is asked for."""
    clock = testing.ManualClock()
    cache = jose.VerifiedCache[str](clock)
    cache.put("a", testing.START.timestamp() + 1, "a")
    clock.advance(1)
    assert cache.get("a") is None
    assert len(cache) == 0


@pytest.mark.parametrize("content", [b"", b"no pem", b"-----BEGIN PRIVATE KEY-----\nxx\n"])
def test_an_unreadable_key_is_told_at_the_start(content: bytes) -> None:
    """A wrong key file stops the start with a reason, not the first call."""
    with pytest.raises(errors.Invalid) as caught:
        identity.ServiceSigner("claims", content, testing.ManualClock())
    assert caught.value.reason == "key.unreadable"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"keys": [{"kty": "XX"}]}', '{"keys": 5}'])
def test_unreadable_public_keys_are_told_at_the_start(tmp_path: Path, content: str) -> None:
    """So is a wrong key set, and one that is not there."""
    path = tmp_path / "keys.json"
    with pytest.raises(errors.Invalid):
        identity.verifier(path, testing.ManualClock())
    path.write_text(content)
    with pytest.raises(errors.Invalid) as caught:
        identity.verifier(path, testing.ManualClock())
    assert caught.value.reason == "key.unreadable"


def test_a_service_without_keys_signs_and_knows_nobody() -> None:
    """Without files there is neither signer nor verifier."""
    assert identity.signer("claims", None, testing.ManualClock()) is None
    assert identity.verifier(None, testing.ManualClock()) is None


PRINCIPAL = tokens.Principal(tenant="demo", subject="u", expires_at=testing.START)


@pytest.mark.parametrize(
    ("allowed", "caller", "passes"),
    [
        ({"claims"}, identity.Caller(service="claims"), True),
        ({"claims"}, identity.Caller(service="scoring"), False),
        ({"claims"}, identity.Caller(principal=PRINCIPAL), False),
        ({"user"}, identity.Caller(principal=PRINCIPAL), True),
        ({"user"}, identity.Caller(service="claims"), False),
        ({"user"}, identity.Caller(service="user"), False),
        ({"claims"}, identity.NOBODY, False),
        (None, identity.Caller(service="claims"), False),
    ],
)
def test_the_table_decides(allowed: set[str] | None, caller: identity.Caller, passes: Any) -> None:
    """Only who is named may call; a method that is not named is closed; `user` means a user, not a name."""
    callers = {} if allowed is None else {METHOD: frozenset(allowed)}
    if passes:
        identity.permit(callers, METHOD, caller)
    else:
        with pytest.raises(errors.Denied) as caught:
            identity.permit(callers, METHOD, caller)
        assert caught.value.reason == "caller.not_allowed"


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        (None, "token.missing"),
        ([("other", "x")], "token.missing"),
        ([("authorization", "Basic x")], "token.malformed"),
        ([("authorization", b"Service x")], "token.malformed"),
        ([("authorization", "Service x"), ("authorization", "Service x")], "token.malformed"),
        ([("authorization", "Service x")], "token.not_accepted"),
        ([("authorization", "Bearer x")], "token.not_accepted"),
    ],
)
async def test_the_gate_is_closed_by_default(metadata: Any, reason: str) -> None:
    """Without verifiers, and for credentials it does not know, the gate says why and stays closed."""
    with pytest.raises(errors.Denied) as caught:
        await identity.Gate({METHOD: frozenset({"claims"})}, None, None).admit(METHOD, metadata)
    assert caught.value.reason == reason
