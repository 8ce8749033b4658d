"""A clock that stands on a day a person named, for judging claims as of then."""

from datetime import UTC, date, datetime, time

from chassis import clock as clocks

NOON = time(12)  # the same day in every zone the product serves


class AsOf:
    """Tells noon of one day, UTC; seconds for deadlines still run."""

    def __init__(self, day: date) -> None:
        self._now = datetime.combine(day, NOON, UTC)
        self._system = clocks.SystemClock()

    def now(self) -> datetime:
        """Return noon of the day."""
        return self._now

    def monotonic(self) -> float:
        """Return the running monotonic clock in seconds."""
        return self._system.monotonic()
