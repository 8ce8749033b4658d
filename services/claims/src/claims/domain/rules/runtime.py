"""What generated code may call: exact arithmetic, three-valued helpers, aggregates; nothing else.

Room: domain. Every function here takes plain values and knows no rule. Numbers are exact decimals; the
arithmetic context traps inexact results, so that an overflow is "not decided" and never a wrong amount.
"""

import decimal
import functools
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from claims.domain import identities
from claims.domain.rules import bills
from formats import days, model, money

DIVISION_DIGITS = 12  # decimals kept by `/`; three times those of a quantity
# Sums and products stay exact to this many digits; one text of 4 kB cannot honestly need more.
EXACT = decimal.Context(prec=120, rounding=decimal.ROUND_HALF_UP, traps=[
    decimal.Inexact, decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow,
])  # fmt: skip
_ROUNDING = decimal.Context(prec=120, rounding=decimal.ROUND_HALF_UP, traps=[decimal.InvalidOperation])
_DIVISION_QUANTUM = Decimal(1).scaleb(-DIVISION_DIGITS)
# (value, unit) → the value rounded to the unit, halves away from zero.
round_half_away: Callable[[Decimal | int, Decimal], Decimal] = _ROUNDING.quantize
_EPOCH = date(1970, 1, 1).toordinal()
_FEW = 64  # comparisons up to which two lists are compared member by member

type Row = tuple[Any, ...]

day_number = days.known_day


class Place(NamedTuple):
    """A detail with the line it stands in; `steps` are the positions of line, detail and detail's detail."""

    line: model.Line
    item: model.Detail
    level: int
    steps: tuple[int, ...]


def details(claim: model.Claim) -> list[Place]:
    """Return every detail of every line, and the details' details, in the order of the claim."""
    return [place for at, line in enumerate(claim.lines) if line.details for place in _inside(at, line)]


def _inside(at: int, line: model.Line) -> Iterator[Place]:
    for first, item in enumerate(line.details):
        yield Place(line, item, 1, (at, first))
        for second, inner in enumerate(item.details):
            yield Place(line, inner, 2, (at, first, second))


def focal(claim: model.Claim) -> model.Coverage | None:
    """Return the coverage the claim is addressed to; None where that is not clear."""
    listed = claim.insurance
    chosen = listed if len(listed) == 1 else [entry for entry in listed if entry.focal]
    return chosen[0].coverage if len(chosen) == 1 else None


def version(profiles: Sequence[str]) -> str | None:
    """Return the version of the first profile that names one; None where none does."""
    for profile in profiles:
        _, found, said = profile.partition("|")
        if found and said:
            return said
    return None


def divide(left: Decimal | int, right: Decimal | int) -> Decimal | None:
    """Return the decimal quotient rounded at DIVISION_DIGITS; None for a division by zero."""
    if not right:
        return None
    quotient = _ROUNDING.divide(Decimal(left), Decimal(right))
    return quotient.quantize(_DIVISION_QUANTUM, decimal.ROUND_HALF_UP, _ROUNDING)


def between(value: Any, low: Any, high: Any) -> bool | None:
    """Return `value >= low AND value <= high`; a bound that already fails decides alone."""
    if value is None:
        return None
    above = None if low is None else value >= low
    below = None if high is None else value <= high
    if above is False or below is False:
        return False
    return None if above is None or below is None else True


def nullif(left: Any, right: Any) -> Any:
    """Return left, or None where both are equal."""
    return None if left is not None and right is not None and left == right else left


def age_years(birth: int, day: int) -> int:
    """Return completed years between two day numbers; negative before the birth.

    Raises OverflowError for a day outside the calendar, which a calculation can reach.
    """
    try:
        born, now = date.fromordinal(birth + _EPOCH), date.fromordinal(day + _EPOCH)
    except ValueError as cause:
        raise OverflowError("a day outside the calendar") from cause
    return now.year - born.year - ((now.month, now.day) < (born.month, born.day))


def overlaps(left: Sequence[Any], right: Sequence[Any]) -> bool:
    """Tell whether two lists share a member."""
    return bool(left) and not set(left).isdisjoint(right)


def within(left: Sequence[Any], right: Sequence[Any]) -> bool:
    """Tell whether every member of left is in right."""
    if len(left) * len(right) > _FEW:
        return set(left) <= set(right)
    for value in left:  # noqa: SIM110 - a loop over few is quicker than a generator
        if value not in right:
            return False
    return True


def total(values: list[Any]) -> Any:
    """SUM; None for no rows, or where one value is unknown."""
    try:
        return sum(values) if values else None
    except TypeError:  # a None among the numbers
        return None


def count(values: list[Any]) -> int | None:
    """COUNT(x); None where one value is unknown."""
    return None if None in values else len(values)


def count_distinct(values: list[Any]) -> int | None:
    """COUNT(DISTINCT x); None where one value is unknown."""
    distinct = set(values)
    return None if None in distinct else len(distinct)


def least(values: list[Any]) -> Any:
    """MIN; None for no rows, or where one value is unknown."""
    return None if not values or None in values else min(values)


def greatest(values: list[Any]) -> Any:
    """MAX; None for no rows, or where one value is unknown."""
    return None if not values or None in values else max(values)


_OF_ONE = (least, greatest)  # what makes of a single value that value itself, of an unknown one unknown


def average(values: list[Any]) -> Decimal | None:
    """AVG as SUM divided by COUNT; None for no rows, or where one value is unknown."""
    found = total(values)
    return None if found is None else divide(found, len(values))


def gather(values: list[Any]) -> list[Any] | None:
    """ARRAY_AGG; None for no rows, or where one value is unknown."""
    return None if not values or None in values else values


def frozen(values: Sequence[Any] | None) -> tuple[Any, ...] | None:
    """Return a list as a key of groups."""
    return None if values is None else tuple(values)


def tally(values: Sequence[Any]) -> dict[Any, int]:
    """Return how often each value occurs."""
    found = dict.fromkeys(values, 1)
    if len(found) == len(values):  # sequences and codes of a sound claim are all different
        return found
    found.clear()
    for value in values:
        found[value] = found.get(value, 0) + 1
    return found


def group(rows: list[Row], keys: Sequence[Any]) -> dict[Any, list[Row]]:
    """Return the rows by their keys."""
    found: dict[Any, list[Row]] = {}
    for row, key in zip(rows, keys, strict=True):
        found.setdefault(key, []).append(row)
    return found


def by(function: Callable[[list[Any]], Any], pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    """Return what a function makes of the values of each key."""
    if function in _OF_ONE:
        alone = dict(pairs)
        if len(alone) == len(pairs):  # the services of a sound claim are all different
            return alone
    found: dict[Any, list[Any]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return {key: function(values) for key, values in found.items()}


def like(pattern: str) -> Callable[[str], object]:
    """Return a matcher for a LIKE pattern; middle pieces match leftmost and never back: no blow-up."""
    pieces = [
        "".join("." if mark == "_" else re.escape(mark) for mark in piece) for piece in pattern.split("%")
    ]
    if len(pieces) == 1:
        text = pieces[0]
    else:
        middle = "".join(f"(?>.*?{piece})" for piece in pieces[1:-1])
        text = f"{pieces[0]}{middle}.*{pieces[-1]}"
    return re.compile(text, re.DOTALL).fullmatch


def beginning(pattern: str) -> str | None:
    """Return the text that a LIKE pattern asks a value to begin with, None where it asks for more."""
    start = pattern.removesuffix("%")
    return None if start == pattern or "%" in start or "_" in start else start


_FORM_MARKS = {"#": "[0-9]", "@": "[A-Za-z]", "?": "[0-9A-Za-z]"}
_NPI_DIGITS = 10
_NPI_PREFIX = "80840"  # health, United States: what a national provider identifier is checked behind


def form(pattern: str) -> Callable[[str], object]:
    """Return a matcher for a form: `#` a digit, `@` a letter, `?` either, every other mark itself."""
    return re.compile("".join(_FORM_MARKS.get(mark, re.escape(mark)) for mark in pattern)).fullmatch


@functools.lru_cache(maxsize=8_192)  # a market's usual providers
def npi_valid(text: str) -> bool:
    """Tell whether a text is a national provider identifier: ten digits whose last one checks the others.

    Source: CMS, "NPI Check Digit": the Luhn formula (ISO/IEC 7812-1) over 80840 and the ten digits.
    """
    if len(text) != _NPI_DIGITS or not (text.isascii() and text.isdigit()):
        return False
    digits = [int(mark) for mark in reversed(_NPI_PREFIX + text)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def with_past(lines: Sequence[Any], past: Sequence[Any] | None) -> Iterator[tuple[Any, Any]]:
    """Yield each line with its history; None where history is unknown."""
    return zip(lines, itertools.repeat(None) if past is None else past, strict=past is not None)


NAMESPACE: dict[str, object] = {
    "__builtins__": {
        "len": len, "abs": abs, "enumerate": enumerate, "any": any, "tuple": tuple, "min": min, "max": max,
        "ArithmeticError": ArithmeticError,
    },
    "_day": day_number, "_details": details, "_focal": focal, "_version": version,
    "_quantum": money.quantum_of,
    "_authorization": identities.authorization,
    "_addressed": bills.addressed, "_undated": bills.undated, "_unvalued": bills.unvalued,
    "_adjusted": bills.adjusted, "_bill": bills.bill, "_misformed": bills.misformed,
    "_round": round_half_away,
    "_divide": divide, "_between": between, "_nullif": nullif, "_age": age_years,
    "_overlaps": overlaps, "_within": within, "_group": group, "_by": by, "_frozen": frozen, "_tally": tally,
    "_npi": npi_valid, "_with_past": with_past,
    "_sum": total, "_count": count, "_count_distinct": count_distinct, "_min": least, "_max": greatest,
    "_avg": average, "_array_agg": gather,
}  # fmt: skip
