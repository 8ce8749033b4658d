"""Explain every claim and line of a batch, flagged or not. Knows no transport and no file."""

from collections.abc import Sequence

from chassis import contexts as callers
from scoring.domain import rows
from scoring.usecases import score


class Explain:
    """The same answers as `score.Score`, with exact contributions for all rows."""

    def __init__(self, scorer: score.Score) -> None:
        self._scorer = scorer

    async def __call__(self, contexts: Sequence[callers.CallContext], batch: rows.Rows) -> list[score.Answer]:
        """Return one explained score or fault per context; raises what `Score` raises."""
        return await self._scorer(contexts, batch, explain_all=True)
