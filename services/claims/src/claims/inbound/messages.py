"""Answers to FHIR messages: the receipt in a message Bundle, addressed back to who asked."""

import functools
import uuid
from datetime import UTC, datetime

from claims.inbound import converters
from formats import media
from formats.fhir import reading, responses
from ultrathink.claims.v1 import claims_pb2

PROFILE = "message"  # asked for as `application/fhir+json; profile=message`


@functools.lru_cache(converters.WISHES)
def wanted(accept: str) -> bool:
    """Whether the sender asks for a message Bundle around the receipt."""
    parameters = [part.replace(" ", "").lower() for part in accept.split(";")[1:]]
    return media.essence(accept) == converters.FHIR and f"profile={PROFILE}" in parameters


def enclose(told: claims_pb2.SubmitResult, received: bytes, now: datetime) -> None:
    """Put the rendered receipt of the message in `received` into the Bundle that answers it.

    A refusal stays as it is, and so does the receipt of a document that is no message: there is no header to
    answer to. `now` is aware.
    """
    if not told.HasField("rendered"):
        return
    asked = reading.message(received)
    if asked is None:
        return
    told.rendered.body = responses.response_bundle(
        asked,
        told.rendered.body,
        bundle_id=str(uuid.uuid4()),
        header_id=str(uuid.uuid4()),
        resource_id=told.claim_id or str(uuid.uuid4()),
        timestamp=now.astimezone(UTC).isoformat(timespec="milliseconds"),
    )
