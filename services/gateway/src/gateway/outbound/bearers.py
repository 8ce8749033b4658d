"""Bearer tokens (RFC 6750): the one way to say who one is, so far."""

from collections.abc import Mapping

from chassis import errors, tokens
from gateway.domain import callers

SCHEME = "bearer"


class BearerAuthenticator:
    """Implements `ports.Authenticator` with a verifier of tokens, which remembers what it verified."""

    def __init__(self, verifier: tokens.TokenVerifier) -> None:
        self._verifier = verifier

    async def authenticate(self, headers: Mapping[str, str]) -> callers.Caller:
        """Return the caller of a bearer token; raises Denied `token.…`, Unavailable."""
        credential = headers.get("authorization")
        if credential is None:
            raise errors.Denied("token.missing", "Send a bearer token in the Authorization header.")
        scheme, _, token = credential.partition(" ")
        if scheme.lower() != SCHEME or not token.strip():
            raise errors.Denied("token.malformed", "The Authorization header holds no bearer token.")
        return _caller(await self._verifier.verify(token.strip()))

    def known(self, credential: str) -> callers.Caller | None:
        """Return the caller of a header whose token was verified before and still holds, else None."""
        scheme, _, token = credential.partition(" ")
        principal = self._verifier.known(token.strip()) if scheme.lower() == SCHEME else None
        return None if principal is None else _caller(principal)


def _caller(principal: tokens.Principal) -> callers.Caller:
    return callers.Caller(principal.tenant, principal.subject, principal.roles, principal.branch)
