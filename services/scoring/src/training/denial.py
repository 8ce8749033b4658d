"""Trains the denial model on a folder of claims and adjudications and writes its bundle."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from chassis import errors
from scoring.domain import calibration, features, forests, models, schemas, scores
from training import (
    boosting,
    cards,
    denial_evaluation,
    fitting,
    histories,
    measures,
    reason_labels,
    references,
    sources,
    splits,
    writing,
)

NAME = "denial-demo"
MIN_REASON_LINES = 30  # denied lines of a reason before it is a class of its own
MIN_CLAIMS = 2_000  # below, calibration and folds hold too few outcomes to mean anything
SAMPLE_CLAIMS = 64
THRESHOLDS = np.arange(0.05, 0.96, 0.01)

type Progress = Callable[[int], None]
type Floats = npt.NDArray[np.float64]


class _Grown(NamedTuple):
    """The three forests, the classes of the third, and how the libraries compared."""

    forests: dict[str, boosting.Grown]
    reasons: list[scores.Reason]
    comparison: dict[str, Any]


class _Calibrated(NamedTuple):
    tables: dict[str, calibration.Table]
    threshold: float
    forecast: Floats


def train(data: Path, seed: int, out: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Write the bundle and return its metrics; the same data, seed and packages give the same bytes.

    Raises NotFound `data.missing`, Invalid `data.unpaired`, Invalid `data.too_small`.
    """
    history = sources.read(data, progress)
    when = splits.cuts(history, data)
    learned = splits.learned(history, when)
    if learned.sum() + splits.calibrating(history, when).sum() < MIN_CLAIMS:
        raise errors.Invalid("data.too_small", f"Training needs at least {MIN_CLAIMS} claims.")
    schema, found = fitting.fit(fitting.subset(history.rows, learned), np.random.default_rng(seed))
    grown = _grow(history, learned, found, seed)
    calibrated = _calibrate(schema, history, when, grown)
    content = writing.Content(
        forests=grown.forests,
        schema=schema,
        calibrations=calibrated.tables,
        reasons=grown.reasons,
        metrics={},
        card="",
        sample=_sample(schema, history, when, grown, calibrated),
        manifest=_provenance(history, when, calibrated.threshold, seed),
        reference=references.fit(fitting.subset(history.rows, learned), calibrated.forecast),
    )
    writing.write(content, out)  # judged as it will be served, so it has to stand before its figures do
    judged = denial_evaluation.evaluate_history(out, history)
    del judged["bundle"]  # the revision of the bundle without figures, which nobody will see again
    metrics: dict[str, Any] = writing.rounded(
        {"simulated": history.simulated, "choice": grown.comparison, "judged": judged}
    )
    libraries = {name: one.library for name, one in grown.forests.items()}
    card = cards.denial(content.manifest, metrics, libraries, history.origin or cards.origin(data))
    writing.write(content._replace(metrics=metrics, card=card), out)
    return metrics


def evaluate(bundle: Path, data: Path) -> dict[str, Any]:
    """Return the figures of a bundle on a folder of claims and adjudications; see denial_evaluation."""
    return denial_evaluation.evaluate(bundle, data)


def _provenance(history: histories.History, when: splits.Cuts, threshold: float, seed: int) -> dict[str, Any]:
    """Return what the manifest says about where the bundle comes from."""
    return {
        "name": NAME,
        "simulated": history.simulated,
        "row_schema_hash": history.rows.schema_hash,
        "flag_threshold": threshold,
        "seed": seed,
        "data": {
            "fingerprint": history.fingerprint,
            "claims": history.rows.items,
            "lines": history.rows.size,
        },
        "cuts": {"calibrate": when.calibrate, "judge": when.judge},
        "command": f"ultrathink train denial --data DATA --seed {seed} --out DIR",
    }


def _grow(history: histories.History, learned: splits.Mask, found: features.Matrices, seed: int) -> _Grown:
    """Return the three forests, the first two of the library with the lower out-of-fold log-loss."""
    by_row = learned[history.item_of_row]
    providers = history.provider[learned]
    item_of_row = np.repeat(np.arange(learned.sum()), np.diff(history.rows.offsets)[learned])
    line_denied, claim_denied = history.line_denied[by_row], history.claim_denied[learned]
    line = boosting.compare(found.lines, line_denied, providers[item_of_row], seed)
    claim = boosting.compare(found.claims, claim_denied, providers, seed)
    labels, reasons = _classes([reason for reason, kept in zip(history.reason, by_row, strict=True) if kept])
    known = labels >= 0
    return _Grown(
        forests={
            "line": boosting.BINARY[line.winner](found.lines, line_denied, seed),
            "claim": boosting.BINARY[claim.winner](found.claims, claim_denied, seed),
            "reason": boosting.xgboost_classes(found.lines[known], labels[known], len(reasons), seed),
        },
        reasons=reasons,
        comparison={"line": line.summary(), "claim": claim.summary()},
    )


def _classes(reasons: list[tuple[str, str]]) -> tuple[npt.NDArray[np.int64], list[scores.Reason]]:
    """Return each line's reason class (-1: approved, or a reason too rare) and the classes, by code."""
    counted: dict[tuple[str, str], int] = {}
    for found in reasons:
        counted[found] = counted.get(found, 0) + 1
    often = sorted(found for found, count in counted.items() if found[0] and count >= MIN_REASON_LINES)
    if len(often) < 2:  # noqa: PLR2004 - a choice needs two
        raise errors.Invalid("data.too_small", "There are too few denied lines to learn reasons from.")
    number = {found: label for label, found in enumerate(often)}
    labels = np.array([number.get(found, -1) for found in reasons], dtype=np.int64)
    return labels, [reason_labels.reason(*found) for found in often]


def _calibrate(
    schema: schemas.Schema, history: histories.History, when: splits.Cuts, grown: _Grown
) -> _Calibrated:
    """Return the tables, and the threshold with the best F1 of lines, of the calibration slice."""
    chosen = splits.calibrating(history, when)
    found = features.matrices(schema, fitting.subset(history.rows, chosen))
    line_denied = history.line_denied[chosen[history.item_of_row]]
    lines, claims = _margins(grown, "line", found.lines), _margins(grown, "claim", found.claims)
    tables = {
        "line": calibration.fit(lines, line_denied),
        "claim": calibration.fit(claims, history.claim_denied[chosen]),
    }
    forecast = calibration.apply(tables["line"], lines)
    f1 = [measures.f1(line_denied, forecast >= threshold) for threshold in THRESHOLDS]
    threshold = round(float(THRESHOLDS[int(np.argmax(f1))]), 2)
    return _Calibrated(tables, threshold, calibration.apply(tables["claim"], claims))


def _margins(grown: _Grown, name: str, matrix: npt.NDArray[np.float32]) -> Floats:
    return forests.margins(grown.forests[name].forest, matrix)[:, 0]


def _sample(
    schema: schemas.Schema,
    history: histories.History,
    when: splits.Cuts,
    grown: _Grown,
    calibrated: _Calibrated,
) -> dict[str, npt.NDArray[Any]]:
    """Return matrices of judged claims, and the margins and probabilities that training has for them."""
    judged = splits.judging(history, when.judge)
    found = features.matrices(
        schema, fitting.subset(history.rows, judged & (np.cumsum(judged) <= SAMPLE_CLAIMS))
    )
    lines, claims = _margins(grown, "line", found.lines), _margins(grown, "claim", found.claims)
    return {
        "lines": found.lines,
        "claims": found.claims,
        "line_margins": lines,
        "claim_margins": claims,
        "reason_shares": models.shares(forests.margins(grown.forests["reason"].forest, found.lines)),
        "line_probabilities": calibration.apply(calibrated.tables["line"], lines),
        "claim_probabilities": calibration.apply(calibrated.tables["claim"], claims),
    }
