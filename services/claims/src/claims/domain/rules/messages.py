"""Messages of findings: values put into texts by name, in the manner of each language.

Room: domain. A slot is a name in braces and nothing more; no attribute, index or format is reached.
In Arabic every value stands between directional isolates, or dates and codes would read backwards.
"""

import datetime as dt
import functools
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation

import msgspec

from claims.domain import decisions
from claims.domain.rules import tree
from formats import money

_EPOCH = dt.date(1970, 1, 1).toordinal()
_NAME = re.compile(r"\{([a-z_]+)\}")
_ISOLATE, _END = "\u2066", "\u2069"  # left-to-right isolate, pop directional isolate (Unicode UAX 9)
_WORDS = {"en": {True: "yes", False: "no", None: "nothing"}, "ar": {True: "نعم", False: "لا", None: "لا شيء"}}
_COMMA = {"en": ", ", "ar": "، "}
_LISTS = (tuple, list)
_DAYS = 4_096  # texts of days remembered: ten years of services
_EXACT = Context(prec=28, traps=[Inexact, InvalidOperation])

type Shown = tuple[str, str]  # how a value reads in English and in Arabic


class UnknownName(Exception):  # noqa: N818 - it names what is unknown
    """A slot that names nothing."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A text in both languages and the names of the values it needs.

    `english` and `arabic` are the same texts made ready: a mark per value, and the values' names in order.
    """

    text: decisions.Bilingual
    names: tuple[str, ...]
    english: tuple[str, tuple[str, ...]]
    arabic: tuple[str, tuple[str, ...]]

    def fill(self, shown: Mapping[str, Shown]) -> decisions.Bilingual:
        """Return the text with every value in its place; `shown` has all names."""
        if not self.names:
            return self.text
        english, first = self.english
        arabic, second = self.arabic
        return decisions.Bilingual(
            en=english % tuple([shown[name][0] for name in first]),
            ar=arabic % tuple([shown[name][1] for name in second]),
        )


def template(text: decisions.Bilingual, kind: Callable[[str], tree.Kind | None]) -> Template:
    """Return the template; raise UnknownName for a slot whose kind is None."""
    english, arabic = _NAME.split(text.en), _NAME.split(text.ar)  # every second part is a name
    names = tuple(dict.fromkeys(english[1::2] + arabic[1::2]))
    for name in names:
        if kind(name) is None:
            raise UnknownName(name)
    return Template(
        text=decisions.Bilingual(en=text.en, ar=text.ar),
        names=names,
        english=(_marked(english, "%s"), tuple(english[1::2])),
        arabic=(_marked(arabic, f"{_ISOLATE}%s{_END}"), tuple(arabic[1::2])),
    )


def _marked(parts: Sequence[str], mark: str) -> str:
    return mark.join(part.replace("%", "%%") for part in parts[::2])


def shown(kind: tree.Kind, value: object, currency: str | None) -> Shown:
    """Return how a value reads in both languages."""
    if isinstance(value, str):
        return value, value
    if value is None or isinstance(value, bool):
        return _WORDS["en"][value], _WORDS["ar"][value]
    found = plain(kind, value, currency)
    if isinstance(found, list):
        return _listed(found, "en"), _listed(found, "ar")
    text = f"{found:,f}" if isinstance(found, Decimal) else str(found)
    return text, text


def plain(kind: tree.Kind, value: object, currency: str | None) -> object:
    """Return a value as a finding carries it: days as ISO 8601, amounts with the currency's decimals."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        if kind is tree.Kind.DATE:
            return _iso(value)
        return _decimals(Decimal(value), money.minor_digits(currency)) if kind is tree.Kind.MONEY else value
    if isinstance(value, Decimal):
        return _decimals(value, money.minor_digits(currency) if kind is tree.Kind.MONEY else 0)
    return list(value) if isinstance(value, _LISTS) else value


@functools.lru_cache(maxsize=_DAYS)
def _iso(day: int) -> str:
    return dt.date.fromordinal(day + _EPOCH).isoformat()


def _decimals(value: Decimal, least: int) -> Decimal:
    """Return the value without needless zeros, but with at least so many decimals."""
    try:
        return _EXACT.quantize(value, money.quantum(least))  # most amounts need no more
    except DecimalException:
        exponent = value.normalize().as_tuple().exponent
        places = max(least, -exponent if isinstance(exponent, int) else 0)
        return value.quantize(Decimal(1).scaleb(-places))


def _listed(values: Sequence[object], language: str) -> str:
    return _COMMA[language].join(str(part) for part in values) or _WORDS[language][None]
