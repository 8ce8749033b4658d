"""Our coalescing client for callers who have their rows ready, as the peer's callers have their matrix.

One item is a claim as records with a dictionary of its own; whatever is asked at the same moment travels as
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

KINDS = (row_schema.CLAIM_COLUMNS, row_schema.LINE_COLUMNS)
CODED = tuple([*kinds.values()].count("codes") for kinds in KINDS)  # they stand first in a record
PATIENCE = 60.0  # seconds an item may take


class Item(NamedTuple):
    """A claim: its words, the number of its lines, and the records of both."""

    words: list[str]
    lines: int
    claim_records: bytes
    line_records: bytes


def item(claim: model.Claim, history: row_schema.History) -> Item:
    """Return a claim made ready."""
    rows = row_schema.pack([claim], [history])
    return Item([*rows.dictionary], len(claim.lines), rows.claim_records, rows.line_records)


class Client:
    """Scores items that are asked for at the same time together; answers probability and lines' ones.

    `plain` asks for these alone, without reasons.
    """

    def __init__(self, channel: grpc.aio.Channel, clock: clocks.Clock, *, plain: bool) -> None:
        self._clock, self._plain = clock, plain
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
            probabilities_only=self._plain,
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
        claim_records=_records([one.claim_records for one in items], CODED[0], begins),
        line_records=_records([one.line_records for one in items], CODED[1], begins.repeat(counts)),
    )


def _records(parts: list[bytes], coded: int, begins: np.ndarray) -> bytes:
    joined = np.frombuffer(bytearray(b"".join(parts)), dtype="<u4").reshape(len(begins), -1)
    joined[:, :coded] += begins[:, None]
    return joined.tobytes()
