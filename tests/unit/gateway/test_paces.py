"""How many claims may be under way: found from what is answered, whatever the machine behind can do."""

import hypothesis
import pytest
from hypothesis import strategies

from gateway.domain import paces

BOUNDS = paces.Bounds(seconds=0.1, fewest=10, most=1_000, first=100)
STEP = 0.01


def _crowd(pace: paces.Pace, seconds: float, rate: float, began: float = 0.0) -> float:
    """Let so many claims a second be answered while others are refused all the time; return the end."""
    owed = 0.0
    for step in range(round(seconds / STEP)):
        owed += rate * STEP
        while owed >= 1:
            pace.answered()
            owed -= 1
        pace.refused(began + step * STEP)
    return began + seconds


@hypothesis.given(strategies.floats(0, 50_000), strategies.floats(0, 50_000))
def test_the_limit_is_what_is_answered_in_the_time_given(before: float, rate: float) -> None:
    """From wherever it stood it goes to rate times seconds (Little's law), never beyond its bounds."""
    pace = paces.Pace(BOUNDS)
    now = _crowd(pace, 8, before)
    _crowd(pace, 8, rate, now)
    aim = min(BOUNDS.most, max(BOUNDS.fewest, rate * BOUNDS.seconds))
    assert BOUNDS.fewest <= pace.limit <= BOUNDS.most
    assert pace.limit == pytest.approx(aim, rel=0.05, abs=1.5)


@pytest.mark.parametrize("fixed_ms", [2, 10, 30])
@pytest.mark.parametrize("each_ms", [0.2, 0.7])
def test_looks_settle_where_a_claim_takes_its_time(fixed_ms: float, each_ms: float) -> None:
    """Where a batch costs so much and a claim so much more, latency ends at the seconds given."""
    pace = paces.Pace(BOUNDS)
    now = 0.0
    for _ in range(20):
        seconds = (fixed_ms + each_ms * pace.limit) / 1_000
        now = _crowd(pace, 1, pace.limit / seconds, now)
    latency = (fixed_ms + each_ms * pace.limit) / 1_000
    assert latency == pytest.approx(BOUNDS.seconds, rel=0.05)


def test_a_quiet_door_teaches_nothing() -> None:
    """Few claims that are all let in say nothing of what is possible."""
    pace = paces.Pace(BOUNDS)
    for _ in range(100):
        pace.answered()
    assert pace.limit == BOUNDS.first


def test_a_burst_after_a_quiet_time_teaches_nothing() -> None:
    """The time before it counts for nothing: nothing was wanted then."""
    pace = paces.Pace(BOUNDS)
    pace.answered()
    for at in (3_600.0, 3_600.01, 7_200.0, 7_200.05):
        pace.refused(at)
    assert pace.limit == BOUNDS.first


def test_after_a_calm_the_limit_is_the_first_again() -> None:
    """What a crowd showed an hour ago does not refuse a burst of now; a lull of a second forgets nothing."""
    pace = paces.Pace(BOUNDS)
    now = _crowd(pace, 5, 300)
    learnt = pace.limit
    assert not pace.refused(now + 1)
    assert pace.limit == learnt == pytest.approx(30, abs=2)
    assert pace.refused(now + 3_600)
    assert pace.limit == BOUNDS.first


def test_a_lull_begins_the_look_anew() -> None:
    """Refusals far apart do not prove that more was wanted between them."""
    pace = paces.Pace(BOUNDS)
    pace.refused(0.0)
    for second in range(1, 10):
        assert not pace.refused(second / 2)
    assert pace.limit == BOUNDS.first


def test_a_machine_that_stands_still_is_given_less_and_then_more_again() -> None:
    """Nothing answered: down to the fewest; answered as before: back within a few seconds."""
    pace = paces.Pace(BOUNDS)
    now = _crowd(pace, 5, 0)
    assert pace.limit == BOUNDS.fewest
    _crowd(pace, 5, 2_000, now)
    assert pace.limit == pytest.approx(200, abs=10)
