"""Which engine serves a bundle: tables of its trees' leaves, or onnxruntime where trees are too large."""

from scoring import ports
from scoring.domain import leaves
from scoring.outbound import bundles, leaf_tables


def of(bundle: bundles.Bundle, *, threads: int = 1) -> ports.Estimator:
    """Return what answers for the bundle's forests, warm; `threads` are onnxruntime's.

    Raises Invalid `bundle.unreadable` when its models cannot be loaded.
    """
    try:
        return leaf_tables.LeafEstimator(bundle.trees)
    except leaves.TooLargeError:
        # Costs a quarter of a second to import, and no bundle of ours has trees of more than 16 leaves.
        from scoring.outbound import onnx  # noqa: PLC0415

        estimator = onnx.OnnxEstimator(bundle.onnx, threads=threads)
        estimator.warm()
        return estimator
