"""How easily a claim is set apart from all others: an isolation forest over its largest surprises. Pure.

The forest sees what the peer book found, not what was billed, so that a dear service is no more isolated
than a cheap one. It answers what no single deviation shows: several at once. Walking a hundred trees costs
more than a claim's score, so it is asked for on request, never while a claim waits.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.domain import forests, peers

COLUMNS = (*(f"line.{name}" for name in (*peers.LINE_MEASURES, *peers.PAIRS)),
    *(f"claim.{name}" for name in peers.CLAIM_MEASURES))  # fmt: skip
EULER = 0.5772156649015329

type Doubles = npt.NDArray[np.float64]
type Matrix = npt.NDArray[np.float32]


class Isolation(NamedTuple):
    """The forest, whose margin is a mean path length; what such a path is measured by; scores at `SHARES`."""

    forest: forests.Forest
    usual_path: float
    knots: Doubles


def matrix(lines: peers.Judged, claims: peers.Judged, offsets: npt.NDArray[np.int64]) -> Matrix:
    """Return what the forest sees: per claim the largest surprise of its lines per feature, and its own.

    What is missing, or judged by nobody, surprises nobody.
    """
    width = lines.surprises.shape[1]
    answer = np.zeros((len(claims.group), len(COLUMNS)), dtype=np.float32)
    filled = np.flatnonzero(np.diff(offsets))
    if len(filled):
        answer[filled, :width] = np.fmax.reduceat(lines.surprises, offsets[filled], axis=0)
    answer[:, width:] = claims.surprises
    return np.nan_to_num(answer, nan=0.0)


def scores(found: Isolation, seen: Matrix) -> Doubles:
    """Return 2 to the minus (path length by usual path length): near 1 is isolated, below .5 is ordinary."""
    answer: Doubles = 2.0 ** (-forests.margins(found.forest, seen)[:, 0] / found.usual_path)
    return answer


def percentile(found: Isolation, score: Doubles) -> Doubles:
    """Return the share of the training's claims that are less isolated, in percent, by linear knots."""
    answer: Doubles = 100.0 * np.interp(score, found.knots, peers.SHARES)
    return answer


def usual_path(members: int) -> float:
    """Return the mean path length of an unsuccessful search among members; by it forests are normed."""
    if members <= 1:
        return 0.0
    if members == 2:  # noqa: PLR2004 - two are set apart by one cut
        return 1.0
    return 2.0 * (math.log(members - 1.0) + EULER) - 2.0 * (members - 1.0) / members
