"""Compare exported claims with what a model was trained on. Knows no file."""

from typing import NamedTuple

import msgspec
import numpy as np

from chassis import errors
from scoring.domain import drifting

# How an export calls what training calls otherwise; a column named like a feature is that feature.
NAMES = {
    "type": "claim.type",
    "use": "claim.use",
    "currency": "claim.currency",
    "payer_id": "claim.payer",
    "provider_id": "claim.provider",
    "code": "line.code",
    "net_minor": "line.net_minor",
}
# A payer's last word on a claim, in the platform's statuses; others are not the end yet.
PAID = frozenset({"approved", "paid", "settled"})
DENIED = frozenset({"rejected", "denied", "partial", "partially-approved", "partially-paid"})
SCORE = "claim.score"


class Trained(NamedTuple):
    """What is known of a model's training; None where the bundle does not say."""

    revision: str
    reference: drifting.Reference | None
    auc: float | None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was compared, and the words for who has to act; `review` says whether somebody has to."""

    revision: str
    rows: int
    claims: int
    scored: int
    """Claims that this very model gave a number; others' scores say nothing about it."""
    outside: drifting.Outside
    reference: bool
    features: list[drifting.Feature]
    calibration: drifting.Calibration | None
    ranking: drifting.Ranking | None
    review: bool
    words: list[str]


def drift(table: drifting.Table, trained: Trained) -> Report:
    """Return how exported lines differ from the model's training, and its scores from outcomes.

    Columns `id`, `probability` and `model_revision` are needed; `business_status` or `denied` (1, 0, missing)
    give outcomes. Raises Invalid `drift.column`, `drift.empty`, `drift.nothing` when nothing can be judged.
    """
    _check(table)
    claims = _claims(table)
    asked = claims["model_revision"] == trained.revision
    outside = drifting.outside(np.isnan(claims["probability"][asked]))
    ours = asked & ~np.isnan(claims["probability"])
    scores = claims["probability"][ours]
    features = _features(table, claims, scores, trained.reference)
    known, denied = _outcomes(claims)
    chances, outcomes = claims["probability"][ours & known], denied[ours & known]
    calibration = drifting.calibration(chances, outcomes) if len(chances) else None
    ranking = drifting.ranking(chances, outcomes, trained.auc) if len(chances) else None
    if not features and calibration is None:
        raise errors.Invalid(
            "drift.nothing",
            "Nothing can be judged: the bundle holds no reference (train it again with this release), and no "
            "exported claim has both a score of this model and an outcome.",
        )
    judged = [*features, *(one for one in (outside, calibration, ranking) if one is not None)]
    return Report(
        revision=trained.revision,
        rows=len(table["id"]),
        claims=len(claims["id"]),
        scored=int(ours.sum()),
        outside=outside,
        reference=trained.reference is not None,
        features=features,
        calibration=calibration,
        ranking=ranking,
        review=any(one.state == "review" for one in judged),
        words=[*_population(features, outside), *_words(trained, calibration, ranking)],
    )


def _check(table: drifting.Table) -> None:
    """Raise Invalid for a table that is no export."""
    for name in ("id", "probability", "model_revision"):
        if name not in table:
            message = f"The column {name} is missing: the data is what `ultrathink export` writes."
            raise errors.Invalid("drift.column", message)
    if not len(table["id"]):
        raise errors.Invalid("drift.empty", "The export holds no line: export a tenant with claims.")


def _claims(table: drifting.Table) -> dict[str, drifting.Values]:
    """Return one row per claim, the first of its lines."""
    _, first = np.unique(table["id"], return_index=True)
    return {name: values[np.sort(first)] for name, values in table.items()}


def _features(
    table: drifting.Table,
    claims: drifting.Table,
    scores: drifting.Values,
    reference: drifting.Reference | None,
) -> list[drifting.Feature]:
    """Return the features that both sides know, those that moved most first."""
    if reference is None:
        return []
    today = {NAMES.get(name, name): values for name, values in table.items()}
    today |= {name: claims[source] for source, name in _per_claim(table)}
    today |= {SCORE: scores} if len(scores) else {}
    found = []
    for name, expected in reference.features.items():
        if name not in today:
            continue
        try:
            found.append(drifting.feature(name, expected, today[name]))
        except ValueError as error:
            message = f"The column for {name}: {error}. Export it again with this release."
            raise errors.Invalid("drift.column", message) from error
    return sorted(found, key=lambda one: -one.psi)


def _per_claim(table: drifting.Table) -> list[tuple[str, str]]:
    """Return columns that say something of the claim, with the feature's name: a line counts once."""
    named = [(name, NAMES.get(name, name)) for name in table]
    return [(source, name) for source, name in named if name.startswith("claim.")]


def _outcomes(claims: drifting.Table) -> tuple[drifting.Bools, drifting.Bools]:
    """Return per claim whether the payer has spoken, and whether it denied in whole or in part."""
    count = len(claims["id"])
    if "denied" in claims:
        said = claims["denied"].astype(np.float64)
        return ~np.isnan(said), said > 0
    if "business_status" not in claims:
        return np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    statuses = claims["business_status"].tolist()
    denied = np.array([status in DENIED for status in statuses], dtype=np.bool_)
    paid = np.array([status in PAID for status in statuses], dtype=np.bool_)
    return denied | paid, denied


def _population(features: list[drifting.Feature], outside: drifting.Outside) -> list[str]:
    """Return sentences about claims of another kind than those of training."""
    told = [_moved(one) for one in features if one.state == "review"]
    if outside.state == "review":
        told.append(
            f"{outside.share:.1%} of the claims lie outside what training saw and have no score: train it on "
            "newer claims."
        )
    return told


def _words(
    trained: Trained,
    calibration: drifting.Calibration | None,
    ranking: drifting.Ranking | None,
) -> list[str]:
    """Return sentences: what is to be reviewed and why, and what could not be judged."""
    told = []
    if calibration is not None and calibration.state == "review":
        said, rate = calibration.mean_probability, calibration.observed_rate
        told.append(
            f"The model says {said:.1%} on average, and {rate:.1%} of {calibration.claims:,} claims were "
            "denied: calibrate it on newer outcomes."
        )
    if ranking is not None and ranking.state == "review":
        told.append(
            f"Scores order outcomes worse than in training (AUC {ranking.auc:.3f}, then "
            f"{ranking.trained_auc:.3f}): train it on newer claims."
        )
    if trained.reference is None:
        told.append("No reference: the bundle does not hold what its training saw; features are not judged.")
    if calibration is None:
        told.append("No outcomes of claims that this model scored: calibration and ranking are not judged.")
    return told


def _moved(found: drifting.Feature) -> str:
    moved = ", ".join(f"{one.bin} {one.before:.1%} → {one.today:.1%}" for one in found.moved)
    return f"{found.name} is another population than in training (PSI {found.psi:.2f}): {moved}."
