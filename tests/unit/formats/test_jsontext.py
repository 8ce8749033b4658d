"""JSON text: bounds before parsing, exact decimals, refusals by reason."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import errors
from formats import jsontext

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(alphabet='[]{}"\\ab', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def nesting(value: Any) -> int:
    """Return how deep lists and objects nest in plain data."""
    if isinstance(value, dict):
        return 1 + max((nesting(inner) for inner in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((nesting(inner) for inner in value), default=0)
    return 0


@given(json_values)
def test_depth_is_the_nesting_of_the_data(value: Any):
    """Brackets and quotes inside strings, escaped or not, never count."""
    assert jsontext.depth(json.dumps(value).encode()) == nesting(value)


@pytest.mark.parametrize(("levels", "allowed"), [(63, True), (64, True), (65, False), (5000, False)])
def test_the_bound_on_depth_is_exact(levels: int, allowed: Any):
    """64 levels are read, 65 are refused before parsing."""
    body = b"[" * levels + b"]" * levels
    if allowed:
        assert jsontext.checked(body) == body
    else:
        with pytest.raises(errors.Invalid) as refused:
            jsontext.checked(body)
        assert refused.value.reason == "json.too_deep"


def test_many_brackets_side_by_side_are_not_deep():
    """Width is no depth."""
    body = b"[" + b"[]," * 100_000 + b"[]]"
    assert jsontext.checked(body) == body


def test_a_string_that_never_ends_is_scanned_once():
    """An unclosed quote costs no more than the text is long."""
    body = b'{"a":"' + b'\\"[' * 1_000_000
    assert jsontext.depth(body) == 1


def test_the_bound_on_size_is_exact():
    """Ten million bytes pass, one more does not."""
    assert jsontext.checked(b" " * jsontext.MAX_BYTES)
    with pytest.raises(errors.Invalid) as refused:
        jsontext.checked(b" " * (jsontext.MAX_BYTES + 1))
    assert refused.value.reason == "claim.too_large"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"1.10", Decimal("1.10")), (b"1e-2", Decimal("0.01")), (b"12", 12), (b'"1.10"', "1.10"),
        (b"[0.1]", [Decimal("0.1")]), (b"true", True), (b"null", None),
    ],
)  # fmt: skip
def test_numbers_stay_exact(text: bytes, value: Any):
    """Fractions are decimals with their zeros; whole numbers are ints."""
    found = jsontext.loads(text)
    assert found == value
    assert str(found) == str(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"{", "json.malformed"), (b"", "json.malformed"), (b"tru", "json.malformed"),
        (b"NaN", "json.malformed"),
        (b'"\xff"', "json.encoding"), (b'"\xed\xa0\x80"', "json.encoding"), (b'"a\x00b"', "json.malformed"),
        (b"1 2", "json.malformed"), (b"[1,]", "json.malformed"), (b"[" * 100_000, "json.too_deep"),
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused_by_reason(text: bytes, reason: str):
    """The reason is stable, the violation names the whole document."""
    with pytest.raises(errors.Invalid) as refused:
        jsontext.loads(text)
    assert refused.value.reason == reason
    assert [violation.path for violation in refused.value.violations] == ["$"]


@given(st.binary(max_size=80))
def test_any_bytes_are_data_or_invalid(text: bytes):
    """Nothing else comes out of the parser's door."""
    try:
        jsontext.loads(jsontext.checked(text))
    except errors.Invalid as fault:
        found = fault.reason
    else:
        return
    assert found.startswith(("json.", "claim."))
