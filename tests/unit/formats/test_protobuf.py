"""The typed protobuf claim: both ways, merged with canonical JSON, refused with canonical paths."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import formats_support
from chassis import errors
from formats import canonical, hashing, model, protobuf
from ultrathink.claims.v1 import claim_pb2


def message(**changes: Any) -> claim_pb2.Claim:
    """Return a small typed claim."""
    fields: dict[str, Any] = {
        "claim_id": "C-1", "type": "oral", "use": "claim", "currency": "SAR",
        "provider": claim_pb2.Provider(id="P-1"), "patient": claim_pb2.Patient(id="F-1", sex="male"),
        "insurance": [claim_pb2.Insurance(sequence=1, focal=True)],
        "lines": [
            claim_pb2.Line(
                sequence=1, code="D1110", quantity_e4=15000, net_minor=12345, unit_price_minor=0, factor_e4=1
            )
        ],
        "total_minor": 12345,
    }  # fmt: skip
    return claim_pb2.Claim(**{**fields, **changes})


def codes(wire: claim_pb2.Claim) -> dict[str, str]:
    """Return path to code of the refusal of a message."""
    with pytest.raises(errors.Invalid) as refused:
        protobuf.decode(wire)
    assert refused.value.reason == "claim.unreadable"
    return {violation.path: violation.code for violation in refused.value.violations}


def test_minor_units_become_exact_amounts():
    """Money by the currency's digits, quantities in ten-thousandths, zero is a value."""
    claim = protobuf.decode(message())
    (line,) = claim.lines
    assert (claim.total, line.net, line.unit_price) == (Decimal("123.45"), Decimal("123.45"), Decimal("0.00"))
    assert (line.quantity, line.factor) == (Decimal("1.5"), Decimal("0.0001"))
    assert claim.source == model.Source(format="protobuf", version="v1")
    assert protobuf.decode(message(currency="KWD")).total == Decimal("12.345")


def test_empty_texts_and_absent_messages_are_missing_values():
    """proto3's empty string says nothing; an absent optional is no zero."""
    claim = protobuf.decode(message(lines=[claim_pb2.Line(sequence=1, description="x")]))
    assert claim.subtype is None
    assert claim.encounter is None
    assert claim.lines == [model.Line(sequence=1, description="x")]


def test_supporting_information_carries_one_value():
    """String, boolean (also false) and quantity."""
    infos = [
        claim_pb2.SupportingInfo(sequence=1, value_string="a"),
        claim_pb2.SupportingInfo(sequence=2, value_boolean=False),
        claim_pb2.SupportingInfo(sequence=3, value_quantity=claim_pb2.Quantity(value="37.5", unit="Cel")),
        claim_pb2.SupportingInfo(sequence=4, category="info"),
    ]
    one, two, three, four = protobuf.decode(message(supporting_info=infos)).supporting_info
    assert (one.value_string, two.value_boolean) == ("a", False)
    assert three.value_quantity == model.MeasuredQuantity(value=Decimal("37.5"), unit="Cel")
    assert four == model.SupportingInfo(sequence=4, category="info")


def test_canonical_json_fills_what_the_message_has_no_field_for():
    """Typed fields win; objects merge, lists merge entry by entry."""
    rest = b"""{"type": "vision", "patient": {"id": "X", "name": "N"}, "notes": ["n"],
      "lines": [{"sequence": 9, "modifiers": ["25"], "tooth": "11"}], "accident": {"date": "2026-01-01"}}"""
    claim = protobuf.decode(message(canonical_json=rest))
    assert claim.type == "oral"
    assert (claim.patient.id, claim.patient.name) == ("F-1", "N")
    assert (claim.lines[0].sequence, claim.lines[0].tooth, claim.lines[0].modifiers) == (1, "11", ["25"])
    assert claim.notes == ["n"]
    assert claim.accident == model.Accident(date="2026-01-01")


def test_canonical_json_alone_may_hold_the_whole_claim():
    """A sender may leave the typed fields empty."""
    claim = protobuf.decode(claim_pb2.Claim(canonical_json=formats_support.claim_json()))
    assert hashing.content_hash(claim) == hashing.content_hash(formats_support.sample_claim())


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"use": "quote"}, "use", "field.choice"),
        ({"use": ""}, "use", "field.missing"),
        ({"type": ""}, "type", "field.missing"),
        ({"regime": "mars"}, "regime", "field.choice"),
        ({"lines": []}, "lines", "field.missing"),
        ({"insurance": []}, "insurance", "field.missing"),
        ({"insurance": [claim_pb2.Insurance()]}, "insurance[0].sequence", "sequence.invalid"),
        ({"patient": claim_pb2.Patient(sex="m")}, "patient.sex", "field.choice"),
        ({"patient": claim_pb2.Patient(birth_date="soon")}, "patient.birth_date", "date.invalid"),
        ({"patient": claim_pb2.Patient(id="a\0")}, "patient.id", "text.nul"),
        ({"lines": [claim_pb2.Line(sequence=1)]}, "lines[0].code", "field.missing"),
        ({"lines": [claim_pb2.Line(sequence=2**32 - 1, code="x")]}, "lines[0].sequence", "sequence.invalid"),
        ({"lines": [claim_pb2.Line(sequence=1, code="x", net_minor=2**63 - 1)]}, "lines[0].net",
         "money.out_of_range"),
        ({"lines": [claim_pb2.Line(sequence=1, code="x", quantity_e4=-(2**63))]}, "lines[0].quantity",
         "number.out_of_range"),
        ({"lines": [claim_pb2.Line(sequence=1, code="x", diagnosis_sequences=[0])]},
         "lines[0].diagnosis_sequences[0]", "sequence.invalid"),
        ({"supporting_info": [claim_pb2.SupportingInfo(
            sequence=1, value_quantity=claim_pb2.Quantity(value="warm"))]},
         "supporting_info[0].value_quantity.value", "field.type"),
        ({"supporting_info": [claim_pb2.SupportingInfo(
            sequence=1, value_quantity=claim_pb2.Quantity(unit="kg"))]},
         "supporting_info[0].value_quantity.value", "field.missing"),
        ({"canonical_json": b"[1]"}, "canonical_json", "field.type"),
        ({"canonical_json": b'{"surprise": 1}'}, "surprise", "field.unknown"),
        ({"canonical_json": b'{"total": "1.234"}', "total_minor": None}, "total",
         "money.too_many_decimals"),
    ],
)  # fmt: skip
def test_a_wrong_message_is_refused_by_canonical_path_and_code(changes: dict[str, Any], path: str, code: str):
    """Unknown words, zeros where sequences belong, and overflow are violations."""
    assert codes(message(**changes)) == {path: code}


def test_canonical_json_that_is_no_json_is_refused():
    """The reason is JSON's own."""
    with pytest.raises(errors.Invalid) as refused:
        protobuf.decode(message(canonical_json=b"{"))
    assert refused.value.reason == "json.malformed"


def test_a_claim_the_typed_fields_can_say_travels_without_json():
    """canonical_json is only filled where it is needed."""
    wire = protobuf.encode(protobuf.decode(message()))
    assert wire.canonical_json == b""
    assert wire.total_minor == 12345
    richer = formats_support.sample_claim(notes=["n"])
    assert protobuf.encode(richer).canonical_json == canonical.encode(richer)


@given(formats_support.claims())
def test_any_claim_comes_back_with_the_same_content(claim: model.Claim):
    """decode(encode(claim)) has the claim's content hash, through bytes."""
    wire = claim_pb2.Claim.FromString(protobuf.encode(claim).SerializeToString())
    assert hashing.content_hash(protobuf.decode(wire)) == hashing.content_hash(claim)


@settings(max_examples=150)
@given(st.binary(max_size=60))
def test_any_bytes_in_canonical_json_are_merged_or_refused(data: bytes):
    """Nothing but Invalid comes out of foreign bytes."""
    try:
        claim = protobuf.decode(message(canonical_json=data))
    except errors.Invalid as fault:
        found = fault.violations
    else:
        assert claim.type == "oral"
        return
    assert found
