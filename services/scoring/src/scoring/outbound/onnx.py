"""Forests served by onnxruntime: one thread, no spinning, warmed before the first answer is asked for."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime

from chassis import errors
from scoring import ports

WARM_UP_ROWS = 64  # touches both of onnxruntime's paths, few rows and many


class OnnxEstimator:
    """Implements `ports.Estimator`; `forests` maps line, claim and reason to the bytes of their models."""

    def __init__(self, forests: Mapping[str, bytes], *, threads: int = 1) -> None:
        try:
            self._lines, self._claims, self._reasons = (
                _session(forests[name], threads) for name in ("line", "claim", "reason")
            )
        except Exception as error:  # onnxruntime raises a dozen unrelated types for one cause: a bad model
            raise errors.Invalid("bundle.unreadable", "A model of the bundle cannot be loaded.") from error

    def lines(self, matrix: ports.Matrix) -> ports.Doubles:
        """Return one denial margin per line."""
        return _run(self._lines, matrix)[:, 0]

    def claims(self, matrix: ports.Matrix) -> ports.Doubles:
        """Return one denial margin per claim."""
        return _run(self._claims, matrix)[:, 0]

    def reasons(self, matrix: ports.Matrix) -> ports.Doubles:
        """Return rows × reason classes margins for lines."""
        return _run(self._reasons, matrix)

    def warm(self) -> None:
        """Run each model once with one row and once with many."""
        for session in (self._lines, self._claims, self._reasons):
            width = session.get_inputs()[0].shape[1]
            for count in (1, WARM_UP_ROWS):
                _run(session, np.zeros((count, width), dtype=np.float32))


def _session(model: bytes, threads: int) -> Any:
    """Return a session that uses `threads` threads and does not burn a core while it waits."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _run(session: Any, matrix: ports.Matrix) -> ports.Doubles:
    """Return the model's only output as float64."""
    output: ports.Doubles = session.run(None, {"features": matrix})[0].astype(np.float64)
    return output
