"""The in-memory twin of the estimator: it walks the same trees in numpy, without onnxruntime."""

from collections.abc import Mapping

from scoring import ports
from scoring.domain import forests


class MemoryEstimator:
    """Implements `ports.Estimator` over forests by name: line, claim, reason."""

    def __init__(self, trees: Mapping[str, forests.Forest]) -> None:
        self._trees = dict(trees)

    def lines(self, matrix: ports.Matrix) -> ports.Doubles:
        """Return one denial margin per line."""
        return forests.margins(self._trees["line"], matrix)[:, 0]

    def claims(self, matrix: ports.Matrix) -> ports.Doubles:
        """Return one denial margin per claim."""
        return forests.margins(self._trees["claim"], matrix)[:, 0]

    def reasons(self, matrix: ports.Matrix) -> ports.Doubles:
        """Return rows × reason classes margins for lines."""
        return forests.margins(self._trees["reason"], matrix)
