"""What makes two claims the same content, and what names a claim for its sender.

Room: formats; pure. The content hash covers the canonical form: the model's field order, empty fields absent,
decimals without trailing zeros (150 = 150.00). `extra` counts, because it is part of what was sent; `source`
and `claim_id_source` do not, because they say how it came, and a claim_id made from the hash does not.
A regime of `base` counts as none, because it is what none means.
Lists keep their order. Dates count as written.
"""

import functools
import hashlib
import re
from decimal import Decimal

import msgspec

from formats import model

CONTENT_ID_PREFIX = "sha256-"
_OF_SENDERS = (None, "sender")  # whose claim_id is content as it is, and is not noted in what they sent

# In compact JSON an unescaped quote never stands inside a string, so `":` not led by a backslash ends a key.
# Each of these begins with a fixed byte, which is sought seven times as quick as a choice of bytes.
_MAY_BE_TRAILING_ZERO = re.compile(rb"\.\d*0(?=[,}])")
_MAY_BE_EXPONENT = re.compile(rb"E[+-]")
_MAY_BE_NEGATIVE_ZERO = re.compile(rb":-0[,}]")
_EXPONENT = re.compile(rb'(?<=":)(?<!\\":)-?\d+(?:\.\d+)?E[+-]?\d+')
_NEGATIVE_ZERO = re.compile(rb'(?<=":)(?<!\\":)-0(?=[,}])')
_REGIME, _NEXT = b'"regime":"', b'",'
_KEY_END, _ESCAPE = b'":', b"\\"


def content_hash(claim: model.Claim) -> bytes:
    """Return the SHA-256 (32 bytes) of the claim's content."""
    return hashlib.sha256(canonical_form(claim)).digest()


def content_hash_as_sent(claim: model.Claim, text: bytes) -> bytes:
    """Return what `content_hash` does, from `canonical.encode_as_sent` of the claim with some regime.

    It differs from the content in source and regime alone, unless reading made the claim_id, so it need not
    be written twice.
    """
    if claim.claim_id_source not in _OF_SENDERS:
        return content_hash(claim)
    if claim.source is not None:  # as the regime it stands before whatever else could hold the same words
        text = text.replace(b'"source":' + _encoder().encode(claim.source) + b",", b"", 1)
    if claim.regime is None or claim.regime == "base":
        text = _without_regime(text)
    return hashlib.sha256(_normal(text)).digest()


def canonical_form(claim: model.Claim) -> bytes:
    """Return the bytes that are hashed: equal for claims that say the same."""
    drop_id = claim.claim_id_source == "content" and (claim.claim_id or "").startswith(CONTENT_ID_PREFIX)
    if claim.source is not None or claim.claim_id_source is not None or claim.regime == "base":
        claim = msgspec.structs.replace(
            claim,
            source=None,
            claim_id_source=None,
            claim_id=None if drop_id else claim.claim_id,
            regime=None if claim.regime == "base" else claim.regime,
        )
    return _normal(_encoder().encode(claim))


def _without_regime(text: bytes) -> bytes:
    """Return the text of a claim without its regime; the first one is it: only plain texts stand before."""
    start = text.find(_REGIME)
    if start < 0:
        return text
    return text[:start] + text[text.index(_NEXT, start + len(_REGIME)) + len(_NEXT) :]


def _normal(text: bytes) -> bytes:
    """Return the text with every number in its one form."""
    if _MAY_BE_EXPONENT.search(text):
        text = _EXPONENT.sub(_plain, text)
    if _MAY_BE_TRAILING_ZERO.search(text):
        text = _without_trailing_zeros(text)
    return _NEGATIVE_ZERO.sub(b"0", text) if _MAY_BE_NEGATIVE_ZERO.search(text) else text


def _without_trailing_zeros(text: bytes) -> bytes:
    """Return the text without what says nothing at the end of a number: 1.50 is 1.5, and 1.00 is 1.

    Half of all claims have a few: their ends are sought, and then whether a number stands there.
    """
    kept, done = [], 0
    for found in _MAY_BE_TRAILING_ZERO.finditer(text):
        point, end = found.span()
        key = text.rfind(_KEY_END, done, point)
        whole = text[key + 2 : point]
        if key < 0 or text[key - 1 : key] == _ESCAPE or not whole.removeprefix(b"-").isdigit():
            continue
        decimals = text[point:end].rstrip(b"0")
        kept.append(text[done : point + (len(decimals) if len(decimals) > 1 else 0)])
        done = end
    kept.append(text[done:])
    return b"".join(kept)


def natural_key(claim: model.Claim) -> str:
    """Return the claim's identity for its sender: provider id, use and claim_id as a JSON list.

    Two messages with the same key are the same claim sent twice, when no idempotency key says otherwise.
    """
    return msgspec.json.encode([claim.provider.id or "", claim.use, claim.claim_id or ""]).decode()


def _plain(number: re.Match[bytes]) -> bytes:
    return format(Decimal(number[0].decode()), "f").encode()


@functools.cache
def _encoder() -> msgspec.json.Encoder:
    return msgspec.json.Encoder(decimal_format="number")
