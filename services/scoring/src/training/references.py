"""What a bundle remembers of the claims it was trained on, for the drift job: shares, never a claim."""

import numpy as np
import numpy.typing as npt

from scoring.domain import drifting, rows
from scoring.usecases import drift


def fit(batch: rows.Rows, scores: npt.NDArray[np.float64]) -> drifting.Reference:
    """Return the histograms of a training batch's columns, and of the claims' probabilities beside it."""
    table = {
        f"{level}.{name}": _plain(column, batch.dictionary)
        for level, columns in (("claim", batch.claims), ("line", batch.lines))
        for name, column in columns.items()
    }
    return drifting.reference(table | {drift.SCORE: scores})


def _plain(column: rows.Column, dictionary: list[str]) -> drifting.Values:
    """Return a column as an export holds it: words for codes."""
    if column.dtype != np.uint32:
        return column
    return np.array(dictionary, dtype=object)[column]
