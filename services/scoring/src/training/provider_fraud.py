"""Provider outliers on the public provider table: 17 aggregates per provider and a label of unknown origin.

The claims behind the table are CMS synthetic data: figures here show engineering, not that fraud is found.
The forecast is the mean, in log-odds, of four voices: boosting (both libraries over a few seeds), a random
forest, extra trees, and a logistic regression on log(1 + x), by beta calibration learned on out-of-fold
forecasts. Nothing is resampled, and no service serves it.
"""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from sklearn import linear_model, model_selection

from chassis import errors
from scoring.outbound import bundles
from training import measures, pictures, provider_tables, provider_voices, public_bundles, writing

TASK = "provider-fraud"
FOLDS = 5
SIZES = (50, 200)  # claims of a provider that bound the slices
TERMS = (
    "CMS synthetic claims with labels of unknown origin: shows engineering, not real-world fraud detection"
)

type Progress = Callable[[int], None]
type Floats = npt.NDArray[np.float64]
type Weights = tuple[float, float, float]
type Fold = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]


class _Stored(msgspec.Struct, frozen=True):
    """What model.json says: columns, calibration, forests of each kind, the logistic voice."""

    names: tuple[str, ...]
    weights: Weights
    boosted: int
    bagged: int
    logistic: provider_voices.Logistic


class _OutOfFold(NamedTuple):
    """Margins of rows whose outcomes the voice had not seen."""

    ensemble: Floats
    logistic: Floats


def train(data: Path, seed: int, out: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Write the bundle and return out-of-fold figures with spread, beside the baselines on the same folds.

    Raises Conflict `bundle.elsewhere` when `out` holds files that are no bundle.
    """
    table = provider_tables.read(data)
    public_bundles.clear(out)
    folds = _folds(table, seed)
    margins = _out_of_fold(table, folds, seed, progress)
    forecast, logistic = (calibrated(each, table.outcomes, folds) for each in margins)
    figures: dict[str, Any] = writing.rounded(_figures(table, forecast, logistic, folds))
    voices = provider_voices.grow(table.matrix, table.outcomes, seed)
    _write(out, voices, _stored(table, voices, fit_beta(margins.ensemble, table.outcomes)), figures)
    figures["revision"] = public_bundles.seal(out, task=TASK, seed=seed, data=table.sha256, names=table.names)
    return figures


def evaluate(bundle: Path, data: Path) -> dict[str, Any]:
    """Return the figures of a bundle on a provider table it has not seen; on its own table they flatter.

    Raises NotFound `bundle.missing`, Invalid `bundle.tampered`, `bundle.features_mismatch`, `data.columns`.
    """
    manifest = public_bundles.verify(bundle, TASK)
    table = provider_tables.read(data)
    public_bundles.expect(manifest, table.names)
    voices, weights = _load(bundle)
    forecast = probability(provider_voices.margin(voices, table.matrix), weights)
    found: dict[str, Any] = writing.rounded(
        measures.binary(table.outcomes, forecast)
        | {
            "baseline": _baseline(table),
            "slices": _slices(table, forecast),
            "data": TERMS,
            "same_data_as_trained": table.sha256 == manifest.data,
        }
    )
    return found


def calibrated(margins: Floats, outcomes: measures.Outcomes, folds: list[Fold]) -> Floats:
    """Return out-of-fold margins as probabilities; the calibration of a fold has not seen its outcomes."""
    forecast = np.zeros(len(margins))
    for learned, held in folds:
        forecast[held] = probability(margins[held], fit_beta(margins[learned], outcomes[learned]))
    return forecast


def _folds(table: provider_tables.Table, seed: int) -> list[Fold]:
    """Return learned and held-out rows, stratified; a provider is one row, so it is never on both sides."""
    splitter = model_selection.StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    return list(splitter.split(table.matrix, table.outcomes))


def _out_of_fold(
    table: provider_tables.Table, folds: list[Fold], seed: int, progress: Progress | None
) -> _OutOfFold:
    """Return what voices say that were grown without the row's fold."""
    margins = _OutOfFold(np.zeros(len(table.outcomes)), np.zeros(len(table.outcomes)))
    for number, (learned, held) in enumerate(folds):
        voices = provider_voices.grow(table.matrix[learned], table.outcomes[learned], seed)
        margins.ensemble[held] = provider_voices.margin(voices, table.matrix[held])
        margins.logistic[held] = provider_voices.logistic_margin(voices.logistic, table.matrix[held])
        if progress:
            progress(number + 1)
    return margins


def fit_beta(margins: Floats, outcomes: measures.Outcomes) -> Weights:
    """Return beta calibration: weights of log p and of −log(1 − p), and a shift.

    Where a weight would be negative the forecast would not rise everywhere; then both share one slope.
    Source of the formula: Kull, Silva Filho and Flach, 2017.
    """
    fitted = linear_model.LogisticRegression(C=np.inf, max_iter=1_000).fit(_logarithms(margins), outcomes)
    rising, falling = fitted.coef_[0].tolist()
    if min(rising, falling) >= 0:
        return rising, falling, float(fitted.intercept_[0])
    fitted = linear_model.LogisticRegression(C=np.inf).fit(margins[:, None], outcomes)
    slope = float(fitted.coef_[0, 0])
    return slope, slope, float(fitted.intercept_[0])


def probability(margins: Floats, weights: Weights) -> Floats:
    """Return calibrated probabilities of margins in log-odds."""
    answer: Floats = 1 / (1 + np.exp(-(_logarithms(margins) @ np.array(weights[:2]) + weights[2])))
    return answer


def _logarithms(margins: Floats) -> Floats:
    """Return log p and −log(1 − p) of log-odds; they add up to the log-odds themselves."""
    return np.column_stack([-np.logaddexp(0, -margins), np.logaddexp(0, margins)])


def _baseline(table: provider_tables.Table) -> dict[str, Any]:
    """Return how well one column ranks the providers: the total reimbursed."""
    column = table.matrix[:, table.names.index(provider_tables.ONE_COLUMN)].astype(np.float64)
    return {"name": "total reimbursed, one column", **measures.ranking(table.outcomes, column)}


def _figures(
    table: provider_tables.Table, forecast: Floats, logistic: Floats, folds: list[Fold]
) -> dict[str, Any]:
    """Return the figures over all out-of-fold forecasts, their spread over folds, and the baselines."""
    column = table.matrix[:, table.names.index(provider_tables.ONE_COLUMN)].astype(np.float64)
    parts = [measures.binary(table.outcomes[held], forecast[held]) for _, held in folds]
    constant = np.full(len(forecast), table.outcomes.mean())
    return measures.binary(table.outcomes, forecast) | {
        "baseline": _baseline(table),
        "baselines": {
            "logistic, log1p": measures.binary(table.outcomes, logistic),
            "constant": measures.binary(table.outcomes, constant),
        },
        "spread": {
            name: measures.spread([part[name] for part in parts])
            for name in ("auc", "pr_auc", "brier", "ece", "f1")
        },
        "paired_differences": {
            "logistic, log1p": _paired(table.outcomes, forecast, logistic, folds),
            "total reimbursed, one column": _paired(table.outcomes, forecast, column, folds),
        },
        "reliability": measures.reliability(table.outcomes, forecast),
        "slices": _slices(table, forecast),
        "protocol": f"{FOLDS}-fold, stratified, out of fold",
        "data": TERMS,
    }


def _slices(table: provider_tables.Table, forecast: Floats) -> dict[str, Any]:
    """Return the figures of providers with few, more and many claims: where the ranking is weaker."""
    counted = table.matrix[:, table.names.index("Claims")]
    edges = (0, *SIZES, np.inf)
    masks = [(counted > low) & (counted <= high) for low, high in itertools.pairwise(edges)]
    names = (f"up to {SIZES[0]} claims", f"up to {SIZES[1]} claims", "more claims")
    keys = ("n", "positives", "auc", "pr_auc", "brier", "ece")
    judged = [measures.binary(table.outcomes[mask], forecast[mask]) for mask in masks if mask.any()]
    kept = [name for name, mask in zip(names, masks, strict=True) if mask.any()]
    return {name: {key: one[key] for key in keys} for name, one in zip(kept, judged, strict=True)}


def _paired(outcomes: measures.Outcomes, ours: Floats, theirs: Floats, folds: list[Fold]) -> dict[str, Any]:
    """Return mean and spread over folds of the differences in AUC and PR-AUC."""
    pairs = [
        (measures.ranking(outcomes[held], ours[held]), measures.ranking(outcomes[held], theirs[held]))
        for _, held in folds
    ]
    return {
        name: measures.spread([one[name] - two[name] for one, two in pairs]) for name in ("auc", "pr_auc")
    }


def _stored(table: provider_tables.Table, voices: provider_voices.Voices, weights: Weights) -> _Stored:
    return _Stored(table.names, weights, len(voices.boosted), len(voices.bagged), voices.logistic)


def _write(out: Path, voices: provider_voices.Voices, stored: _Stored, figures: dict[str, Any]) -> None:
    """Write trees, calibration, figures and card; the same data and seed give the same bytes."""
    named = {f"boosted{n}": forest for n, forest in enumerate(voices.boosted)}
    named |= {f"bagged{n}": forest for n, forest in enumerate(voices.bagged)}
    trees = {f"{name}.{field}": a for name, forest in named.items() for field, a in forest._asdict().items()}
    writing.arrays(out / "trees.npz", trees)
    writing.document(out / "model.json", msgspec.to_builtins(stored))
    writing.document(out / "metrics.json", figures)
    picture = pictures.reliability("Provider outliers, out of fold", {"forecast": figures["reliability"]})
    (out / "reliability.svg").write_text(picture)
    (out / "card.md").write_text(_card(figures))


def _load(bundle: Path) -> tuple[provider_voices.Voices, Weights]:
    """Return the voices and the calibration of a verified bundle."""
    try:
        stored = msgspec.json.decode((bundle / "model.json").read_bytes(), type=_Stored)
        arrays = bundles.read_arrays(bundle / "trees.npz")
        boosted, bagged = (
            [bundles.load_forest(arrays, f"{kind}{number}") for number in range(count)]
            for kind, count in (("boosted", stored.boosted), ("bagged", stored.bagged))
        )
    except (msgspec.MsgspecError, KeyError, ValueError, OSError) as error:
        raise errors.Invalid("bundle.unreadable", f"The bundle {bundle.name} cannot be read.") from error
    return provider_voices.Voices(boosted, bagged, stored.logistic), stored.weights


def _card(figures: dict[str, Any]) -> str:
    """Return the model card in Markdown."""
    shown = {"ensemble": figures, **figures["baselines"], figures["baseline"]["name"]: figures["baseline"]}
    keys = ("auc", "pr_auc", "brier", "ece", "f1")
    rows = [
        f"| {name} | " + " | ".join(f"{one[key]:.4f}" if key in one else "–" for key in keys) + " |"
        for name, one in shown.items()
    ]
    return "\n".join([
        "# provider-fraud: which providers look unlike the others?\n",
        f"{TERMS}. Never a reason to accuse anyone: it orders whom a person looks at first.\n",
        f"{figures['n']:,} providers, {figures['positives']:,} positive; {figures['protocol']}. Trees and a",
        "logistic regression, averaged in log-odds, by beta calibration. Nothing is resampled.\n",
        "| | AUC | PR-AUC | Brier | ECE | F1 |\n|-|-|-|-|-|-|",
        *rows,
        "\n![Reliability](reliability.svg)\n",
    ])  # fmt: skip
