"""Readers: one surface over all formats, and what any bytes do to it."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import formats_support
from chassis import errors
from formats import canonical, hashing, jsontext, media, model, readers

READABLE = [media.JSON, media.NDJSON, media.CSV, media.FHIR, media.FHIR_NDJSON]


def test_one_json_claim_is_read_at_position_one():
    """A single message answers once."""
    (answer,) = readers.read(formats_support.claim_json(), "application/json; charset=utf-8")
    assert isinstance(answer, readers.Read)
    assert (answer.position, answer.notes, answer.message) == (1, (), None)
    assert answer.claim == canonical.decode(formats_support.claim_json())


def test_each_line_of_ndjson_is_answered_with_its_line_number():
    """A broken line is refused where it stands; the others are read."""
    body = b"\n".join([
        formats_support.claim_json(), b"", b'{"type":"oral"', formats_support.claim_json(claim_id="B"), b"7",
    ])  # fmt: skip
    answers = readers.read(body, media.NDJSON)
    assert [(type(answer).__name__, answer.position) for answer in answers] == [
        ("Read", 1), ("Refused", 3), ("Read", 4), ("Refused", 5),
    ]  # fmt: skip
    assert isinstance(answers[1], readers.Refused)
    assert answers[1].fault.reason == "json.malformed"


def test_a_fhir_resource_sent_as_plain_json_is_read_as_fhir():
    """A gateway that only knows application/json still serves FHIR senders."""
    body = json.dumps({"resourceType": "Claim", "type": {"text": "oral"}, "use": "claim"}).encode()
    (answer,) = readers.read(body, media.JSON)
    assert isinstance(answer, readers.Refused)
    assert {violation.path for violation in answer.fault.violations} >= {"Claim.patient", "Claim.item"}


def test_the_regime_is_left_to_the_tenant_where_the_sender_says_none():
    """JSON and CSV without a regime carry none; it counts as base in the content hash."""
    (answer,) = readers.read(formats_support.claim_json(regime=None), media.JSON)
    assert isinstance(answer, readers.Read)
    assert answer.claim.regime is None
    assert hashing.content_hash(answer.claim) == hashing.content_hash(formats_support.sample_claim())


def test_a_body_above_the_bound_is_refused_as_one_message():
    """The refusal says so, with the position of the message."""
    (answer,) = readers.read(b" " * (jsontext.MAX_BYTES + 1), media.JSON)
    assert isinstance(answer, readers.Refused)
    assert answer.fault.reason == "claim.too_large"


@pytest.mark.parametrize("media_type", ["application/pdf", "", "text/plain", media.X12])
def test_a_media_type_without_a_reader_is_refused(media_type: str):
    """The whole body is refused, by reason."""
    with pytest.raises(errors.Invalid) as refused:
        readers.read(b"x", media_type)
    assert refused.value.reason == "media_type.unsupported"


def test_a_text_of_many_brackets_is_refused_in_time():
    """Ten megabytes of opening brackets cost a scan, not a stack."""
    started = time.monotonic()
    for media_type in (media.JSON, media.FHIR):
        (answer,) = readers.read(b'{"a":' * 1_999_999, media_type)
        assert isinstance(answer, readers.Refused)
        assert answer.fault.reason == "json.too_deep"
    assert time.monotonic() - started < 30


@given(st.lists(formats_support.claims(), max_size=3))
@settings(max_examples=30)
def test_ndjson_of_claims_gives_the_claims(claims: list[model.Claim]):
    """What canonical JSON writes, line by line, the reader reads."""
    body = b"\n".join(canonical.encode(claim) for claim in claims)
    answers = readers.read(body, media.NDJSON)
    assert [answer.claim for answer in answers if isinstance(answer, readers.Read)] == claims


_WORDS = b"""
{ } [ ] : , " \\ \\u0000 null 1e999 NaN ; | + "resourceType" "Claim" "Bundle" "entry" "resource" "item"
"type" "message" claim_id lines.code type "" extension {"url":1}
""".split()
fragments = st.sampled_from([*_WORDS, b"\n", b"\r", b"\x00", b"\xff", b"\xef\xbb\xbf"])


@settings(max_examples=300)
@given(st.binary(max_size=300) | st.lists(fragments, max_size=40).map(b"".join), st.sampled_from(READABLE))
def test_any_bytes_are_read_or_refused_never_raised(body: bytes, media_type: str):
    """Every input ends in claims, refusals with violations, or an Invalid."""
    for answer in readers.read(body, media_type):
        if isinstance(answer, readers.Refused):
            assert answer.fault.violations or answer.fault.reason == "claim.too_large"


@settings(max_examples=150)
@given(st.data(), st.sampled_from([media.JSON, media.CSV]))
def test_a_damaged_message_is_read_or_refused(data: st.DataObject, media_type: str):
    """Cutting, doubling and overwriting bytes of a good message never raises."""
    good = formats_support.claim_json()
    if media_type == media.CSV:
        good = b"claim_id,type,use,lines.code,insurance.sequence\nA,oral,claim,D1,1\nA,oral,claim,D2,1\n"
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 20)))
    body = good[:start] + data.draw(st.binary(max_size=8)) + good[end:]
    for answer in readers.read(body, media_type):
        assert isinstance(answer, readers.Read | readers.Refused)


_MEMBERS = [
    "coding", "code", "system", "reference", "identifier", "value", "extension", "url", "sequence", "text",
    "display", "resource", "resourceType", "entry", "valueReference", "valueMoney",
]  # fmt: skip
_ELEMENTS = [
    "type", "use", "patient", "provider", "insurer", "insurance", "item", "diagnosis", "careTeam", "total",
    "supportingInfo", "extension", "contained", "created", "identifier", "meta", "related", "payee", "id",
    "accident", "billablePeriod", "procedure", "_type",
]  # fmt: skip
_plain = st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=3) | st.floats(allow_nan=False)
fhir_values = st.recursive(
    _plain,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(_MEMBERS), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(_ELEMENTS), fhir_values, max_size=6))
def test_any_claim_resource_is_read_or_refused(document: dict[str, object]):
    """Whatever stands in a Claim's elements, nothing but refusals comes out."""
    resource = {"resourceType": "Claim", **document}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": resource}]}
    for body in (resource, bundle):
        for answer in readers.read(json.dumps(body).encode(), media.FHIR):
            assert isinstance(answer, readers.Read) or answer.fault.violations
