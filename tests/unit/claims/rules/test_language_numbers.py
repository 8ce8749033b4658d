"""Numbers of the rule language: exact decimals, where rounding happens, and what cannot be computed."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rule_language_support as support
from claims.domain.rules import checking, runtime, tables, tree

AMOUNTS = st.decimals(min_value="-99999.99", max_value="99999.99", places=2)


def line(**fields: Any) -> dict[str, Any]:
    """Return a claim of one line with these fields."""
    return {"lines": [fields]}


def literal(value: Decimal | Fraction) -> str:
    """Return a decimal as a constant of the language."""
    return f"({Decimal(str(value)):f})"


def test_decimals_are_exact() -> None:
    """A tenth and two tenths are three tenths: no binary fraction stands between the claim and the rule."""
    assert support.holds("net + tax = 0.3", line(net=Decimal("0.1"), tax=Decimal("0.2"))) is True
    assert support.holds("quantity * unit_price = 0.03", line(quantity=3, unit_price=0.01)) is True
    assert support.holds("net = 100", line(net=Decimal("100.00"))) is True


@settings(max_examples=60, deadline=None)
@given(AMOUNTS, AMOUNTS, AMOUNTS)
def test_sums_and_products_agree_with_fractions(first: Decimal, second: Decimal, third: Decimal) -> None:
    """For any amounts: `a + b * c - a / 4` is what exact fractions give."""
    exact = Fraction(first) + Fraction(second) * Fraction(third) - Fraction(first) / 4
    expected = Decimal(exact.numerator) / Decimal(exact.denominator)
    text = f"{literal(first)} + {literal(second)} * {literal(third)} - {literal(first)} / 4"
    assert support.holds(f"{text} = {literal(expected)}") is True


@pytest.mark.parametrize(
    ("value", "digits", "rounded"),
    [
        ("2.5", 0, "3"), ("-2.5", 0, "-3"), ("2.4999", 0, "2"), ("0.125", 2, "0.13"), ("-0.125", 2, "-0.13"),
        ("1.005", 2, "1.01"), ("7", 3, "7.000"), ("0.0000005", 6, "0.000001"),
    ],
)  # fmt: skip
def test_round_takes_halves_away_from_zero(value: str, digits: int, rounded: str) -> None:
    """ROUND with digits, on both sides of zero."""
    assert support.holds(f"ROUND({value}, {digits}) = {rounded}") is True


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=7), st.integers(0, 6))
def test_rounding_is_nearest(value: Decimal, digits: int) -> None:
    """For any value: at most half a unit away, on the grid, and rounding twice changes nothing."""
    unit = Decimal(1).scaleb(-digits)
    found = runtime.round_half_away(value, unit)
    assert abs(found - value) * 2 <= unit
    assert found == value.quantize(unit, ROUND_HALF_UP)
    assert runtime.round_half_away(found, unit) == found
    assert runtime.round_half_away(-value, unit) == -found


@pytest.mark.parametrize(("currency", "rounded"), [("SAR", "1.24"), ("KWD", "1.235"), ("JPY", "1")])
def test_amounts_round_to_their_currency(currency: str, rounded: str) -> None:
    """ROUND of an amount without digits goes to the currency's smallest unit."""
    claim = {"currency": currency, "lines": [{"net": 10, "tax": 0, "unit_price": 10}], "total": 10}
    assert support.holds(f"ROUND(net * 0.12345) = {'1.23' if currency == 'SAR' else rounded}", claim) is True
    assert support.holds(f"ROUND(net * 0.1235) = {rounded}", claim) is True


def test_a_number_without_digits_rounds_to_a_whole() -> None:
    """ROUND of a plain number without digits gives a whole number."""
    assert support.holds("ROUND(quantity) = 3", line(quantity=2.5)) is True


def test_division_is_decimal_and_by_zero_unknown() -> None:
    """Whole numbers divide as decimals; a division by zero is undecided, and told so."""
    assert support.holds("sequence / 2 = 0.5") is True
    assert support.holds("net / 3 = 33.333333333333", line(net=100)) is True
    assert support.holds("net / tax > 1", line(net=1, tax=0)) is None
    assert support.holds("COALESCE(net / NULLIF(tax, 0), 0) = 0", line(tax=0)) is True
    told = support.outcome(support.rule("net / 0 > 1"))
    assert told.not_checked[0].reason == "not decidable: the calculation has no result"


@given(st.decimals(min_value=-1000, max_value=1000, places=4), st.integers(-999, 999))
def test_quotients_are_the_nearest_kept_decimal(left: Decimal, right: int) -> None:
    """For any pair: None exactly for a zero divisor, else within half of the last kept decimal."""
    found = runtime.divide(left, right)
    if right == 0:
        assert found is None
        return
    assert found is not None
    error = abs(Fraction(found) - Fraction(left) / right)
    assert error * 2 <= Fraction(1, 10**runtime.DIVISION_DIGITS)


def test_an_inexact_result_is_undecided_and_never_wrong() -> None:
    """A product of more digits than are kept exactly leaves the rule undecided instead of rounding it."""
    factor = "9" * 30 + ".7"
    assert support.holds(" * ".join(["quantity", *[factor] * 5]) + " > 0", line(quantity=3)) is None
    assert support.holds(" * ".join(["quantity", *[factor] * 2]) + " > 0", line(quantity=3)) is True


def test_an_overflow_in_one_line_leaves_the_others_decided() -> None:
    """Undecided is a matter of one row: its neighbours keep their answers."""
    factor = "9" * 30 + ".7"
    text = "CASE WHEN sequence = 1 THEN " + " * ".join(["quantity", *[factor] * 5]) + " ELSE quantity END > 2"
    claim = {"lines": [{"quantity": 3}, {"quantity": 3}, {"quantity": 1}]}
    told = support.outcome(support.rule(text), claim)
    assert [found.line for found in told.findings] == [2]
    assert [entry.path for entry in told.not_checked] == ["lines[0].sequence"]


def test_signs_and_magnitudes() -> None:
    """Unary minus and plus, ABS, and a negative constant compare as numbers do."""
    assert support.holds("-net = -100") is True
    assert support.holds("ABS(tax - net) = +100") is True
    assert support.holds("- (net + 1) < -100") is True
    assert support.holds("-tax IS NULL", line(tax=None)) is True


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("net + tax", tree.Kind.MONEY), ("net * quantity", tree.Kind.MONEY), ("net / 2", tree.Kind.MONEY),
        ("net / tax", tree.Kind.NUMBER), ("sequence + 1", tree.Kind.INT), ("sequence * 2", tree.Kind.INT),
        ("sequence / 2", tree.Kind.NUMBER), ("sequence + 0.5", tree.Kind.NUMBER),
        ("quantity * factor", tree.Kind.NUMBER), ("service_end - service_date", tree.Kind.INT),
        ("service_date + 30", tree.Kind.DATE), ("CURRENT_DATE - 1", tree.Kind.DATE),
        ("COALESCE(sequence, 0.5)", tree.Kind.NUMBER), ("CASE WHEN package THEN net END", tree.Kind.MONEY),
        ("AVG(lines.sequence)", tree.Kind.NUMBER), ("AVG(lines.net)", tree.Kind.MONEY),
        ("MIN(lines.service_date)", tree.Kind.DATE), ("ARRAY_AGG(lines.code)", tree.Kind.TEXTS),
        ("ARRAY_AGG(lines.sequence)", tree.Kind.INTS), ("COUNT(DISTINCT lines.code)", tree.Kind.INT),
        ("LENGTH(code)", tree.Kind.INT), ("TRIM(code)", tree.Kind.TEXT), ("NULL", tree.Kind.NULL),
    ],
)  # fmt: skip
def test_results_have_the_kind_of_their_unit(text: str, kind: tree.Kind) -> None:
    """Money stays money through scaling, its ratio is a number, days differ by whole numbers."""
    assert checking.value(text, "line", tables.Tables()).kind is kind
