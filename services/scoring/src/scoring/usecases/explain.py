"""Explain every claim and line of a batch, flagged or not. Knows no transport and no file."""

from collections.abc import Sequence

from chassis import contexts as callers
from scoring.domain import rows
from scoring.usecases import answer


class Explain:
    """The same answers as `answer.Answer`, by the same arms, with exact contributions for all rows."""

    def __init__(self, answering: answer.Answer) -> None:
        self._answering = answering

    async def __call__(
        self, contexts: Sequence[callers.CallContext], batch: rows.Rows, *, keys: Sequence[int] = ()
    ) -> list[answer.Served]:
        """Return one explained answer per context; raises what `answer.Answer` raises."""
        return await self._answering(contexts, batch, keys=keys, explain_all=True)
