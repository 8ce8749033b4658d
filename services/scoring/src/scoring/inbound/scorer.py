# ruff: noqa: N802, ARG002 - names and signatures are those of the generated servicer
"""The Scorer servicer: each method converts, calls a use case, converts back."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from chassis import clock as clocks
from chassis import contexts as callers
from chassis import errors, streams, telemetry
from scoring.domain import models
from scoring.inbound import converters
from scoring.usecases import explain, score
from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import scoring_pb2, scoring_pb2_grpc

NAME = "ultrathink.scoring.v1.Scorer"


class Scorer(scoring_pb2_grpc.ScorerServicer):
    """Answers with one model.

    A batch that cannot be understood is a fault of the call in the unary methods; on the stream, which many
    callers share, each of its items carries that fault and the other batches go on.
    """

    def __init__(
        self, model: models.Model, scoring: score.Score, explaining: explain.Explain, clock: clocks.Clock
    ) -> None:
        self._model, self._score, self._explain, self._clock = model, scoring, explaining, clock
        self._info = converters.to_info(model)

    async def Score(self, request: scoring_pb2.ScoreRequest, context: Any) -> scoring_pb2.ScoreResponse:
        """Score many rows in one call."""
        return await self._answer(request)

    def ScoreStream(
        self,
        request_iterator: AsyncIterator[scoring_pb2.ScoreRequest],
        context: Any,
    ) -> AsyncIterator[scoring_pb2.ScoreResponse]:
        """Score batches as they come."""
        return streams.serve_batches(request_iterator, self._answer_always)

    async def Explain(self, request: scoring_pb2.ExplainRequest, context: Any) -> scoring_pb2.ExplainResponse:
        """Explain every row of one call."""
        contexts = self._contexts(request.contexts)
        answers = await self._explain(contexts, converters.to_rows(request.rows))
        return scoring_pb2.ExplainResponse(
            model=self._info, claims=converters.to_claims(self._model, contexts, answers)
        )

    async def GetModel(
        self, request: scoring_pb2.GetModelRequest, context: Any
    ) -> scoring_pb2.GetModelResponse:
        """Say which model answers, with its card and its figures."""
        return scoring_pb2.GetModelResponse(
            model=self._info, card=self._model.card, metrics_json=self._model.metrics_json
        )

    async def _answer(self, request: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        contexts = self._contexts(request.contexts)
        followed = [context.traceparent for context in contexts]
        with telemetry.batch_span("scoring.score", followed, rows=len(contexts)):
            answers = await self._score(contexts, converters.to_rows(request.rows))
        return scoring_pb2.ScoreResponse(
            batch_id=request.batch_id,
            model=self._info,
            claims=converters.to_claims(self._model, contexts, answers),
        )

    async def _answer_always(self, request: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        try:
            return await self._answer(request)
        except errors.Fault as fault:
            items = [context.item_id for context in request.contexts]
            return scoring_pb2.ScoreResponse(
                batch_id=request.batch_id, model=self._info, claims=converters.refusals(items, fault)
            )

    def _contexts(self, wire: Sequence[common_pb2.Context]) -> list[callers.CallContext]:
        return [callers.from_wire(one, self._clock) for one in wire]
