"""Gradient boosting by XGBoost and LightGBM behind one shape, and the choice by out-of-fold log-loss.

Trees are four levels deep on purpose: deeper ones gained .001 of log-loss on simulated claims, and an exact
explanation costs several times more with each level. One thread, fixed seeds: the same data gives the same
trees.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import lightgbm
import numpy as np
import numpy.typing as npt
import xgboost
from sklearn import metrics

from scoring.domain import forests
from training import conversions, measures

DEPTH = 4
ROUNDS = 250
RATE = 0.1
REASON_ROUNDS = 60  # per class: a dozen classes make that 700 trees
FOLDS = 5

type Matrix = npt.NDArray[np.float32]
type Outcomes = npt.NDArray[np.bool_]


class Grown(NamedTuple):
    """A trained model: library, native file (name suffix and content), and its forest."""

    library: str
    suffix: str
    native: bytes
    forest: forests.Forest


class Comparison(NamedTuple):
    """Out-of-fold log-loss per fold and library, on the same folds, and which library won."""

    log_loss: dict[str, list[float]]
    auc: dict[str, list[float]]
    winner: str

    def summary(self) -> dict[str, object]:
        """Return figures with spread, and the paired difference (XGBoost − LightGBM)."""
        one, two = (np.array(self.log_loss[name]) for name in ("xgboost", "lightgbm"))
        return {
            "log_loss": {name: measures.spread(values) for name, values in self.log_loss.items()},
            "auc": {name: measures.spread(values) for name, values in self.auc.items()},
            "paired_log_loss_difference": measures.spread((one - two).tolist()),
            "winner": self.winner,
        }


def xgboost_binary(matrix: Matrix, outcomes: Outcomes, seed: int) -> Grown:
    """Return an XGBoost forest for a yes/no outcome."""
    settings = _xgboost_settings(seed) | {"objective": "binary:logistic"}
    return _grown(xgboost.train(settings, xgboost.DMatrix(matrix, outcomes, nthread=1), ROUNDS))


def lightgbm_binary(matrix: Matrix, outcomes: Outcomes, seed: int) -> Grown:
    """Return a LightGBM forest for a yes/no outcome."""
    settings = {
        "objective": "binary", "num_leaves": 2**DEPTH, "max_depth": DEPTH, "learning_rate": RATE,
        "num_threads": 1, "seed": seed, "deterministic": True, "force_row_wise": True, "verbose": -1,
    }  # fmt: skip
    booster = lightgbm.train(settings, lightgbm.Dataset(matrix, outcomes), ROUNDS)
    native = booster.model_to_string().encode()
    return Grown("lightgbm", "lightgbm.txt", native, conversions.from_lightgbm(booster.dump_model()))


def xgboost_classes(matrix: Matrix, labels: npt.NDArray[np.int64], classes: int, seed: int) -> Grown:
    """Return an XGBoost forest with one output per class."""
    settings = _xgboost_settings(seed) | {"objective": "multi:softprob", "num_class": classes}
    return _grown(xgboost.train(settings, xgboost.DMatrix(matrix, labels, nthread=1), REASON_ROUNDS))


BINARY: dict[str, Callable[[Matrix, Outcomes, int], Grown]] = {
    "xgboost": xgboost_binary,
    "lightgbm": lightgbm_binary,
}


def folds(groups: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.bool_]]:
    """Yield masks of the held-out rows; a group (provider bucket) is wholly inside one fold."""
    for fold in range(FOLDS):
        yield groups % FOLDS == fold


def compare(matrix: Matrix, outcomes: Outcomes, groups: npt.NDArray[np.int64], seed: int) -> Comparison:
    """Return how both libraries do on rows of providers they did not see."""
    losses: dict[str, list[float]] = {name: [] for name in BINARY}
    areas: dict[str, list[float]] = {name: [] for name in BINARY}
    for held in folds(groups):
        if not held.any() or outcomes[held].all() or not outcomes[held].any():
            continue  # a fold with one outcome has no ranking; small data may have such
        for name, grow in BINARY.items():
            grown = grow(matrix[~held], outcomes[~held], seed)
            forecast = 1 / (1 + np.exp(-forests.margins(grown.forest, matrix[held])))
            losses[name].append(float(metrics.log_loss(outcomes[held], forecast[:, 0])))
            areas[name].append(float(metrics.roc_auc_score(outcomes[held], forecast[:, 0])))
    means = {name: float(np.mean(values)) if values else 0.0 for name, values in losses.items()}
    return Comparison(losses, areas, min(means, key=lambda name: means[name]))


def _xgboost_settings(seed: int) -> dict[str, object]:
    return {"max_depth": DEPTH, "eta": RATE, "nthread": 1, "tree_method": "hist", "seed": seed}


def _grown(booster: xgboost.Booster) -> Grown:
    native = bytes(booster.save_raw("json"))
    return Grown("xgboost", "xgboost.json", native, conversions.from_xgboost(native))
