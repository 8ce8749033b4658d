"""How many claims may be under way so that each is answered in time: measured, never configured."""

import msgspec

LOOK_SECONDS = 0.25  # over which the rate is taken: some ten batches, so that one more or less is little
LULL_SECONDS = 0.1  # a crowd that leaves such a gap has not wanted more all the time, and shows no rate
CALM_SECONDS = 10.0  # without a refusal, after which what was learnt is of another time
EASE = 0.5  # how far one look moves the limit towards what it saw


class Bounds(msgspec.Struct, frozen=True):
    """How long a claim may be under way, and between which numbers that moves the limit from the `first`."""

    seconds: float
    fewest: int
    most: int
    first: int


class Pace:
    """Finds, by Little's law, how many claims can be under way while each takes `bounds.seconds`.

    That is the rate of answers times that time. Only a crowd that wants more than it gets all the time shows
    the rate that is possible, so one look lasts from a refusal to a refusal with no lull between. The rate
    grows more slowly than the number under way, so that looks move the limit towards one point. After a calm
    the limit is the first one again: a burst is not refused for what another crowd showed. Times are in
    seconds that never run backwards.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self.limit = bounds.first
        self._answers = 0
        self._began = self._last = float("-inf")

    def answered(self) -> None:
        """Count an answer."""
        self._answers += 1

    def refused(self, now: float) -> bool:
        """Take note that more is wanted than there is; return whether `limit` may have changed."""
        quiet, self._last = now - self._last, now
        if quiet > LULL_SECONDS:
            self._begin(now)
            if quiet > CALM_SECONDS:
                self.limit = self._bounds.first
                return True
        passed = now - self._began
        if passed < LOOK_SECONDS:
            return False
        moved = self.limit + EASE * (self._answers / passed * self._bounds.seconds - self.limit)
        self.limit = max(self._bounds.fewest, min(self._bounds.most, round(moved)))
        self._begin(now)
        return True

    def _begin(self, now: float) -> None:
        self._began, self._answers = now, 0
