"""The alarm: one timer for many deadlines, told in time and without one for each."""

from hypothesis import given
from hypothesis import strategies as st

import streams_support
from chassis import timers


class Watched:
    """Deadlines, and when each was told."""

    def __init__(self) -> None:
        self.time = streams_support.ManualTime()
        self.left: list[float] = []
        self.told: dict[float, float] = {}
        self.alarm = timers.Alarm(self._look, self.time.monotonic, self.time)

    def watch(self, deadline: float) -> None:
        """Have one more."""
        self.left.append(deadline)
        self.alarm.watch(deadline)

    def _look(self, now: float) -> list[float]:
        self.told |= {deadline: now for deadline in self.left if deadline <= now}
        self.left = [deadline for deadline in self.left if deadline > now]
        return self.left


@given(st.lists(st.integers(0, 5_000).map(lambda ms: 1000 + ms / 1000), unique=True, max_size=20))
def test_every_deadline_is_told_when_it_is_over_and_not_before(deadlines: list[float]) -> None:
    """In whatever order they came, each at most one sweep late."""
    watched = Watched()
    for deadline in deadlines:
        watched.watch(deadline)
    watched.time.advance(10)
    assert sorted(watched.told) == sorted(deadlines)
    assert all(0 <= at - deadline <= timers.SWEEP_SECONDS + 1e-9 for deadline, at in watched.told.items())


def test_later_deadlines_need_no_timer_of_their_own() -> None:
    """Work that comes one after another, each with as much time, shares the first one's timer."""
    watched = Watched()
    for number in range(100):
        watched.watch(1010.0 + number / 100)
    assert len(watched.time.delays) == 1


def test_an_alarm_that_was_stopped_does_not_ring() -> None:
    """Nor does it keep anything of what it watched; it may be set again."""
    watched = Watched()
    watched.watch(1001.0)
    watched.alarm.stop()
    watched.time.advance(5)
    assert watched.told == {}
    watched.watch(1006.0)
    watched.time.advance(5)
    assert sorted(watched.told) == [1001.0, 1006.0]
