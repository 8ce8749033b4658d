"""What the room answers about one claim, before it is put into a message. Data only."""

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

type State = Literal["scored", "not_scored", "out_of_range"]
type Doubles = npt.NDArray[np.float64]


class Reason(NamedTuple):
    """One class of the reason model: a payer's reason in two code lists and two languages."""

    nphies: str
    carc: str
    label_en: str
    label_ar: str


class Guess(NamedTuple):
    """A reason and how likely it is, given that the line is denied."""

    reason: Reason
    probability: float


class LineReason(NamedTuple):
    """Why one line is flagged: `row` counts within its claim; log-odds per human feature, the bias last."""

    row: int
    guesses: tuple[Guess, ...]
    contributions: Doubles


class ClaimScore(NamedTuple):
    """One claim's answer; when it is not scored there is a `reason`, the print, and nothing else."""

    state: State
    reason: str = ""
    probability: float = 0.0
    line_probabilities: tuple[float, ...] = ()
    line_reasons: tuple[LineReason, ...] = ()
    contributions: Doubles | None = None
    print: int = 0  # of the rows that were judged
