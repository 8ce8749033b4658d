"""Risk: what a model's score means for this claim's money. Names no model and calls none."""

import datetime as dt
import math
from collections.abc import Mapping
from typing import Literal

import msgspec

from claims.domain import amounts, decisions, reasons
from formats import model

# Below it a first guess is wrong more often than right (docs/models.md): that is said instead of a code.
LEAST_GUESS = 0.4
NONE_OF_THESE = decisions.Bilingual(
    en="None of the reasons known to the model stands out", ar="لا يبرز أي سبب من الأسباب التي يعرفها النموذج"
)


class LineReason(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why the line in this row of the claim is flagged: `guesses` likeliest first, `fix` for the first."""

    row: int
    guesses: list[decisions.LikelyReason] = []
    fix: decisions.Bilingual | None = None
    contributions: list[decisions.Contribution] = []


class Score(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What scoring said of one claim; probabilities are of denial, `line_probabilities` in line order."""

    state: Literal["scored", "not_scored", "out_of_range"]
    reason: str | None = None
    probability: float | None = None
    line_probabilities: list[float] = []
    line_reasons: list[LineReason] = []
    contributions: list[decisions.Contribution] = []
    model: decisions.Model | None = None
    simulated: bool | None = None
    anomaly: decisions.Anomaly | None = None  # of the claim as a whole
    line_anomalies: Mapping[int, decisions.Anomaly] | None = None  # by row; others are not unusual
    anomaly_model: decisions.Model | None = None
    feature_hash: int | None = None  # of what was scored; None where no model looked


def not_scored(reason: str) -> Score:
    """Return the score of a claim that no model saw; `reason` is stable and machine-readable."""
    return Score(state="not_scored", reason=reason)


def completed(reason: LineReason, book: reasons.Book, on: dt.date) -> LineReason:
    """Return a line's reason, guesses with the code their model left out, and what helps against the first.

    All guesses stay marked predicted.
    """
    if not reason.guesses:
        return reason
    guesses = [book.likely(guess, on) for guess in reason.guesses]
    known = book.find("nphies", guesses[0].nphies or "", on)
    return msgspec.structs.replace(reason, guesses=guesses, fix=None if known is None else known.fix)


def assess(score: Score, claim: model.Claim, sums: amounts.Sums) -> decisions.Risk:
    """Return the risk of a claim: the score, with the money it puts at risk when the claim asks for money."""
    asks = claim.use == "claim"
    return decisions.Risk(
        state=score.state,
        reason=score.reason,
        simulated=score.simulated,
        probability=score.probability,
        at_risk_minor=at_risk(score.probability, sums.payer_share) if asks else None,
        currency=sums.currency if asks and score.probability is not None else None,
        reasons=score.contributions,
        lines=_lines(score, claim, sums, asks=asks),
        model=score.model,
        anomaly=score.anomaly,
        anomaly_model=score.anomaly_model,
    )


def at_risk(probability: float | None, exposure: int | None) -> int | None:
    """Return probability × exposure in whole minor units, to the nearest, halves up; never below zero.

    `exposure` is net − patient_share in minor units. None where either is not known.
    """
    if probability is None or exposure is None:
        return None
    minor = probability * exposure + 0.5
    return math.floor(minor) if minor > 0 else 0


def _lines(score: Score, claim: model.Claim, sums: amounts.Sums, *, asks: bool) -> list[decisions.LineRisk]:
    unusual = score.line_anomalies
    if not score.line_reasons and not unusual:  # most claims
        return [
            decisions.LineRisk(
                sequence=line.sequence,
                probability=chance,
                at_risk_minor=at_risk(chance, money.exposure) if asks else None,
            )
            for line, chance, money in zip(claim.lines, score.line_probabilities, sums.lines, strict=False)
        ]
    reasons = {reason.row: reason for reason in score.line_reasons}
    if unusual and not score.line_probabilities:  # outside what the model knows, and still among peers
        return [
            decisions.LineRisk(sequence=line.sequence, anomaly=unusual.get(row))
            for row, line in enumerate(claim.lines)
        ]
    return [
        _line(
            line.sequence,
            chance,
            money.exposure if asks else None,
            reasons.get(row),
            unusual.get(row) if unusual else None,
        )
        for row, (line, chance, money) in enumerate(
            zip(claim.lines, score.line_probabilities, sums.lines, strict=False)
        )
    ]


def _line(
    sequence: int,
    probability: float,
    exposure: int | None,
    reason: LineReason | None,
    anomaly: decisions.Anomaly | None,
) -> decisions.LineRisk:
    money = at_risk(probability, exposure)
    if reason is None:
        return decisions.LineRisk(
            sequence=sequence, probability=probability, at_risk_minor=money, anomaly=anomaly
        )
    return decisions.LineRisk(
        sequence=sequence,
        probability=probability,
        at_risk_minor=money,
        likely_reason=_likely(reason),
        reasons=reason.contributions,
        fix=reason.fix if _stands_out(reason) else None,
        anomaly=anomaly,
    )


def _stands_out(reason: LineReason) -> bool:
    return bool(reason.guesses) and reason.guesses[0].probability >= LEAST_GUESS


def _likely(reason: LineReason) -> decisions.LikelyReason | None:
    """Return the first guess; where it does not stand out, that none does and how likely it is another."""
    if not reason.guesses:
        return None
    first = reason.guesses[0]
    if first.probability >= LEAST_GUESS:
        return first
    return decisions.LikelyReason(label=NONE_OF_THESE, probability=1 - first.probability, predicted=True)
