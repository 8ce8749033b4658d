"""FHIR messages: the answer is a message to its sender, and a plain resource stays a plain receipt."""

import msgspec
import pytest
from fhir.resources.R4B import bundle as r4
from fhir.resources.R4B import claimresponse, messageheader

import claims_support as support
from claims.inbound import messages
from ultrathink.claims.v1 import claims_pb2

ACCEPT = "application/fhir+json; profile=message"
FHIR = "application/fhir+json"
CLAIM: dict[str, object] = {
    "resourceType": "Claim",
    "id": "c1",
    "identifier": [{"system": "urn:x", "value": "F-1"}],
    "status": "active",
    "type": {"coding": [{"code": "professional"}]},
    "use": "claim",
    "patient": {"identifier": {"value": "P1"}},
    "created": "2026-08-01",
    "provider": {"identifier": {"value": "PR1"}},
    "priority": {"coding": [{"code": "normal"}]},
    "insurance": [{"sequence": 1, "focal": True, "coverage": {"identifier": {"value": "C1"}}}],
    "item": [{"sequence": 1, "productOrService": {"coding": [{"code": "G0103"}]}}],
}
HEADER = {
    "resourceType": "MessageHeader",
    "id": "asked",
    "eventCoding": {"system": "urn:events", "code": "claim-request"},
    "source": {"endpoint": "urn:here"},
    "focus": [{"reference": "urn:uuid:c1"}],
}


def message(claim: dict[str, object]) -> bytes:
    """Return a message Bundle with this claim."""
    entries = [{"resource": HEADER}, {"fullUrl": "urn:uuid:c1", "resource": claim}]
    return msgspec.json.encode({"resourceType": "Bundle", "type": "message", "entry": entries})


async def answered(body: bytes, accept: str = ACCEPT) -> claims_pb2.SubmitResult:
    """Return the result of one message."""
    request = claims_pb2.SubmitRequest(items=[support.item(body, media_type=FHIR, accept=accept)])
    async with support.world() as made:
        result: claims_pb2.SubmitResult
        (result,) = await support.submit(made, request)
        return result


async def test_a_message_is_answered_with_a_message() -> None:
    """The Bundle is valid R4, begins with a header that answers the request, and focuses on the receipt."""
    result = await answered(message(CLAIM))
    told = r4.Bundle.model_validate_json(result.rendered.body)
    assert told.entry is not None
    header, receipt = (entry.resource for entry in told.entry)
    assert isinstance(header, messageheader.MessageHeader)
    assert isinstance(receipt, claimresponse.ClaimResponse)
    assert header.response is not None
    assert (told.type, header.response.identifier, header.response.code) == ("message", "asked", "ok")
    assert header.eventCoding is not None
    assert header.eventCoding.code == "claim-response"
    assert header.focus is not None
    assert header.focus[0].reference == told.entry[1].fullUrl == f"urn:uuid:{result.claim_id}"
    assert (receipt.id, receipt.outcome) == (result.claim_id, "queued")


@pytest.mark.parametrize(("body", "accept"), [(msgspec.json.encode(CLAIM), ACCEPT), (message(CLAIM), FHIR)])
async def test_a_receipt_stays_plain_without_a_message_or_the_wish_for_one(body: bytes, accept: str) -> None:
    """A Claim alone has nobody to answer to; a sender who did not ask for a message gets none."""
    result = await answered(body, accept)
    assert msgspec.json.decode(result.rendered.body)["resourceType"] == "ClaimResponse"


async def test_a_refusal_is_not_enclosed() -> None:
    """What could not be read is refused as an error; the door says it in its own words."""
    result = await answered(message({**CLAIM, "use": "nonsense"}))
    assert result.error.violations


@pytest.mark.parametrize(
    ("accept", "told"),
    [
        (ACCEPT, True),
        ("application/fhir+json;profile=Message", True),
        (FHIR, False),
        ("application/json; profile=message", False),
        ("", False),
    ],
)
def test_only_a_fhir_sender_can_ask_for_a_message(accept: str, told: bool) -> None:  # noqa: FBT001 - a table's column
    """The wish is a parameter of the FHIR media type, in any case and spacing."""
    assert messages.wanted(accept) is told
