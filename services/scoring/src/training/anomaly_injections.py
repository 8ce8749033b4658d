"""Anomalies of named kinds put into claims, so that detectors can be judged where nobody labels real ones.

Each kind changes one thing of a claim and keeps its sums right, as a sender would who means it: nothing else
gives it away. Sizes are drawn between what a careful reader may still miss and what nobody would.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec
import numpy as np

from formats import model

PRICE = (1.4, 3.0)  # times the price billed
QUANTITY = (3.0, 6.0)  # times the units billed, at least two more
EXTRA_LINES = (6, 12)
CENT = Decimal("0.01")
TRIES = 50  # strangers asked for something that does not fit

type Inject = Callable[[np.random.Generator, model.Claim, Sequence[model.Claim]], model.Claim | None]


def upcoded_price(
    rng: np.random.Generator, claim: model.Claim, others: Sequence[model.Claim]
) -> model.Claim | None:
    """Return the claim with one line billed at a multiple of its price."""
    del others
    at = int(rng.integers(len(claim.lines)))
    price = claim.lines[at].unit_price
    if not price:
        return None
    dearer = (price * Decimal(float(rng.uniform(*PRICE)))).quantize(CENT)
    return _with(claim, {at: _billed(claim.lines[at], dearer, claim.lines[at].quantity or Decimal(1))})


def inflated_quantity(
    rng: np.random.Generator, claim: model.Claim, others: Sequence[model.Claim]
) -> model.Claim | None:
    """Return the claim with one line billed for several times the units."""
    del others
    at = int(rng.integers(len(claim.lines)))
    line = claim.lines[at]
    if not line.unit_price or not line.quantity:
        return None
    more = max(line.quantity + 2, Decimal(round(float(line.quantity) * float(rng.uniform(*QUANTITY)))))
    return _with(claim, {at: _billed(line, line.unit_price, more)})


def foreign_code(
    rng: np.random.Generator, claim: model.Claim, others: Sequence[model.Claim]
) -> model.Claim | None:
    """Return the claim with one line's service replaced by one of another type of provider, at its price."""
    at = int(rng.integers(len(claim.lines)))
    own = {
        line.code for other in others if other.provider.type == claim.provider.type for line in other.lines
    }
    for _ in range(TRIES):
        other = others[int(rng.integers(len(others)))]
        strange = [line for line in other.lines if line.code not in own]
        if strange and other.currency == claim.currency:
            taken = strange[int(rng.integers(len(strange)))]
            kept = claim.lines[at]
            moved = msgspec.structs.replace(kept, code=taken.code, system=taken.system, codings=taken.codings)
            price, quantity = taken.unit_price or Decimal(1), taken.quantity or Decimal(1)
            return _with(claim, {at: _billed(moved, price, quantity)})
    return None


def many_lines(
    rng: np.random.Generator, claim: model.Claim, others: Sequence[model.Claim]
) -> model.Claim | None:
    """Return the claim with services of colleagues' claims added, each as they bill it."""
    pool = {
        line.code: line
        for other in others
        if (other.type, other.provider.type, other.currency)
        == (claim.type, claim.provider.type, claim.currency)
        for line in other.lines
    }
    for line in claim.lines:
        pool.pop(line.code, None)
    count = int(rng.integers(*EXTRA_LINES))
    if len(pool) < count:
        return None
    codes = rng.permutation(sorted(code for code in pool if code))[:count].tolist()
    first = claim.lines[0]
    added = [
        msgspec.structs.replace(
            pool[code],
            sequence=len(claim.lines) + place,
            service_date=first.service_date,
            diagnosis_sequences=first.diagnosis_sequences,
            care_team_sequences=first.care_team_sequences,
            information_sequences=first.information_sequences,
        )
        for place, code in enumerate(codes, 1)
    ]
    return _summed(msgspec.structs.replace(claim, lines=[*claim.lines, *added]))


def odd_combination(
    rng: np.random.Generator, claim: model.Claim, others: Sequence[model.Claim]
) -> model.Claim | None:
    """Return the claim with the diagnoses of a patient whom the same services are never billed for."""
    own = {line.code for line in claim.lines}
    fitting = {
        one.code for other in others if own & {line.code for line in other.lines} for one in other.diagnoses
    }
    for _ in range(TRIES):
        other = others[int(rng.integers(len(others)))]
        if other.diagnoses and not fitting & {one.code for one in other.diagnoses}:
            lines = [msgspec.structs.replace(line, diagnosis_sequences=[1]) for line in claim.lines]
            return msgspec.structs.replace(claim, diagnoses=other.diagnoses, lines=lines)
    return None


KINDS: dict[str, Inject] = {
    "upcoded price": upcoded_price,
    "inflated quantity": inflated_quantity,
    "code of another provider type": foreign_code,
    "many lines": many_lines,
    "odd combination": odd_combination,
}


def _billed(line: model.Line, price: Decimal, quantity: Decimal) -> model.Line:
    """Return the line at a price and quantity, with net and the patient's share following."""
    net = (price * quantity * (line.factor or 1)).quantize(CENT)
    share = line.patient_share
    if share is not None and line.net:
        share = (share / line.net * net).quantize(CENT)
    return msgspec.structs.replace(
        line, unit_price=price, quantity=quantity, net=net + (line.tax or 0), patient_share=share
    )


def _with(claim: model.Claim, changed: dict[int, model.Line]) -> model.Claim:
    lines = [changed.get(at, line) for at, line in enumerate(claim.lines)]
    return _summed(msgspec.structs.replace(claim, lines=lines))


def _summed(claim: model.Claim) -> model.Claim:
    """Return the claim with the total of its lines."""
    total = sum((line.net for line in claim.lines if line.net is not None), Decimal(0))
    return msgspec.structs.replace(claim, total=total)
