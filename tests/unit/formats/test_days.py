"""Days: which texts are dates, and which day an instant is in a zone."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import errors
from formats import days

RIYADH = "Asia/Riyadh"


@pytest.mark.parametrize("text", ["2026-08-01", "2024-02-29", "0001-01-01", "9999-12-31"])
def test_an_existing_day_is_a_day(text: str):
    """Calendar days of the years 1 to 9999 are accepted."""
    assert days.is_day(text)
    assert days.is_when(text)
    assert days.parse(text) == date.fromisoformat(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "2026", "2026-08", "20260801", "2026-8-1", "2026-13-01", "2026-02-29", "2026-W31-1", "2026-213",
        "01-08-2026", "2026/08/01", " 2026-08-01", "2026-08-01 ", "٢٠٢٦-٠٨-٠١", "2026-08-0a", "0000-01-01",
    ],
)  # fmt: skip
def test_anything_else_is_no_day(text: str):
    """Compact, week, ordinal, partial and localised forms are refused, and days that do not exist."""
    assert not days.is_day(text)
    assert not days.is_when(text)
    with pytest.raises(errors.Invalid):
        days.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-08-01T08:00", "2026-08-01T08:00:00", "2026-08-01T08:00:00Z", "2026-08-01T08:00:00+03:00",
        "2026-08-01T08:00:00.123-05:30", "2026-08-01T23:59:59.999999Z",
    ],
)  # fmt: skip
def test_an_instant_with_or_without_offset_is_a_when(text: str):
    """Minutes suffice; seconds, fractions and offsets are optional."""
    assert days.is_when(text)
    assert not days.is_day(text)
    assert isinstance(days.parse(text), datetime)


@pytest.mark.parametrize(
    "text",
    [
        "2026-08-01T", "2026-08-01T08", "2026-08-01T0800", "2026-08-01 08:00", "2026-08-01T25:00",
        "2026-08-01T08:61:00Z", "2026-08-01T08:00:60Z", "2026-08-01T08:00:00 +03:00", "2026-02-30T08:00:00Z",
        "20260801T080000Z", "2026-08-01T08:00:00+99:00", "2026-08-01T08:00:00Zulu",
        "2026-08-01T08:00:00." + "9" * 1000,
    ],
)  # fmt: skip
def test_a_broken_instant_is_refused(text: str):
    """Times that do not exist and forms FHIR does not know are refused."""
    assert not days.is_when(text)


@pytest.mark.parametrize(
    ("text", "zone", "day"),
    [
        ("1970-01-01", RIYADH, 0),
        ("1970-01-02", "UTC", 1),
        ("1969-12-31", "UTC", -1),
        ("2026-08-01T22:30:00Z", RIYADH, days.day_number("2026-08-02", RIYADH)),
        ("2026-08-01T20:30:00Z", RIYADH, days.day_number("2026-08-01", RIYADH)),
        ("2026-08-02T00:30:00+03:00", "UTC", days.day_number("2026-08-01", "UTC")),
        ("2026-08-02T00:30:00", "America/New_York", days.day_number("2026-08-02", "UTC")),
        (None, RIYADH, None),
        ("soon", RIYADH, None),
        ("0001-01-01T00:00:00+14:00", "UTC", None),
    ],
)
def test_a_day_is_counted_in_the_zone(text: str, zone: str, day: int | None):
    """An instant moves into the zone; a date and a local time already are there; the unreadable is None."""
    assert days.day_number(text, zone) == day


@given(st.dates())
def test_a_date_counts_from_the_epoch(when: date):
    """The number is the difference in days to 1970-01-01, whatever the zone."""
    expected = (when - date(1970, 1, 1)).days
    assert days.day_number(when.isoformat(), RIYADH) == expected


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001 - made aware below
def test_an_instant_is_at_most_one_day_from_its_utc_date(moment: datetime):
    """Moving between zones never moves a date by more than one."""
    aware = moment.replace(tzinfo=UTC)
    utc_day = days.day_number(aware.isoformat(), "UTC")
    local_day = days.day_number(aware.isoformat(), RIYADH)
    assert utc_day is not None
    assert local_day is not None
    assert 0 <= local_day - utc_day <= 1


@given(st.text(max_size=40))
def test_any_text_is_judged_without_an_exception(text: str):
    """is_when answers for any text, and parse agrees with it."""
    if days.is_when(text):
        days.parse(text)
    else:
        with pytest.raises(errors.Invalid):
            days.parse(text)
