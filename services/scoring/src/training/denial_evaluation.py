"""Judges a denial bundle on claims created after those it learned from. Every figure is of simulated payers.

Beside the model stand the prior (the rate of the learning slice, a constant), and a logistic regression on
the same features, learned on the same claims. The count of scrub findings, the third baseline asked for,
needs the rule engine of another room and is reported as absent.
"""

from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from sklearn import linear_model, pipeline, preprocessing

from scoring.domain import calibration, features, models
from scoring.outbound import bundles, onnx
from training import boosting, fitting, histories, measures, splits

LOGISTIC_STEPS = 200
MIN_SLICE = 200  # rows below which a sub-population's figures are noise and left out

type Floats = npt.NDArray[np.float64]
type Mask = npt.NDArray[np.bool_]


class _Cuts(msgspec.Struct, frozen=True):
    calibrate: int
    judge: int


class _Manifest(msgspec.Struct, frozen=True):
    cuts: _Cuts


class _Part(NamedTuple):
    """Lines or claims: features of the learning and judging slices, outcomes, forecast, providers."""

    learned: npt.NDArray[np.float32]
    learned_outcomes: Mask
    judged: npt.NDArray[np.float32]
    outcomes: Mask
    forecast: Floats
    providers: npt.NDArray[np.int64]


def evaluate(bundle: Path, data: Path) -> dict[str, Any]:
    """Return the claim's figures at the top, and lines, baselines, sub-populations and spread below them."""
    return evaluate_history(bundle, histories.read(data))


def evaluate_history(bundle: Path, history: histories.History) -> dict[str, Any]:
    """Return the figures of a bundle on a history already read."""
    loaded = bundles.load(bundle)
    manifest = msgspec.json.decode((bundle / bundles.MANIFEST).read_bytes(), type=_Manifest)
    when = splits.Cuts(manifest.cuts.calibrate, manifest.cuts.judge)
    learned, judged = splits.learned(history, when), splits.judging(history, when.judge)
    lines, claims, refused = _parts(loaded, history, learned, judged)
    threshold = loaded.model.flag_threshold
    figures = _figures(claims, threshold)
    figures["spread"] = _spread(claims, threshold)
    figures["strangers"] = _strangers(history, judged, claims, threshold)
    figures["lines"] = _figures(lines, threshold) | {
        "spread": _spread(lines, threshold),
        "families": _families(history, learned, judged, lines, threshold),
        "reasons": _reasons(loaded, history, judged, lines),
        "payers": _by_code(history, "payer", judged[history.item_of_row], lines, threshold),
        "types": _by_code(history, "type", judged[history.item_of_row], lines, threshold),
        "reliability": measures.reliability(lines.outcomes, lines.forecast),
    }
    return figures | {
        "simulated": True,
        "outside_range": refused,
        "findings_baseline": "absent: needs the rule engine",
        "bundle": loaded.model.revision,
        "flag_threshold": threshold,
    }


def _parts(
    loaded: bundles.Bundle, history: histories.History, learned: Mask, judged: Mask
) -> tuple[_Part, _Part, float]:
    """Return lines, claims and the share of judged claims that serving would not score."""
    model, estimator = loaded.model, onnx.OnnxEstimator(loaded.onnx)
    before = features.matrices(model.features, fitting.subset(history.rows, learned))
    batch = fitting.subset(history.rows, judged)
    after = features.matrices(model.features, batch)
    refused = features.outside(model.features, batch.offsets, after)
    rows_learned, rows_judged = learned[history.item_of_row], judged[history.item_of_row]
    lines = _Part(
        before.lines, history.line_denied[rows_learned], after.lines, history.line_denied[rows_judged],
        calibration.apply(model.line_calibration, estimator.lines(after.lines)),
        history.provider[history.item_of_row][rows_judged],
    )  # fmt: skip
    claims = _Part(
        before.claims, history.claim_denied[learned], after.claims, history.claim_denied[judged],
        calibration.apply(model.claim_calibration, estimator.claims(after.claims)), history.provider[judged],
    )  # fmt: skip
    return lines, claims, float(np.mean([bool(reason) for reason in refused]))


def _figures(part: _Part, threshold: float) -> dict[str, Any]:
    """Return the figures of the model and of its baselines on the judged slice."""
    prior = np.full(len(part.outcomes), part.learned_outcomes.mean())
    logistic = measures.binary(part.outcomes, _logistic(part), threshold)
    constant = measures.binary(part.outcomes, prior, threshold)
    return measures.binary(part.outcomes, part.forecast, threshold) | {
        "baseline": {"name": "logistic", "auc": logistic["auc"], "pr_auc": logistic["pr_auc"]},
        "baselines": {"logistic": logistic, "prior": constant},
    }


def _logistic(part: _Part) -> Floats:
    """Return the forecast of a logistic regression on the same features, the median for missing."""
    middle = np.nan_to_num(
        np.nanmedian(np.column_stack([part.learned.T, np.zeros(part.learned.shape[1])]).T, axis=0)
    )
    model = pipeline.make_pipeline(
        preprocessing.StandardScaler(), linear_model.LogisticRegression(max_iter=LOGISTIC_STEPS, tol=1e-3)
    )
    model.fit(np.where(np.isnan(part.learned), middle, part.learned), part.learned_outcomes)
    forecast: Floats = model.predict_proba(np.where(np.isnan(part.judged), middle, part.judged))[:, 1]
    return forecast


def _spread(part: _Part, threshold: float) -> dict[str, dict[str, float]]:
    """Return mean and standard deviation of the figures over five groups of providers in the judged slice."""
    found = [
        measures.binary(part.outcomes[held], part.forecast[held], threshold)
        for held in boosting.folds(part.providers)
        if held.sum() >= MIN_SLICE
    ]
    names = ("auc", "pr_auc", "brier", "ece", "f1", "recall_at_95_precision")
    return {name: measures.spread([one[name] for one in found]) for name in names}


def _strangers(history: histories.History, judged: Mask, part: _Part, threshold: float) -> dict[str, Any]:
    """Return the figures for claims of providers, and of patients, that were kept out of training."""
    providers, patients = splits.strangers(history)
    chosen = {
        "providers": providers[judged],
        "patients": patients[judged],
        "neither": ~(providers | patients)[judged],
    }
    return {name: _slice(part, mask, threshold) for name, mask in chosen.items()}


def _families(
    history: histories.History, learned: Mask, judged: Mask, part: _Part, threshold: float
) -> dict[str, Any]:
    """Return figures of denials by families that training saw and by others, and the recall per family.

    Both kinds of denials are judged against the same approved lines.
    """
    rows_learned, rows_judged = learned[history.item_of_row], judged[history.item_of_row]
    known = set(history.family[rows_learned & history.line_denied].tolist())
    family = history.family[rows_judged]
    seen = np.isin(family, sorted(known)) & part.outcomes
    flagged = part.forecast >= threshold
    recalls = {
        name: {
            "n": int((family == name).sum()),
            "recall": float(flagged[(family == name) & part.outcomes].mean()),
            "seen": name in known,
        }
        for name in sorted(set(family[part.outcomes].tolist()))
    }
    return {
        "seen": _slice(part, ~part.outcomes | seen, threshold),
        "unseen": _slice(part, ~part.outcomes | ~seen, threshold),
        "recall": recalls,
    }


def _reasons(
    loaded: bundles.Bundle, history: histories.History, judged: Mask, part: _Part
) -> dict[str, float]:
    """Return how often the payer's reason of a denied, flagged line is guessed first, or among three."""
    rows_judged = np.flatnonzero(judged[history.item_of_row])
    chosen = np.flatnonzero(part.outcomes & (part.forecast >= loaded.model.flag_threshold))
    if not len(chosen):
        return {"n": 0}
    margins = onnx.OnnxEstimator(loaded.onnx).reasons(part.judged[chosen])
    guessed = [[guess.reason[:2] for guess in one] for one in models.guesses(loaded.model, margins)]
    true = [history.reason[row] for row in rows_judged[chosen].tolist()]
    return {
        "n": len(chosen),
        "top1": float(np.mean([answer == three[0] for answer, three in zip(true, guessed, strict=True)])),
        "top3": float(np.mean([answer in three for answer, three in zip(true, guessed, strict=True)])),
    }


def _by_code(
    history: histories.History, column: str, rows_judged: Mask, part: _Part, threshold: float
) -> dict[str, Any]:
    """Return the figures per value of a claim's column."""
    codes = history.rows.claims[column][history.item_of_row][rows_judged]
    return {
        history.rows.dictionary[code]: _slice(part, codes == code, threshold)
        for code in np.unique(codes).tolist()
    }


def _slice(part: _Part, mask: Mask, threshold: float) -> dict[str, Any]:
    """Return the figures of a sub-population, or only its size when it is too small for figures."""
    if mask.sum() < MIN_SLICE:
        return {"n": int(mask.sum())}
    return measures.binary(part.outcomes[mask], part.forecast[mask], threshold)
