"""Canonical JSON: the claim's own format, read strictly and written exactly.

Room: formats. Decisions of this module: an unknown field is refused by name; a field named twice keeps its
last value, as RFC 8259 allows and as every other reader of the same bytes does; a byte-order mark is skipped;
amounts are numbers or decimal strings and stay exact; NaN and infinities are refused.
"""

import functools
from decimal import Decimal

import msgspec

from formats import hashing, jsontext, model, soundness, violations

# As a field it stands near the beginning of what is written; within a text its quotes would be escaped.
_NOTE = b'"claim_id_source":"sender",'


def decode(body: bytes) -> model.Claim:
    """Return the claim of one canonical JSON object.

    Raises Invalid with reason `claim.too_large`, `json.encoding`, `json.malformed`, `json.too_deep` or
    `claim.unreadable`; its violations name path and code of up to 20 problems.
    """
    body = jsontext.bounded(body)
    try:
        claim = _decoder().decode(body)
    except jsontext.FAILURES as cause:
        body = jsontext.checked(body)
        if isinstance(cause, msgspec.ValidationError):
            raise violations.refusal(jsontext.loads(body)) from cause
        raise jsontext.refusal(body, cause) from cause
    if claim.extra:  # nothing else of a claim can nest deeper than the model does
        jsontext.checked(body)
    if b"\\" in body and b"\\u0000" in body:  # a single byte is sought twenty times as quick
        violations.refuse_nul(jsontext.loads(body))
    return identified(validate(claim))


def encode(claim: model.Claim) -> bytes:
    """Return the canonical JSON: model order, empty fields absent, decimals as exact numbers."""
    return _encoder().encode(claim)


def encode_as_sent(claim: model.Claim) -> bytes:
    """Return the canonical JSON without the note that reading adds: what canonical JSON was sent as.

    Reading it again gives the same claim.
    """
    text: bytes = _encoder().encode(claim)
    return text.replace(_NOTE, b"", 1) if claim.claim_id_source == "sender" else text


def validate(claim: model.Claim) -> model.Claim:
    """Return the claim itself when all its values are sound; raise Invalid `claim.unreadable` otherwise."""
    if soundness.is_sound(claim):
        return claim
    raise violations.refusal(msgspec.to_builtins(claim, builtin_types=(Decimal,)))


def identified(claim: model.Claim) -> model.Claim:
    """Return the claim with a claim_id: the sender's, or `sha256-` and 32 hex digits of its content hash."""
    if claim.claim_id:
        if claim.claim_id_source:
            return claim
        return msgspec.structs.replace(claim, claim_id_source="sender")
    anonymous = msgspec.structs.replace(claim, claim_id=None, claim_id_source="content")
    return msgspec.structs.replace(
        anonymous, claim_id=hashing.CONTENT_ID_PREFIX + hashing.content_hash(anonymous).hex()[:32]
    )


@functools.cache
def _decoder() -> msgspec.json.Decoder[model.Claim]:
    return msgspec.json.Decoder(model.Claim, float_hook=Decimal)


@functools.cache
def _encoder() -> msgspec.json.Encoder:
    return msgspec.json.Encoder(decimal_format="number")
