"""What columns say of a bill beyond its plain fields: addresses, hospital codes, decisions of earlier payers.

Room: domain. Called by generated code through runtime.NAMESPACE; knows no rule.
"""

import re
from collections.abc import Sequence
from decimal import Decimal

from formats import model

_BILL = re.compile(
    r"0?([0-9]{2})([0-9A-Z])"
)  # UB-04: facility and care, frequency; the first 0 may be left out
_MARKS = re.compile(r"[0-9A-Za-z]{2}")


def addressed(address: model.Address | None) -> bool:
    """Tell whether an address has a street and a town."""
    return address is not None and bool(address.lines) and address.city is not None


def bill(found: model.Institutional | None) -> tuple[str | None, str | None]:
    """Return facility and care, and the frequency, of a type of bill; None, None for another form."""
    form = None if found is None or found.type_of_bill is None else _BILL.fullmatch(found.type_of_bill)
    return (None, None) if form is None else (form[1], form[2])


def undated(found: model.Institutional | None) -> int:
    """Return how many occurrences lack their day and how many spans lack one of theirs."""
    if found is None:
        return 0
    return sum(entry.date is None for entry in found.occurrence_codes) + sum(
        entry.start is None or entry.end is None for entry in found.occurrence_spans
    )


def unvalued(found: model.Institutional | None) -> int:
    """Return how many value codes lack their amount."""
    return 0 if found is None else sum(entry.amount is None for entry in found.value_codes)


def misformed(found: model.Institutional | None) -> int:
    """Return how many codes of the UB-04 form are not two letters or digits."""
    if found is None:
        return 0
    codes = [
        *found.condition_codes,
        *(entry.code for entry in found.occurrence_codes),
        *(entry.code for entry in found.occurrence_spans),
        *(entry.code for entry in found.value_codes),
    ]
    return sum(_MARKS.fullmatch(code) is None for code in codes)


def adjusted(decided: Sequence[model.Adjudicated | model.PriorPayerLine]) -> Decimal | None:
    """Return what earlier decisions took off in all; None where an adjustment has no amount."""
    amounts = [entry.amount for decision in decided for entry in decision.adjustments]
    return None if None in amounts else sum((found for found in amounts if found is not None), Decimal(0))
