"""How well the payer's reason of a denied line is guessed, beside always guessing the commonest.

Judged are denied lines that the model flags, for only of those a guess is told. Reasons that training met too
rarely, or never, cannot be guessed: they count as misses. The first guess's probability is judged as a
forecast of being right, over all and apart for families of rules that training had not seen.
"""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.domain import models
from scoring.outbound import bundles, onnx
from training import boosting, histories, measures

LEAST = (0.3, 0.4, 0.5)  # probabilities from which a guess might be told

type Floats = npt.NDArray[np.float64]
type Mask = npt.NDArray[np.bool_]
type Reason = tuple[str, str]


class Asked(NamedTuple):
    """The judged lines: what the model sees of them, and its forecast."""

    matrix: npt.NDArray[np.float32]
    forecast: Floats


class _Guessed(NamedTuple):
    """Per denied, flagged line: whether the first guess and one of three is right, and the first's chance."""

    first: Mask
    among: Mask
    chance: Floats


def figures(
    loaded: bundles.Bundle, history: histories.History, learned: Mask, judged: Mask, asked: Asked
) -> dict[str, Any]:
    """Return n, top1, top3, ece of the first guess, spread, baseline, and what a least chance keeps."""
    rows = np.flatnonzero(judged[history.item_of_row])
    chosen = np.flatnonzero(history.line_denied[rows] & (asked.forecast >= loaded.model.flag_threshold))
    if not len(chosen):
        return {"n": 0}
    true = [history.reason[row] for row in rows[chosen].tolist()]
    guessed = _guess(loaded, asked.matrix[chosen], true)
    common = _commonest(history, learned)
    providers = history.provider[history.item_of_row][rows[chosen]]
    return {
        "n": len(chosen),
        "top1": float(guessed.first.mean()),
        "top3": float(guessed.among.mean()),
        "ece": measures.ece(guessed.first, guessed.chance),
        "reliability": measures.reliability(guessed.first, guessed.chance),
        "spread": _spread(guessed, true, common, providers),
        "baseline": {
            "name": "most frequent reasons",
            "top1": float(np.mean([one == common[0] for one in true])),
            "top3": float(np.mean([one in common for one in true])),
        },
        "families": _families(history, learned, rows[chosen], guessed),
    }


def _guess(loaded: bundles.Bundle, matrix: npt.NDArray[np.float32], true: list[Reason]) -> _Guessed:
    """Return how the bundle's guesses of lines compare with the payer's reasons."""
    classes, chances = models.guesses(onnx.OnnxEstimator(loaded.onnx).reasons(matrix))
    named = [[loaded.model.reasons[label][:2] for label in one] for one in classes.tolist()]
    return _Guessed(
        np.array([answer == three[0] for answer, three in zip(true, named, strict=True)], dtype=np.bool_),
        np.array([answer in three for answer, three in zip(true, named, strict=True)], dtype=np.bool_),
        chances[:, 0],
    )


def _commonest(history: histories.History, learned: Mask) -> list[Reason]:
    """Return the three reasons that payers gave most in training."""
    denied = np.flatnonzero(learned[history.item_of_row] & history.line_denied)
    counted = Counter(history.reason[row] for row in denied.tolist())
    return [reason for reason, _ in sorted(counted.items(), key=lambda one: (-one[1], one[0]))[:3]]


def _spread(
    guessed: _Guessed, true: list[Reason], common: list[Reason], providers: npt.NDArray[np.int64]
) -> dict[str, Any]:
    """Return mean and standard deviation over five groups of providers, and of the gain over the baseline."""
    usual = np.array([one == common[0] for one in true], dtype=np.bool_)
    parts = [held for held in boosting.folds(providers) if held.any()]
    return {
        "top1": measures.spread([float(guessed.first[held].mean()) for held in parts]),
        "top3": measures.spread([float(guessed.among[held].mean()) for held in parts]),
        "top1_minus_baseline": measures.spread(
            [float(guessed.first[held].mean() - usual[held].mean()) for held in parts]
        ),
    }


def _families(
    history: histories.History, learned: Mask, rows: npt.NDArray[np.intp], guessed: _Guessed
) -> dict[str, Any]:
    """Return figures of families that training saw, and of others; without the truth nobody knows."""
    if history.truth is None:
        return {}
    known = set(history.truth.family[learned[history.item_of_row] & history.line_denied].tolist())
    seen = np.isin(history.truth.family[rows], sorted(known))
    return {name: _part(guessed, mask) for name, mask in (("seen", seen), ("unseen", ~seen)) if mask.any()}


def _part(guessed: _Guessed, mask: Mask) -> dict[str, Any]:
    """Return how often some lines' guess is right, how sure it is, and what a least chance would keep."""
    first, chance = guessed.first[mask], guessed.chance[mask]
    told = {}
    for least in LEAST:
        kept = chance >= least
        right = float(first[kept].mean()) if kept.any() else float("nan")
        told[f"{least:.1f}"] = {"told": float(kept.mean()), "right": right}
    return {"n": len(first), "top1": float(first.mean()), "chance": float(chance.mean()), "from": told}
