"""Expects the amount paid for an inpatient claim: boosted trees on log(1 + paid), with a range.

The range comes from out-of-fold errors: eight of ten amounts should lie in it. Claims paid nothing, or taken
back, are left out and counted: whether a claim is paid at all is another question. Figures are out of fold,
patients apart.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import lightgbm
import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from chassis import errors
from scoring.domain import forests
from scoring.outbound import bundles
from training import amount_features, completion_measures, conversions, public_bundles, writing
from training import completion_claims as claims

TASK = "amount-completion"
FOLDS = 5
ROUNDS = 400
RANGE = (0.1, 0.9)  # quantiles of the error that bound the range
STAYS = ((0, 2), (3, 7), (8, 400))  # days in hospital that are judged apart
FEW = 50  # patients below which a fold is hardly anybody
CHUNK = 4_096  # rows walked at a time: bounds memory

type Progress = Callable[[int], None]
type Doubles = npt.NDArray[np.float64]
type Labels = npt.NDArray[np.int64]


class Lessons(NamedTuple):
    """Claims with a payment, log(1 + paid), and their patients."""

    frame: pd.DataFrame
    logs: Doubles
    patients: Labels


class Model(NamedTuple):
    """Usual amounts by code, and trees on them and the plain numbers; margins are log(1 + amount)."""

    usual: amount_features.Usual
    forest: forests.Forest


class _Stored(msgspec.Struct, frozen=True):
    """What model.json says: columns, errors that bound the range, usual amounts."""

    names: tuple[str, ...]
    bounds: tuple[float, float]
    overall: float
    means: tuple[dict[str, float], ...]


def train(data: Path, seed: int, out: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Write the bundle and return out-of-fold figures with spread, beside the baselines on the same folds.

    Raises NotFound `data.missing`, Invalid `data.columns`, `data.numbers` or `data.few`, Conflict
    `bundle.elsewhere`.
    """
    source = claims.read(data)
    lessons, left_out = _paid(source)
    if len(set(lessons.patients.tolist())) < FEW:
        raise errors.Invalid("data.few", f"Training needs paid claims of at least {FEW} patients.")
    public_bundles.clear(out)
    fold = claims.folds(lessons.patients, FOLDS, seed)
    guesses, usual = _out_of_fold(lessons, fold, seed, progress)
    bounds = _bounds(lessons.logs - guesses)
    figures: dict[str, Any] = writing.rounded(
        _figures(lessons, fold, guesses, usual) | {"left_out": left_out, "data": claims.TERMS}
    )
    _write(out, grow(lessons, seed), bounds, figures)
    names = amount_features.names()
    figures["revision"] = public_bundles.seal(out, task=TASK, seed=seed, data=source.sha256, names=names)
    return figures


def evaluate(bundle: Path, data: Path) -> dict[str, Any]:
    """Return the figures of a bundle on claims it has not seen; on its own they flatter.

    Raises NotFound `bundle.missing` or `data.missing`, Invalid `bundle.tampered` or `data.columns`.
    """
    manifest = public_bundles.verify(bundle, TASK)
    public_bundles.expect(manifest, amount_features.names())
    model, bounds = _load(bundle)
    source = claims.read(data)
    lessons, left_out = _paid(source)
    guesses = guess(model, lessons.frame)
    usual = _by_drg(lessons.frame, model.usual)
    found: dict[str, Any] = writing.rounded(
        _summary(lessons.logs, guesses, usual)
        | {
            "slices": _slices(lessons, guesses),
            "in_range": _inside(lessons.logs - guesses, bounds),
            "left_out": left_out,
            "data": claims.TERMS,
            "same_data_as_trained": source.sha256 == manifest.data,
        }
    )
    return found


def grow(lessons: Lessons, seed: int) -> Model:
    """Return the model of these claims."""
    settings = {
        "objective": "regression", "num_leaves": 31, "learning_rate": 0.05, "feature_fraction": 0.5,
        "bagging_fraction": 0.8, "bagging_freq": 1, "min_data_in_leaf": 40, "lambda_l2": 2, "num_threads": 1,
        "seed": seed, "deterministic": True, "force_row_wise": True, "verbose": -1,
    }  # fmt: skip
    matrix = amount_features.learning_matrix(lessons.frame, lessons.logs, lessons.patients, seed)
    booster = lightgbm.train(settings, lightgbm.Dataset(matrix, lessons.logs), ROUNDS)
    forest = conversions.from_lightgbm(booster.dump_model())
    return Model(amount_features.learn(lessons.frame, lessons.logs), forest)


def guess(model: Model, frame: pd.DataFrame) -> Doubles:
    """Return the expected log(1 + amount) of claims the model has not seen."""
    matrix = amount_features.matrix(frame, model.usual)
    parts = [
        forests.margins(model.forest, matrix[at : at + CHUNK])[:, 0] for at in range(0, len(matrix), CHUNK)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _paid(source: claims.Claims) -> tuple[Lessons, int]:
    """Return the claims that were paid, and how many were not.

    Raises Invalid `data.numbers` for an amount that is none, `data.empty` when no claim was paid.
    """
    amounts = pd.to_numeric(source.frame[claims.PAID], errors="coerce").to_numpy(dtype=np.float64)
    if np.isnan(amounts).any():
        raise errors.Invalid("data.numbers", f"{claims.PAID} holds something but an amount.")
    keep = amounts > 0
    if not keep.any():
        raise errors.Invalid("data.empty", f"No claim has a payment in {claims.PAID}.")
    kept = claims.kept(source, keep)
    return Lessons(kept.frame, np.log1p(amounts[keep]), kept.patients), int((~keep).sum())


def _part(lessons: Lessons, keep: npt.NDArray[np.bool_]) -> Lessons:
    frame = lessons.frame[keep].reset_index(drop=True)
    return Lessons(frame, lessons.logs[keep], lessons.patients[keep])


def _out_of_fold(
    lessons: Lessons, fold: Labels, seed: int, progress: Progress | None
) -> tuple[Doubles, Doubles]:
    """Return expected logs, by the model and by the DRG's mean, of patients that neither had seen."""
    guesses, usual = np.zeros(len(fold)), np.zeros(len(fold))
    for number in range(FOLDS):
        held = fold == number
        if held.any():
            model = grow(_part(lessons, ~held), seed)
            guesses[held] = guess(model, lessons.frame[held])
            usual[held] = _by_drg(lessons.frame[held], model.usual)
        if progress:
            progress(number + 1)
    return guesses, usual


def _by_drg(frame: pd.DataFrame, usual: amount_features.Usual) -> Doubles:
    """Return the usual log amount of each claim's DRG."""
    means = usual.means[amount_features.CODED.index(claims.DRG)]
    return np.array([means.get(code, usual.overall) for code in frame[claims.DRG].to_numpy(dtype=object)])


def _bounds(wrong: Doubles) -> tuple[float, float]:
    low, high = np.round(np.quantile(wrong, RANGE), 4).tolist()
    return low, high


def _inside(wrong: Doubles, bounds: tuple[float, float]) -> float:
    """Return the share of amounts in the range that was told for them."""
    return float(((wrong >= bounds[0]) & (wrong <= bounds[1])).mean())


def _summary(logs: Doubles, guesses: Doubles, usual: Doubles) -> dict[str, Any]:
    """Return n, R² of logs and mean absolute error, beside the DRG's mean and the constant."""
    paid = np.expm1(logs)
    constant = np.full(len(logs), np.expm1(logs.mean()))
    return completion_measures.amounts(paid, np.expm1(guesses)) | {
        "baseline": {"name": "mean of the DRG", **completion_measures.amounts(paid, np.expm1(usual))},
        "baselines": {"constant": completion_measures.amounts(paid, constant)},
    }


def _slices(lessons: Lessons, guesses: Doubles) -> dict[str, Any]:
    """Return figures by length of stay and by procedure: where the model is weaker."""
    days = pd.to_numeric(lessons.frame[claims.DAYS], errors="coerce").to_numpy(dtype=np.float64)
    bare = (lessons.frame[list(claims.PROCEDURES)] == "").all(axis=1).to_numpy(dtype=bool)
    masks = {f"{low} to {high} days": (days >= low) & (days <= high) for low, high in STAYS}
    masks |= {"with procedures": ~bare, "without procedures": bare}
    paid, guessed = np.expm1(lessons.logs), np.expm1(guesses)
    return {name: completion_measures.amounts(paid[mask], guessed[mask]) for name, mask in masks.items()}


def _figures(lessons: Lessons, fold: Labels, guesses: Doubles, usual: Doubles) -> dict[str, Any]:
    """Return the figures over all out-of-fold guesses, their spread, and how often the range holds."""
    ours, theirs, inside = [], [], []
    wrong = lessons.logs - guesses
    for number in sorted(set(fold.tolist())):
        held = fold == number
        paid = np.expm1(lessons.logs[held])
        ours.append(completion_measures.amounts(paid, np.expm1(guesses[held])))
        theirs.append(completion_measures.amounts(paid, np.expm1(usual[held])))
        inside.append(_inside(wrong[held], _bounds(wrong[~held])))
    return _summary(lessons.logs, guesses, usual) | {
        "slices": _slices(lessons, guesses),
        "in_range": float(np.mean(inside)),
        "spread": completion_measures.spreads(ours),
        "paired_differences": {"mean of the DRG": completion_measures.paired(ours, theirs)},
        "protocol": f"{FOLDS}-fold, patients apart, out of fold",
    }


def _write(out: Path, model: Model, bounds: tuple[float, float], figures: dict[str, Any]) -> None:
    """Write trees, usual amounts, figures and card; the same data and seed give the same bytes."""
    trees = {f"amount.{field}": array for field, array in model.forest._asdict().items()}
    writing.arrays(out / "trees.npz", trees)
    names = tuple(amount_features.names())
    stored = _Stored(names, bounds, model.usual.overall, model.usual.means)
    writing.document(out / "model.json", msgspec.to_builtins(stored))
    writing.document(out / "metrics.json", figures)
    (out / "card.md").write_text(_card(figures))


def _load(bundle: Path) -> tuple[Model, tuple[float, float]]:
    """Return the model of a verified bundle, and the errors that bound its range."""
    try:
        stored = msgspec.json.decode((bundle / "model.json").read_bytes(), type=_Stored)
        forest = bundles.load_forest(bundles.read_arrays(bundle / "trees.npz"), "amount")
    except (msgspec.MsgspecError, KeyError, ValueError, OSError) as error:
        raise errors.Invalid("bundle.unreadable", f"The bundle {bundle.name} cannot be read.") from error
    return Model(amount_features.Usual(stored.means, stored.overall), forest), stored.bounds


def _card(figures: dict[str, Any]) -> str:
    """Return the model card in Markdown."""
    shown = {
        "boosted trees": figures,
        figures["baseline"]["name"]: figures["baseline"],
        "constant": figures["baselines"]["constant"],
    }
    rows = [f"| {name} | {one['r2_log']:.3f} | {one['mae']:,.0f} |" for name, one in shown.items()]
    return "\n".join([
        "# amount-completion: what will be paid for this stay?\n",
        f"{claims.TERMS}. US dollars of 2008 to 2010, rounded; a suggestion, never filled in.\n",
        f"{figures['n']:,} claims, {figures['left_out']:,} without a payment left out;",
            f"{figures['protocol']}.",
        f"{figures['in_range']:.1%} of amounts lie in the range told, of 80 % meant.\n",
        "| | R² of log(1 + paid) | mean absolute error |\n|-|-|-|",
        *rows,
        "",
    ])  # fmt: skip
