"""Tree ensembles as flat arrays, whatever library grew them. Knows no library, file or transport.

A node sends a row to the left when `value <= threshold`; a missing value (NaN) goes where `missing_left`
says.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

LEAF = -1  # the feature index that marks a leaf


class Forest(NamedTuple):
    """Every array but `roots`, `classes` and `base` has one entry per node; indices are absolute.

    `cover` is the weight of training rows that reached a node (sum of hessians, or counts): path-dependent
    SHAP averages with it. `base` is the margin before any tree, one per class.
    """

    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float32]
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    missing_left: npt.NDArray[np.bool_]
    value: npt.NDArray[np.float64]
    cover: npt.NDArray[np.float64]
    roots: npt.NDArray[np.int32]
    classes: npt.NDArray[np.int32]
    base: npt.NDArray[np.float64]


def margins(forest: Forest, matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return raw scores (log-odds), rows × classes, by walking all trees one level at a time."""
    count = len(matrix)
    position = np.tile(forest.roots, (count, 1))
    rows = np.arange(count)[:, None]
    while True:
        feature = forest.feature[position]
        inner = feature != LEAF
        if not inner.any():
            break
        value = matrix[rows, np.where(inner, feature, 0)]
        left = np.where(np.isnan(value), forest.missing_left[position], value <= forest.threshold[position])
        position = np.where(inner, np.where(left, forest.left[position], forest.right[position]), position)
    answer = np.tile(forest.base, (count, 1))
    for label in range(len(forest.base)):
        answer[:, label] += forest.value[position[:, forest.classes == label]].sum(axis=1)
    return answer
