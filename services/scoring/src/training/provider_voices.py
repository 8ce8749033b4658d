"""The four voices of the provider forecast, each in log-odds, and their mean.

Trees of every library are kept as the serving room's flat arrays; the logistic voice is two vectors. One
thread, fixed seeds: the same rows give the same voices. Knows no file.
"""

from typing import NamedTuple

import lightgbm
import msgspec
import numpy as np
import numpy.typing as npt
import xgboost
from sklearn import ensemble, linear_model, pipeline, preprocessing

from scoring.domain import forests
from training import conversions

REPEATS = 2  # seeds per library: averages out what the seed alone decides on 400 positives
ROUNDS, TREES = 260, 300
RARE = 0.003  # added to both sides of a forest's share: no trees agreeing does not make the odds infinite

type Floats = npt.NDArray[np.float64]
type Matrix = npt.NDArray[np.float32]
type Outcomes = npt.NDArray[np.bool_]


class Logistic(msgspec.Struct, frozen=True):
    """Log-odds are `shift` + `weights` · log(1 + max(x, 0))."""

    weights: tuple[float, ...]
    shift: float


class Voices(NamedTuple):
    """Boosted forests (margins are log-odds), bagged ones (margins are shares), the logistic voice."""

    boosted: list[forests.Forest]
    bagged: list[forests.Forest]
    logistic: Logistic


def grow(matrix: Matrix, outcomes: Outcomes, seed: int) -> Voices:
    """Return the voices grown on these rows."""
    boosted = []
    for repeat in range(REPEATS):
        boosted += [_xgboost(matrix, outcomes, seed + repeat), _lightgbm(matrix, outcomes, seed + repeat)]
    bagged = [_random_forest(matrix, outcomes, seed), _extra_trees(matrix, outcomes, seed)]
    return Voices(boosted, bagged, _logistic(matrix, outcomes))


def margin(voices: Voices, matrix: Matrix) -> Floats:
    """Return the mean log-odds: all boosting together is one voice, each other model is one."""
    boosted = np.mean([forests.margins(forest, matrix)[:, 0] for forest in voices.boosted], axis=0)
    shares = [forests.margins(forest, matrix)[:, 0] for forest in voices.bagged]
    bagged = [np.log((share + RARE) / (1 - share + RARE)) for share in shares]
    answer: Floats = np.mean([boosted, *bagged, logistic_margin(voices.logistic, matrix)], axis=0)
    return answer


def logistic_margin(voice: Logistic, matrix: Matrix) -> Floats:
    """Return the log-odds of the logistic voice."""
    answer: Floats = (
        np.log1p(np.maximum(matrix, 0).astype(np.float64)) @ np.array(voice.weights) + voice.shift
    )
    return answer


def _logistic(matrix: Matrix, outcomes: Outcomes) -> Logistic:
    """Return a logistic regression on standardised log(1 + x), its scaling folded into the weights."""
    model = pipeline.make_pipeline(
        preprocessing.StandardScaler(), linear_model.LogisticRegression(max_iter=2_000)
    )
    model.fit(np.log1p(np.maximum(matrix, 0).astype(np.float64)), outcomes)
    scaler, fitted = model[0], model[1]
    weights = fitted.coef_[0] / scaler.scale_
    return Logistic(tuple(weights.tolist()), float(fitted.intercept_[0] - weights @ scaler.mean_))


def _xgboost(matrix: Matrix, outcomes: Outcomes, seed: int) -> forests.Forest:
    settings = {
        "objective": "binary:logistic", "max_depth": 3, "eta": 0.03, "subsample": 0.6,
        "colsample_bytree": 0.4, "min_child_weight": 4, "lambda": 4, "nthread": 1,
        "tree_method": "hist", "seed": seed,
    }  # fmt: skip
    booster = xgboost.train(settings, xgboost.DMatrix(matrix, outcomes, nthread=1), ROUNDS)
    return conversions.from_xgboost(bytes(booster.save_raw("json")))


def _lightgbm(matrix: Matrix, outcomes: Outcomes, seed: int) -> forests.Forest:
    settings = {
        "objective": "binary", "num_leaves": 7, "learning_rate": 0.03, "feature_fraction": 0.4,
        "bagging_fraction": 0.6, "bagging_freq": 1, "min_data_in_leaf": 25, "lambda_l2": 4, "num_threads": 1,
        "seed": seed, "deterministic": True, "force_row_wise": True, "verbose": -1,
    }  # fmt: skip
    booster = lightgbm.train(settings, lightgbm.Dataset(matrix, outcomes), ROUNDS)
    return conversions.from_lightgbm(booster.dump_model())


def _random_forest(matrix: Matrix, outcomes: Outcomes, seed: int) -> forests.Forest:
    grown = ensemble.RandomForestClassifier(
        TREES, min_samples_leaf=3, max_features=0.3, random_state=seed, n_jobs=1
    )
    return conversions.from_sklearn(grown.fit(matrix, outcomes))


def _extra_trees(matrix: Matrix, outcomes: Outcomes, seed: int) -> forests.Forest:
    grown = ensemble.ExtraTreesClassifier(
        TREES, min_samples_leaf=2, max_features=0.5, random_state=seed, n_jobs=1
    )
    return conversions.from_sklearn(grown.fit(matrix, outcomes))
