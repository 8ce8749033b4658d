"""Complete: each wish of a claim is put to a model that knows its kind, and answered or refused."""

import asyncio
from collections.abc import Sequence
from concurrent import futures

from scoring.domain import (
    completion,
    completion_amounts,
    completion_models,
    completion_pricing,
    completion_routing,
    completion_suggesting,
)

type Told = tuple[completion.Suggestion | completion.Refusal, str]  # and the revision that told it


class Complete:
    """Answers from the bundles of one process; `worker` keeps the event loop free."""

    def __init__(
        self, served: Sequence[completion_models.Served], *, worker: futures.ThreadPoolExecutor
    ) -> None:
        self._served, self._worker = tuple(served), worker

    @property
    def origins(self) -> tuple[completion.Origin, ...]:
        """The models that are served."""
        return tuple(one.origin for one in self._served)

    async def __call__(
        self, facts: completion.Facts, wishes: Sequence[completion.Wish]
    ) -> list[completion.Answer]:
        """Return one answer per wish, in order."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, self.answer, facts, wishes)

    def answer(self, facts: completion.Facts, wishes: Sequence[completion.Wish]) -> list[completion.Answer]:
        """Return one answer per wish, in order, on the calling thread."""
        lines = {line.place: line for line in facts.lines}
        wanted = [lines[wish.line] for wish in wishes if wish.kind == completion.NET]
        amounts = iter(self._amounts(facts, wanted))
        return [
            completion.Answer(
                wish.path,
                *(self._diagnosis(facts) if wish.kind == completion.DIAGNOSIS else next(amounts)),
            )
            for wish in wishes
        ]

    def _diagnosis(self, facts: completion.Facts) -> Told:
        route = completion_routing.diagnosis(self._served, facts)
        if isinstance(route, completion.Refusal):
            return route, ""
        found = completion_suggesting.suggest(route.bundle, facts, route.system)
        return found, route.bundle.origin.revision

    def _amounts(self, facts: completion.Facts, lines: Sequence[completion.Line]) -> list[Told]:
        """Return what is told of each line; each model is asked once for all its lines."""
        told: dict[int, Told] = {}
        asked: dict[str, tuple[completion_models.Amounts, list[int]]] = {}
        for number, line in enumerate(lines):
            bundle = completion_routing.amount(self._served, facts, line)
            if isinstance(bundle, completion.Refusal):
                told[number] = bundle, ""
            else:
                asked.setdefault(bundle.origin.revision, (bundle, []))[1].append(number)
        for revision, (bundle, numbers) in asked.items():
            found = completion_pricing.suggest(bundle, facts, [lines[number] for number in numbers])
            told |= {number: (one, revision) for number, one in zip(numbers, found, strict=True)}
        return [told[number] for number in range(len(lines))]


def warm(served: Sequence[completion_models.Served]) -> None:
    """Ask each model once, so that the first claim pays for nothing."""
    for one in served:
        if isinstance(one, completion_models.Diagnoses):
            for system in one.origin.knows.answers:
                completion_suggesting.shares(one, completion.Facts(), system)
        else:
            completion_amounts.expect(
                one.model, [completion_amounts.Asked(completion.Facts(), completion.Line(0, "", ""))]
            )
