"""Who calls: services prove themselves with short signed tokens, users with theirs; the gate lets them pass.

A service's token names the one gRPC service it is meant for, so that what one room receives opens no other.
The two kinds of credential come under different schemes (`Service`, `Bearer`) and are never confused.
"""

import contextvars
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from joserfc import jwk

from chassis import clock as clocks
from chassis import errors, jose, tokens

METADATA_KEY = "authorization"
SERVICE_SCHEME = "Service "
USER_SCHEME = "Bearer "
SERVICE_TYPE = "service+jwt"

USER = "user"
"""In a table of callers: any verified user token."""

TOKEN_LIFETIME_SECONDS = 300
"""Short, so that a leaked one is soon worthless; long enough that signing costs nothing per call."""

RENEWAL_SECONDS = 60
"""A token this close to its end is replaced, so that none expires on its way."""

KEYS_FILE = "service-keys.json"

type Callers = Mapping[str, frozenset[str]]


class Caller(msgspec.Struct, frozen=True):
    """Who makes the current call: a service by name, or a user; nobody outside of a call."""

    service: str | None = None
    principal: tokens.Principal | None = None


NOBODY = Caller()

_caller: contextvars.ContextVar[Caller] = contextvars.ContextVar("caller", default=NOBODY)


def caller() -> Caller:
    """Return who makes the call being served in this context."""
    return _caller.get()


def enter(who: Caller) -> None:
    """Say who makes the call that this context serves from here on."""
    _caller.set(who)


def permit(callers: Callers, method: str, who: Caller) -> None:
    """Return when `who` may call `method` (a full name); raises Denied `caller.not_allowed` otherwise."""
    allowed = callers.get(method, frozenset())
    if who.service is not None and who.service != USER and who.service in allowed:
        return
    if who.principal is not None and USER in allowed:
        return
    raise errors.Denied("caller.not_allowed", "The caller may not call this method.")


class ServiceSigner:
    """Signs for one service; a token is made per called gRPC service and kept until it is about to expire."""

    def __init__(self, name: str, key_pem: bytes, clock: clocks.Clock) -> None:
        self.name = name
        self._key = jose.read_key(key_pem, name)
        self._clock = clock
        self._tokens: dict[str, tuple[float, float, str]] = {}  # made at, to be renewed at, the token

    def metadata(self, method: str) -> tuple[str, str]:
        """Return the metadata entry that proves this service to the service of `method` (a full name)."""
        audience = service_of(method)
        now = self._clock.now().timestamp()
        made_at, renew_at, value = self._tokens.get(audience, (0.0, 0.0, ""))
        if not made_at <= now < renew_at:  # before it was made: the clock was put right since
            value = SERVICE_SCHEME + self._sign(audience, int(now))
            self._tokens[audience] = (now, now + TOKEN_LIFETIME_SECONDS - RENEWAL_SECONDS, value)
        return METADATA_KEY, value

    def _sign(self, audience: str, now: int) -> str:
        claims = {"iss": self.name, "aud": audience, "iat": now, "exp": now + TOKEN_LIFETIME_SECONDS}
        return jose.sign(self._key, claims, kid=self.name, typ=SERVICE_TYPE)


class ServiceVerifier:
    """Tells which service signed a token; knows the public keys of all, and no private one."""

    def __init__(self, jwks: Mapping[str, Any], clock: clocks.Clock) -> None:
        self._keys = {key.kid: jwk.KeySet([key]) for key in jose.read_keys(jwks).keys}
        self._clock = clock
        self._verified: jose.VerifiedCache[tuple[str, str]] = jose.VerifiedCache(clock)

    def verify(self, token: str, method: str) -> str:
        """Return which service signed this token for the service of `method`; raises Denied."""
        audience = service_of(method)
        known = self._verified.get(token)
        if known is None:
            known = self._opened(token, audience)
        if known[1] != audience:
            raise errors.Denied("token.audience", "The token was issued for somebody else.")
        return known[0]

    def _opened(self, token: str, audience: str) -> tuple[str, str]:
        name = str(jose.header(token).get("kid"))
        keys = self._keys.get(name)
        if keys is None or name == USER:
            raise jose.unsigned()
        claims = jose.opened(token, keys, algorithms=(jose.OUR_ALGORITHM,), typ=SERVICE_TYPE)
        expires_at = jose.judged(claims, self._clock, issuer=name, audience=audience)
        self._verified.put(token, expires_at, (name, audience))
        return name, audience


class Gate:
    """Decides about one call before it is served: verifies who calls, looks into the table of callers."""

    def __init__(
        self, callers: Callers, services: ServiceVerifier | None, users: tokens.TokenVerifier | None
    ) -> None:
        self._callers = callers
        self._services = services
        self._users = users

    async def admit(self, method: str, metadata: Iterable[tuple[str, str | bytes]] | None) -> None:
        """Let the call pass and make its caller known to `caller`; raises Denied."""
        given = [value for key, value in metadata or () if key == METADATA_KEY]
        if not given:
            raise tokens.missing()
        if len(given) > 1 or not isinstance(given[0], str):
            raise jose.malformed()
        who = await self._who(given[0], method)
        permit(self._callers, method, who)
        enter(who)

    async def _who(self, credential: str, method: str) -> Caller:
        if credential.startswith(SERVICE_SCHEME) and self._services is not None:
            return Caller(service=self._services.verify(credential.removeprefix(SERVICE_SCHEME), method))
        if credential.startswith(USER_SCHEME) and self._users is not None:
            return Caller(principal=await self._users.verify(credential.removeprefix(USER_SCHEME)))
        if credential.startswith((SERVICE_SCHEME, USER_SCHEME)):
            raise errors.Denied("token.not_accepted", "This kind of credential is not accepted here.")
        raise jose.malformed()


def service_of(method: str) -> str:
    """Return `package.Service` of a full method name."""
    return method.strip("/").partition("/")[0]


class KeyFiles(msgspec.Struct, frozen=True):
    """Where keys lie: `private` by service name, `public` the JWKS of them all."""

    private: dict[str, Path]
    public: Path


def create_keys(directory: Path, names: Iterable[str]) -> KeyFiles:
    """Return the key files of these services, making what is missing; existing keys stay.

    The directory becomes accessible to its owner alone (0700), private keys are 0600. Raises Invalid
    `key.name` for a name that cannot be a service's.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = {name: directory / f"{_service_name(name)}.pem" for name in names}
    public = [jose.key_in(path, name).as_dict(private=False, kid=name) for name, path in private.items()]
    target = directory / KEYS_FILE
    draft = target.with_name(f".{KEYS_FILE}.{os.getpid()}")
    draft.write_text(json.dumps({"keys": public}))
    draft.replace(target)
    return KeyFiles(private, target)


def _service_name(name: str) -> str:
    if not name.replace("-", "").isalnum() or not name.isascii() or name == USER:
        raise errors.Invalid("key.name", "A service is named by ASCII letters, digits and hyphens.")
    return name


def signer(name: str, key_file: Path | None, clock: clocks.Clock) -> ServiceSigner | None:
    """Return the signer of a service from its key file, None when it has none; raises Invalid."""
    return None if key_file is None else ServiceSigner(name, jose.read_file(key_file), clock)


def verifier(keys_file: Path | None, clock: clocks.Clock) -> ServiceVerifier | None:
    """Return the verifier of services from the JWKS file, None when there is none; raises Invalid."""
    return None if keys_file is None else ServiceVerifier(jose.load_jwks(keys_file), clock)


class Bearer:
    """Proves a user: the token of a person or of a customer's system, for a channel of its own."""

    def __init__(self, token: str) -> None:
        self._token = token

    def metadata(self, method: str) -> tuple[str, str]:  # noqa: ARG002 - a user's token opens every door
        """Return the metadata entry that proves the user."""
        return METADATA_KEY, USER_SCHEME + self._token
