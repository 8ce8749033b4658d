# ruff: noqa: N802, ARG002 - names and signatures are those of the generated servicer
"""The Scorer servicer: each method converts, calls a use case, converts back."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, NamedTuple

from chassis import clock as clocks
from chassis import errors, streams, telemetry
from scoring.domain import arms, rows, scores
from scoring.inbound import (
    anomaly_converters,
    arm_converters,
    completion_converters,
    converters,
    part_converters,
)
from scoring.usecases import answer, complete, crew, explain, gather, promote, roll_back, shadow, unusual
from ultrathink.common.v1 import common_pb2
from ultrathink.scoring.v1 import completion_pb2, scoring_pb2, scoring_pb2_grpc

NAME = "ultrathink.scoring.v1.Scorer"
OPERATOR = "operator"


class Rooms(NamedTuple):
    """The use cases behind the door."""

    answer: answer.Answer
    gather: gather.Gather
    explain: explain.Explain
    crew: crew.Crew
    shadow: shadow.Shadow
    complete: complete.Complete
    watching: unusual.Unusual | None = None


class Scorer(scoring_pb2_grpc.ScorerServicer):
    """Answers by the arms of one process.

    A batch that cannot be understood is a fault of the call in the unary methods; on the stream, which many
    callers share, each of its items carries that fault and the other batches go on.
    """

    def __init__(self, rooms: Rooms, clock: clocks.Clock) -> None:
        self._rooms, self._clock = rooms, clock
        watching = rooms.watching
        self._watching = None if watching is None else anomaly_converters.to_info(watching.model)

    async def Score(self, request: scoring_pb2.ScoreRequest, context: Any) -> scoring_pb2.ScoreResponse:
        """Score many rows in one call."""
        return await self._answer(request, self._rooms.gather)

    def ScoreStream(
        self,
        request_iterator: AsyncIterator[scoring_pb2.ScoreRequest],
        context: Any,
    ) -> AsyncIterator[scoring_pb2.ScoreResponse]:
        """Score batches as they come."""
        return streams.serve_batches(request_iterator, self._answer_always)

    async def Explain(self, request: scoring_pb2.ExplainRequest, context: Any) -> scoring_pb2.ExplainResponse:
        """Explain every row of one call."""
        converters.to_task(request.task)
        keys = _keys(request.contexts, request.claim_keys)
        batch = converters.to_rows(request.rows)
        served = await self._rooms.explain(self._deadlines(request.contexts), batch, keys=keys)
        told = scoring_pb2.ExplainResponse(
            model=self._stable(served.parts),
            claims=converters.to_claims(_items(request.contexts), served, whole=True),
            candidates=_candidates(served.parts),
        )
        await self._add_anomalies(told, batch, everything=True)
        return told

    async def GetModel(
        self, request: scoring_pb2.GetModelRequest, context: Any
    ) -> scoring_pb2.GetModelResponse:
        """Say which models answer; card and figures are the stable one's."""
        model = self._rooms.crew.lineup.stable.candidate.model
        return scoring_pb2.GetModelResponse(
            model=self._stable(),
            card=model.card,
            metrics_json=model.metrics_json,
            arms=arm_converters.to_arms(self._rooms.crew.standings()),
            anomaly_model=self._watching,
        )

    async def Complete(
        self, request: completion_pb2.CompleteRequest, context: Any
    ) -> completion_pb2.CompleteResponse:
        """Suggest what a claim leaves open, or say why not."""
        facts = completion_converters.to_facts(request.claim)
        wishes = completion_converters.to_wishes(request.wishes, facts)
        followed = [request.context.traceparent]
        with telemetry.batch_span("scoring.complete", followed, rows=len(wishes)):
            answers = await self._rooms.complete(facts, wishes)
        return completion_converters.to_response(answers, self._rooms.complete.origins)

    async def CompareArms(
        self, request: scoring_pb2.CompareArmsRequest, context: Any
    ) -> scoring_pb2.CompareArmsResponse:
        """Say how the shadow differs from the stable arm."""
        self._permit(request.context)
        lineup = self._rooms.crew.lineup
        return arm_converters.to_comparison(lineup, self._rooms.shadow.report(lineup))

    async def PromoteArm(
        self, request: scoring_pb2.PromoteArmRequest, context: Any
    ) -> scoring_pb2.PromoteArmResponse:
        """Make a candidate stable."""
        self._permit(request.context)
        await promote.promote(self._rooms.crew, request.arm, request.revision)
        told = arm_converters.to_arms(self._rooms.crew.standings())
        return scoring_pb2.PromoteArmResponse(arms=told, durable=self._rooms.crew.durable)

    async def RollBack(
        self, request: scoring_pb2.RollBackRequest, context: Any
    ) -> scoring_pb2.RollBackResponse:
        """Take candidates out of the answers."""
        self._permit(request.context)
        await roll_back.roll_back(self._rooms.crew)
        told = arm_converters.to_arms(self._rooms.crew.standings())
        return scoring_pb2.RollBackResponse(arms=told, durable=self._rooms.crew.durable)

    async def _answer(
        self, request: scoring_pb2.ScoreRequest, room: answer.Answer | gather.Gather
    ) -> scoring_pb2.ScoreResponse:
        converters.to_task(request.task)
        keys = _keys(request.contexts, request.claim_keys)
        followed = (context.traceparent for context in request.contexts)
        with telemetry.batch_span("scoring.score", followed, rows=len(request.contexts)):
            batch = converters.to_rows(request.rows)
            depth: scores.Depth = "probabilities" if request.probabilities_only else "flagged"
            served = await room(self._deadlines(request.contexts), batch, keys=keys, depth=depth)
            told = self._told(request, served)
            if request.anomalies:
                await self._add_anomalies(told, batch)
        return told

    async def _add_anomalies(
        self,
        told: scoring_pb2.ScoreResponse | scoring_pb2.ExplainResponse,
        batch: rows.Rows,
        *,
        everything: bool = False,
    ) -> None:
        """Add what is unusual among peers, where this process has a bundle for it."""
        if self._rooms.watching is not None and self._watching is not None:
            found = await self._rooms.watching(batch, everything=everything)
            told.anomalies.extend(anomaly_converters.to_anomalies(found))
            told.anomaly_model.CopyFrom(self._watching)

    def _told(self, request: scoring_pb2.ScoreRequest, served: answer.Answered) -> scoring_pb2.ScoreResponse:
        told = scoring_pb2.ScoreResponse(
            batch_id=request.batch_id,
            model=self._stable(served.parts),
            candidates=_candidates(served.parts),
            reads_records=True,
        )
        if request.columnar:
            for part in served.parts:
                part_converters.add_part(told, part)
                if part.model.revision not in request.known_revisions:
                    part_converters.label(told, part)
        else:
            told.claims.extend(converters.to_claims(_items(request.contexts), served))
        return told

    async def _answer_always(self, request: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        try:
            return await self._answer(request, self._rooms.answer)
        except errors.Fault as fault:
            return scoring_pb2.ScoreResponse(
                batch_id=request.batch_id,
                model=self._stable(),
                claims=converters.refusals(list(_items(request.contexts)), fault),
                reads_records=True,
            )

    def _stable(self, parts: Sequence[crew.Part] = ()) -> scoring_pb2.ModelInfo:
        """Return the stable model that answered, which may have been replaced meanwhile, or that of now."""
        answered = (part.model for part in parts if part.arm == arms.STABLE)
        return converters.to_info(next(answered, self._rooms.crew.lineup.stable.candidate.model))

    def _deadlines(self, wire: Sequence[common_pb2.Context]) -> list[float]:
        """Return when each item's time is over, counted from now."""
        now = self._clock.monotonic()
        return [now + context.remaining_ms / 1000 for context in wire]

    def _permit(self, wire: common_pb2.Context) -> None:
        """Raise Denied `role.not_allowed` for who is no operator."""
        if OPERATOR not in wire.roles:
            raise errors.Denied(
                "role.not_allowed", "Only an operator may look at or change the scoring arms."
            )


def _items(wire: Sequence[common_pb2.Context]) -> Iterable[str]:
    return (context.item_id for context in wire)


def _keys(wire: Sequence[common_pb2.Context], given: Sequence[int]) -> answer.Keys:
    """Return what makes the claims' keys: those given, else tenant and item choose.

    Raises Invalid `rows.keys_mismatch` when some are given and not one each.
    """
    if given and len(given) != len(wire):
        message = f"{len(given)} claim keys came with {len(wire)} contexts: send one each, or none."
        raise errors.Invalid("rows.keys_mismatch", message)
    return lambda: given or [arms.of_identity(context.tenant, context.item_id) for context in wire]


def _candidates(parts: Sequence[crew.Part]) -> list[scoring_pb2.ModelInfo]:
    """Return the models of other arms that answered here."""
    return [converters.to_info(part.model, part.arm) for part in parts if part.arm != arms.STABLE]
