"""Calendar days and instants: reading the ISO 8601 text that a claim keeps, and comparing days in a zone.

Room: formats; pure. Accepted are `YYYY-MM-DD` and `YYYY-MM-DDThh:mm[:ss[.ffffff]]` with `Z`, an offset, or
neither; the compact and week forms of ISO 8601 are refused because FHIR and nphies refuse them too.
Claims of one day name the same days over and over, so what was read lately is remembered.
"""

import functools
import zoneinfo
from datetime import date, datetime

from chassis import errors

_EPOCH = date(1970, 1, 1).toordinal()
_DATE_LENGTH = len("YYYY-MM-DD")
_SHORTEST_TIME = len("YYYY-MM-DDThh:mm")
LONGEST_TIME = len("YYYY-MM-DDThh:mm:ss.nnnnnnnnn+hh:mm")
_REMEMBERED = 8_192  # days of a few years, and the instants of what is in flight; no longer text is kept


def is_day(text: str) -> bool:
    """Tell whether the text is a calendar day `YYYY-MM-DD` that exists."""
    return len(text) == _DATE_LENGTH and _is_day(text)


@functools.lru_cache(maxsize=_REMEMBERED)
def _is_day(text: str) -> bool:
    if text[4] != "-" or text[7] != "-":
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_when(text: str) -> bool:
    """Tell whether the text is a day or a date-time in the accepted form."""
    return len(text) <= LONGEST_TIME and is_short_when(text)


@functools.lru_cache(maxsize=_REMEMBERED)
def is_short_when(text: str) -> bool:
    """Tell what `is_when` does, of a text of at most `LONGEST_TIME` characters: it is remembered."""
    return is_day(text) or _instant(text) is not None


def parse(text: str) -> date | datetime:
    """Return the day, or the date-time (aware where the text has an offset); raise Invalid for other text."""
    if is_day(text):
        return date.fromisoformat(text)
    instant = _instant(text)
    if instant is None:
        raise errors.Invalid("date.invalid", "A date must read YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+hh:mm.")
    return instant


def day_number(when: str | None, zone: str) -> int | None:
    """Return the days since 1970-01-01 in the zone; None for a missing or unreadable text.

    A date, and a date-time without an offset, already are in the zone. `zone` is an IANA name.
    """
    return None if when is None or len(when) > LONGEST_TIME else known_day(when, zone)


@functools.lru_cache(maxsize=_REMEMBERED)
def known_day(when: str | None, zone: str) -> int | None:
    """Return what `day_number` does, of a text that was found to be a day or a date-time, or of none.

    It is remembered as it is: whoever cannot say how long a text is asks `day_number`.
    """
    if when is None:
        return None
    if is_day(when):
        return date.fromisoformat(when).toordinal() - _EPOCH
    instant = _instant(when)
    if instant is None:
        return None
    if instant.tzinfo is not None:
        try:
            instant = instant.astimezone(_zone(zone))
        except OverflowError:  # the first or last day of the calendar, moved beyond it
            return None
    return instant.toordinal() - _EPOCH


def _instant(text: str) -> datetime | None:
    if not _SHORTEST_TIME <= len(text) <= LONGEST_TIME or text[10] != "T" or text[13] != ":" or " " in text:
        return None
    if not is_day(text[:10]):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


@functools.cache
def _zone(name: str) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(name)
