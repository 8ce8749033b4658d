"""Judges a denial bundle on claims created after those it learned from. Figures of simulated payers say so.

Beside the model stand the forecasts of `denial_baselines`, on all judged rows and on every slice of them.
"""

from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from scoring.domain import calibration, features
from scoring.outbound import bundles, onnx
from training import boosting, denial_baselines, denial_reasons, fitting, histories, measures, sources, splits

MIN_SLICE = 200  # rows below which a sub-population's figures are noise and left out
BRIEF = ("n", "positives", "auc", "pr_auc", "ece", "log_loss", "recall_at_95_precision")  # of slices
NOT_TOLD = {
    "findings": "absent: put what `ultrathink check DATA/claims.ndjson --format json` prints into "
    "DATA/findings.ndjson",
    "bayes_optimal": "absent: only `ultrathink simulate` knows it, and writes it into DATA/truth.ndjson",
}

type Floats = npt.NDArray[np.float64]
type Mask = npt.NDArray[np.bool_]


class _Cuts(msgspec.Struct, frozen=True):
    calibrate: int
    judge: int


class _Manifest(msgspec.Struct, frozen=True):
    cuts: _Cuts


class _Part(NamedTuple):
    """Judged lines or claims: features, outcomes, the model's forecast and the others', providers."""

    judged: npt.NDArray[np.float32]
    outcomes: Mask
    forecast: Floats
    others: dict[str, Floats]
    providers: npt.NDArray[np.int64]
    threshold: float


def evaluate(bundle: Path, data: Path) -> dict[str, Any]:
    """Return the claim's figures at the top, and lines, baselines, sub-populations and spread below them."""
    return evaluate_history(bundle, sources.read(data))


def evaluate_history(bundle: Path, history: histories.History) -> dict[str, Any]:
    """Return the figures of a bundle on a history already read."""
    loaded = bundles.load(bundle)
    manifest = msgspec.json.decode((bundle / bundles.MANIFEST).read_bytes(), type=_Manifest)
    when = splits.Cuts(manifest.cuts.calibrate, manifest.cuts.judge)
    learned, judged = splits.learned(history, when), splits.judging(history, when.judge)
    lines, claims, refused = _parts(loaded, history, learned, judged)
    figures = _figures(claims) | {
        "spread": _spread(claims),
        "strangers": _strangers(history, judged, claims),
        "reliability": measures.reliability(claims.outcomes, claims.forecast),
    }
    figures["lines"] = _figures(lines) | {
        "spread": _spread(lines),
        "families": _families(history, learned, judged, lines),
        "reasons": denial_reasons.figures(
            loaded, history, learned, judged, denial_reasons.Asked(lines.judged, lines.forecast)
        ),
        "payers": _by_code(history, "payer", judged[history.item_of_row], lines),
        "types": _by_code(history, "type", judged[history.item_of_row], lines),
        "reliability": measures.reliability(lines.outcomes, lines.forecast),
        "reliability_uncalibrated": measures.reliability(lines.outcomes, lines.others["uncalibrated"]),
    }
    return figures | {
        "simulated": history.simulated,
        "outside_range": refused,
        "absent": {name: why for name, why in NOT_TOLD.items() if name not in lines.others},
        "bundle": loaded.model.revision,
        "flag_threshold": loaded.model.flag_threshold,
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
    margins = estimator.lines(after.lines)
    lines = _Part(
        after.lines, history.line_denied[rows_judged], calibration.apply(model.line_calibration, margins),
        denial_baselines.forecasts(
            before.lines, history.line_denied[rows_learned], after.lines,
            _known(history, "lines", rows_judged, margins),
        ),
        history.provider[history.item_of_row][rows_judged], model.flag_threshold,
    )  # fmt: skip
    margins = estimator.claims(after.claims)
    claims = _Part(
        after.claims, history.claim_denied[judged], calibration.apply(model.claim_calibration, margins),
        denial_baselines.forecasts(
            before.claims, history.claim_denied[learned], after.claims,
            _known(history, "claims", judged, margins),
        ),
        history.provider[judged], model.flag_threshold,
    )  # fmt: skip
    return lines, claims, len(refused) / batch.items


def _known(history: histories.History, kind: str, chosen: Mask, margins: Floats) -> denial_baselines.Known:
    """Return what is known of the judged lines or claims beside their features."""
    truth, findings = (
        None if told is None else getattr(told, kind)[chosen] for told in (history.truth, history.findings)
    )
    return denial_baselines.Known(np.asarray(margins, dtype=np.float64).ravel(), truth, findings)


def _figures(part: _Part) -> dict[str, Any]:
    """Return the figures of the model and of its baselines on the judged slice."""
    baselines = denial_baselines.figures(part.outcomes, part.others, part.threshold)
    logistic = baselines["logistic"]
    return measures.binary(part.outcomes, part.forecast, part.threshold) | {
        "baseline": {"name": "logistic", "auc": logistic["auc"], "pr_auc": logistic["pr_auc"]},
        "baselines": baselines,
    }


def _spread(part: _Part) -> dict[str, dict[str, float]]:
    """Return mean and standard deviation of the figures over five groups of providers in the judged slice.

    Beside them the paired differences to the baselines: model minus baseline on the same group.
    """
    names = ("auc", "pr_auc", "brier", "ece", "f1", "recall_at_95_precision")
    found: dict[str, list[float]] = {name: [] for name in names}
    for held in boosting.folds(part.providers):
        if held.sum() < MIN_SLICE:
            continue
        own = measures.binary(part.outcomes[held], part.forecast[held], part.threshold)
        for name in names:
            found[name].append(own[name])
        for other, forecast in part.others.items():
            theirs = measures.ranking(part.outcomes[held], forecast[held])
            found.setdefault(f"pr_auc_minus_{other}", []).append(own["pr_auc"] - theirs["pr_auc"])
    return {name: measures.spread(values) for name, values in found.items()}


def _strangers(history: histories.History, judged: Mask, part: _Part) -> dict[str, Any]:
    """Return the figures for claims of providers, and of patients, that were kept out of training."""
    providers, patients = splits.strangers(history)
    chosen = {
        "providers": providers[judged],
        "patients": patients[judged],
        "neither": ~(providers | patients)[judged],
    }
    return {name: _slice(part, mask) for name, mask in chosen.items()}


def _families(history: histories.History, learned: Mask, judged: Mask, part: _Part) -> dict[str, Any]:
    """Return figures of denials by families that training saw and by others, and the recall per family.

    Both kinds of denials are judged against the same approved lines. Without the truth nobody knows families.
    """
    if history.truth is None:
        return {"absent": NOT_TOLD["bayes_optimal"]}
    rows_learned, rows_judged = learned[history.item_of_row], judged[history.item_of_row]
    known = set(history.truth.family[rows_learned & history.line_denied].tolist())
    family = history.truth.family[rows_judged]
    seen = np.isin(family, sorted(known)) & part.outcomes
    flagged = part.forecast >= part.threshold
    recalls = {
        name: {
            "n": int((family == name).sum()),
            "recall": float(flagged[(family == name) & part.outcomes].mean()),
            "seen": name in known,
        }
        for name in sorted(set(family[part.outcomes].tolist()))
    }
    return {
        "seen": _slice(part, ~part.outcomes | seen),
        "unseen": _slice(part, ~part.outcomes | ~seen),
        "recall": recalls,
    }


def _by_code(history: histories.History, column: str, rows_judged: Mask, part: _Part) -> dict[str, Any]:
    """Return the figures per value of a claim's column."""
    codes = history.rows.claims[column][history.item_of_row][rows_judged]
    return {history.rows.dictionary[code]: _slice(part, codes == code) for code in np.unique(codes).tolist()}


def _slice(part: _Part, mask: Mask) -> dict[str, Any]:
    """Return the figures of a sub-population beside its baselines, or only its size when it is too small."""
    if mask.sum() < MIN_SLICE:
        return {"n": int(mask.sum())}
    outcomes = part.outcomes[mask]
    others = {name: forecast[mask] for name, forecast in part.others.items()}
    baselines = {
        name: {key: found[key] for key in BRIEF if key in found}
        for name, found in denial_baselines.figures(outcomes, others, part.threshold).items()
    }
    return measures.binary(outcomes, part.forecast[mask], part.threshold) | {"baselines": baselines}
