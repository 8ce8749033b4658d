"""JSON text before it is a claim: size, depth and encoding bounds, and the refusals when they are broken.

Room: formats. Shared by the canonical reader and the FHIR reader; knows nothing of claims.
"""

import functools
import re
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from chassis import errors

MAX_BYTES = 10_000_000  # one message, as nphies limits it
MAX_DEPTH = 64  # the deepest FHIR claims stay below 20; parsers and stacks stay safe far above
FAILURES = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_BOM = b"\xef\xbb\xbf"
# Possessive, and the closing quote optional: an unclosed string is passed once, never tried again.
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_OPENING = np.isin(np.arange(256), list(b"[{"))


def bounded(body: bytes) -> bytes:
    """Return the text without its byte-order mark; raise Invalid where it is too large."""
    if len(body) > MAX_BYTES:
        raise errors.Invalid("claim.too_large", f"A message must have at most {MAX_BYTES:,} bytes.")
    return body.removeprefix(_BOM)


def checked(body: bytes) -> bytes:
    """Return what `bounded` does; raise Invalid also where the text nests too deep."""
    body = bounded(body)
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and depth(body) > MAX_DEPTH:
        raise _too_deep()
    return body


def depth(body: bytes) -> int:
    """Return how deep the brackets outside strings nest."""
    brackets = np.frombuffer(_STRINGS.sub(b"", body).translate(None, _NOT_BRACKETS), dtype=np.uint8)
    if not len(brackets):
        return 0
    return int(np.cumsum(np.where(_OPENING[brackets], 1, -1)).max())


def loads(body: bytes) -> Any:
    """Return plain Python data with decimals kept exact; raise Invalid for text that is not JSON."""
    try:
        return _decoder().decode(body)
    except FAILURES as cause:
        raise refusal(body, cause) from cause


def refusal(body: bytes, cause: Exception) -> errors.Invalid:
    """Return the Invalid for a text that no JSON parser accepts."""
    if isinstance(cause, RecursionError):
        return _too_deep()
    try:
        body.decode()
    except UnicodeDecodeError as broken:
        return _violated("json.encoding", f"The text is not UTF-8 at byte {broken.start}.")
    return _violated("json.malformed", "The text is not well-formed JSON.")


def _too_deep() -> errors.Invalid:
    return _violated("json.too_deep", f"Objects and lists nest more than {MAX_DEPTH} levels.")


def _violated(reason: str, message: str) -> errors.Invalid:
    return errors.Invalid(reason, message, violations=(errors.Violation("$", reason, message),))


@functools.cache
def _decoder() -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(float_hook=Decimal)
