"""Messages of findings: values put into texts by name, in the manner of each language.

Room: domain. A slot is a name in braces and nothing more; no attribute, index or format is reached.
In Arabic every value stands between directional isolates, or dates and codes would read backwards.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec

from claims.domain import decisions
from claims.domain.rules import tree
from formats import money

_EPOCH = dt.date(1970, 1, 1).toordinal()
_NAME = re.compile(r"\{([a-z_]+)\}")
_ISOLATE, _END = "\u2066", "\u2069"  # left-to-right isolate, pop directional isolate (Unicode UAX 9)
_WORDS = {"en": {True: "yes", False: "no", None: "nothing"}, "ar": {True: "نعم", False: "لا", None: "لا شيء"}}
_COMMA = {"en": ", ", "ar": "، "}


class UnknownName(Exception):  # noqa: N818 - it names what is unknown
    """A slot that names nothing."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A text in both languages and the names of the values it needs."""

    text: decisions.Bilingual
    names: tuple[str, ...]

    def fill(
        self, values: Mapping[str, tuple[tree.Kind, object]], currency: str | None
    ) -> decisions.Bilingual:
        """Return the text with every value in its place."""
        if not self.names:
            return self.text
        return decisions.Bilingual(
            en=_NAME.sub(lambda found: _shown(*values[found[1]], currency, "en"), self.text.en),
            ar=_NAME.sub(
                lambda found: _ISOLATE + _shown(*values[found[1]], currency, "ar") + _END, self.text.ar
            ),
        )


def template(text: decisions.Bilingual, kind: Callable[[str], tree.Kind | None]) -> Template:
    """Return the template; raise UnknownName for a slot whose kind is None."""
    names = tuple(dict.fromkeys(_NAME.findall(text.en) + _NAME.findall(text.ar)))
    for name in names:
        if kind(name) is None:
            raise UnknownName(name)
    return Template(text=decisions.Bilingual(en=text.en, ar=text.ar), names=names)


def plain(kind: tree.Kind, value: object, currency: str | None) -> object:
    """Return a value as a finding carries it: days as ISO 8601, amounts with the currency's decimals."""
    if kind is tree.Kind.DATE and isinstance(value, int):
        return dt.date.fromordinal(value + _EPOCH).isoformat()
    if kind is tree.Kind.MONEY and isinstance(value, Decimal | int):
        return _decimals(Decimal(value), money.minor_digits(currency))
    if isinstance(value, Decimal):
        return _decimals(value, 0)
    return list(value) if isinstance(value, tuple | list) else value


def _decimals(value: Decimal, least: int) -> Decimal:
    """Return the value without needless zeros, but with at least so many decimals."""
    exponent = value.normalize().as_tuple().exponent
    places = max(least, -exponent if isinstance(exponent, int) else 0)
    return value.quantize(Decimal(1).scaleb(-places))


def _shown(kind: tree.Kind, value: object, currency: str | None, language: str) -> str:
    if value is None or isinstance(value, bool):
        return _WORDS[language][value]
    found = plain(kind, value, currency)
    if isinstance(found, list):
        return _COMMA[language].join(str(part) for part in found) or _WORDS[language][None]
    return f"{found:,f}" if isinstance(found, Decimal) else str(found)
