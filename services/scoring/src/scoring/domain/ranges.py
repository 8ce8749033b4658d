"""What training saw of each model feature, and which rows lie outside it. Knows no transport and no file."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

TOLERANCE = 0.1  # of the training range's width on each side: beyond it a tree only repeats its last leaf

type Matrix = npt.NDArray[np.float32]


class Ranges(NamedTuple):
    """Per feature: smallest and largest training value, and whether a missing value was seen.

    NaN bounds mark a feature that was constant in training: no forest can split on it, so no value of it, nor
    its absence, is outside.
    """

    low: Matrix
    high: Matrix
    missing: npt.NDArray[np.bool_]


class Bounds(NamedTuple):
    """Ranges with the tolerance added, open where nothing is outside."""

    low: Matrix
    high: Matrix
    missing: npt.NDArray[np.bool_]


def fit(matrix: Matrix) -> Ranges:
    """Return the ranges of a training matrix."""
    low, high = np.fmin.reduce(matrix, axis=0), np.fmax.reduce(matrix, axis=0)
    constant = (low == high) | np.isnan(low)
    nothing = np.float32(np.nan)
    return Ranges(
        np.where(constant, nothing, low),
        np.where(constant, nothing, high),
        np.isnan(matrix).any(axis=0) | constant,
    )


def bounds(ranges: Ranges) -> Bounds:
    """Return what `outside` compares with."""
    slack = (ranges.high - ranges.low) * np.float32(TOLERANCE)
    constant, ends = np.isnan(ranges.low), np.float32(np.inf)
    low, high = ranges.low - slack, ranges.high + slack
    return Bounds(np.where(constant, -ends, low), np.where(constant, ends, high), ranges.missing)


def repeated(found: Sequence[Bounds], times: Sequence[int]) -> Bounds:
    """Return the bounds of so many rows of each kind, one after another."""
    return Bounds(*(
        np.concatenate([np.tile(one, count) for one, count in zip(field, times, strict=True)])
        for field in zip(*found, strict=True)
    ))  # fmt: skip


def inside(found: Bounds, values: Matrix) -> npt.NDArray[np.bool_]:
    """Return which values lie within the bounds of their features."""
    answer: npt.NDArray[np.bool_] = (values >= found.low) & (values <= found.high)  # false for NaN
    answer |= np.isnan(values) & found.missing
    return answer


def outside(found: Bounds, matrix: Matrix, names: tuple[str, ...]) -> list[tuple[int, str]]:
    """Return (row, reason) of each row with a value outside, in row order.

    The reason is `above:<feature>`, `below:<feature>` or `missing:<feature>` for the first such feature.
    """
    within = inside(found, matrix)
    if within.all():
        return []
    answer = []
    for row in np.flatnonzero(~within.all(axis=1)).tolist():
        feature = int(within[row].argmin())
        value = matrix[row, feature]
        kind = "missing" if np.isnan(value) else "above" if value > found.high[feature] else "below"
        answer.append((row, f"{kind}:{names[feature]}"))
    return answer
