"""Hashing: which claims count as the same content, and what names a claim."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import formats_support
from formats import canonical, hashing, model


def digest(**changes: Any) -> str:
    """Return the hash of the sample with changes, as hex."""
    return hashing.content_hash(canonical.decode(formats_support.claim_json(**changes))).hex()


def test_the_hash_is_a_sha256():
    """32 bytes."""
    assert len(hashing.content_hash(formats_support.sample_claim())) == 32


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("169", "169.00"), ("169.0", "169.00"), ("169.10", "169.1"), ("0", "0.00"), ("-0", "0"),
        ("-0.00", "0"), ("1E+2", "100"), ("1.0E+2", "100.00"), ("100", "100.0"), ("-5.50", "-5.5"),
        ("10", "10.00"), ("1010.10", "1010.1"),
    ],
)  # fmt: skip
def test_the_same_amount_written_differently_hashes_alike(one: str, other: str):
    """Trailing zeros, exponents and the sign of zero are not content."""
    assert digest(total=one) == digest(total=other)


@pytest.mark.parametrize(("one", "other"), [("100", "10"), ("1.01", "1.1"), ("10.5", "1.5"), ("5", "-5")])
def test_different_amounts_hash_differently(one: str, other: str):
    """Zeros inside a number stay."""
    assert digest(total=one) != digest(total=other)


def test_amount_like_text_is_never_touched():
    """Numbers inside texts and codes are content letter by letter."""
    assert digest(notes=['":1.50,']) != digest(notes=['":1.5,'])
    assert digest(notes=['a":1.50}']) != digest(notes=['a":1.5}'])
    assert digest(notes=["1.50"]) != digest(notes=["1.5"])


def test_the_order_of_fields_in_the_text_does_not_matter():
    """A claim's fields may come in any order."""
    body = formats_support.sample_dict()
    turned = dict(reversed(body.items()))
    one = canonical.decode(json.dumps(body, default=str).encode())
    other = canonical.decode(json.dumps(turned, default=str).encode())
    assert hashing.content_hash(one) == hashing.content_hash(other)


def test_empty_and_absent_fields_are_the_same():
    """Null and [] say nothing."""
    assert digest() == digest(notes=[], accident=None, procedures=[])


def test_provenance_does_not_count_and_kept_values_do():
    """`source`, `claim_id_source` and the default regime are how it came; `extra` is what was sent."""
    claim = formats_support.sample_claim(regime=None)
    plain = hashing.content_hash(claim)
    told: tuple[dict[str, Any], ...] = (
        {"source": model.Source(format="csv")},
        {"claim_id_source": "resource"},
        {"claim_id_source": None},
        {"regime": "base"},
    )
    for changes in told:
        assert hashing.content_hash(msgspec.structs.replace(claim, **changes)) == plain
    counted: tuple[dict[str, Any], ...] = (
        {"extra": [model.Extra(path="a", value=1)]}, {"regime": "nphies"}, {"claim_id": "other"},
    )  # fmt: skip
    for changes in counted:
        assert hashing.content_hash(msgspec.structs.replace(claim, **changes)) != plain


def test_an_id_made_of_the_hash_does_not_change_the_hash():
    """Naming a claim by its content leaves the content alone; a sender's claim of such an id counts."""
    nameless = formats_support.sample_claim(claim_id=None, claim_id_source=None)
    named = canonical.identified(nameless)
    assert hashing.content_hash(named) == hashing.content_hash(nameless)
    forged = msgspec.structs.replace(named, claim_id="X-1")
    assert hashing.content_hash(forged) != hashing.content_hash(nameless)


def test_the_order_of_lines_counts():
    """Lists are content in their order."""
    claim = formats_support.sample_claim()
    turned = msgspec.structs.replace(claim, lines=claim.lines[::-1])
    assert hashing.content_hash(claim) != hashing.content_hash(turned)


def test_the_natural_key_joins_provider_use_and_claim_id_without_ambiguity():
    """No choice of separators inside the parts makes two keys equal."""

    def key(provider: str | None, claim_id: str) -> str:
        return hashing.natural_key(
            formats_support.sample_claim(provider=model.Provider(id=provider), claim_id=claim_id)
        )

    assert key("P", "C") == '["P","claim","C"]'
    assert key('P","claim","C', "D") != key("P", 'claim","C","D')
    assert key(None, "C") == '["","claim","C"]'


NUMBER_LIKE = st.sampled_from(
    ['":1.50,', '":-0.00}', '\\":2.0,', "1.50", "0", ".", "-", '"', "\\", ",", "}", "ب"]
)


@given(st.lists(NUMBER_LIKE, max_size=8).map("".join), st.decimals(-(10**6), 10**6, places=4))
def test_zeros_are_cut_from_numbers_and_from_nothing_else(text: str, number: Decimal):
    """For any text and key beside any amount: what is hashed reads back as the same text and number."""
    extra = [model.Extra(path=text, value={text: number, "list": [number]})]
    claim = formats_support.sample_claim(notes=[text], total=number, extra=extra)
    form = json.loads(hashing.canonical_form(claim), parse_float=Decimal, parse_int=Decimal)
    assert form["notes"] == [text]
    assert form["extra"][0]["path"] == text
    assert form["extra"][0]["value"] == {text: number, "list": [number]}
    assert str(form["total"]) == (f"{number:f}".rstrip("0").rstrip(".") if number else "0")


ORIGINS = st.fixed_dictionaries({
    "regime": st.sampled_from([None, "base", "nphies"]),
    "claim_id_source": st.sampled_from([None, "sender", "resource", "content"]),
    "source": st.sampled_from([None, model.Source(format="csv")]),
    "claim_id": st.sampled_from(['"regime":"base",', "C-1", "sha256-00", None]),
    "subtype": st.sampled_from([None, "op", ',"regime":"base",']),
})  # fmt: skip


@given(formats_support.claims(), ORIGINS, st.sampled_from(["base", "x12-us"]))
def test_what_was_sent_has_the_hash_of_its_content(claim: model.Claim, origin: dict[str, Any], default: str):
    """For any claim, regime and origin: from the text at hand it is what it is from the claim."""
    kept = [model.Extra(path="x", value={"regime": "base", "list": ["regime", "base"]})]
    claim = msgspec.structs.replace(claim, **origin, extra=kept)
    text = canonical.encode_as_sent(msgspec.structs.replace(claim, regime=origin["regime"] or default))
    assert hashing.content_hash_as_sent(claim, text) == hashing.content_hash(claim)


@given(formats_support.claims())
def test_a_round_trip_keeps_the_hash(claim: model.Claim):
    """Reading back what was written is the same content."""
    again = canonical.decode(canonical.encode(claim))
    assert hashing.content_hash(again) == hashing.content_hash(claim)


@given(formats_support.claims())
def test_normalised_decimals_keep_the_hash(claim: model.Claim):
    """Normalising every amount of every line changes nothing."""
    lines = [
        msgspec.structs.replace(
            line,
            net=line.net.normalize() if line.net is not None else None,
            quantity=line.quantity.normalize() if line.quantity is not None else None,
        )
        for line in claim.lines
    ]
    again = msgspec.structs.replace(claim, lines=lines)
    assert hashing.content_hash(again) == hashing.content_hash(claim)


@given(st.decimals(-(10**6), 10**6, places=2), st.decimals(-(10**6), 10**6, places=2))
def test_two_totals_hash_alike_exactly_when_equal(one: Decimal, other: Decimal):
    """The hash tells amounts apart as arithmetic does."""

    def hashed(total: Decimal) -> bytes:
        return hashing.content_hash(formats_support.sample_claim(total=total))

    assert (hashed(one) == hashed(other)) == (one == other)
