"""From raw score to probability: a monotone piecewise-linear table. Knows no library, file or transport."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FLOOR = 1e-4  # no finite sample supports a probability of 0 or 1; keeps log-loss and odds finite
MIN_BLOCK = 50  # outcomes behind one knot: a rate over fewer moves more than ±7 points by chance alone

type Doubles = npt.NDArray[np.float64]


class Table(NamedTuple):
    """Knots: raw scores ascending, and the probability at each."""

    margins: Doubles
    probabilities: Doubles


def apply(table: Table, margins: Doubles) -> Doubles:
    """Return calibrated probabilities; beyond the outer knots the nearest knot's value holds."""
    return np.interp(margins, table.margins, table.probabilities)


def fit(margins: Doubles, outcomes: npt.NDArray[np.bool_]) -> Table:
    """Return isotonic regression of yes/no outcomes on margins, as a table through the centres of its blocks.

    Pool-adjacent-violators over blocks of at least `MIN_BLOCK` outcomes, weighted by their size.
    """
    order = np.argsort(margins, kind="stable")
    edges = np.arange(0, max(len(order) - MIN_BLOCK, 0) + 1, MIN_BLOCK)
    sizes = np.diff(np.append(edges, len(order))).astype(np.float64)
    centres = np.add.reduceat(margins[order], edges) / sizes
    rates = np.add.reduceat(outcomes[order].astype(np.float64), edges) / sizes
    blocks: list[tuple[float, float, float]] = []
    for block in zip(sizes.tolist(), centres.tolist(), rates.tolist(), strict=True):
        blocks.append(block)
        while len(blocks) > 1 and blocks[-2][2] >= blocks[-1][2]:
            blocks[-2:] = [_pool(blocks[-2], blocks[-1])]
    knots = np.array(blocks)
    return Table(knots[:, 1], np.clip(knots[:, 2], FLOOR, 1 - FLOOR))


def _pool(one: tuple[float, float, float], two: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return two neighbouring blocks as one: sizes added, centre and rate averaged by size."""
    size = one[0] + two[0]
    return size, (one[0] * one[1] + two[0] * two[1]) / size, (one[0] * one[2] + two[0] * two[2]) / size
