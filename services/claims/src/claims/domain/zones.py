"""Which calendar a claim's dates are read in; the sender's offsets are kept, only days are compared."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

HOME = "Asia/Riyadh"  # nphies' zone and, in the home market, that of senders who state no regime.
_ZONES = {"x12-us": "America/New_York"}  # The easternmost zone of the market: a new day begins there first.


def name(regime: str | None) -> str:
    """Return the IANA name of the zone in which days of a claim of this regime are counted."""
    return _ZONES.get(regime or "", HOME)


def day(instant: datetime, regime: str | None) -> date:
    """Return the calendar day of an aware instant for a claim of this regime."""
    return instant.astimezone(ZoneInfo(name(regime))).date()
