"""What a line is expected to be billed at: usual amounts by code and who asks whom, and trees on them.

The unit is log of the net per quantity, in major units; a yearly trend is taken off before learning and put
back for the day of service. The one implementation of the features, for training and for serving.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.domain import completion, forests

VERSION = 1  # a change of what a feature means needs a new one: it changes every bundle's features hash
PULL = 8.0  # lines that the broader mean counts for beside a narrower key's own
YEAR = 365.25
AHEAD = 1.0  # years beyond the training that the trend is carried on: further on nobody knows
KEYS: dict[str, tuple[str, ...]] = {  # name of a mean → what its key is made of, pulled towards the code's
    "code": (),
    "provider_type": ("provider_type",),
    "payer": ("payer",),
    "provider": ("provider",),
    "specialty": ("specialty",),
    "plan": ("payer", "plan"),
}
NUMBERS = ("lines_of_code", "lines_of_provider", "quantity", "factor", "age", "lines")
BANDS = (30, 300)  # training lines of a code at which its range is judged apart

type Doubles = npt.NDArray[np.float64]
type Matrix = npt.NDArray[np.float32]


class Asked(NamedTuple):
    """One line whose amount is wanted, with its claim."""

    facts: completion.Facts
    line: completion.Line


class Means(NamedTuple):
    """Mean of the unit by key, and how many lines it is over."""

    mean: dict[str, float]
    cases: dict[str, int]


class Usual(NamedTuple):
    """What was usual: the mean of all lines, means by key, the largest quantity by code, the trend."""

    overall: float
    means: dict[str, Means]
    largest: dict[str, float]
    rise: float  # of the logarithm, per year
    origin: float  # the day at which the trend is nothing
    last: float  # the last day learned from


class Band(NamedTuple):
    """How far lines of such support were off: quantiles of the logarithm, and how many were near."""

    low: float
    high: float
    near: float
    lines: int


class Model(NamedTuple):
    """Usual amounts, trees over the features, and what later lines told of the errors by band."""

    usual: Usual
    forest: forests.Forest
    bands: tuple[Band, ...]
    share: float
    tolerance: float


def names() -> list[str]:
    """Return the names of the columns of the matrix."""
    return [*(f"usual:{name}" for name in KEYS), *NUMBERS]


def learn(asked: Sequence[Asked], units: Doubles) -> Usual:
    """Return what was usual in these lines; `units` are log(net / quantity) with no trend taken off."""
    days = np.array([one.facts.day for one in asked])
    origin = float(np.nanmedian(days))
    rise = _rise(asked, units, (days - origin) / YEAR)
    level = units - rise * np.nan_to_num((days - origin) / YEAR)
    overall = float(level.mean())
    means: dict[str, Means] = {}
    for name in KEYS:
        sums: dict[str, list[float]] = {}
        for one, value in zip(asked, level.tolist(), strict=True):
            sums.setdefault(key(one, name), []).append(value)
        broad = means.get("code")
        means[name] = Means(
            {
                found: (math.fsum(values) + PULL * _towards(broad, found, overall)) / (len(values) + PULL)
                for found, values in sums.items()
            },
            {found: len(values) for found, values in sums.items()},
        )
    largest: dict[str, float] = {}
    for one in asked:
        code = key(one, "code")
        largest[code] = max(largest.get(code, 0.0), one.line.quantity)
    return Usual(overall, means, largest, rise, origin, float(np.nanmax(days)))


def key(one: Asked, name: str) -> str:
    """Return the key of a line in one of the means; it begins with the code's."""
    line, facts = one.line, one.facts
    parts = [facts.currency, line.system, line.code, *(getattr(facts, part) for part in KEYS[name])]
    return "\x1f".join(parts)


def matrix(asked: Sequence[Asked], usual: Usual) -> Matrix:
    """Return the features of lines that `usual` has not seen, rows × names(); missing numbers are NaN."""
    found = np.full((len(asked), len(KEYS) + len(NUMBERS)), np.nan, dtype=np.float64)
    for row, one in enumerate(asked):
        code = usual.means["code"].mean.get(key(one, "code"), usual.overall)
        for column, name in enumerate(KEYS):
            found[row, column] = usual.means[name].mean.get(key(one, name), code)
        found[row, len(KEYS) :] = (
            math.log1p(cases(usual, one, "code")),
            math.log1p(cases(usual, one, "provider")),
            math.log(one.line.quantity) if one.line.quantity > 0 else math.nan,
            one.line.factor,
            one.facts.age,
            len(one.facts.lines),
        )
    return found.astype(np.float32)


def cases(usual: Usual, one: Asked, name: str) -> int:
    """Return how many training lines had this line's key."""
    return usual.means[name].cases.get(key(one, name), 0)


def trend(usual: Usual, days: Doubles) -> Doubles:
    """Return what the trend adds to the logarithm on these days; none where the day is missing."""
    bounded = np.minimum(days, usual.last + AHEAD * YEAR)
    added: Doubles = usual.rise * np.nan_to_num((bounded - usual.origin) / YEAR)
    return added


def expect(model: Model, asked: Sequence[Asked]) -> Doubles:
    """Return the expected logarithm of the net per quantity."""
    days = np.array([one.facts.day for one in asked], dtype=np.float64)
    margins = forests.margins(model.forest, matrix(asked, model.usual))[:, 0]
    found: Doubles = margins + trend(model.usual, days)
    return found


def band(usual: Usual, one: Asked) -> int:
    """Return the band of a line: by the lines of its code, and whether its provider has billed it before."""
    step = int(np.digitize(cases(usual, one, "code"), BANDS))
    return 2 * step + int(cases(usual, one, "provider") > 0)


def band_count() -> int:
    """Return how many bands there are."""
    return 2 * (len(BANDS) + 1)


def _towards(broad: Means | None, found: str, overall: float) -> float:
    """Return the mean that a key's own is pulled to: the code's, and the overall one for a code."""
    return overall if broad is None else broad.mean["\x1f".join(found.split("\x1f")[:3])]


def _rise(asked: Sequence[Asked], units: Doubles, years: Doubles) -> float:
    """Return the yearly rise of the logarithm within codes: least squares on differences from each mean."""
    codes: dict[str, int] = {}
    numbers = np.array([codes.setdefault(key(one, "code"), len(codes)) for one in asked])
    known = ~np.isnan(years)
    numbers, units, years = numbers[known], units[known], years[known]
    count = np.maximum(np.bincount(numbers, minlength=len(codes)), 1)
    apart = units - (np.bincount(numbers, units, len(codes)) / count)[numbers]
    moved = years - (np.bincount(numbers, years, len(codes)) / count)[numbers]
    spread = float(moved @ moved)
    return float(moved @ apart) / spread if spread > 0 else 0.0
