"""Reading a FHIR document: one Claim, or every Claim of a Bundle, each by itself.

Room: formats.fhir.
"""

import re

import msgspec

from chassis import errors
from formats import canonical, envelopes, jsontext, model, violations
from formats.fhir import bundles, claims, cursors, references

# Canonical names back into FHIR's, for the paths of violations found after mapping.
_NAMES = (
    (re.compile(r"^lines\b"), "item"),
    (re.compile(r"^diagnoses\b"), "diagnosis"),
    (re.compile(r"^procedures\b"), "procedure"),
    (re.compile(r"^care_team\b"), "careTeam"),
    (re.compile(r"^supporting_info\b"), "supportingInfo"),
    (re.compile(r"\.details\b"), ".detail"),
    (re.compile(r"\.service_date\b"), ".servicedDate"),
    (re.compile(r"\.unit_price\b"), ".unitPrice.value"),
    (re.compile(r"(^|\.)(net|total)$"), r"\1\2.value"),
    (re.compile(r"\.quantity$"), ".quantity.value"),
)


class Found(msgspec.Struct, frozen=True):
    """A claim that could be read, notes for its receipt, and the header of its message."""

    claim: model.Claim
    notes: tuple[str, ...]
    message: bundles.Message | None = None


def read(body: bytes) -> list[Found | errors.Invalid]:
    """Return a claim or its refusal for every Claim of the document, in order.

    Raises Invalid where the document itself cannot be read.
    """
    body = jsontext.checked(body)
    document = jsontext.loads(body)
    if b"\\u0000" in body:
        violations.refuse_nul(document)
    return [_answer(place, len(body)) for place in bundles.claims(document)]


def message(body: bytes) -> bundles.Message | None:
    """Return the MessageHeader of a message document, for replies; None for any other document."""
    return bundles.message(jsontext.loads(jsontext.checked(body)))


def _answer(place: bundles.Place, size: int) -> Found | errors.Invalid:
    try:
        return _found(place, size)
    except errors.Invalid as fault:
        return fault


def _found(place: bundles.Place, size: int) -> Found:
    sink = cursors.Sink()
    cursor = cursors.Cursor(place.resource, place.path, sink, element="Claim")
    contained = references.Index()
    for position, resource in enumerate(cursor.items("contained")):
        if isinstance(resource, dict):
            contained.add(resource, f"{place.path}.contained[{position}]", prefix="#")
        else:
            cursor.refuse(f"contained[{position}]", "field.type", "A resource is expected here.")
    reading = references.Reading(sink, place.index, contained)
    is_nphies = place.message is not None and place.message.is_nphies
    claim = claims.claim(reading, cursor, is_nphies=is_nphies)
    if claim is None:
        found = tuple(sink.violations)
        raise errors.Invalid("claim.unreadable", "The Claim cannot be read.", violations=found)
    claim = _enveloped(claim, place.envelope, list(reading.unresolved), size)
    return Found(canonical.identified(_validated(claim, place.path)), sink.notes(), place.message)


def _enveloped(
    claim: model.Claim, envelope: envelopes.Envelope | None, unresolved: list[str], size: int
) -> model.Claim:
    """Return an nphies claim with what is known of its message; rules of that regime ask about it."""
    if envelope is None or claim.source is None or claim.regime != "nphies":
        return claim
    full = msgspec.structs.replace(envelope, unresolved=unresolved, size=size)
    return msgspec.structs.replace(claim, source=msgspec.structs.replace(claim.source, message=full))


def _validated(claim: model.Claim, path: str) -> model.Claim:
    try:
        return canonical.validate(claim)
    except errors.Invalid as fault:
        found = tuple(
            msgspec.structs.replace(violation, path=f"{path}.{_fhir_path(violation.path)}")
            for violation in fault.violations
        )
        raise errors.Invalid(fault.reason, fault.message, violations=found) from fault


def _fhir_path(path: str) -> str:
    for pattern, name in _NAMES:
        path = pattern.sub(name, path)
    return path
