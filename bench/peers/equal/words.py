"""Words that several groups of rules share: days in the provider's zone, ages, the insurance addressed."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from peers.equal import shapes

ZONE = ZoneInfo("Asia/Riyadh")


def day(moment: datetime | None) -> date | None:
    """Return the day of a moment in the provider's zone."""
    if moment is None:
        return None
    return moment.date() if moment.tzinfo is None else moment.astimezone(ZONE).date()


def before(one: date | None, other: date | None) -> bool:
    """Tell whether one day is before another, both known."""
    return one is not None and other is not None and one < other


def age(birth: date, on: date) -> int:
    """Return completed years."""
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))


def addressed(claim: shapes.Claim) -> shapes.Coverage | None:
    """Return the coverage that the claim is sent to, None where that is not clear."""
    chosen = claim.insurance
    if len(chosen) > 1:
        chosen = [insurance for insurance in chosen if insurance.focal]
    return chosen[0].coverage if len(chosen) == 1 else None


def authorization(claim: shapes.Claim) -> str | None:
    """Return the only approval that the addressed insurance names."""
    chosen = [insurance for insurance in claim.insurance if insurance.focal] or claim.insurance[:1]
    references = chosen[0].preauth_refs if len(chosen) == 1 else []
    return references[0] if len(references) == 1 else None
