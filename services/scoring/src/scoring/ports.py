"""What the use cases need from outside: raw scores of the three forests, and a memory for decisions."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from scoring.domain import arms

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


class ArmStore(Protocol):
    """Where decisions about arms are kept."""

    @property
    def durable(self) -> bool:
        """Whether what is saved is still there after a restart."""
        ...

    def load(self) -> arms.State | None:
        """Return what was saved last, None when nothing was; Invalid `arms.state` when it cannot be read."""
        ...

    def save(self, state: arms.State) -> None:
        """Keep the state, whole or not at all; Unavailable `arms.state` when that is impossible."""
        ...
