"""The decision as canonical JSON: written once, stored as it is, given its id without writing it again."""

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from claims.domain import decisions


def encode(decision: decisions.Decision) -> bytes:
    """Return the canonical JSON of a decision; decimals are exact numbers."""
    return _encoder().encode(decision)


def decode(document: bytes) -> decisions.Decision:
    """Return the decision of a document that this room wrote."""
    return _decoder().decode(document)


def with_id(document: bytes, identifier: str) -> bytes:
    """Return the document of a recorded decision: the stored bytes with the id as their first field."""
    return b'{"id":"' + identifier.encode() + b'",' + document[1:]


def amend(document: bytes, **fields: object) -> bytes:
    """Return the document with top-level fields replaced or added; every other byte stays as it was."""
    parts = _parts().decode(document)
    parts |= {name: msgspec.Raw(_encoder().encode(value)) for name, value in fields.items()}
    return _encoder().encode(parts)


def masked(document: bytes, mask: Callable[[dict[str, Any]], dict[str, Any]]) -> bytes:
    """Return the document after `mask`; numbers stay exact."""
    return _encoder().encode(mask(_plain().decode(document)))


def instant(when: datetime) -> str:
    """Return an aware instant as RFC 3339 text in UTC, to the millisecond."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@functools.cache
def _encoder() -> msgspec.json.Encoder:
    return msgspec.json.Encoder(decimal_format="number")


@functools.cache
def _decoder() -> msgspec.json.Decoder[decisions.Decision]:
    return msgspec.json.Decoder(decisions.Decision)


@functools.cache
def _parts() -> msgspec.json.Decoder[dict[str, msgspec.Raw]]:
    return msgspec.json.Decoder(dict[str, msgspec.Raw])


@functools.cache
def _plain() -> msgspec.json.Decoder[dict[str, Any]]:
    return msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
