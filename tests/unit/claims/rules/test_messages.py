"""How values read in a message, in both languages."""

from decimal import Decimal

import pytest

from claims.domain import decisions
from claims.domain.rules import messages, tree

K = tree.Kind


@pytest.mark.parametrize(
    ("kind", "value", "currency", "english", "arabic"),
    [
        (K.MONEY, Decimal("1234567.5"), "SAR", "1,234,567.50", "1,234,567.50"),
        (K.MONEY, Decimal("1.5"), "KWD", "1.500", "1.500"),
        (K.MONEY, Decimal(1500), "JPY", "1,500", "1,500"),
        (K.MONEY, Decimal("0.333333"), "SAR", "0.333333", "0.333333"),
        (K.MONEY, 0, None, "0.00", "0.00"),
        (K.NUMBER, Decimal("2.5000"), None, "2.5", "2.5"),
        (K.NUMBER, Decimal("1E+2"), None, "100", "100"),
        (K.INT, 7, None, "7", "7"),
        (K.DATE, 20_666, None, "2026-08-01", "2026-08-01"),
        (K.BOOL, True, None, "yes", "نعم"),
        (K.BOOL, False, None, "no", "لا"),
        (K.TEXT, None, None, "nothing", "لا شيء"),
        (K.TEXT, "E11.9", None, "E11.9", "E11.9"),
        (K.INTS, [1, 2], None, "1, 2", "1، 2"),
        (K.TEXTS, (), None, "nothing", "لا شيء"),
    ],
)
def test_values_read_well(kind: tree.Kind, value: object, currency: str | None, english: str, arabic: str):
    """Amounts have the currency's decimals, days are ISO 8601, Arabic isolates what runs left to right."""
    template = messages.template(decisions.Bilingual(en="a {x} b", ar="أ {x} ب"), {"x": kind}.get)
    found = template.fill({"x": messages.shown(kind, value, currency)})
    assert found.en == f"a {english} b"
    assert found.ar == f"أ \u2066{arabic}\u2069 ب"


def test_a_text_without_names_is_used_as_it_is():
    """No value, no work."""
    text = decisions.Bilingual(en="a", ar="أ")
    assert messages.template(text, lambda _name: None).fill({}) == text


def test_an_unknown_name_is_refused():
    """A name that is no column is an error when the pack is read, in either language."""
    for text in (decisions.Bilingual(en="{y}", ar="أ"), decisions.Bilingual(en="a", ar="{y}")):
        with pytest.raises(messages.UnknownName) as caught:
            messages.template(text, {"x": K.TEXT}.get)
        assert caught.value.name == "y"
