"""The last day to file: counted from the last service, for claims that are not said again."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.domain import deadlines
from claims.domain.rules import examples
from formats import model

EPOCH = dt.date(1970, 1, 1).toordinal()


def claim(**partial: Any) -> model.Claim:
    """An example claim with changed fields."""
    return examples.build(partial)[0]


def day(text: str) -> int:
    """The day number of an ISO day."""
    return dt.date.fromisoformat(text).toordinal() - EPOCH


@pytest.mark.parametrize(
    ("partial", "last"),
    [
        ({"lines": [{"service_date": "2026-05-01"}, {"service_date": "2026-05-03"}]}, "2026-05-03"),
        ({"lines": [{"service_date": "2026-05-01", "service_end": "2026-05-09"}]}, "2026-05-09"),
        ({"lines": [{"service_date": "2026-05-01T22:30:00Z"}], "regime": "nphies"}, "2026-05-02"),
        ({"lines": [{"service_date": "2026-05-02T02:30:00Z"}], "regime": "x12-us"}, "2026-05-01"),
        ({"lines": [{"service_date": None}], "billable_period": {"start": "2026-05-01", "end": "2026-05-04"}},
         "2026-05-04"),
        ({"lines": [{"service_date": None}], "billable_period": {"start": "2026-05-01"}}, "2026-05-01"),
        ({"lines": [{"service_date": None}], "billable_period": None,
          "encounter": {"class": "IMP", "start": "2026-05-01", "end": "2026-05-06"}}, "2026-05-06"),
    ],
)  # fmt: skip
def test_the_last_service_is_the_latest_day_told(partial: dict[str, Any], last: str):
    """Of the lines, else of the billed period, else of the encounter; in the claim's own zone."""
    assert deadlines.last_service(claim(**partial)) == day(last)


def test_a_claim_without_days_has_no_last_service():
    """Nothing is guessed from the day it was made out."""
    bare = claim(lines=[{"service_date": None}], billable_period=None, encounter=None)
    assert deadlines.last_service(bare) is None


@pytest.mark.parametrize(
    ("partial", "fresh"),
    [
        ({}, True),
        ({"frequency_code": "1"}, True),
        ({"frequency_code": "7"}, False),
        ({"frequency_code": "8"}, False),
        ({"use": "preauthorization"}, False),
        ({"related": [{"claim_id": "C0", "relationship": "associated"}]}, True),
        ({"related": [{"claim_id": "C0", "relationship": "prior"}]}, False),
        ({"related": [{"claim_id": "C0", "relationship": "appealing"}]}, False),
    ],
)
def test_a_claim_said_again_counts_from_elsewhere(partial: dict[str, Any], *, fresh: bool):
    """A replacement's days begin with the payer's answer, which the claim does not hold."""
    assert deadlines.starts_afresh(claim(**partial)) is fresh


@given(st.integers(0, 40_000), st.integers(0, 4_000))
def test_the_last_day_lies_the_limit_after_the_service(start: int, limit: int):
    """Day and limit add up."""
    assert day(deadlines.after(start, limit)) == start + limit


def test_a_limit_beyond_the_calendar_ends_with_it():
    """Whoever writes a very large number gets the last day there is."""
    assert deadlines.after(20_000, 10**9) == "9999-12-31"
    assert deadlines.after(20_000, -5) == deadlines.after(20_000, 0)
