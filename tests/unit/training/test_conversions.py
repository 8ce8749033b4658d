"""Trees of three libraries become one form that answers, and explains, exactly as the libraries do."""

from typing import Any

import lightgbm
import numpy as np
import onnxruntime
import pytest
import xgboost
from sklearn import ensemble

import scoring_support as support
from scoring.domain import explaining, forests, models
from training import conversions

FEATURES = 8
type Table = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]
ONE_GROUP_EACH = np.arange(FEATURES, dtype=np.int32)


@pytest.fixture(scope="module")
def table() -> Table:
    """Rows with missing values in all but one column, an integer column, and a noisy outcome."""
    rng = np.random.default_rng(1)
    matrix = support.random_rows(rng, 2_000, FEATURES)
    matrix[:, 2] = np.round(matrix[:, 2])
    matrix[:, 3] = np.nan_to_num(matrix[:, 3])
    score = np.nan_to_num(matrix[:, 0]) + np.nan_to_num(matrix[:, 1] * matrix[:, 2]) + matrix[:, 3]
    return matrix, score + rng.normal(size=len(matrix)) > 0.5


@pytest.fixture(scope="module")
def booster(table: Table) -> xgboost.Booster:
    """An XGBoost model of the table."""
    settings = {"objective": "binary:logistic", "max_depth": 4, "nthread": 1}
    return xgboost.train(settings, xgboost.DMatrix(*table), 40)


@pytest.fixture(scope="module")
def light(table: Table) -> lightgbm.Booster:
    """A LightGBM model of the table."""
    settings = {"objective": "binary", "max_depth": 4, "num_threads": 1, "verbose": -1}
    return lightgbm.train(settings, lightgbm.Dataset(*table), 40)


def test_xgboost_margins_are_kept(table: Table, booster: xgboost.Booster):
    """Every row, missing values included, gets XGBoost's own margin."""
    forest = conversions.from_xgboost(bytes(booster.save_raw("json")))
    native = booster.predict(xgboost.DMatrix(table[0]), output_margin=True)
    np.testing.assert_allclose(forests.margins(forest, table[0])[:, 0], native, atol=1e-5)


def test_xgboost_contributions_are_kept(table: Table, booster: xgboost.Booster):
    """The tables give `pred_contribs` to 1e-5, feature by feature, bias included."""
    forest = conversions.from_xgboost(bytes(booster.save_raw("json")))
    explainer = explaining.build(forest, ONE_GROUP_EACH)
    native = booster.predict(xgboost.DMatrix(table[0]), pred_contribs=True)
    np.testing.assert_allclose(explaining.contributions(explainer, table[0]), native[:, :-1], atol=1e-5)
    assert explainer.bias == pytest.approx(native[0, -1], abs=1e-5)


def test_a_value_on_a_threshold_goes_the_same_way(booster: xgboost.Booster):
    """XGBoost asks for less-than: the float32 at a threshold itself goes right in both."""
    forest = conversions.from_xgboost(bytes(booster.save_raw("json")))
    inner = forest.feature != forests.LEAF
    thresholds = np.nextafter(forest.threshold[inner], np.float32(np.inf))
    matrix = np.zeros((inner.sum(), FEATURES), dtype=np.float32)
    matrix[np.arange(len(matrix)), forest.feature[inner]] = thresholds
    native = booster.predict(xgboost.DMatrix(matrix), output_margin=True)
    np.testing.assert_allclose(forests.margins(forest, matrix)[:, 0], native, atol=1e-5)


def test_lightgbm_margins_and_contributions_are_kept(table: Table, light: lightgbm.Booster):
    """The same holds for LightGBM, whose missing values and thresholds work differently."""
    forest = conversions.from_lightgbm(light.dump_model())
    np.testing.assert_allclose(
        forests.margins(forest, table[0])[:, 0], light.predict(table[0], raw_score=True), atol=1e-9
    )
    explainer = explaining.build(forest, ONE_GROUP_EACH)
    native = np.asarray(light.predict(table[0], pred_contrib=True))
    np.testing.assert_allclose(explaining.contributions(explainer, table[0]), native[:, :-1], atol=1e-5)


def test_lightgbm_sends_an_unexpected_missing_value_where_zero_goes(light: lightgbm.Booster):
    """Column 3 had no missing value in training: NaN there is treated as zero, as LightGBM does."""
    forest = conversions.from_lightgbm(light.dump_model())
    matrix = np.full((1, FEATURES), np.nan, dtype=np.float32)
    zeroed = matrix.copy()
    zeroed[0, 3] = 0.0
    native = np.asarray(light.predict(matrix, raw_score=True))
    assert forests.margins(forest, matrix)[0, 0] == pytest.approx(native[0], abs=1e-9)
    assert forests.margins(forest, matrix)[0, 0] == forests.margins(forest, zeroed)[0, 0]


def test_a_model_of_one_leaf_converts():
    """When nothing can be split, the forest is a constant."""
    matrix = np.zeros((100, 2), dtype=np.float32)
    settings = {"objective": "binary", "verbose": -1}
    grown = lightgbm.train(settings, lightgbm.Dataset(matrix, np.arange(100) % 2), 2)
    forest = conversions.from_lightgbm(grown.dump_model())
    native = np.asarray(grown.predict(matrix[:3], raw_score=True))
    np.testing.assert_allclose(forests.margins(forest, matrix[:3])[:, 0], native)


def test_classes_are_kept(table: Table):
    """A model of three classes gives XGBoost's probabilities per class."""
    matrix, outcomes = table
    labels = outcomes.astype(int) + (matrix[:, 3] > 0)
    settings = {"objective": "multi:softprob", "num_class": 3, "max_depth": 3, "nthread": 1}
    grown = xgboost.train(settings, xgboost.DMatrix(matrix, labels), 20)
    forest = conversions.from_xgboost(bytes(grown.save_raw("json")))
    native = grown.predict(xgboost.DMatrix(matrix))
    np.testing.assert_allclose(models.shares(forests.margins(forest, matrix)), native, atol=1e-5)


def test_forests_of_sklearn_are_kept(table: Table):
    """A random forest's share of the second class is kept, missing values included."""
    grown = ensemble.RandomForestClassifier(10, max_depth=6, random_state=0).fit(*table)
    forest = conversions.from_sklearn(grown)
    np.testing.assert_allclose(
        forests.margins(forest, table[0])[:, 0], grown.predict_proba(table[0])[:, 1], atol=1e-9
    )


@pytest.mark.parametrize("count", [1, 100])
def test_onnx_answers_like_the_native_model(table: Table, booster: xgboost.Booster, count: int):
    """The served file gives XGBoost's margins, few rows or many."""
    forest = conversions.from_xgboost(bytes(booster.save_raw("json")))
    session = onnxruntime.InferenceSession(conversions.to_onnx(forest, FEATURES))
    served = session.run(None, {conversions.INPUT: table[0][:count]})[0]
    native = booster.predict(xgboost.DMatrix(table[0][:count]), output_margin=True)
    np.testing.assert_allclose(served[:, 0], native, atol=1e-5)


def test_onnx_bytes_are_the_same_twice(booster: xgboost.Booster):
    """Converting again gives the same file."""
    forest = conversions.from_xgboost(bytes(booster.save_raw("json")))
    assert conversions.to_onnx(forest, FEATURES) == conversions.to_onnx(forest, FEATURES)
