"""Provider outliers on the public provider table: 17 aggregates per provider and a label of unknown origin.

The claims behind the table are CMS synthetic data: figures here show engineering, not that fraud is found.
The forecast is the mean, in log-odds, of boosting (both libraries over a few seeds), a random forest and
extra trees, calibrated by two weights learned on out-of-fold forecasts. Nothing is resampled, and no service
serves it yet.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import lightgbm
import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
import xgboost
from sklearn import ensemble, linear_model, model_selection, pipeline, preprocessing

from chassis import errors
from scoring.domain import forests
from scoring.outbound import bundles
from training import conversions, measures, writing

FOLDS = 5
REPEATS = 3  # seeds per library: averages out what the seed alone decides on 400 positives
ROUNDS, TREES = 260, 300
LABEL, ONE_COLUMN = "Fraud", "TotalReimbursed"
RARE = 0.003  # added to both sides of a forest's share: no trees agreeing does not make the odds infinite
DERIVED = ("TotalReimbursed", "Claims", "ClaimsPerPatient", "InpatientShare", "ReimbursedPerPatient")
TERMS = (
    "CMS synthetic claims with labels of unknown origin: shows engineering, not real-world fraud detection"
)

type Progress = Callable[[int], None]
type Floats = npt.NDArray[np.float64]
type Matrix = npt.NDArray[np.float32]
type Outcomes = npt.NDArray[np.bool_]


class Table(NamedTuple):
    """Features by provider in the order of the file, their names, the labels, and the file's sha256."""

    matrix: Matrix
    names: tuple[str, ...]
    outcomes: npt.NDArray[np.bool_]
    sha256: str


class _Grown(NamedTuple):
    """The ensemble: boosted forests whose margins are log-odds, bagged forests whose margins are shares."""

    boosted: list[forests.Forest]
    bagged: list[forests.Forest]


class _Stored(msgspec.Struct, frozen=True):
    """What model.json says: columns, slope and shift of log-odds, forests of each kind, the data's sha256."""

    names: tuple[str, ...]
    weights: tuple[float, float]
    boosted: int
    bagged: int
    data: str


def read(data: Path) -> Table:
    """Return the table of a CSV file, or of train.csv in a folder.

    Raises NotFound `data.missing`, Invalid `data.columns`.
    """
    path = data / "train.csv" if data.is_dir() else data
    try:
        frame = pd.read_csv(path)
    except FileNotFoundError as error:
        raise errors.NotFound("data.missing", f"{path.name} does not exist.") from error
    if LABEL not in frame or "TotalInpatientReimbursement" not in frame:
        raise errors.Invalid("data.columns", "The file is not the provider table.")
    outcomes = frame[LABEL].to_numpy() == 1
    features = _derived(frame.drop(columns=["Provider", LABEL], errors="ignore"))
    return Table(features.to_numpy(dtype=np.float32), tuple(features.columns), outcomes, _digest(path))


def train(data: Path, seed: int, out: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Write the bundle and return out-of-fold figures with spread, beside the baselines on the same folds."""
    table = read(data)
    folds = list(_folds(table, seed))
    margins, logistic = np.zeros(len(table.outcomes)), np.zeros(len(table.outcomes))
    for number, (learned, held) in enumerate(folds):
        grown = _grow(table.matrix[learned], table.outcomes[learned], seed)
        margins[held] = _margin(grown, table.matrix[held])
        logistic[held] = _logistic(table.matrix[learned], table.outcomes[learned], table.matrix[held])
        if progress:
            progress(number + 1)
    forecast = np.zeros(len(margins))
    for learned, held in folds:  # the calibration of a fold has not seen its outcomes either
        forecast[held] = _probability(margins[held], _platt(margins[learned], table.outcomes[learned]))
    figures: dict[str, Any] = writing.rounded(_figures(table, forecast, logistic, folds))
    grown = _grow(table.matrix, table.outcomes, seed)
    weights = _platt(margins, table.outcomes)
    _write(
        out,
        grown,
        _Stored(table.names, weights, len(grown.boosted), len(grown.bagged), table.sha256),
        figures,
    )
    return figures


def evaluate(bundle: Path, data: Path) -> dict[str, Any]:
    """Return the figures of a bundle on a provider table it has not seen; on its own table they flatter.

    Raises NotFound `bundle.missing`, Invalid `data.columns`.
    """
    try:
        stored = msgspec.json.decode((bundle / "model.json").read_bytes(), type=_Stored)
        arrays = bundles.read_arrays(bundle / "trees.npz")
    except FileNotFoundError as error:
        raise errors.NotFound(
            "bundle.missing", f"There is no bundle of this task in {bundle.name}."
        ) from error
    table = read(data)
    if table.names != stored.names:
        raise errors.Invalid("data.columns", "The table has other columns than the bundle was trained on.")
    grown = _Grown(
        [bundles.load_forest(arrays, f"boosted{number}") for number in range(stored.boosted)],
        [bundles.load_forest(arrays, f"bagged{number}") for number in range(stored.bagged)],
    )
    forecast = _probability(_margin(grown, table.matrix), stored.weights)
    return measures.binary(table.outcomes, forecast) | {
        "baseline": _baseline(table),
        "data": TERMS,
        "same_data_as_trained": table.sha256 == stored.data,
    }


def _digest(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _derived(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns and ratios of them that an investigator would look at."""
    inpatient, outpatient = frame["InpatientClaimCount"], frame["OutpatientClaimCount"]
    total = frame["TotalInpatientReimbursement"] + frame["TotalOutpatientReimbursement"]
    claims, patients = inpatient + outpatient, frame["UniqueBeneficiaries"].clip(lower=1)
    derived = (total, claims, claims / patients, inpatient / claims.clip(lower=1), total / patients)
    return frame.assign(**dict(zip(DERIVED, derived, strict=True)))


def _folds(table: Table, seed: int) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Yield learned and held-out rows, stratified; a provider is one row, so it is never on both sides."""
    splitter = model_selection.StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    yield from splitter.split(table.matrix, table.outcomes)


def _grow(matrix: Matrix, outcomes: Outcomes, seed: int) -> _Grown:
    """Return the ensemble grown on these rows."""
    boosted = []
    for repeat in range(REPEATS):
        boosted += [_xgboost(matrix, outcomes, seed + repeat), _lightgbm(matrix, outcomes, seed + repeat)]
    return _Grown(boosted, [_random_forest(matrix, outcomes, seed), _extra_trees(matrix, outcomes, seed)])


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


def _margin(grown: _Grown, matrix: Matrix) -> Floats:
    """Return the mean log-odds of three voices: all boosting together, and each bagged forest."""
    boosted = np.mean([forests.margins(forest, matrix)[:, 0] for forest in grown.boosted], axis=0)
    shares = [forests.margins(forest, matrix)[:, 0] for forest in grown.bagged]
    voices = [boosted, *(np.log((share + RARE) / (1 - share + RARE)) for share in shares)]
    answer: Floats = np.mean(voices, axis=0)
    return answer


def _platt(margins: Floats, outcomes: Outcomes) -> tuple[float, float]:
    """Return slope and shift of log-odds that calibrate them (logistic regression on the margin alone)."""
    fitted = linear_model.LogisticRegression(C=np.inf).fit(margins[:, None], outcomes)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def _probability(margins: Floats, weights: tuple[float, float]) -> Floats:
    answer: Floats = 1 / (1 + np.exp(-(weights[0] * margins + weights[1])))
    return answer


def _logistic(matrix: Matrix, outcomes: Outcomes, held: Matrix) -> Floats:
    """Return the forecast of a logistic regression on log(1 + x) of all columns."""
    model = pipeline.make_pipeline(
        preprocessing.FunctionTransformer(np.log1p),
        preprocessing.StandardScaler(),
        linear_model.LogisticRegression(max_iter=1_000),
    )
    forecast: Floats = model.fit(np.maximum(matrix, 0), outcomes).predict_proba(np.maximum(held, 0))[:, 1]
    return forecast


def _baseline(table: Table) -> dict[str, Any]:
    """Return how well one column ranks the providers: the total reimbursed."""
    column = table.matrix[:, table.names.index(ONE_COLUMN)].astype(np.float64)
    return {"name": "total reimbursed, one column", **measures.ranking(table.outcomes, column)}


def _figures(table: Table, forecast: Floats, logistic: Floats, folds: list[Any]) -> dict[str, Any]:
    """Return the figures over all out-of-fold forecasts, their spread over folds, and the baselines."""
    parts = [measures.binary(table.outcomes[held], forecast[held]) for _, held in folds]
    ours, theirs = (
        [measures.ranking(table.outcomes[held], found[held])["auc"] for _, held in folds]
        for found in (forecast, logistic)
    )
    names = ("auc", "pr_auc", "brier", "ece", "f1")
    return measures.binary(table.outcomes, forecast) | {
        "baseline": _baseline(table),
        "baselines": {"logistic, log1p": measures.binary(table.outcomes, logistic)},
        "spread": {name: measures.spread([part[name] for part in parts]) for name in names},
        "paired_auc_difference_to_logistic": measures.spread((np.array(ours) - np.array(theirs)).tolist()),
        "protocol": f"{FOLDS}-fold, stratified, out of fold",
        "data": TERMS,
    }


def _write(out: Path, grown: _Grown, stored: _Stored, figures: dict[str, Any]) -> None:
    """Write trees, calibration and figures; the same data and seed give the same bytes."""
    out.mkdir(parents=True, exist_ok=True)
    named = {f"boosted{n}": forest for n, forest in enumerate(grown.boosted)}
    named |= {f"bagged{n}": forest for n, forest in enumerate(grown.bagged)}
    trees = {f"{name}.{field}": a for name, forest in named.items() for field, a in forest._asdict().items()}
    writing.arrays(out / "trees.npz", trees)
    writing.document(out / "model.json", msgspec.to_builtins(stored))
    writing.document(out / "metrics.json", figures)
