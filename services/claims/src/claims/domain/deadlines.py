"""Until when a claim must reach its payer: the day of its last service and the days that count from it.

Room: domain.
"""

import datetime as dt

from claims.domain import zones
from formats import days, model

_EPOCH = dt.date(1970, 1, 1).toordinal()
_LAST = dt.date.max.toordinal() - _EPOCH
# Claims that say another one again: their days count from the payer's answer, which the claim does not hold.
_RESTATING_CODES = frozenset({"6", "7", "8"})
_RESTATING = frozenset({"prior", "appealing"})


def last_service(claim: model.Claim) -> int | None:
    """Return the day number of the last service: of lines, else of the billed period, else of the encounter.

    None where the claim names no day.
    """
    zone = zones.name(claim.regime)
    told = [days.known_day(line.service_end or line.service_date, zone) for line in claim.lines]
    known = [day for day in told if day is not None]
    if known:
        return max(known)
    for period in (claim.billable_period, claim.encounter):
        day = None if period is None else days.known_day(period.end or period.start, zone)
        if day is not None:
            return day
    return None


def starts_afresh(claim: model.Claim) -> bool:
    """Tell whether the days to file count from the service: a first claim for money, not one said again."""
    return (
        claim.use == "claim"
        and claim.frequency_code not in _RESTATING_CODES
        and not (claim.related and any(related.relationship in _RESTATING for related in claim.related))
    )


def after(day: int, limit: int) -> str:
    """Return the ISO day that lies `limit` days after a day number."""
    return dt.date.fromordinal(min(day + max(limit, 0), _LAST) + _EPOCH).isoformat()
