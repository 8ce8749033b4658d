"""Between raw scores and answers: shares of classes, guesses, contributions with their bias."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import scoring_support as support
from scoring.domain import models, scores
from scoring.outbound import bundles

MODEL = support.bundle().model


@given(arrays.arrays(np.float64, (4, 5), elements=st.floats(-700, 700)))
def test_shares_are_probabilities(margins: np.ndarray):
    """Any margins give non-negative shares that add up to one, larger margins larger shares."""
    found = models.shares(margins)
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)
    largest = np.take_along_axis(found, margins.argmax(axis=1)[:, None], axis=1)
    np.testing.assert_array_equal(largest[:, 0], found.max(axis=1))


def test_guesses_are_the_three_likeliest_in_order():
    """A row's guesses are its three largest classes, each with its share of all."""
    margins = np.zeros((1, len(MODEL.reasons)))
    margins[0, [2, 5, 1]] = [3.0, 2.0, 1.0]
    classes, chances = models.guesses(margins)
    assert classes.tolist() == [[2, 5, 1]]
    assert chances[0, 0] == pytest.approx(np.exp(3) / np.exp(margins).sum())


def test_fewer_classes_than_three_give_fewer_guesses():
    """A model of two reasons guesses two."""
    assert models.guesses(np.array([[0.0, 1.0]]))[0].tolist() == [[1, 0]]


def test_contributions_end_with_the_bias():
    """The last column is the same for every row: the model's mean margin."""
    matrix = bundles.sample(support.BUNDLE)["lines"][:5]
    found = models.explain(MODEL.line_explainer, matrix)
    assert found.shape == (5, len(MODEL.features.groups) + 1)
    assert set(found[:, -1].tolist()) == {MODEL.line_explainer.bias}


def test_the_reasons_of_the_bundle_have_codes_and_texts():
    """Every class names an nphies and a CARC code, in English and Arabic."""
    assert len(MODEL.reasons) >= 5
    for reason in MODEL.reasons:
        assert isinstance(reason, scores.Reason)
        assert reason.nphies.count("-") == 2
        assert reason.carc
        assert reason.label_en.isascii()
        assert any("\u0600" <= letter <= "\u06ff" for letter in reason.label_ar)


def test_the_calibration_of_the_bundle_is_monotone():
    """A larger raw score never means a smaller probability."""
    for table in (MODEL.line_calibration, MODEL.claim_calibration):
        assert (np.diff(table.margins) > 0).all()
        assert (np.diff(table.probabilities) >= 0).all()


def test_the_flag_threshold_is_a_probability_someone_could_reach():
    """The threshold lies inside what the line calibration can answer."""
    probabilities = MODEL.line_calibration.probabilities
    assert probabilities[0] < MODEL.flag_threshold < probabilities[-1]
