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
        principal = await self._verifier.verify(token.strip())
        return callers.Caller(principal.tenant, principal.subject, principal.roles, principal.branch)
