"""User tokens: who a person or a customer's system is; verified here, carried with each item afterwards."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec
from joserfc import jwk

from chassis import clock as clocks
from chassis import errors, jose

AUDIENCE = "ultrathink"
DEVELOPMENT_ISSUER = "ultrathink-development"
DEVELOPMENT_TYPE = "JWT"
DEVELOPMENT_LIFETIME_SECONDS = 8 * 3600  # A working day: a person at a demo logs in once.


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who a verified token speaks for; `expires_at` is when the proof ends, aware, in UTC."""

    tenant: str
    subject: str
    roles: tuple[str, ...] = ()
    branch: str = ""
    expires_at: datetime


class TokenVerifier(Protocol):
    """Whoever can tell a true token from a false one."""

    async def verify(self, token: str) -> Principal:
        """Return whom the token speaks for.

        Raises Denied (`token.missing`, `token.malformed`, `token.signature`, `token.issuer`,
        `token.audience`, `token.expired`, `token.not_yet_valid`, `token.tenant_missing`), or Unavailable
        when the issuer's keys cannot be had.
        """
        ...

    def known(self, token: str) -> Principal | None:
        """Return whom a token that was verified before speaks for; None when it has to be verified."""
        ...


def principal_of(claims: Mapping[str, Any], expires_at: float) -> Principal:
    """Return the principal of judged claims; raises Denied `token.tenant_missing` or `token.malformed`."""
    tenant, subject = claims.get("tenant"), claims.get("sub")
    if not isinstance(tenant, str) or not tenant:
        raise errors.Denied("token.tenant_missing", "The token names no tenant.")
    roles, branch = claims.get("roles", []), claims.get("branch", "")
    readable = isinstance(roles, list) and all(isinstance(role, str) for role in roles)
    if not isinstance(subject, str) or not subject or not readable or not isinstance(branch, str):
        raise jose.malformed()
    return Principal(
        tenant=tenant,
        subject=subject,
        roles=tuple(roles),
        branch=branch,
        expires_at=datetime.fromtimestamp(expires_at, UTC),
    )


def missing() -> errors.Denied:
    """Return the refusal of a call that brought no token."""
    return errors.Denied("token.missing", "No token came with the call.")


class DevelopmentIssuer:
    """Issues tokens on one machine for demos and development; its key lies in a file only the owner reads.

    The public half is kept beside it (`public_file`, a JWKS), which is all that verifiers are given.
    """

    def __init__(self, key_file: Path, clock: clocks.Clock) -> None:
        self._clock = clock
        self._key = jose.key_in(key_file, DEVELOPMENT_ISSUER)
        self.public_file = key_file.with_suffix(".jwks.json")
        self.public_file.write_text(json.dumps(self.jwks()))

    def jwks(self) -> dict[str, Any]:
        """Return the public key as a JWKS."""
        return {"keys": [dict(self._key.as_dict(private=False), kid=DEVELOPMENT_ISSUER)]}

    def issue(
        self,
        *,
        tenant: str,
        subject: str,
        roles: Sequence[str] = (),
        branch: str = "",
        lifetime_seconds: int = DEVELOPMENT_LIFETIME_SECONDS,
    ) -> str:
        """Return a signed token for this tenant, subject, roles and branch."""
        now = int(self._clock.now().timestamp())
        claims = {
            "iss": DEVELOPMENT_ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "tenant": tenant,
            "roles": list(roles),
            "branch": branch,
            "iat": now,
            "exp": now + lifetime_seconds,
        }
        return jose.sign(self._key, claims, kid=DEVELOPMENT_ISSUER, typ=DEVELOPMENT_TYPE)


class KeySource(Protocol):
    """Where the public keys of an issuer come from."""

    async def holding(self, kid: object) -> jwk.KeySet:
        """Return the issuer's keys, among them the one named `kid` if there is one; raises Unavailable."""
        ...


class IssuerVerifier:
    """Verifies the tokens of one issuer for one audience; remembers what it verified until it expires."""

    def __init__(
        self, keys: KeySource, clock: clocks.Clock, *, issuer: str, audience: str, algorithms: Collection[str]
    ) -> None:
        self._keys, self._clock = keys, clock
        self._issuer, self._audience, self._algorithms = issuer, audience, algorithms
        self._verified: jose.VerifiedCache[Principal] = jose.VerifiedCache(clock)

    async def verify(self, token: str) -> Principal:
        """Return whom the token speaks for; raises as `TokenVerifier` says."""
        if not token:
            raise missing()
        known = self._verified.get(token)
        if known is not None:
            return known
        keys = await self._keys.holding(jose.header(token).get("kid"))
        claims = jose.opened(token, keys, algorithms=self._algorithms)
        expires_at = jose.judged(claims, self._clock, issuer=self._issuer, audience=self._audience)
        principal = principal_of(claims, expires_at)
        self._verified.put(token, expires_at, principal)
        return principal

    def known(self, token: str) -> Principal | None:
        """Return whom the token speaks for when that was proved before and still holds."""
        return self._verified.get(token)


class _Fixed:
    """Keys that are known from the start."""

    def __init__(self, keys: jwk.KeySet) -> None:
        self._keys = keys

    async def holding(self, kid: object) -> jwk.KeySet:  # noqa: ARG002 - there are no others
        return self._keys


def development_verifier(jwks: Mapping[str, Any] | Path, clock: clocks.Clock) -> TokenVerifier:
    """Return the verifier of the development issuer's tokens, from its JWKS or the file that holds it.

    Raises Invalid `key.unreadable` when the keys cannot be read.
    """
    keys = jose.read_keys(jose.load_jwks(jwks) if isinstance(jwks, Path) else jwks)
    return IssuerVerifier(
        _Fixed(keys),
        clock,
        issuer=DEVELOPMENT_ISSUER,
        audience=AUDIENCE,
        algorithms=(jose.OUR_ALGORITHM,),
    )
