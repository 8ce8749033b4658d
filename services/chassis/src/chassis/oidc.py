"""User tokens of an OpenID Connect provider: its keys are found, fetched, kept and renewed here.

A key set is fetched when it is first needed and again when a token names a key that is not in it, at most
once per `REFRESH_SECONDS`; a provider that is away keeps nobody out whose key is known.
"""

import asyncio
import http.client
import json
import math
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any, override

from joserfc import jwk

from chassis import clock as clocks
from chassis import errors, jose, tokens

ALGORITHMS = ("RS256", "PS256", "ES256")
"""What providers sign with. No HMAC: a public key must never be taken for a shared secret."""

REFRESH_SECONDS = 30.0
"""Tokens with invented key names must not become a flood at the provider."""

FETCH_SECONDS = 5.0
"""A provider that answers no faster is as good as away."""

MAX_DOCUMENT_BYTES = 1 << 20
"""Discovery documents and key sets are a few kilobytes."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

type Fetch = Callable[[str], Awaitable[bytes]]


def oidc_verifier(
    issuer: str, audience: str, clock: clocks.Clock, *, fetch: Fetch | None = None
) -> tokens.TokenVerifier:
    """Return the verifier of this issuer's tokens for this audience.

    `fetch` gets a document over HTTPS unless given; nothing is fetched before the first token. Raises
    Invalid `oidc.insecure` when the issuer is not reached over HTTPS (loopback excepted).
    """
    keys = _Keys(_secure(issuer), clock, fetch or fetched)
    return tokens.IssuerVerifier(keys, clock, issuer=issuer, audience=audience, algorithms=ALGORITHMS)


class _Keys:
    """The provider's key set as last fetched."""

    def __init__(self, issuer: str, clock: clocks.Clock, fetch: Fetch) -> None:
        self._issuer = issuer
        self._clock = clock
        self._fetch = fetch
        self._keys: jwk.KeySet | None = None
        self._asked_at = -math.inf
        self._asking = asyncio.Lock()  # many tokens with a new key cause one fetch

    async def holding(self, kid: object) -> jwk.KeySet:
        """Return the key set, renewed when it lacks this key and may be renewed."""
        async with self._asking:
            due = self._clock.monotonic() - self._asked_at >= REFRESH_SECONDS
            if due and not self._holds(kid):
                self._asked_at = self._clock.monotonic()
                self._keys = await self._renewed()
            if self._keys is None:
                raise errors.Unavailable("oidc.unreachable", "The issuer's keys cannot be had now.")
            return self._keys

    def _holds(self, kid: object) -> bool:
        return self._keys is not None and (kid is None or any(key.kid == kid for key in self._keys.keys))

    async def _renewed(self) -> jwk.KeySet:
        discovery = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            described = _document(await self._fetch(discovery))
            if described.get("issuer") != self._issuer:
                raise errors.Unavailable("oidc.issuer_differs", "The issuer describes itself as another.")
            return jose.read_keys(_document(await self._fetch(_secure(str(described.get("jwks_uri"))))))
        except (OSError, ValueError, TypeError, errors.Invalid) as cause:
            raise errors.Unavailable("oidc.unreachable", "The issuer's keys cannot be had now.") from cause


def _document(content: bytes) -> dict[str, Any]:
    return dict(json.loads(content))


def _secure(url: str) -> str:
    """Return the URL when nobody on the way can change what it answers; raises Invalid `oidc.insecure`."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return url
    raise errors.Invalid("oidc.insecure", "An issuer must be reached over HTTPS.")


async def fetched(url: str) -> bytes:
    """Return what a GET of the URL answers, at most MAX_DOCUMENT_BYTES; redirects are not followed.

    Raises OSError when it cannot be had, ValueError when it is too large.
    """
    return await asyncio.to_thread(_get, url)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Turns a redirect into an error: keys come from the place that was configured."""

    @override
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _get(url: str) -> bytes:
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(_secure(url), timeout=FETCH_SECONDS) as response:
            content: bytes = response.read(MAX_DOCUMENT_BYTES + 1)
    except urllib.error.HTTPError as refused:
        refused.close()  # it is the open answer as well
        raise
    except http.client.HTTPException as cause:  # what is not HTTP at all; the rest is an OSError already
        raise OSError from cause
    if len(content) > MAX_DOCUMENT_BYTES:
        raise ValueError
    return content
