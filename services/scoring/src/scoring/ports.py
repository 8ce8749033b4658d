"""What the use cases need from outside: raw scores of the three forests."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

type Matrix = npt.NDArray[np.float32]
type Doubles = npt.NDArray[np.float64]


class Estimator(Protocol):
    """Margins (log-odds before calibration) of a bundle's forests; called by one thread at a time."""

    def lines(self, matrix: Matrix) -> Doubles:
        """Return one denial margin per line."""
        ...

    def claims(self, matrix: Matrix) -> Doubles:
        """Return one denial margin per claim."""
        ...

    def reasons(self, matrix: Matrix) -> Doubles:
        """Return rows × reason classes margins for lines."""
        ...
