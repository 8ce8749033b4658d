"""Forests served by tables of their leaves (`domain.leaves`), whatever the size of a batch."""

from collections.abc import Mapping

from scoring import ports
from scoring.domain import forests, leaves


class LeafEstimator:
    """Implements `ports.Estimator` over forests by name: line, claim, reason.

    Raises leaves.TooLargeError when a tree has more leaves than a number has bits.
    """

    def __init__(self, trees: Mapping[str, forests.Forest]) -> None:
        self._lines, self._claims, self._reasons = (
            leaves.build(trees[name]) for name in ("line", "claim", "reason")
        )

    def lines(self, matrix: ports.Matrix) -> ports.Doubles:
        """Return one denial margin per line."""
        return leaves.margins(self._lines, matrix)[:, 0]

    def claims(self, matrix: ports.Matrix) -> ports.Doubles:
        """Return one denial margin per claim."""
        return leaves.margins(self._claims, matrix)[:, 0]

    def reasons(self, matrix: ports.Matrix) -> ports.Doubles:
        """Return rows × reason classes margins for lines."""
        return leaves.margins(self._reasons, matrix)
