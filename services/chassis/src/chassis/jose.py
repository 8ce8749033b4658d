"""Signed tokens (JWT, RFC 7519) opened with care: every refusal is Denied with a stable reason.

Knows nothing of services or users; `identity` and `tokens` say what their claims mean.
"""

import hashlib
import json
import os
from collections import OrderedDict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from joserfc import errors as jose_errors
from joserfc import jwk, jws, jwt

from chassis import clock as clocks
from chassis import errors

OUR_ALGORITHM = "ES256"
"""Signs in 30 µs, fits 64 bytes, and WebCrypto at the edge speaks it too."""

LEEWAY_SECONDS = 30
"""Clocks of two machines kept by NTP differ by far less; more would only stretch stolen tokens."""

LAST_INSTANT = 2**37
"""Seconds since 1970, about the year 6300: beyond it a time is nonsense and dates cannot hold it for long."""

MAX_TOKEN_CHARS = 8_192
"""Longer is not a token of ours nor of a sane issuer, and would not pass gRPC's metadata limit."""

MAX_VERIFIED = 10_000
"""Verified tokens remembered, about 3 MB: more users than this at once pay for a signature check again."""


class VerifiedCache[T]:
    """What was verified, by the token's hash, until it expires; the oldest used leaves when it is full."""

    def __init__(self, clock: clocks.Clock, *, limit: int = MAX_VERIFIED) -> None:
        self._clock = clock
        self._limit = limit
        self._entries: OrderedDict[bytes, tuple[float, T]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, token: str) -> T | None:
        """Return what this token proved, None when it was never seen, fell out or has expired."""
        digest = _digest(token)
        entry = self._entries.get(digest)
        if entry is None:
            return None
        if entry[0] <= self._clock.now().timestamp():
            del self._entries[digest]
            return None
        self._entries.move_to_end(digest)
        return entry[1]

    def put(self, token: str, expires_at: float, proved: T) -> None:
        """Remember what the token proved until `expires_at`, in seconds since 1970."""
        self._entries[_digest(token)] = (expires_at, proved)
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def sign(key: jwk.ECKey, claims: Mapping[str, Any], *, kid: str, typ: str) -> str:
    """Return the claims as a compact token signed with ES256."""
    return jwt.encode({"alg": OUR_ALGORITHM, "kid": kid, "typ": typ}, dict(claims), key)


def opened(
    token: str, keys: jwk.KeySet, *, algorithms: Collection[str], typ: str | None = None
) -> dict[str, Any]:
    """Return the claims of a token whose signature holds; times and names are not judged yet.

    Raises Denied `token.malformed` when it cannot be read and `token.signature` when no key and algorithm
    we accept has signed it (so `none`, HMAC with a public key, and unknown keys end here).
    """
    head = header(token)
    if typ is not None and head.get("typ") != typ:
        raise malformed()
    try:
        key = keys.get_by_kid(head.get("kid"))  # a token that names no key is opened only where there is one
        return dict(jwt.decode(token, key, algorithms=algorithms).claims)
    except (jose_errors.DecodeError, jose_errors.InvalidPayloadError) as cause:
        raise malformed() from cause
    except (jose_errors.JoseError, ValueError, TypeError) as cause:
        raise unsigned() from cause


def header(token: str) -> dict[str, Any]:
    """Return what a token says of itself, unproved; raises Denied `token.malformed`."""
    if len(token) > MAX_TOKEN_CHARS:
        raise malformed()
    try:
        return dict(jws.extract_compact(token.encode()).headers())
    except (jose_errors.JoseError, ValueError, TypeError) as cause:
        raise malformed() from cause


def unsigned() -> errors.Denied:
    """Return the refusal of a token that no key we trust has signed."""
    return errors.Denied("token.signature", "The token is not signed by a key we trust.")


def malformed() -> errors.Denied:
    """Return the refusal of something that is no token."""
    return errors.Denied("token.malformed", "The credential is not a token that can be read.")


def judged(claims: Mapping[str, Any], clock: clocks.Clock, *, issuer: str, audience: str) -> float:
    """Return when the token expires, in seconds since 1970, after judging issuer, audience and times.

    Raises Denied `token.issuer`, `token.audience`, `token.expired`, `token.not_yet_valid`, `token.malformed`.
    """
    if claims.get("iss") != issuer:
        raise errors.Denied("token.issuer", "The token was issued by somebody else.")
    named = claims.get("aud")
    if audience not in (named if isinstance(named, list) else [named]):
        raise errors.Denied("token.audience", "The token was issued for somebody else.")
    now = clock.now().timestamp()
    expires_at = _instant(claims, "exp")
    if expires_at is None:
        raise malformed()
    if expires_at + LEEWAY_SECONDS <= now:
        raise errors.Denied("token.expired", "The token has expired.")
    if any((_instant(claims, name) or 0) - LEEWAY_SECONDS > now for name in ("nbf", "iat")):
        raise errors.Denied("token.not_yet_valid", "The token is not valid yet.")
    return expires_at + LEEWAY_SECONDS


def _instant(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    readable = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not readable or not 0 <= value < LAST_INSTANT:  # NaN is not between anything
        raise malformed()
    return float(value)


def key_in(path: Path, kid: str) -> jwk.ECKey:
    """Return the private key of a PEM file, made and kept (mode 0600) when there is none yet."""
    if not path.exists():
        made = jwk.generate_key("EC", "P-256")
        write_private(path, made.as_pem(private=True))
    return read_key(path.read_bytes(), kid)


def read_key(pem: bytes, kid: str) -> jwk.ECKey:
    """Return the private P-256 key of a PEM text; raises Invalid `key.unreadable` for anything else."""
    try:
        key = jwk.import_key(pem, "EC", {"kid": kid})
    except (jose_errors.JoseError, ValueError, TypeError) as cause:
        raise errors.Invalid("key.unreadable", f"The key of {kid!r} is not a P-256 key in PEM.") from cause
    if not key.is_private or key.curve_name != "P-256":
        raise errors.Invalid("key.unreadable", f"The key of {kid!r} is not a private P-256 key.")
    return key


def read_keys(jwks: Mapping[str, Any]) -> jwk.KeySet:
    """Return the public keys of a JWKS; raises Invalid `key.unreadable` when it is none."""
    try:
        return jwk.KeySet.import_key_set({"keys": list(jwks["keys"])})
    except (jose_errors.JoseError, ValueError, TypeError, KeyError) as cause:
        raise errors.Invalid("key.unreadable", "The public keys cannot be read as a JWKS.") from cause


def write_private(path: Path, content: bytes) -> None:
    """Write a file only its owner may read, whole or not at all; an existing one is left as it is."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    try:
        os.link(draft, path)  # unlike a rename it refuses to replace: two starters agree on one key
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def load_jwks(path: Path) -> dict[str, Any]:
    """Return the JWKS of a file; raises Invalid `key.unreadable` when there is none to read."""
    try:
        return dict(json.loads(read_file(path)))
    except (ValueError, TypeError) as cause:
        raise errors.Invalid("key.unreadable", "The file of public keys cannot be read.") from cause


def read_file(path: Path) -> bytes:
    """Return a key file's content; raises Invalid `key.unreadable` when it cannot be had."""
    try:
        return path.read_bytes()
    except OSError as cause:
        raise errors.Invalid("key.unreadable", "A key file cannot be read.") from cause
