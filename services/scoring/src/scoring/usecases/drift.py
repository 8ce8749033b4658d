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


PAYER = "payer"


class Trained(NamedTuple):
    """What is known of a model's training; None where the bundle does not say."""

    revision: str
    reference: drifting.Reference | None
    auc: float | None
    line_auc: float | None = None


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """Scores beside what one source said of them."""

    calibration: drifting.Calibration
    ranking: drifting.Ranking | None

    @property
    def review(self) -> bool:
        """Whether somebody has to look."""
        return "review" in {self.calibration.state, self.ranking.state if self.ranking else ""}


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
    lines: Judged | None
    """The lines' own scores beside the payers' answers to them."""
    reviewers: Judged | None
    """Claims that a reviewer decided: chosen for being doubtful, so told and never a reason to act."""
    review: bool
    words: list[str]


def drift(table: drifting.Table, trained: Trained) -> Report:
    """Return how exported lines differ from the model's training, and its scores from outcomes.

    Columns `id`, `probability` and `model_revision` are needed. `denied` (1, 0, missing, per line; with
    `outcome_source` the payer's alone count) or `business_status` give outcomes, `line_probability` lines'
    scores, `reviewer_outcome` what reviewers said. A claim is denied when one of its lines is. Raises
    Invalid `drift.column`, `drift.empty`, `drift.nothing` when nothing can be judged.
    """
    _check(table)
    claims, claim_of = _claims(table)
    asked = claims["model_revision"] == trained.revision
    outside = drifting.outside(np.isnan(claims["probability"][asked]))
    ours = asked & ~np.isnan(claims["probability"])
    scores = claims["probability"][ours]
    features = _features(table, claims, scores, trained.reference)
    said = _payers(table, claims, claim_of)
    whole = _judged(scores, said.claims.of(ours), trained.auc)
    lines = _lines(table, said, trained)
    if not features and whole is None:
        raise errors.Invalid(
            "drift.nothing",
            "Nothing can be judged: the bundle holds no reference (train it again with this release), and no "
            "exported claim has both a score of this model and an outcome.",
        )
    judged = [one for one in (whole, lines) if one is not None]
    moved = outside.state == "review" or any(one.state == "review" for one in features)
    return Report(
        revision=trained.revision,
        rows=len(table["id"]),
        claims=len(claims["id"]),
        scored=int(ours.sum()),
        outside=outside,
        reference=trained.reference is not None,
        features=features,
        calibration=whole.calibration if whole else None,
        ranking=whole.ranking if whole else None,
        lines=lines,
        reviewers=_judged(scores, _reviewers(table, claim_of).of(ours), None),
        review=moved or any(one.review for one in judged),
        words=[*_population(features, outside), *_words(trained, whole, lines)],
    )


class _Known(NamedTuple):
    """Which rows have an outcome, and which of them are denied."""

    known: drifting.Bools
    denied: drifting.Bools

    def of(self, chosen: drifting.Bools) -> "_Known":
        """Return the chosen rows alone."""
        return _Known(self.known[chosen], self.denied[chosen])

    def by(self, group: drifting.Values) -> "_Known":
        """Return groups of rows: known when one of them is, denied when one of them is."""
        return _Known(np.bincount(group, self.known) > 0, np.bincount(group, self.known & self.denied) > 0)


class _Said(NamedTuple):
    """The payers' answers by claim and, where an export has them, by line."""

    claims: _Known
    lines: _Known | None


def _judged(scores: drifting.Doubles, said: _Known, trained_auc: float | None) -> Judged | None:
    """Return scores beside outcomes; None where no score has one."""
    chances, outcomes = scores[said.known], said.denied[said.known]
    if not len(chances):
        return None
    return Judged(
        calibration=drifting.calibration(chances, outcomes),
        ranking=drifting.ranking(chances, outcomes, trained_auc),
    )


def _lines(table: drifting.Table, said: _Said, trained: Trained) -> Judged | None:
    """Return the lines' scores beside the answers to them."""
    if said.lines is None or "line_probability" not in table:
        return None
    ours = (table["model_revision"] == trained.revision) & ~np.isnan(table["line_probability"])
    return _judged(table["line_probability"][ours], said.lines.of(ours), trained.line_auc)


def _check(table: drifting.Table) -> None:
    """Raise Invalid for a table that is no export."""
    for name in ("id", "probability", "model_revision"):
        if name not in table:
            message = f"The column {name} is missing: the data is what `ultrathink export` writes."
            raise errors.Invalid("drift.column", message)
    if not len(table["id"]):
        raise errors.Invalid("drift.empty", "The export holds no line: export a tenant with claims.")


def _claims(table: drifting.Table) -> tuple[dict[str, drifting.Values], drifting.Values]:
    """Return one row per claim, the first of its lines, and the claim's place for each line."""
    _, first, inverse = np.unique(table["id"], return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return {name: values[first[order]] for name, values in table.items()}, place[inverse]


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


def _payers(table: drifting.Table, claims: drifting.Table, claim_of: drifting.Values) -> _Said:
    """Return what payers said."""
    if "denied" in table:
        told = table["denied"].astype(np.float64)
        known = ~np.isnan(told)
        if "outcome_source" in table:
            known &= table["outcome_source"] == PAYER
        lines = _Known(known, told > 0)
        return _Said(lines.by(claim_of), lines)
    count = len(claims["id"])
    if "business_status" not in claims:
        return _Said(_Known(np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)), None)
    statuses = claims["business_status"].tolist()
    denied = np.array([status in DENIED for status in statuses], dtype=np.bool_)
    paid = np.array([status in PAID for status in statuses], dtype=np.bool_)
    return _Said(_Known(denied | paid, denied), None)


def _reviewers(table: drifting.Table, claim_of: drifting.Values) -> _Known:
    """Return what reviewers said, by claim."""
    if "reviewer_outcome" not in table:
        nobody = np.zeros(len(claim_of), dtype=np.bool_)
        return _Known(nobody, nobody).by(claim_of)
    told = table["reviewer_outcome"]
    return _Known(told != "", told == "denied").by(claim_of)


def _population(features: list[drifting.Feature], outside: drifting.Outside) -> list[str]:
    """Return sentences about claims of another kind than those of training."""
    told = [_moved(one) for one in features if one.state == "review"]
    if outside.state == "review":
        told.append(
            f"{outside.share:.1%} of the claims lie outside what training saw and have no score: train it on "
            "newer claims."
        )
    return told


def _words(trained: Trained, whole: Judged | None, lines: Judged | None) -> list[str]:
    """Return sentences: what is to be reviewed and why, and what could not be judged."""
    told = []
    for what, judged in (("claims", whole), ("lines", lines)):
        told += [] if judged is None else _outcome_words(what, judged)
    if trained.reference is None:
        told.append("No reference: the bundle does not hold what its training saw; features are not judged.")
    if whole is None:
        told.append("No outcomes of claims that this model scored: calibration and ranking are not judged.")
    return told


def _outcome_words(what: str, judged: Judged) -> list[str]:
    """Return sentences about scores that outcomes contradict."""
    told, found, order = [], judged.calibration, judged.ranking
    if found.state == "review":
        told.append(
            f"The model says {found.mean_probability:.1%} on average, and {found.observed_rate:.1%} of "
            f"{found.claims:,} {what} were denied: calibrate it on newer outcomes."
        )
    if order is not None and order.state == "review":
        told.append(
            f"Scores order outcomes of {what} worse than in training (AUC {order.auc:.3f}, then "
            f"{order.trained_auc:.3f}): train it on newer claims."
        )
    return told


def _moved(found: drifting.Feature) -> str:
    moved = ", ".join(f"{one.bin} {one.before:.1%} → {one.today:.1%}" for one in found.moved)
    return f"{found.name} is another population than in training (PSI {found.psi:.2f}): {moved}."
