"""Adjudicates a drawn claim line by line; the first family that bites gives the reason."""

from typing import Any

import numpy as np

from payersim.domain import families, generator

PARTIAL_RATE = 0.5  # a family that may cut instead of deny cuts every second time
DECISION_DAYS = (2, 21)  # the simulated payers answer within three weeks


def adjudicate(rng: np.random.Generator, drawn: generator.Drawn, history: families.History) -> dict[str, Any]:
    """Return the payer's answer and remember the services in `history`.

    The answer is {claim_id, payer, outcome approved|partial|rejected, decided_at (date), lines: [{sequence,
    outcome approved|partial|denied, nphies, carc, family, paid_minor}]}; `family` is for evaluation only.
    """
    lines = [_line(rng, families.Judged(drawn, index, history)) for index in range(len(drawn.services))]
    for service in drawn.services:
        history.last[drawn.patient.id, service.code] = drawn.service_day.toordinal()
    wait = int(rng.integers(*DECISION_DAYS))
    return {
        "claim_id": drawn.claim.claim_id,
        "payer": drawn.patient.payer.id,
        "outcome": _outcome([line["outcome"] for line in lines]),
        "decided_at": drawn.created_day.fromordinal(drawn.created_day.toordinal() + wait).isoformat(),
        "lines": lines,
    }


def _outcome(lines: list[str]) -> str:
    if all(line == "approved" for line in lines):
        return "approved"
    return "rejected" if all(line == "denied" for line in lines) else "partial"


def _line(rng: np.random.Generator, judged: families.Judged) -> dict[str, Any]:
    line = judged.drawn.claim.lines[judged.index]
    owed = judged.net_minor - int((line.patient_share or 0) * 100)
    bitten = _family(rng, judged)
    if bitten is None:
        return {"sequence": line.sequence, "outcome": "approved", "paid_minor": owed}
    partial = bitten.partial and rng.random() < PARTIAL_RATE
    return {
        "sequence": line.sequence,
        "outcome": "partial" if partial else "denied",
        "nphies": bitten.nphies,
        "carc": bitten.carc,
        "family": bitten.name,
        "paid_minor": owed // 2 if partial else 0,
    }


def _family(rng: np.random.Generator, judged: families.Judged) -> families.Family | None:
    month = judged.drawn.month
    for family in (*families.FAMILIES, families.NECESSITY):
        bite = (
            rng.random()
        )  # drawn for every family, so that one family's change leaves the others' dice alone
        rate = (family.rate + family.drift * month) * judged.drawn.patient.payer.strictness
        if month >= family.since and bite < rate and family.applies(judged):
            return family
    return None
