"""Tell what is unusual about a batch among its peers. Knows no transport and no file.

Beside the score and never in its way: whatever fails here is said, logged once, and the score stands.
"""

import asyncio
from concurrent import futures

import numpy as np

from chassis import logs
from scoring.domain import anomalies, columns, few_peers, rows

# Up to here a batch costs about half a millisecond: handing it to a thread would cost more than it frees.
INLINE_ROWS = 256
FAILED = "anomaly.failed"


class Unusual:
    """Judges batches with one model; `worker` is a single thread for batches above `INLINE_ROWS` rows."""

    def __init__(self, model: anomalies.Model, *, worker: futures.Executor) -> None:
        self.model = model
        self._usual = few_peers.Usual(model.book)
        self._worker = worker
        self._log = logs.get("scoring.anomalies")

    async def __call__(
        self, batch: rows.Rows, *, everything: bool = False
    ) -> list[tuple[anomalies.Anomaly, ...]]:
        """Return what is told of each claim: what is unusual, or with `everything` all of it."""
        try:
            if batch.few and not everything and self._usual(batch):
                return [()] * batch.items
            if batch.size <= INLINE_ROWS:
                return anomalies.judge(self.model, batch, everything=everything)
            return await asyncio.get_running_loop().run_in_executor(
                self._worker, lambda: anomalies.judge(self.model, batch, everything=everything)
            )
        except Exception as cause:  # noqa: BLE001 - a hint that cannot be given must not cost the score
            self._log.error("anomalies failed", exc_info=cause)
            return [(anomalies.Anomaly(None, FAILED),)] * batch.items

    def warm(self) -> None:
        """Judge one empty line, so that the first claim does not pay for what is done once."""
        anomalies.judge(self.model, _nothing(self.model.row_schema_hash), everything=True)


def _nothing(schema_hash: str) -> rows.Rows:
    """Return a claim with one line in which everything is missing."""
    heads, bodies = (
        rows.Columns(
            level,
            np.zeros((len(level[0]), 1), dtype=np.uint32),
            np.full((len(level[1]), 1), np.nan),
        )
        for level in (columns.CLAIM_LEVEL, columns.LINE_LEVEL)
    )
    return rows.Rows(schema_hash, np.array([0, 1]), [""], heads, bodies)
