"""Bundles and messages: which Claims a document holds, and the header of an nphies message.

Room: formats.fhir. A `message` must begin with its MessageHeader; any other type of bundle may hold Claims
anywhere. Bundles inside a bundle (nphies' batches) are opened once, not deeper.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from chassis import errors
from formats import envelopes
from formats.fhir import references

MAX_CLAIMS = 100  # in one message; nphies' limit for a batch
_NPHIES = "nphies.sa"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What a reply needs of the MessageHeader: its id, event, and the two ends with their licence systems."""

    id: str | None = None
    event: str | None = None
    event_system: str | None = None
    sender: str | None = None
    sender_system: str | None = None
    receiver: str | None = None
    receiver_system: str | None = None
    source_endpoint: str | None = None
    destination_endpoint: str | None = None

    @property
    def is_nphies(self) -> bool:
        """Whether the event is one of nphies' own."""
        return _NPHIES in (self.event_system or "")


@dataclass(frozen=True)
class Place:
    """One Claim resource of a document: where it is, what its references may find, its message's header."""

    resource: dict[str, Any]
    path: str
    index: references.Index
    message: Message | None
    envelope: envelopes.Envelope | None = None  # of a Claim in a Bundle


def claims(document: Any) -> list[Place]:
    """Return the Claims of a document in order; raise Invalid where its structure is not FHIR's."""
    if not isinstance(document, dict) or not isinstance(document.get("resourceType"), str):
        raise _refused("$", "fhir.no_resource", "A FHIR resource with its resourceType is expected.")
    if document["resourceType"] == "Claim":
        return [Place(document, "Claim", references.Index(), None)]
    if document["resourceType"] != "Bundle":
        raise _refused(
            "resourceType", "fhir.not_a_claim", "A Claim, or a Bundle that holds one, is expected."
        )
    found = list(_places(document, "Bundle", nested=False))
    if not found:
        raise _refused("Bundle.entry", "fhir.no_claim", "The Bundle holds no Claim.")
    if len(found) > MAX_CLAIMS and document.get("type") == "message":
        raise _refused(
            "Bundle.entry", "fhir.too_many_claims", f"A message holds at most {MAX_CLAIMS} claims."
        )
    return _counted(found)


def message(document: Any) -> Message | None:
    """Return the header of a message document; None for any other document; Invalid for a broken header."""
    if not isinstance(document, dict) or document.get("type") != "message":
        return None
    return _header(document, "Bundle")


def _counted(found: list[Place]) -> list[Place]:
    """Return the places, each told how many claims of the document carry its number."""
    numbers = [_number(place.resource) for place in found]
    counts = Counter(number for number in numbers if number is not None)
    return [
        replace(place, envelope=msgspec.structs.replace(place.envelope, same_number=counts[number]))
        if place.envelope is not None and number is not None
        else place
        for place, number in zip(found, numbers, strict=True)
    ]


def _number(claim: dict[str, Any]) -> tuple[str | None, str] | None:
    """Return the first business identifier of a Claim as system and value."""
    listed = claim.get("identifier")
    first = _object(listed[0] if isinstance(listed, list) and listed else None)
    value = _text(first.get("value"))
    return (_text(first.get("system")), value) if value else None


def _places(bundle: dict[str, Any], path: str, *, nested: bool) -> Iterator[Place]:
    entries = list(_entries(bundle, path))
    header = _header(bundle, path) if bundle.get("type") == "message" else None
    envelope = _envelope(bundle, entries)
    index = references.Index()
    for full_url, resource, where in entries:
        index.add(resource, where, full_url=full_url)
    for _, resource, where in entries:
        if resource["resourceType"] == "Claim":
            yield Place(resource, where, index, header, envelope)
        elif resource["resourceType"] == "Bundle" and not nested:
            yield from _places(resource, where, nested=True)


def _entries(bundle: dict[str, Any], path: str) -> Iterator[tuple[str | None, dict[str, Any], str]]:
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise _refused(f"{path}.entry", "field.type", "A list is expected here.")
    for position, entry in enumerate(entries):
        where = f"{path}.entry[{position}]"
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if resource is None and isinstance(entry, dict):
            continue
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            raise _refused(f"{where}.resource", "fhir.no_resource", "A resource is expected here.")
        yield entry.get("fullUrl"), resource, f"{where}.resource"


def _header(bundle: dict[str, Any], path: str) -> Message:
    first = next(_entries(bundle, path), None)
    if first is None or first[1]["resourceType"] != "MessageHeader":
        where = f"{path}.entry[0].resource"
        text = "A message begins with its MessageHeader (nphies BV-00126)."
        raise _refused(where, "message.no_header", text)
    header = first[1]
    if not isinstance(_object(header.get("eventCoding")).get("code"), str):
        raise _refused(f"{first[2]}.eventCoding.code", "message.no_event", "A message names its event.")
    return _message(header)


def _message(header: dict[str, Any]) -> Message:
    event = _object(header.get("eventCoding"))
    destinations = header.get("destination")
    destination = _object(destinations[0] if isinstance(destinations, list) and destinations else None)
    sender = _object(_object(header.get("sender")).get("identifier"))
    receiver = _object(_object(destination.get("receiver")).get("identifier"))
    return Message(
        id=_text(header.get("id")),
        event=_text(event.get("code")),
        event_system=_text(event.get("system")),
        sender=_text(sender.get("value")),
        sender_system=_text(sender.get("system")),
        receiver=_text(receiver.get("value")),
        receiver_system=_text(receiver.get("system")),
        source_endpoint=_text(_object(header.get("source")).get("endpoint")),
        destination_endpoint=_text(destination.get("endpoint")),
    )


def _envelope(
    bundle: dict[str, Any], entries: list[tuple[str | None, dict[str, Any], str]]
) -> envelopes.Envelope:
    """Return what the Bundle and its MessageHeader, wherever it stands, say of themselves."""
    headers = (resource for _, resource, _ in entries if resource["resourceType"] == "MessageHeader")
    header = next(headers, {})
    said = _message(header)
    focus = header.get("focus")
    return envelopes.Envelope(
        bundle_type=_text(bundle.get("type")),
        bundle_id=_text(bundle.get("id")),
        header_id=said.id,
        event=said.event,
        sender=said.sender,
        sender_system=said.sender_system,
        receiver=said.receiver,
        receiver_system=said.receiver_system,
        endpoint=said.destination_endpoint,
        focus=[
            _text(_object(entry).get("reference")) or ""
            for entry in (focus if isinstance(focus, list) else [])
        ],
    )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _refused(path: str, code: str, text: str) -> errors.Invalid:
    return errors.Invalid("claim.unreadable", text, violations=(errors.Violation(path, code, text),))
