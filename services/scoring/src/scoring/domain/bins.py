"""Which interval between a forest's thresholds a value lies in. Knows no library, file or transport.

A row meets a forest only through the outcomes of its splits, so between two neighbouring thresholds of a
feature all values are the same to it. Bins number these intervals, over all features in one sequence; a
missing value has a bin of its own. One binary search places a whole matrix: features and values are joined
into integers that sort first by feature, then as the floats do.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FEATURE_SHIFT = 32  # bits of a value below its feature's place
BELOW_ALL = np.int32(0x7F800001)  # added to ordered values, makes minus infinity 0 and wraps what is missing
MISSING = 2**32 - 1  # no value of a feature is behind it

type Floats = npt.NDArray[np.float32]


class Bins(NamedTuple):
    """The intervals of the features that a forest splits on; build with `build`, use with `places`.

    `edges` are the upper edges, inclusive, as sortable integers, each feature's last ones infinity and what
    is missing; `first` is the integer that each feature begins with.
    """

    feature: npt.NDArray[np.intp]
    edges: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]


def build(thresholds: Mapping[int, Floats]) -> tuple[Bins, npt.NDArray[np.int32], Floats]:
    """Return the bins of each feature's thresholds, and per bin its feature and a value that lies in it.

    The value is the bin's upper edge, which belongs to it, infinity in the last bin, NaN in that of missing
    values.
    """
    features = sorted(thresholds)
    ends = np.array([np.inf, np.nan], dtype=np.float32)
    inside = [
        np.concatenate([np.unique(thresholds[feature] + np.float32(0)), ends], dtype=np.float32)
        for feature in features
    ]
    owner = [np.full(len(own), feature) for feature, own in zip(features, inside, strict=True)]
    first = np.arange(len(features), dtype=np.int64) << FEATURE_SHIFT
    nothing = np.zeros(0)
    joined = [
        np.append(_joined(own[:-1], begin), begin + MISSING) for begin, own in zip(first, inside, strict=True)
    ]
    return (
        Bins(
            np.array(features, dtype=np.intp),
            np.concatenate([nothing.astype(np.int64), *joined]),
            first,
        ),
        np.concatenate([nothing, *owner]).astype(np.int32),
        np.concatenate([nothing, *inside]).astype(np.float32),
    )


def numbers(joined: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return to which feature in the sequence edges or beginnings belong."""
    return joined >> FEATURE_SHIFT


def moved(joined: npt.NDArray[np.int64], by: int) -> npt.NDArray[np.int64]:
    """Return edges or beginnings of features that come after so many others."""
    return joined + (by << FEATURE_SHIFT)


def places(bins: Bins, matrix: Floats) -> npt.NDArray[np.intp]:
    """Return rows × features of `bins`: the number of the bin that each value lies in."""
    return search(bins.edges, bins.first, matrix.take(bins.feature, axis=1))


def search(
    edges: npt.NDArray[np.int64], first: npt.NDArray[np.int64], values: Floats
) -> npt.NDArray[np.intp]:
    """Return the bins of values of the features that begin with `first`."""
    return edges.searchsorted(_joined(values, first))


def _joined(values: Floats, first: npt.NDArray[np.int64] | np.int64) -> npt.NDArray[np.int64]:
    """Return integers in the order of features, then values, from minus infinity, which is `first`.

    Positive floats sort as their bits do, negative ones the other way round. Counted from minus infinity
    without a sign, what is missing comes after infinity whatever its bits; nothing lies between minus nought
    and nought, and no edge is minus nought.
    """
    turned = values.view(np.int32)
    turned = turned ^ ((turned >> 31) & 0x7FFFFFFF)
    turned += BELOW_ALL
    answer: npt.NDArray[np.int64] = turned.view(np.uint32) + first
    return answer
