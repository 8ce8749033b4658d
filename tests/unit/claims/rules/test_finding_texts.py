"""Texts of findings: values in the manner of each language, and nothing a slot could reach beyond them."""

import decimal
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rule_language_support as support
from claims.domain import decisions
from claims.domain.rules import messages, runtime, tree
from formats import money

ISOLATE, END = "\u2066", "\u2069"


def told(text: str, claim: dict[str, Any] | None = None, **fields: Any) -> decisions.Finding:
    """Return the finding of a rule that always fires and says this text in both languages."""
    document = support.rule("TRUE", message={"en": text, "ar": text}, **fields)
    [found] = support.outcome(document, claim).findings
    return found


@pytest.mark.parametrize(
    ("slot", "line", "english", "arabic"),
    [
        ("net", {"net": 1234.5}, "1,234.50", "1,234.50"),
        ("quantity", {"quantity": 2.50}, "2.5", "2.5"),
        ("service_date", {"service_date": "2026-08-01"}, "2026-08-01", "2026-08-01"),
        ("package", {"package": True}, "yes", "نعم"),
        ("package", {"package": False}, "no", "لا"),
        ("package", {}, "nothing", "لا شيء"),
        ("modifiers", {"modifiers": ["59", "RT"]}, "59, RT", "59، RT"),
        ("modifiers", {}, "nothing", "لا شيء"),
        ("sequence", {}, "1", "1"),
        ("code", {"code": "{net}"}, "{net}", "{net}"),
    ],
)
def test_values_read_as_their_language_writes_them(
    slot: str, line: dict[str, Any], english: str, arabic: str
) -> None:
    """Amounts with separators, days as ISO 8601, yes and no in words; Arabic isolates every value."""
    found = told(f"<{{{slot}}}>", {"lines": [line]})
    assert found.message.en == f"<{english}>"
    assert found.message.ar == f"<{ISOLATE}{arabic}{END}>"


@pytest.mark.parametrize(("currency", "shown"), [("SAR", "1.50"), ("KWD", "1.500"), ("JPY", "2")])
def test_amounts_have_the_decimals_of_their_currency(currency: str, shown: str) -> None:
    """Two for riyals, three for dinars, none for yen."""
    amount = 2 if currency == "JPY" else 1.5
    claim = {"currency": currency, "lines": [{"net": amount, "unit_price": amount}], "total": amount}
    assert told("{net}", claim).message.en == shown


def test_expected_and_actual_travel_as_data() -> None:
    """What stands there and what should are exact values, and the text may name both."""
    found = told("{net} is not {expected}", path="net", expected="unit_price * 2")
    assert (found.actual, found.expected) == (Decimal("100.00"), Decimal("200.00"))
    assert found.message.en == "100.00 is not 200.00"
    day = told("x", path="service_date", expected="service_date + 30")
    assert (day.actual, day.expected) == ("2026-08-01", "2026-08-31")


def test_an_expected_value_that_cannot_be_computed_is_said_to_be_nothing() -> None:
    """A finding stands although its proposal divides by zero."""
    found = told("want {expected}", expected="net / NULLIF(tax, 0)")
    assert found.expected is None
    assert found.message.en == "want nothing"


def test_a_suggestion_is_filled_too() -> None:
    """What to do names values as the message does."""
    found = told("x", suggestion={"en": "Bill {unit_price}.", "ar": "{unit_price}"})
    assert found.suggestion is not None
    assert found.suggestion.en == "Bill 100.00."
    assert found.suggestion.ar == f"{ISOLATE}100.00{END}"


@given(st.text(max_size=40))
def test_nothing_but_a_name_in_braces_is_a_slot(text: str) -> None:
    """For any text: attributes, indexes, formats and conversions are plain characters, never reached."""
    odd = text + "{net.real}{net[0]}{net!r}{net:>9}{0}{__class__}{}"
    spec = messages.template(decisions.Bilingual(en=odd, ar=odd), lambda _: tree.Kind.TEXT)
    assert "net" not in spec.names
    filled = spec.fill(dict.fromkeys(spec.names, ("SECRET", "SECRET")))
    assert filled.en.replace("SECRET", "").count("{net.real}{net[0]}{net!r}{net:>9}{0}") >= 1


@given(st.integers(-(10**12), 10**12), st.sampled_from(["SAR", "KWD", "JPY", None]))
def test_a_plain_amount_is_the_same_amount(minor: int, currency: str | None) -> None:
    """For any amount: showing adds decimals and separators and changes no value."""
    value = Decimal(minor).scaleb(-4)
    shown = messages.plain(tree.Kind.MONEY, value, currency)
    assert isinstance(shown, Decimal)
    assert shown == value
    assert "E" not in f"{shown}"


@given(
    st.lists(st.sampled_from(["{code}", "{net}", "%", "%s", "%(code)s", "{", "100% ", "رمز "]), max_size=6),
    st.lists(st.sampled_from(["{net}", "{net}", "%%", "}", "خمسة "]), max_size=6),
    st.text(max_size=5),
)
def test_a_text_is_what_names_replaced_one_by_one_would_be(
    english: list[str], arabic: list[str], value: str
) -> None:
    """For any text, per cents and braces included: filling changes slots and nothing beside them."""
    text = decisions.Bilingual(en="".join(english), ar="".join(arabic))
    spec = messages.template(text, lambda _: tree.Kind.TEXT)
    values = {"code": value, "net": "{code}%s"}
    filled = spec.fill({name: (said, said) for name, said in values.items()})

    def put(found: re.Match[str]) -> str:
        return values[found[1]]

    names = re.compile(r"\{([a-z_]+)\}")
    assert filled.en == names.sub(put, text.en)
    assert filled.ar == names.sub(lambda found: ISOLATE + put(found) + END, text.ar)


@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=None)
    | st.sampled_from(["1E+5", "-0.0", "0E+7", "1.10000", "12345678901234567890123456789.5"]).map(Decimal),
    st.sampled_from(["SAR", "KWD", "JPY", None]),
)
def test_a_plain_amount_has_no_needless_zeros(value: Decimal, currency: str | None) -> None:
    """For any amount: as many decimals as the currency has or the amount needs, quickly found or not."""
    with decimal.localcontext(runtime.EXACT):
        shown = messages.plain(tree.Kind.MONEY, value, currency)
        digits = value.normalize().as_tuple().exponent
        assert isinstance(shown, Decimal)
        assert isinstance(digits, int)
        assert shown.as_tuple().exponent == -max(-digits, money.minor_digits(currency))
        assert shown == value


def test_an_unknown_name_is_refused_by_name() -> None:
    """The first slot that means nothing is the one that is told."""
    text = decisions.Bilingual(en="{known} {gone}", ar="{later}")
    with pytest.raises(messages.UnknownName) as caught:
        messages.template(text, lambda name: tree.Kind.TEXT if name == "known" else None)
    assert caught.value.name == "gone"
