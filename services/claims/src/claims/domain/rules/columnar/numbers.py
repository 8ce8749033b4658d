"""Exact arithmetic on vectors of scaled whole numbers: what cannot be exact in int64 is handed over.

Room: domain; numpy only. Every result carries a bound on its magnitudes, known before the operation is done,
so that an overflow is never met: where the bound is too large, the true magnitudes are looked at, and where
those are too large as well the scalar form is asked.
"""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from claims.domain.rules import runtime
from claims.domain.rules.columnar import vectors

_LONGEST = 400  # decimals of a constant looked at; a text of 4 kB may hold more, int64 never
_TRIMS = (8, 4, 2, 1)  # decimals tried to be dropped, the most first
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # of Python's calendar: 0001-01-01 and 9999-12-31
_FIRST_YEAR = 1970


def constant(value: Decimal | int | None) -> vectors.Numbers:
    """Return a number as a vector that stands for all rows."""
    return constants([value])


def constants(found: Sequence[Decimal | int | None]) -> vectors.Numbers:
    """Return plain numbers, None for NULL, as a vector; hands over what int64 does not hold exactly."""
    parts = [(0, 0) if value is None else _whole(value) for value in found]
    scale = max((places for _, places in parts), default=0)
    data = [whole * 10 ** (scale - places) for whole, places in parts]
    bound = max(map(abs, data), default=0)
    if bound >= vectors.LIMIT:
        raise vectors.HandedOverError
    null = np.array([value is None for value in found], np.bool_)
    return vectors.Numbers(np.array(data, np.int64), null if null.any() else None, scale, bound)


def whole(found: Sequence[int | None]) -> vectors.Numbers:
    """Return whole numbers, None for NULL, as a vector; hands over what int64 does not hold."""
    if None in found:
        return constants(found)
    try:
        numbers = tightened(vectors.Numbers(np.array(found, np.int64)))
    except OverflowError as cause:
        raise vectors.HandedOverError from cause
    if numbers.bound >= vectors.LIMIT:
        raise vectors.HandedOverError
    return numbers


def tightened(a: vectors.Numbers) -> vectors.Numbers:
    """Return the same numbers with the bound that their values really have."""
    return vectors.Numbers(a.data, a.null, a.scale, int(np.abs(a.data).max(initial=0)))


def trimmed(a: vectors.Numbers) -> vectors.Numbers:
    """Return the same numbers with the fewest decimals that hold them all."""
    data, scale = a.data, a.scale
    for step in _TRIMS:
        if scale >= step:
            shorter = data // 10**step
            if (shorter * 10**step == data).all():
                data, scale = shorter, scale - step
    return tightened(vectors.Numbers(data, a.null, scale))


def scaled(a: vectors.Numbers, scale: int) -> vectors.Numbers:
    """Return the same numbers with more decimals."""
    if scale == a.scale:
        return a
    factor = 10 ** (scale - a.scale)
    if a.bound * factor >= vectors.LIMIT:
        a = tightened(a)
    if not a.bound:
        return vectors.Numbers(
            a.data, a.null, scale, 0
        )  # nothing but zeros, and the factor may be beyond int64
    if a.bound * factor >= vectors.LIMIT:
        raise vectors.HandedOverError
    return vectors.Numbers(a.data * factor, a.null, scale, a.bound * factor)


def aligned(a: vectors.Numbers, b: vectors.Numbers) -> tuple[vectors.Numbers, vectors.Numbers]:
    """Return both with the same decimals."""
    if a.scale == b.scale:
        return a, b
    scale = max(a.scale, b.scale)
    return scaled(a, scale), scaled(b, scale)


def add(a: vectors.Numbers, b: vectors.Numbers) -> vectors.Numbers:
    """Return a + b."""
    a, b = _summable(*aligned(a, b))
    return vectors.Numbers(a.data + b.data, vectors.either(a.null, b.null), a.scale, a.bound + b.bound)


def subtract(a: vectors.Numbers, b: vectors.Numbers) -> vectors.Numbers:
    """Return a - b."""
    a, b = _summable(*aligned(a, b))
    return vectors.Numbers(a.data - b.data, vectors.either(a.null, b.null), a.scale, a.bound + b.bound)


def multiply(a: vectors.Numbers, b: vectors.Numbers) -> vectors.Numbers:
    """Return a * b."""
    bound = a.bound * b.bound
    if bound >= vectors.LIMIT:
        a, b = tightened(a), tightened(b)
        bound = a.bound * b.bound
    if bound >= vectors.LIMIT:
        rough = np.abs(a.data.astype(np.float64) * b.data)
        if float(rough.max(initial=0.0)) >= vectors.LIMIT / 4:  # a quarter: a product of floats is not exact
            raise vectors.HandedOverError
        bound = vectors.LIMIT // 2
    return vectors.Numbers(a.data * b.data, vectors.either(a.null, b.null), a.scale + b.scale, bound)


def divide(a: vectors.Numbers, b: vectors.Numbers) -> vectors.Numbers:
    """Return a / b with the decimals that division keeps, halves away from zero; NULL for a zero b."""
    exponent = runtime.DIVISION_DIGITS + b.scale - a.scale
    top = scaled(vectors.Numbers(a.data, a.null, 0, a.bound), max(exponent, 0))
    bottom = scaled(vectors.Numbers(b.data, b.null, 0, b.bound), max(-exponent, 0))
    top, bottom = tightened(top), tightened(bottom)
    if 2 * top.bound + bottom.bound >= vectors.LIMIT or 2 * bottom.bound >= vectors.LIMIT:
        raise vectors.HandedOverError
    zero = bottom.data == 0
    by = np.where(zero, 1, np.abs(bottom.data))
    size = (2 * np.abs(top.data) + by) // (2 * by)
    data = size * np.sign(top.data) * np.where(bottom.data < 0, -1, 1)
    null = vectors.either(vectors.either(a.null, b.null), zero if zero.any() else None)
    return trimmed(vectors.Numbers(data, null, runtime.DIVISION_DIGITS))


def absolute(a: vectors.Numbers) -> vectors.Numbers:
    """Return |a|."""
    return vectors.Numbers(np.abs(a.data), a.null, a.scale, a.bound)


def rounded(a: vectors.Numbers, digits: vectors.Numbers) -> vectors.Numbers:
    """Return a rounded to so many decimals, which may differ by row; halves away from zero."""
    places = np.unique(digits.data).tolist()
    if len(places) == 1:
        return _rounded(a, int(places[0]))
    parts = [_rounded(a, int(place)) for place in places]
    scale = max((part.scale for part in parts), default=0)
    parts = [scaled(part, scale) for part in parts]
    data = np.select([digits.data == place for place in places], [part.data for part in parts], 0)
    return vectors.Numbers(data, a.null, scale, max((part.bound for part in parts), default=0))


def compare(op: str, a: vectors.Numbers, b: vectors.Numbers) -> vectors.Truths:
    """Return the comparison; unknown where a side is NULL."""
    a, b = aligned(a, b)
    return vectors.decided(_COMPARES[op](a.data, b.data), vectors.either(a.null, b.null))


def same(a: vectors.Numbers, b: vectors.Numbers) -> vectors.Truths:
    """Return IS NOT DISTINCT FROM."""
    a, b = aligned(a, b)
    equal = a.data == b.data
    if a.null is None and b.null is None:
        return vectors.decided(equal)
    left = vectors.never() if a.null is None else a.null
    right = vectors.never() if b.null is None else b.null
    return vectors.decided((equal & ~left & ~right) | (left & right))


def one_of(a: vectors.Numbers, values: Sequence[Decimal | int]) -> vectors.Truths:
    """Return IN over constants; one with more decimals or digits than a can have is none of a's values."""
    parts = [_whole(value) for value in values]
    moved = [whole * 10 ** (a.scale - places) for whole, places in parts if places <= a.scale]
    wanted = [whole for whole in moved if abs(whole) < vectors.LIMIT]
    found: vectors.Flags = np.isin(a.data, np.array(wanted, np.int64))
    return vectors.decided(found, a.null)


def choose(mask: vectors.Flags, a: vectors.Numbers, b: vectors.Numbers) -> vectors.Numbers:
    """Return a where the mask holds, else b."""
    a, b = aligned(a, b)
    null = None
    if a.null is not None or b.null is not None:
        left = vectors.never() if a.null is None else a.null
        right = vectors.never() if b.null is None else b.null
        null = np.where(mask, left, right)
    return vectors.Numbers(np.where(mask, a.data, b.data), null, a.scale, max(a.bound, b.bound))


def years(birth: vectors.Numbers, day: vectors.Numbers) -> vectors.Numbers:
    """Return completed years between two day numbers; negative before the birth."""
    born, now = _parts(birth), _parts(day)
    ages = now[0] - born[0] - (now[1] < born[1])
    return tightened(vectors.Numbers(ages, vectors.either(birth.null, day.null)))


def _parts(days: vectors.Numbers) -> tuple[vectors.Ints, vectors.Ints]:
    """Return years, and a number that orders the days within a year."""
    if days.data.min(initial=0) < _FIRST_DAY or days.data.max(initial=0) > _LAST_DAY:
        raise vectors.HandedOverError
    dates = days.data.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    since = months.astype(np.int64)
    within = (dates - months.astype("datetime64[D]")).astype(np.int64)
    return since // 12 + _FIRST_YEAR, since % 12 * 32 + within


def _whole(value: Decimal | int) -> tuple[int, int]:
    """Return a number as whole / 10**places with the fewest places."""
    if isinstance(value, int):
        return value, 0
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or abs(exponent) > _LONGEST:
        raise vectors.HandedOverError
    whole = int("".join(map(str, digits))) * (-1 if sign else 1)
    if exponent >= 0:
        return whole * 10**exponent, 0
    while exponent and not whole % 10:
        whole, exponent = whole // 10, exponent + 1
    return whole, -exponent


def _summable(a: vectors.Numbers, b: vectors.Numbers) -> tuple[vectors.Numbers, vectors.Numbers]:
    if a.bound + b.bound >= vectors.LIMIT:
        a, b = tightened(a), tightened(b)
        if a.bound + b.bound >= vectors.LIMIT:
            raise vectors.HandedOverError
    return a, b


def _rounded(a: vectors.Numbers, digits: int) -> vectors.Numbers:
    if a.scale <= digits:
        return a
    step = 10 ** (a.scale - digits)
    if step >= vectors.LIMIT or a.bound + step >= vectors.LIMIT:
        raise vectors.HandedOverError
    size = (np.abs(a.data) + step // 2) // step
    return vectors.Numbers(np.where(a.data < 0, -size, size), a.null, digits, a.bound // step + 1)


_COMPARES = {
    "=": np.equal, "<>": np.not_equal, "<": np.less, "<=": np.less_equal, ">": np.greater,
    ">=": np.greater_equal,
}  # fmt: skip
