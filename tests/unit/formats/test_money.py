"""Money: minor digits by currency, exact conversion both ways, refusal of what is not exact."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import errors
from formats import money


@pytest.mark.parametrize(
    ("currency", "digits"),
    [
        ("SAR", 2), ("USD", 2), ("EUR", 2), ("AED", 2),
        ("KWD", 3), ("BHD", 3), ("OMR", 3), ("JOD", 3), ("TND", 3),
        ("JPY", 0), ("KRW", 0), ("CLF", 4),
        ("XYZ", 2), ("", 2), (None, 2),
    ],
)  # fmt: skip
def test_minor_digits_follow_iso_4217_and_unknown_codes_have_two(currency: str | None, digits: int):
    """A currency has the digits of ISO 4217; an unknown or missing one has two."""
    assert money.minor_digits(currency) == digits


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("150", "SAR", 15000), ("150.00", "SAR", 15000), ("150.5", "SAR", 15050), ("0.01", "SAR", 1),
        ("-3.20", "SAR", -320), ("1.234", "KWD", 1234), ("1.2340", "KWD", 1234), ("1E+2", "SAR", 10000),
        ("12", "JPY", 12), ("0", None, 0),
    ],
)  # fmt: skip
def test_an_amount_becomes_its_minor_units(amount: str, currency: str | None, minor: int):
    """Trailing zeros and exponents do not matter; the currency's digits do."""
    assert money.to_minor(Decimal(amount), currency) == minor


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        ("1.234", "SAR", "money.too_many_decimals"),
        ("0.5", "JPY", "money.too_many_decimals"),
        ("1E-30", "SAR", "money.too_many_decimals"),
        ("12345678901234.00", "SAR", "money.out_of_range"),
        ("1E+999999", "SAR", "money.out_of_range"),
        ("NaN", "SAR", "money.out_of_range"),
        ("sNaN", "SAR", "money.out_of_range"),
        ("Infinity", "SAR", "money.out_of_range"),
        ("-Infinity", "SAR", "money.out_of_range"),
    ],
)
def test_an_inexact_amount_is_refused_by_a_stable_code(amount: str, currency: str | None, code: str):
    """Nothing is rounded: too many decimals, too many digits and non-numbers are refused."""
    assert money.problem(Decimal(amount), money.minor_digits(currency)) == code
    with pytest.raises(errors.Invalid) as refused:
        money.to_minor(Decimal(amount), currency)
    assert refused.value.reason == code
    assert amount not in refused.value.message


def test_the_largest_amount_is_fifteen_digits_of_minor_units():
    """One digit more would no longer be exact in a float64 column."""
    assert money.to_minor(Decimal("9999999999999.99"), "SAR") == 10**15 - 1
    assert money.problem(Decimal("10000000000000.00"), 2) == "money.out_of_range"


@given(st.integers(-(10**15) + 1, 10**15 - 1), st.sampled_from(["SAR", "KWD", "JPY", "CLF", None]))
def test_minor_units_come_back_as_they_went(minor: int, currency: str | None):
    """from_minor and to_minor are inverse for every amount in range."""
    assert money.to_minor(money.from_minor(minor, currency), currency) == minor


@given(st.decimals(allow_nan=True, allow_infinity=True), st.integers(0, 4))
def test_a_problem_is_reported_or_the_amount_is_exact(amount: Decimal, digits: int):
    """For any decimal at all: either a code, or an amount equal to its quantized self."""
    code = money.problem(amount, digits)
    if code is None:
        assert amount == amount.quantize(money.quantum(digits))
    else:
        assert code in {"money.too_many_decimals", "money.out_of_range"}
