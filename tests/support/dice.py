"""One way to choose for two kinds of tests: from a seed, or drawn by Hypothesis so that it can shrink."""

import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from hypothesis import strategies as st


class Dice(Protocol):
    """Chooses whole numbers and members of lists."""

    def whole(self, low: int, high: int) -> int:
        """Return a whole number between two, both included."""

    def one[T](self, values: Sequence[T]) -> T:
        """Return a member of a list."""


class Seeded:
    """Dice that fall the same way for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - test data, no secret

    def whole(self, low: int, high: int) -> int:
        """Return a whole number between two, both included."""
        return self._random.randint(low, high)

    def one[T](self, values: Sequence[T]) -> T:
        """Return a member of a list."""
        return values[self._random.randrange(len(values))]


class Drawn:
    """Dice in the hand of Hypothesis."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def whole(self, low: int, high: int) -> int:
        """Return a whole number between two, both included."""
        return self._draw(st.integers(low, high))

    def one[T](self, values: Sequence[T]) -> T:
        """Return a member of a list."""
        return self._draw(st.sampled_from(values))


def strategy(make: Callable[[Dice], dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy of what `make` makes."""

    @st.composite
    def made(draw: st.DrawFn) -> dict[str, Any]:
        return make(Drawn(draw))

    return made()
