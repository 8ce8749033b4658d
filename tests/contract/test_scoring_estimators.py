"""The contract of `ports.Estimator`, held by tables of leaves, onnxruntime and the in-memory twin alike."""

import numpy as np
import pytest

import scoring_support as support
from scoring import ports
from scoring.domain import calibration, models
from scoring.outbound import bundles, leaf_tables, onnx

SAMPLE = bundles.sample(support.BUNDLE)
MODEL = support.bundle().model


@pytest.fixture(params=["tables", "onnxruntime", "twin"])
def estimator(request: pytest.FixtureRequest) -> ports.Estimator:
    """Each implementation over the repository's bundle."""
    if request.param == "twin":
        return support.twin()
    if request.param == "tables":
        return leaf_tables.LeafEstimator(support.bundle().trees)
    real = onnx.OnnxEstimator(support.bundle().onnx)
    real.warm()
    return real


def test_probabilities_are_those_of_training(estimator: ports.Estimator):
    """On the stored sample, lines, claims and reasons equal what training computed, to 1e-6."""
    lines = calibration.apply(MODEL.line_calibration, estimator.lines(SAMPLE["lines"]))
    claims = calibration.apply(MODEL.claim_calibration, estimator.claims(SAMPLE["claims"]))
    reasons = models.shares(estimator.reasons(SAMPLE["lines"]))
    np.testing.assert_allclose(lines, SAMPLE["line_probabilities"], atol=1e-6, rtol=0)
    np.testing.assert_allclose(claims, SAMPLE["claim_probabilities"], atol=1e-6, rtol=0)
    np.testing.assert_allclose(reasons, SAMPLE["reason_shares"], atol=1e-6, rtol=0)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_answers_have_one_row_per_row(estimator: ports.Estimator, count: int):
    """Any number of rows, none included, gives as many answers."""
    assert estimator.lines(SAMPLE["lines"][:count]).shape == (count,)
    assert estimator.claims(SAMPLE["claims"][:count]).shape == (count,)
    assert estimator.reasons(SAMPLE["lines"][:count]).shape == (count, len(MODEL.reasons))


def test_a_row_has_the_same_margin_in_any_company(estimator: ports.Estimator):
    """Scoring one row alone or among others makes no difference beyond rounding."""
    whole = estimator.lines(SAMPLE["lines"])
    alone = np.concatenate([estimator.lines(SAMPLE["lines"][n : n + 1]) for n in range(len(whole))])
    np.testing.assert_allclose(whole, alone, atol=1e-5)


def test_missing_values_are_values(estimator: ports.Estimator):
    """A row of nothing but NaN has a finite margin, the same in every implementation."""
    nothing = np.full_like(SAMPLE["lines"][:1], np.nan)
    assert estimator.lines(nothing)[0] == pytest.approx(support.twin().lines(nothing)[0], abs=1e-5)
    assert np.isfinite(estimator.reasons(nothing)).all()
