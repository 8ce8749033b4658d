"""Suggests the amount of a line, or refuses and says why. Pure; which model is asked was decided before."""

import math
from collections.abc import Sequence

import numpy as np

from scoring.domain import completion, completion_models
from scoring.domain import completion_amounts as amounts
from scoring.domain import completion_texts as texts

LEAST_CASES = 10  # training lines of the service
LEAST_JUDGED = 50  # later lines that told how far off such amounts are
WIDEST = 2.0  # the top of the range over its bottom: beyond it a single amount says too little
LARGEST = 2.0  # times the largest quantity seen: a price per unit may not hold for such a bulk
BEYOND = 1e15  # minor units that no claim may have
SEVERAL = 3  # lines of a provider that say what it usually asks

type Outcome = completion.Suggestion | completion.Refusal


def suggest(
    bundle: completion_models.Amounts, facts: completion.Facts, lines: Sequence[completion.Line]
) -> list[Outcome]:
    """Return the amount that each line is expected to be billed at, or why none is told."""
    model = bundle.model
    asked = [amounts.Asked(facts, line) for line in lines]
    refused = [_refused(model, one) for one in asked]
    answered = [one for one, refusal in zip(asked, refused, strict=True) if refusal is None]
    units = iter(amounts.expect(model, answered).tolist() if answered else ())
    return [
        _expected(model, one, next(units)) if refusal is None else refusal
        for one, refusal in zip(asked, refused, strict=True)
    ]


def _expected(model: amounts.Model, asked: amounts.Asked, unit: float) -> Outcome:
    """Return the suggestion of one line whose expected logarithm per unit is known."""
    facts, digits = asked.facts, asked.facts.digits
    band = model.bands[amounts.band(model.usual, asked)]
    scale = asked.line.quantity * 10**digits
    if unit + band.high > math.log(BEYOND / scale):
        return texts.refusal("completion.range_wide", found="–")
    low, amount, high = (round(math.exp(unit + off) * scale) for off in (band.low, 0.0, band.high))
    if math.exp(band.high - band.low) > WIDEST:
        return texts.refusal("completion.range_wide", found=f"{_major(low, digits)} – {_major(high, digits)}")
    similar = amounts.cases(model.usual, asked, "code")
    first = completion.Choice(
        kind="amount", value=_major(amount, digits), confidence=band.near, amount_minor=amount,
        currency=facts.currency, low=low, high=high, share=model.share, tolerance=model.tolerance,
    )  # fmt: skip
    lines = sum(model.usual.means["code"].cases.values())
    return completion.Suggestion(first, (), _evidence(model, asked, digits), lines, similar)


def _refused(model: amounts.Model, asked: amounts.Asked) -> completion.Refusal | None:
    """Return why nothing is expected of a line, None when something is."""
    line = asked.line
    if not line.quantity > 0:
        return texts.refusal("completion.no_quantity")
    seen = amounts.cases(model.usual, asked, "code")
    if not seen:
        return texts.refusal("completion.unseen_codes", found=line.code)
    judged = model.bands[amounts.band(model.usual, asked)].lines
    if seen < LEAST_CASES:
        return texts.refusal("completion.few_cases", found=seen, known=LEAST_CASES)
    if judged < LEAST_JUDGED:
        return texts.refusal("completion.few_cases", found=judged, known=LEAST_JUDGED)
    largest = model.usual.largest[amounts.key(asked, "code")]
    if line.quantity > LARGEST * largest:
        return texts.refusal("completion.unusual_quantity", found=f"{line.quantity:g}", known=f"{largest:g}")
    return None


def _evidence(model: amounts.Model, asked: amounts.Asked, digits: int) -> tuple[completion.Evidence, ...]:
    """Return what was usual for the service, and for this provider and payer where they had it."""
    path, code = f"lines[{asked.line.place}].code", asked.line.code
    named = (
        ("code", path, texts.SERVICE, 1),
        ("provider", "provider.id", texts.BY_PROVIDER, SEVERAL),
        ("payer", "insurance", texts.TO_PAYER, SEVERAL),
    )
    added = float(amounts.trend(model.usual, np.array([asked.facts.day]))[0])
    found = []
    for name, place, what, least in named:
        cases = amounts.cases(model.usual, asked, name)
        if cases >= least:
            mean = model.usual.means[name].mean[amounts.key(asked, name)]
            usual = f"{math.exp(mean + added):,.{digits}f} {asked.facts.currency}"
            text = texts.billed(what, code, cases, usual)
            found.append(completion.Evidence(place, text, cases, cases))
    return tuple(found)


def _major(minor: int, digits: int) -> str:
    """Return an amount in major units as it would be written in a claim."""
    return f"{minor / 10**digits:.{digits}f}"
