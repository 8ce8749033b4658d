"""Which engine serves a bundle is decided by its trees."""

import numpy as np

import scoring_support as support
from scoring.outbound import bundles, estimators, leaf_tables, onnx


def test_ordinary_forests_are_served_by_tables():
    """The repository's bundle needs no onnxruntime."""
    assert isinstance(estimators.of(support.bundle()), leaf_tables.LeafEstimator)


def test_large_trees_are_served_by_onnxruntime():
    """One tree of 128 leaves among the forests, and the ONNX files of the bundle answer."""
    large = support.random_forest(np.random.default_rng(1), trees=1, depth=7, features=3)
    bundle = support.bundle()
    found = estimators.of(bundle._replace(trees=bundle.trees | {"reason": large}))
    assert isinstance(found, onnx.OnnxEstimator)
    matrix = bundles.sample(support.BUNDLE)["lines"]
    np.testing.assert_allclose(found.lines(matrix), estimators.of(bundle).lines(matrix), atol=1e-5)
