"""Adjudicates a drawn claim line by line; the first family that bites gives the reason.

The answer is what a payer sends. The truth beside it, which no payer would send, says how likely each line
was to be denied before the dice fell: what the best possible forecaster would have said.
"""

from datetime import date
from typing import Any, NamedTuple

import numpy as np

from payersim.domain import families, generator

PARTIAL_RATE = 0.5  # a family that may cut instead of deny cuts every second time
DECISION_DAYS = (2, 21)  # the simulated payers answer within three weeks
DIGITS = 12  # of a true probability: several machines' edits on one line come close to one
MOOD_SPREAD = 0.25  # reviewers of a payer are milder on some days than on others


class Judgement(NamedTuple):
    """The payer's answer {claim_id, payer, outcome, decided_at, lines: [{sequence, outcome, nphies, carc,
    paid_minor}]} and the truth {claim_id, probability, faults, lines: [{probability, applies, family}]}.
    """  # noqa: D205 - two documents

    answer: dict[str, Any]
    truth: dict[str, Any]


class Office:
    """The reviewers of all payers: what they remember of members, and their mood of the day."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.history = families.History()
        self._rng = rng
        self._moods: dict[str, float] = {}
        self._today: date | None = None

    def adjudicate(self, drawn: generator.Drawn) -> Judgement:
        """Return the judgement of a claim, and remember its services."""
        mood = self._mood(drawn.created_day, drawn.patient.payer.id)
        found = [
            _line(self._rng, families.Judged(drawn, index, self.history), mood)
            for index in range(len(drawn.services))
        ]
        self.history.remember(drawn)
        lines = [line for line, _ in found]
        wait = int(self._rng.integers(*DECISION_DAYS))
        answer = {
            "claim_id": drawn.claim.claim_id,
            "payer": drawn.patient.payer.id,
            "outcome": _outcome([line["outcome"] for line in lines]),
            "decided_at": date.fromordinal(drawn.created_day.toordinal() + wait).isoformat(),
            "lines": lines,
        }
        truths = [truth for _, truth in found]
        spared = float(np.prod([1 - truth["probability"] for truth in truths]))
        return Judgement(answer, {
            "claim_id": drawn.claim.claim_id, "probability": round(1 - spared, DIGITS),
            "faults": sorted(drawn.faults), "lines": truths,
        })  # fmt: skip

    def _mood(self, today: date, payer: str) -> float:
        """Return how hard a payer's reviewers look today, 1 on a usual day."""
        if today != self._today:
            if self._today is None or today.month != self._today.month:
                self.history.forget(today)
            self._today, self._moods = today, {}
        if payer not in self._moods:
            self._moods[payer] = float(self._rng.lognormal(0.0, MOOD_SPREAD))
        return self._moods[payer]


def _outcome(lines: list[str]) -> str:
    if all(line == "approved" for line in lines):
        return "approved"
    return "rejected" if all(line == "denied" for line in lines) else "partial"


def _line(
    rng: np.random.Generator, judged: families.Judged, mood: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the answer to a line, and its truth."""
    line = judged.drawn.claim.lines[judged.index]
    owed = judged.net_minor - int((line.patient_share or 0) * 100)
    bites = {one.name: one.bite(judged, mood) for one in families.FAMILIES}
    dice = rng.random(len(families.FAMILIES))  # all fall, so that one family leaves the others' dice alone
    bitten = next(
        (one for one, fallen in zip(families.FAMILIES, dice, strict=True) if fallen < bites[one.name]), None
    )
    spared = float(np.prod([1 - bite for bite in bites.values()]))
    truth = {
        "probability": round(1 - spared, DIGITS),
        "applies": [name for name, bite in bites.items() if bite],
        "family": bitten.name if bitten else "",
    }
    halved = rng.random() < PARTIAL_RATE
    if bitten is None:
        return {"sequence": line.sequence, "outcome": "approved", "paid_minor": owed}, truth
    partial = bitten.partial and halved
    return {
        "sequence": line.sequence,
        "outcome": "partial" if partial else "denied",
        "nphies": bitten.nphies,
        "carc": bitten.carc,
        "paid_minor": owed // 2 if partial else 0,
    }, truth
