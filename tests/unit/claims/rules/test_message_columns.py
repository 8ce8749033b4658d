"""What rules can ask about the message a claim came in, and about its profile and details."""

from typing import Any

import pytest

import fhir_support
import rules_support as support
from claims.domain.rules import checking, programs, schema
from formats import media, model, readers

COLUMNS = [name for name in schema.CLAIM if name.startswith("message_")]


def judged(claim: model.Claim, text: str, scope: str = "claim") -> Any:
    """The value of an expression in the first row of a claim."""
    node = checking.value(text, scope, support.KNOWN)
    explain = programs.explain(scope, [node], support.KNOWN)
    return explain(claim, support.AS_OF.toordinal() - support.EPOCH, "Asia/Riyadh", (0,))[0][0]


def read(document: dict[str, Any]) -> model.Claim:
    """The first claim of a FHIR document."""
    found = readers.read(fhir_support.text(document), media.FHIR)[0]
    assert isinstance(found, readers.Read), found
    return found.claim


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("message_bundle_type", "message"),
        ("message_bundle_id", "b-1"),
        ("message_header_id", "11111111-1111-4111-8111-111111111111"),
        ("message_event", "claim-request"),
        ("message_sender", "PR-FHIR"),
        ("message_sender_system", "http://nphies.sa/license/provider-license"),
        ("message_receiver", "IN-FHIR"),
        ("message_receiver_system", "http://nphies.sa/license/payer-license"),
        ("message_endpoint", "https://payer.example/in"),
        ("message_focus", [f"{fhir_support.CLINIC}/Claim/c-1"]),
        ("message_unresolved", []),
        ("message_same_number", 1),
        ("profile_version", "1.0.0"),
        ("claim_id_source", "sender"),
    ],
)
def test_a_rule_sees_the_message(column: str, value: Any):
    """Bundle, header and profile of an nphies message are columns."""
    assert judged(read(fhir_support.message()), column) == value


def test_a_rule_sees_how_large_the_message_is():
    """The size is that of the whole document in bytes."""
    document = fhir_support.message()
    assert judged(read(document), "message_size") == len(fhir_support.text(document))


def test_a_reference_that_leads_nowhere_is_named():
    """The element is named, not what it points to."""
    claim = read(fhir_support.message(fhir_support.nphies_claim(insurer={"reference": "Organization/gone"})))
    assert judged(claim, "message_unresolved") == ["Claim.insurer"]


def test_claims_of_one_number_are_counted():
    """Two claims of a message with one identifier know of each other; another number stands alone."""
    document = fhir_support.message()
    twin = fhir_support.nphies_claim()
    other = fhir_support.nphies_claim(identifier=[{"value": "CL-2"}])
    document["entry"] += [
        {"fullUrl": f"urn:x:{at}", "resource": found} for at, found in enumerate([twin, other])
    ]
    found = readers.read(fhir_support.text(document), media.FHIR)
    numbers = [
        judged(entry.claim, "message_same_number") for entry in found if isinstance(entry, readers.Read)
    ]
    assert numbers == [2, 2, 1]


def test_a_header_in_a_bundle_of_another_type_is_seen():
    """A collection that holds a MessageHeader is no message, and a rule can say so."""
    claim = read({**fhir_support.message(), "type": "collection"})
    assert judged(claim, "message_bundle_type") == "collection"
    assert judged(claim, "message_event") == "claim-request"


@pytest.mark.parametrize("column", COLUMNS)
def test_a_claim_by_itself_has_no_message(column: str):
    """Every column of the message is missing, or an empty list, for a claim that came alone."""
    assert support.value(column, {"regime": "nphies"}, scope="claim") in (None, [])


def test_messages_of_other_regimes_are_not_noted():
    """Only nphies judges the message, so only its claims carry it."""
    document = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": fhir_support.bare_claim()}],
    }
    assert read(document).source == model.Source(format="fhir", version="4.0.1")


@pytest.mark.parametrize(
    ("profiles", "version"),
    [([], None), (["p"], None), (["p|"], None), (["p", "q|5.2.0"], "5.2.0"), (["p|1.0.0", "q|2"], "1.0.0")],
)
def test_the_version_is_that_of_the_first_profile_that_has_one(profiles: list[str], version: str | None):
    """A profile without a version is passed over."""
    assert support.value("profile_version", {"profile": profiles}, scope="claim") == version


def test_a_detail_inside_a_detail_knows_where_it_stands():
    """The number of the detail above is known on the second level only."""
    partial = {"lines": [{"details": [{"sequence": 7, "details": [{"sequence": 1}]}]}]}
    assert support.values("parent_sequence", partial, scope="detail", rows=(0, 1)) == [None, 7]


def test_a_linked_attachment_brings_its_hash():
    """The hash of FHIR and the number of a document in canonical JSON are columns."""
    info = [{"value_attachment": {"id": "A-1", "sha1": "AAA=", "url": "https://x.example/a"}}]
    found = support.value("attachment_sha1 || attachment_id", {"supporting_info": info}, scope="information")
    assert found == "AAA=A-1"
