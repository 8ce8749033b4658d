"""Our coalescing client for callers who have their rows ready, as the peer's callers have their matrix.

One item is a claim as columns with a dictionary of its own; whatever is asked at the same moment travels as
one batch over one stream (chassis.coalescing, chassis.streams), as the claims room does it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import grpc
import numpy as np

from chassis import clock as clocks
from chassis import coalescing, errors, streams
from formats import model
from formats import rows as row_schema
from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import scoring_pb2, scoring_pb2_grpc

KINDS = {"codes": "<u4", "i64": "<i8", "f64": "<f8"}
LEVELS = (row_schema.CLAIM_COLUMNS, row_schema.LINE_COLUMNS)
PATIENCE = 60.0  # seconds an item may take


class Item(NamedTuple):
    """A claim: its words, its lines' number, and per level and kind the values, columns × rows."""

    words: list[str]
    lines: int
    blocks: dict[tuple[int, str], np.ndarray]


def item(claim: model.Claim, history: row_schema.History) -> Item:
    """Return a claim made ready."""
    batch = row_schema.build([claim], [history])
    blocks = {
        (level, kind): np.array([found[name] for name, held in names.items() if held == kind], dtype=form)
        for level, (names, found) in enumerate(zip(LEVELS, (batch.claims, batch.lines), strict=True))
        for kind, form in KINDS.items()
        if kind in names.values()
    }
    return Item(batch.dictionary, len(claim.lines), blocks)


class Client:
    """Scores items that are asked for at the same time together; answers probability and lines' ones."""

    def __init__(self, channel: grpc.aio.Channel, clock: clocks.Clock) -> None:
        self._clock = clock
        self._stream: streams.BatchStream[scoring_pb2.ScoreRequest, scoring_pb2.ScoreResponse] = (
            streams.BatchStream(scoring_pb2_grpc.ScorerStub(channel).ScoreStream, clock=clock, resend=True)
        )
        self._coalescer: coalescing.Coalescer[Item, tuple[float, list[float]]] = coalescing.Coalescer(
            self._exchange, max_rows=256, max_bytes=4 << 20, max_queue=4_096, size_of=lambda _: 1, clock=clock
        )

    async def score(self, one: Item) -> tuple[float, list[float]]:
        """Return the probability of a claim and of its lines."""
        return await self._coalescer.submit(one, deadline=self._clock.monotonic() + PATIENCE)

    async def aclose(self) -> None:
        """Wait for what is in flight."""
        await self._coalescer.aclose()
        await self._stream.aclose()

    async def _exchange(self, items: list[Item]) -> Sequence[tuple[float, list[float]] | errors.Fault]:
        request = scoring_pb2.ScoreRequest(
            contexts=[
                common_pb2.Context(item_id=str(at), tenant="demo", remaining_ms=60_000)
                for at in range(len(items))
            ],
            rows=_rows(items),
            claim_keys=range(1, len(items) + 1),
            columnar=True,
            known_revisions=self._known,
        )
        answer = await self._stream.exchange(request, deadline=self._clock.monotonic() + PATIENCE)
        (part,) = answer.parts
        self._known = [part.model_revision]
        chances = np.frombuffer(part.probabilities, "<f8").tolist()
        lines = np.frombuffer(part.line_probabilities, "<f8").tolist()
        ends = np.cumsum([one.lines for one in items]).tolist()
        return [
            (chance, lines[end - one.lines : end])
            for one, chance, end in zip(items, chances, ends, strict=True)
        ]

    _known: Sequence[str] = ()


def _rows(items: list[Item]) -> scoring_pb2.Rows:
    """Return the items as one message: dictionaries joined, codes moved by where theirs begins."""
    words = [word for one in items for word in one.words]
    begins = np.cumsum([0, *(len(one.words) for one in items[:-1])], dtype=np.uint32)
    counts = [one.lines for one in items]
    return scoring_pb2.Rows(
        schema_hash=row_schema.SCHEMA_HASH,
        line_offsets=np.cumsum([0, *counts]).tolist(),
        dictionary=words,
        claim_columns=_columns(items, 0, begins),
        line_columns=_columns(items, 1, begins.repeat(counts)),
    )


def _columns(items: list[Item], level: int, begins: np.ndarray) -> list[common_pb2.Column]:
    found = []
    for kind in KINDS:
        names = [name for name, held in LEVELS[level].items() if held == kind]
        if not names:
            continue
        joined = np.concatenate([one.blocks[level, kind] for one in items], axis=1)
        joined = joined + begins if kind == "codes" else joined
        found += [
            common_pb2.Column(name=name, **{kind: row.tobytes()})
            for name, row in zip(names, joined, strict=True)
        ]
    return found
