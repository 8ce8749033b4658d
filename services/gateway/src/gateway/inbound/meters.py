"""How many requests are served at once, and how long each took, by method, route and status."""

from collections.abc import Callable

from chassis import clock as clocks
from chassis import telemetry

METHODS = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"})


class Meter:
    """Counts the requests of one door; at most `limit` are to be served at once."""

    def __init__(self, clock: clocks.Clock, limit: int) -> None:
        self.now, self._limit = clock.monotonic, limit
        self._serving = 0
        self._seconds = telemetry.histogram(
            "http_request_seconds", "Seconds until an answer's end.", ("method", "route", "status")
        )
        self._observers: dict[tuple[str, str, int], Callable[[float], None]] = {}

    def full(self) -> bool:
        """Return whether one more request is one too many."""
        return self._serving >= self._limit

    def over(self) -> bool:
        """Return whether more are served than may be: who came last is one too many."""
        return self._serving > self._limit

    def enter(self) -> float:
        """Count a request in; return when it began, for `leave`."""
        self._serving += 1
        return self.now()

    def leave(self, method: str, route: str, status: int, began: float) -> None:
        """Count a request out; `route` is a pattern, never a path: a path names claims."""
        self._serving -= 1
        key = (method if method in METHODS else "other", route, status)
        observe = self._observers.get(key)
        if observe is None:
            observe = self._observers[key] = self._seconds.labels(*map(str, key)).observe
        observe(self.now() - began)
