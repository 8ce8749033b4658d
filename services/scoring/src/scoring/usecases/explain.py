"""Explain every claim and line of a batch, flagged or not. Knows no transport and no file."""

from collections.abc import Sequence

from scoring.domain import rows
from scoring.usecases import answer


class Explain:
    """The same answers as `answer.Answer`, by the same arms, with exact contributions for all rows."""

    def __init__(self, answering: answer.Answer) -> None:
        self._answering = answering

    async def __call__(
        self, deadlines: Sequence[float], batch: rows.Rows, *, keys: answer.Keys
    ) -> answer.Answered:
        """Return one explained answer per claim; raises what `answer.Answer` raises."""
        return await self._answering(deadlines, batch, keys=keys, depth="all")
