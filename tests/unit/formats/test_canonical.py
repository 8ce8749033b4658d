"""Canonical JSON: what is read, what is refused by which path and code, and what comes back."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import formats_support
from chassis import errors
from formats import canonical, model


def refusal(body: bytes) -> errors.Invalid:
    """Return the Invalid that a body earns."""
    with pytest.raises(errors.Invalid) as refused:
        canonical.decode(body)
    return refused.value


def codes(body: bytes) -> dict[str, str]:
    """Return path to code of the violations that a body earns."""
    return {violation.path: violation.code for violation in refusal(body).violations}


def line(**changes: Any) -> dict[str, Any]:
    """Return the sample's first line with fields replaced."""
    return {**formats_support.sample_dict()["lines"][0], **changes}


def test_the_sample_is_read_field_by_field():
    """Every part of the sample arrives in the struct, decimals exact, texts as written."""
    claim = canonical.decode(formats_support.claim_json())
    assert claim.claim_id == "CLM-7700-0042"
    assert claim.claim_id_source == "sender"
    assert claim.provider.branch == "jeddah"
    coverage, encounter = claim.insurance[0].coverage, claim.encounter
    assert coverage is not None
    assert encounter is not None
    assert coverage.payer == "PY-20"
    assert encounter.class_ == "AMB"
    assert encounter.start == "2026-05-10T09:00:00+03:00"
    assert claim.lines[1].unit_price == Decimal("15.50")
    assert claim.lines[1].diagnosis_sequences == [1, 2]
    assert claim.total == Decimal("169.00")


def test_the_least_readable_claim_needs_only_what_interfaces_name():
    """Type, use, provider, patient, one insurance and one described line are enough."""
    least = {
        "type": "oral", "use": "claim", "provider": {}, "patient": {},
        "insurance": [{"sequence": 1}], "lines": [{"sequence": 1, "description": "cleaning"}],
    }  # fmt: skip
    claim = canonical.decode(json.dumps(least).encode())
    assert claim.lines[0].code is None
    assert claim.currency is None


@pytest.mark.parametrize("name", ["type", "use", "provider", "patient", "insurance", "lines"])
def test_a_missing_required_field_is_named(name: str):
    """Each required field is refused by its own path when absent."""
    body = formats_support.sample_dict()
    del body[name]
    assert codes(json.dumps(body).encode()) == {name: "field.missing"}


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"surprise": 1}, "surprise", "field.unknown"),
        ({"provider": {"id": "P", "nmae": "x"}}, "provider.nmae", "field.unknown"),
        ({"lines": [line(nett=1)]}, "lines[0].nett", "field.unknown"),
        ({"provider": None}, "provider", "field.type"),
        ({"provider": []}, "provider", "field.type"),
        ({"lines": {}}, "lines", "field.type"),
        ({"lines": ["x"]}, "lines[0]", "field.type"),
        ({"lines": []}, "lines", "field.missing"),
        ({"insurance": []}, "insurance", "field.missing"),
        ({"type": ""}, "type", "field.missing"),
        ({"type": 7}, "type", "field.type"),
        ({"use": "request"}, "use", "field.choice"),
        ({"use": ["claim"]}, "use", "field.choice"),
        ({"regime": "mars"}, "regime", "field.choice"),
        ({"transfer": "yes"}, "transfer", "field.type"),
        ({"patient": {"sex": "m"}}, "patient.sex", "field.choice"),
        ({"patient": {"birth_date": "1979-11-31"}}, "patient.birth_date", "date.invalid"),
        ({"patient": {"birth_date": 19791123}}, "patient.birth_date", "field.type"),
        ({"created": "yesterday"}, "created", "date.invalid"),
        ({"encounter": {"start": "2026-05-10 09:00"}}, "encounter.start", "date.invalid"),
        ({"claim_id": "x" * 257}, "claim_id", "text.too_long"),
        ({"claim_id": 12}, "claim_id", "field.type"),
        ({"total": "12.345"}, "total", "money.too_many_decimals"),
        ({"total": "1e3000"}, "total", "money.out_of_range"),
        ({"total": "NaN"}, "total", "money.out_of_range"),
        ({"total": "Infinity"}, "total", "money.out_of_range"),
        ({"total": "many"}, "total", "field.type"),
        ({"total": True}, "total", "field.type"),
        ({"total": {}}, "total", "field.type"),
        ({"lines": [line(net="1.005")]}, "lines[0].net", "money.too_many_decimals"),
        ({"lines": [line(quantity="1.00001")]}, "lines[0].quantity", "quantity.too_many_decimals"),
        ({"lines": [line(quantity="NaN")]}, "lines[0].quantity", "number.out_of_range"),
        ({"lines": [line(factor="1e40")]}, "lines[0].factor", "number.out_of_range"),
        ({"lines": [line(sequence=0)]}, "lines[0].sequence", "sequence.invalid"),
        ({"lines": [line(sequence=-4)]}, "lines[0].sequence", "sequence.invalid"),
        ({"lines": [line(sequence=2**31)]}, "lines[0].sequence", "sequence.invalid"),
        ({"lines": [line(sequence="1")]}, "lines[0].sequence", "field.type"),
        ({"lines": [line(sequence=1.5)]}, "lines[0].sequence", "field.type"),
        ({"lines": [line(sequence=True)]}, "lines[0].sequence", "field.type"),
        ({"lines": [line(service_date="2026-05")]}, "lines[0].service_date", "date.invalid"),
        ({"lines": [{"sequence": 1, "net": 5}]}, "lines[0].code", "field.missing"),
        ({"lines": [line(details=[{"sequence": 1, "tax": "0.001"}])]}, "lines[0].details[0].tax",
         "money.too_many_decimals"),
        ({"lines": [line(prior_payer=[{"adjustments": [{"amount": "x"}]}])]},
         "lines[0].prior_payer[0].adjustments[0].amount", "field.type"),
        ({"insurance": [{"sequence": 1, "responsibility": "Q"}]}, "insurance[0].responsibility",
         "field.choice"),
        ({"attachments": [{"size": -1}]}, "attachments[0].size", "number.out_of_range"),
        ({"supporting_info": [{"sequence": 1, "value_string": "a", "value_boolean": True}]},
         "supporting_info[0]", "value.ambiguous"),
        ({"supporting_info": [{"sequence": 1, "value_quantity": {"value": "inf"}}]},
         "supporting_info[0].value_quantity.value", "number.out_of_range"),
        ({"extra": [{"path": "a"}]}, "extra[0].value", "field.missing"),
        ({"provider": {"id": "a\x00b"}}, "provider.id", "text.nul"),
        ({"extra": [{"path": "a", "value": {"k\x00": 1}}]}, "extra[0].value", "text.nul"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_by_path_and_code(changes: dict[str, Any], path: str, code: str):
    """One wrong value is one violation at its path, with a stable code."""
    assert codes(json.dumps(formats_support.sample_dict(**changes), default=str).encode()) == {path: code}


def test_several_problems_are_reported_at_once():
    """A sender learns of wrong types, unknown fields and wrong values in one refusal."""
    body = formats_support.sample_dict(
        surprise=1, created="x", total="1.234", patient={"sex": "m"}, lines=[line(sequence=0, nett=1)]
    )
    assert codes(json.dumps(body, default=str).encode()) == {
        "surprise": "field.unknown",
        "created": "date.invalid",
        "total": "money.too_many_decimals",
        "patient.sex": "field.choice",
        "lines[0].sequence": "sequence.invalid",
        "lines[0].nett": "field.unknown",
    }


def test_at_most_twenty_problems_are_reported():
    """The list of violations is bounded, whatever is sent."""
    body = formats_support.sample_dict(**{f"unknown_{number}": number for number in range(500)})
    assert len(refusal(json.dumps(body, default=str).encode()).violations) == 20


def test_the_decimals_allowed_follow_the_currency():
    """Three decimals are right in KWD and wrong in SAR; none are allowed in JPY."""
    small = [line(unit_price=None, net="1.234", tax=None, patient_share=None)]
    kept = canonical.decode(formats_support.claim_json(currency="KWD", lines=small, total="1.234"))
    assert kept.total == Decimal("1.234")
    assert set(codes(formats_support.claim_json(currency="SAR", lines=small, total="1.234"))) == {
        "lines[0].net", "total",
    }  # fmt: skip
    assert codes(formats_support.claim_json(currency="JPY", lines=small, total="1.5")) == {
        "lines[0].net": "money.too_many_decimals",
        "total": "money.too_many_decimals",
    }


def test_a_claim_of_a_thousand_lines_is_read_and_of_one_more_refused():
    """The bound on lines is exact."""
    lines = [{"sequence": number, "code": "X"} for number in range(1, 1002)]
    assert len(canonical.decode(formats_support.claim_json(lines=lines[:1000])).lines) == 1000
    assert codes(formats_support.claim_json(lines=lines)) == {"lines": "claim.too_many_lines"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "json.malformed"),
        (b"nul", "json.malformed"),
        (b"{", "json.malformed"),
        (b'{"type":"a",}', "json.malformed"),
        (b"{'type':'a'}", "json.malformed"),
        (b'{"total":NaN}', "json.malformed"),
        (b'{"total":Infinity}', "json.malformed"),
        (b'{"total":01}', "json.malformed"),
        (b'{"type":"\\ud800"}', "json.malformed"),
        (b'{"type":"\xff"}', "json.encoding"),
        ('{"type":"ä"}'.encode("latin-1"), "json.encoding"),
        ("{}".encode("utf-16"), "json.encoding"),
        (b"[" * 200_000, "json.too_deep"),
        (b'{"a":' * 1000 + b"1" + b"}" * 1000, "json.too_deep"),
        (b"[]", "claim.unreadable"),
        (b"7", "claim.unreadable"),
        (b'"claim"', "claim.unreadable"),
        (b"null", "claim.unreadable"),
        (b" " * 10_000_001, "claim.too_large"),
    ],
)
def test_what_is_no_claim_object_is_refused_by_reason(body: bytes, reason: str):
    """Malformed text, broken encoding, depth and size have reasons of their own."""
    assert refusal(body).reason == reason


def test_brackets_inside_strings_do_not_count_as_depth():
    """A text full of brackets is not deep."""
    claim = canonical.decode(formats_support.claim_json(notes=['[{"' * 400]))
    assert claim.notes == ['[{"' * 400]


def test_a_kept_value_may_nest_but_not_without_end():
    """`extra` takes any JSON up to 32 levels."""

    def nested(levels: int) -> Any:
        value: Any = 1
        for _ in range(levels):
            value = [value]
        return value

    kept = canonical.decode(formats_support.claim_json(extra=[{"path": "a", "value": nested(32)}]))
    assert [extra.value for extra in kept.extra] == [nested(32)]
    assert codes(formats_support.claim_json(extra=[{"path": "a", "value": nested(33)}])) == {
        "extra[0].value": "json.too_deep"
    }


def test_a_byte_order_mark_is_skipped():
    """Files saved by Windows editors are read."""
    plain = formats_support.claim_json()
    assert canonical.decode(b"\xef\xbb\xbf" + plain) == canonical.decode(plain)


def test_a_field_named_twice_keeps_its_last_value():
    """Repeated names are read as every JSON parser of the chain reads them."""
    body = formats_support.claim_json().replace(b'{"claim_id":', b'{"claim_id":"first","claim_id":', 1)
    assert canonical.decode(body).claim_id == "CLM-7700-0042"


def test_decimal_texts_and_numbers_say_the_same():
    """An amount as text equals the amount as number, exactly."""
    as_text = canonical.decode(formats_support.claim_json(total="169.10"))
    as_number = canonical.decode(formats_support.claim_json(total=Decimal("169.10")))
    assert as_text == as_number
    assert b'"total":169.10' in canonical.encode(as_text)


def test_kept_decimals_stay_exact():
    """A number inside `extra` is no float: 0.10 stays 0.10."""
    body = formats_support.claim_json(extra=[{"path": "a", "value": {"b": Decimal("0.10")}}])
    claim = canonical.decode(body)
    assert claim.extra[0].value == {"b": Decimal("0.10")}
    assert b'{"b":0.10}' in canonical.encode(claim)


def test_messages_never_repeat_what_was_sent():
    """No violation's message holds a value of the claim, because it may be a patient's."""
    secret = "Zubaydah"
    body = formats_support.sample_dict(
        use=secret, created=secret, total=secret, patient={"sex": secret, "birth_date": secret},
        lines=[line(sequence=secret, service_date=secret)],
    )  # fmt: skip
    fault = refusal(json.dumps(body, default=str).encode())
    assert len(fault.violations) == 7
    assert all(secret not in violation.message + violation.path for violation in fault.violations)
    assert secret not in str(fault)


@pytest.mark.parametrize("name", ["\x1b[31m\u202e" + "n" * 500, "Sara Example", "1012345678", "n" * 65])
def test_a_key_that_can_be_no_field_is_not_repeated(name: str):
    """A sender's key cannot break a terminal, and a patient's name used as one does not come back."""
    (path,) = codes(formats_support.claim_json(**{name: 1}))
    assert path == "(a name of another form)"


def test_a_misspelt_field_is_named():
    """Who writes unitPrice for unit_price is told so."""
    (path,) = codes(formats_support.claim_json(unitPrice=1))
    assert path == "unitPrice"


def test_a_claim_without_an_id_is_named_by_its_content():
    """The same content gets the same id twice; other content gets another."""
    first = canonical.decode(formats_support.claim_json(claim_id=None))
    again = canonical.decode(formats_support.claim_json(claim_id=""))
    other = canonical.decode(formats_support.claim_json(claim_id=None, total=1))
    assert first.claim_id_source == "content"
    assert str(first.claim_id).startswith("sha256-")
    assert first.claim_id == again.claim_id != other.claim_id


def test_validate_judges_structs_as_decode_judges_text():
    """A struct built by another reader gets the same codes and paths."""
    broken = formats_support.sample_claim(
        total=Decimal("1.001"), created="x", lines=[model.Line(sequence=0, net=Decimal("NaN"))]
    )
    with pytest.raises(errors.Invalid) as refused:
        canonical.validate(broken)
    assert {violation.path: violation.code for violation in refused.value.violations} == {
        "created": "date.invalid",
        "lines[0].sequence": "sequence.invalid",
        "lines[0].net": "money.out_of_range",
        "lines[0].code": "field.missing",
        "total": "money.too_many_decimals",
    }


def test_validate_returns_the_very_claim():
    """A sound claim is not copied."""
    claim = formats_support.sample_claim()
    assert canonical.validate(claim) is claim


@given(formats_support.claims())
def test_any_claim_comes_back_as_it_went(claim: model.Claim):
    """decode(encode(claim)) is the claim."""
    assert canonical.decode(canonical.encode(claim)) == claim


@given(formats_support.claims())
def test_encoding_is_stable(claim: model.Claim):
    """Writing what was read gives the same bytes."""
    text = canonical.encode(claim)
    assert canonical.encode(canonical.decode(text)) == text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=4) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from(sorted(formats_support.sample_dict())), json_values, max_size=4),
    st.dictionaries(st.sampled_from(sorted(line())), json_values, max_size=3),
)
def test_any_value_anywhere_is_read_or_refused(changes: dict[str, Any], line_changes: dict[str, Any]):
    """Wrong data never escapes as another exception, and never as a refusal that says nothing."""
    body = formats_support.sample_dict(lines=[line(**line_changes)])
    text = json.dumps({**body, **changes}, default=str).encode()
    try:
        claim = canonical.decode(text)
    except errors.Invalid as fault:
        found = fault.violations
    else:
        assert canonical.decode(canonical.encode(claim)) == claim
        return
    assert found


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes):
    """Bytes that are no claim earn an Invalid, nothing else."""
    with pytest.raises(errors.Invalid):
        canonical.decode(body)


def test_a_claim_that_was_sent_canonically_is_written_as_it_was_sent():
    """Reading notes where the id is from; written without that note, what was sent comes back."""
    sent = canonical.encode(formats_support.sample_claim(claim_id_source=None))
    read = canonical.decode(sent)
    assert read.claim_id_source == "sender"
    assert canonical.encode_as_sent(read) == sent
    assert canonical.decode(canonical.encode_as_sent(read)) == read
    nameless = canonical.decode(
        canonical.encode(formats_support.sample_claim(claim_id=None, claim_id_source=None))
    )
    assert b'"claim_id_source":"content"' in canonical.encode_as_sent(nameless)
