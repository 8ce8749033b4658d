"""A claims room for the gateway's tests: the contract's services over gRPC, answering like the twin."""

from collections.abc import AsyncIterator
from typing import Any

import grpc

import partial_servicers
import wired
from chassis import apps, contexts, errors, faults, streams
from chassis import clock as clocks
from gateway import testing
from gateway.domain import exchanges
from ultrathink.claims.v1 import claims_pb2, claims_pb2_grpc

INTAKE = "ultrathink.claims.v1.ClaimIntake"
DESK = "ultrathink.claims.v1.ClaimDesk"
METHODS = {
    INTAKE: ("Submit", "SubmitClaim", "Check", "StreamFile"),
    DESK: ("GetClaim", "ListClaims", "GetHistory", "Explain", "Decide", "Remit", "Watch"),
}


class Intake(partial_servicers.Intake):
    """ClaimIntake over the twin; remembers the batches it saw."""

    def __init__(self, claims: testing.MemoryClaims) -> None:
        self._claims, self._clock = claims, clocks.SystemClock()
        self.batches: list[int] = []
        self.chunks: list[claims_pb2.FileChunk] = []
        self.mute: set[bytes] = set()  # bodies that get no result

    def Submit(self, requests: Any, context: Any) -> AsyncIterator[claims_pb2.SubmitResponse]:  # noqa: N802, ARG002 - the contract's names
        """Answer batches."""
        return streams.serve_batches(requests, self._batch)

    async def _batch(self, request: claims_pb2.SubmitRequest) -> claims_pb2.SubmitResponse:
        self.batches.append(len(request.items))
        results = [await self._item(item, dry_run=request.dry_run) for item in request.items]
        return claims_pb2.SubmitResponse(results=[result for result in results if result is not None])

    async def _item(self, item: claims_pb2.SubmitItem, *, dry_run: bool) -> claims_pb2.SubmitResult | None:
        if item.raw.body in self.mute:
            return None
        context = wired.context(item.context, self._clock)
        submission = exchanges.Submission(item.raw.body, item.raw.media_type, item.accept, dry_run)
        try:
            return result(item.context.item_id, await self._claims.submit(submission, context))
        except errors.Fault as fault:
            return result(item.context.item_id, fault)

    async def StreamFile(self, requests: Any, context: Any) -> AsyncIterator[claims_pb2.SubmitResponse]:  # noqa: N802, ARG002
        """Answer a file."""
        head = await anext(aiter(requests))
        upload = exchanges.Upload(head.media_type, head.dry_run)
        told = wired.context(head.context, self._clock)
        async for several in self._claims.submit_file(upload, self._data(requests), told):
            results = [result("", answer.outcome, answer.position) for answer in several]
            yield claims_pb2.SubmitResponse(results=results)

    async def _data(self, requests: Any) -> AsyncIterator[bytes]:
        async for chunk in requests:
            self.chunks.append(chunk)
            yield chunk.data


class Desk(claims_pb2_grpc.ClaimDeskServicer):
    """ClaimDesk over the twin."""

    def __init__(self, claims: testing.MemoryClaims) -> None:
        self._claims, self._clock = claims, clocks.SystemClock()

    async def Remit(self, requests: Any, context: Any) -> AsyncIterator[claims_pb2.SubmitResponse]:  # noqa: N802, ARG002
        """Answer a file of payers' answers."""
        head = await anext(aiter(requests))
        upload = exchanges.Upload(head.media_type, remittance=True)

        async def data() -> AsyncIterator[bytes]:
            async for chunk in requests:
                yield chunk.data

        async for several in self._claims.submit_file(upload, data(), self._context(head)):
            results = [result("", answer.outcome, answer.position) for answer in several]
            yield claims_pb2.SubmitResponse(results=results)

    def _context(self, request: Any) -> contexts.CallContext:
        return wired.context(request.context, self._clock)

    async def GetClaim(self, request: Any, context: Any) -> claims_pb2.GetClaimResponse:  # noqa: N802, ARG002
        """Answer one claim."""
        document = await self._claims.get(request.id, self._context(request))
        return claims_pb2.GetClaimResponse(document=document)

    async def ListClaims(self, request: Any, context: Any) -> claims_pb2.ListClaimsResponse:  # noqa: N802, ARG002
        """Answer a page."""
        wish = exchanges.Selection(request.limit, request.cursor, dict(request.filters), request.sort)
        document = await self._claims.select(wish, self._context(request))
        return claims_pb2.ListClaimsResponse(document=document)

    async def GetHistory(self, request: Any, context: Any) -> claims_pb2.GetHistoryResponse:  # noqa: N802, ARG002
        """Answer a history."""
        document = await self._claims.history(request.id, self._context(request))
        return claims_pb2.GetHistoryResponse(document=document)

    async def Explain(self, request: Any, context: Any) -> claims_pb2.ExplainResponse:  # noqa: N802, ARG002
        """Answer an explanation."""
        document = await self._claims.explain(request.id, self._context(request))
        return claims_pb2.ExplainResponse(document=document)

    async def Decide(self, request: Any, context: Any) -> claims_pb2.DecideResponse:  # noqa: N802, ARG002
        """Take a review."""
        verdict = {claims_pb2.VERDICT_ACCEPT: "accept", claims_pb2.VERDICT_REJECT: "reject"}[request.verdict]
        review = exchanges.Review(request.id, verdict, request.note, request.revision)
        return claims_pb2.DecideResponse(document=await self._claims.decide(review, self._context(request)))

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[claims_pb2.WatchResponse]:  # noqa: N802, ARG002
        """Answer changes."""
        async for change in self._claims.watch(request.after, self._context(request)):
            yield claims_pb2.WatchResponse(position=change.position, document=change.document)


def result(
    item_id: str, outcome: exchanges.Answer | errors.Fault, position: int = 0
) -> claims_pb2.SubmitResult:
    """Return an outcome as claims would send it."""
    if isinstance(outcome, errors.Fault):
        return claims_pb2.SubmitResult(item_id=item_id, error=faults.to_wire(outcome), position=position)
    return claims_pb2.SubmitResult(
        item_id=item_id,
        rendered=claims_pb2.Rendered(body=outcome.body, media_type=outcome.media_type),
        replayed=outcome.replayed,
        claim_id=outcome.claim_id,
        verdict=claims_pb2.VERDICT_ACCEPT,
        position=position,
    )


def room(claims: testing.MemoryClaims, intake: Intake | None = None, *, caller: str = "gateway") -> apps.App:
    """Return the claims room over the twin, open to `caller`."""
    intake = intake or Intake(claims)

    def register(server: grpc.aio.Server) -> None:
        claims_pb2_grpc.add_ClaimIntakeServicer_to_server(intake, server)
        claims_pb2_grpc.add_ClaimDeskServicer_to_server(Desk(claims), server)

    async def ready() -> apps.Readiness:
        return apps.Readiness(ok=claims.failure is None, detail="" if claims.failure is None else "failing")

    callers = {
        f"/{service}/{method}": frozenset({caller})
        for service, methods in METHODS.items()
        for method in methods
    }
    return apps.App("claims", register, tuple(METHODS), callers, ready)
