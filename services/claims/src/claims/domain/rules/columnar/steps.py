"""Steps over a batch: each a function of earlier results, done when a rule first needs it, and once.

Room: domain; knows no tree and no rule. Slot 0 holds the batch itself.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

from claims.domain.rules import tables
from claims.domain.rules.columnar import batches, vectors

BATCH = 0


class Step(NamedTuple):
    """A function and the slots of its arguments."""

    function: Callable[..., Any]
    slots: tuple[int, ...]


class Plan:
    """Collects steps; equal ones have one slot."""

    def __init__(self, known: tables.Tables) -> None:
        self.tables = known
        self.steps: list[Step] = [Step(lambda: None, ())]
        self._slots: dict[Hashable, int] = {}

    def step(self, key: Hashable, function: Callable[..., Any], *slots: int) -> int:
        """Return the slot of function(results of slots); the key names the function, a new one a new step."""
        place = (key, slots)
        if place not in self._slots:
            self._slots[place] = len(self.steps)
            self.steps.append(Step(function, slots))
        return self._slots[place]

    def column(self, rows: str, name: str) -> int:
        """Return the slot of a column."""
        return self.step(("column", rows, name), lambda batch: batch.column(rows, name), BATCH)

    def owners(self, slot: int, rows: str) -> int:
        """Return the slot of a claim's value beside each of the claim's rows."""
        return self.step(
            ("owners", rows), lambda batch, found: vectors.take(found, batch.rows(rows).owner), BATCH, slot
        )

    def order(self, slot: int) -> list[int]:
        """Return a slot and all it rests on, in an order in which they can be done."""
        found: dict[int, None] = {}
        waiting = [(slot, False)]
        while waiting:
            at, ready = waiting.pop()
            if ready:
                found[at] = None
            elif at not in found and at != BATCH:
                waiting.append((at, True))
                waiting += [(part, False) for part in reversed(self.steps[at].slots)]
        return list(found)


class Run:
    """One batch on its way through the steps; every result is kept."""

    def __init__(self, batch: batches.Batch, plan: Plan) -> None:
        self.batch, self._steps = batch, plan.steps
        self._done: list[Any] = [None] * len(plan.steps)
        self._done[BATCH] = batch

    def get(self, order: Sequence[int]) -> Any:
        """Return what the last of these steps gives; raise HandedOverError, each time, where it cannot."""
        done, steps = self._done, self._steps
        for slot in order:
            if done[slot] is None:
                function, slots = steps[slot]
                if len(slots) == 2:  # noqa: PLR2004 - most steps: spares them a list
                    done[slot] = function(done[slots[0]], done[slots[1]])
                else:
                    done[slot] = function(*[done[at] for at in slots])
        return done[order[-1]]
