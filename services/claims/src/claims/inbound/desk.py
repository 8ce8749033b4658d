"""The door for people: read, list, explain and decide claims, and watch them change."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from chassis import contexts, errors, identity
from claims.inbound import callers, remittances
from claims.usecases import browse, decide, explain, read, recount, watch
from ultrathink.claims.v1 import claims_pb2, claims_pb2_grpc

_JUDGEMENTS: dict[int, decide.Judgement] = {
    claims_pb2.VERDICT_ACCEPT: "accept",
    claims_pb2.VERDICT_REJECT: "reject",
}


class Verbs(msgspec.Struct, frozen=True, kw_only=True):
    """What can be done at the desk."""

    read: read.Read
    browse: browse.Browse
    recount: recount.Recount
    explain: explain.Explain
    decide: decide.Decide
    watch: watch.Watch


class Desk(claims_pb2_grpc.ClaimDeskServicer):
    """Serves ClaimDesk."""

    def __init__(self, verbs: Verbs, taking: remittances.Remittances, who: callers.Callers) -> None:
        self._verbs, self._remittances, self._callers = verbs, taking, who

    async def GetClaim(  # noqa: N802 - the contract's name
        self, request: claims_pb2.GetClaimRequest, context: Any
    ) -> claims_pb2.GetClaimResponse:
        """Show one claim."""
        del context
        return claims_pb2.GetClaimResponse(document=await self._verbs.read(self._who(request), request.id))

    async def ListClaims(  # noqa: N802 - the contract's name
        self, request: claims_pb2.ListClaimsRequest, context: Any
    ) -> claims_pb2.ListClaimsResponse:
        """Show a page of claims."""
        del context
        document = await self._verbs.browse(
            self._who(request),
            limit=request.limit,
            cursor=request.cursor,
            filters=dict(request.filters),
            sort=request.sort,
        )
        return claims_pb2.ListClaimsResponse(document=document)

    async def GetHistory(  # noqa: N802 - the contract's name
        self, request: claims_pb2.GetHistoryRequest, context: Any
    ) -> claims_pb2.GetHistoryResponse:
        """Show what happened to a claim."""
        del context
        document = await self._verbs.recount(self._who(request), request.id)
        return claims_pb2.GetHistoryResponse(document=document)

    async def Explain(  # noqa: N802 - the contract's name
        self, request: claims_pb2.ExplainRequest, context: Any
    ) -> claims_pb2.ExplainResponse:
        """Show why the model says what it says."""
        del context
        document = await self._verbs.explain(self._who(request), request.id)
        return claims_pb2.ExplainResponse(document=document)

    async def Decide(  # noqa: N802 - the contract's name
        self, request: claims_pb2.DecideRequest, context: Any
    ) -> claims_pb2.DecideResponse:
        """Take a reviewer's decision."""
        del context
        judgement = _JUDGEMENTS.get(request.verdict)
        if judgement is None:
            raise errors.Invalid("decision.verdict", "A reviewer accepts or rejects.")
        document = await self._verbs.decide(
            self._who(request), request.id, judgement, note=request.note, revision=request.revision
        )
        return claims_pb2.DecideResponse(document=document)

    async def Watch(  # noqa: N802 - the contract's name
        self, request: claims_pb2.WatchRequest, context: Any
    ) -> AsyncIterator[claims_pb2.WatchResponse]:
        """Tell changes as they are recorded."""
        del context
        async for event in self._verbs.watch(self._who(request), request.after):
            yield claims_pb2.WatchResponse(
                position=event.position, document=msgspec.json.encode(event.document)
            )

    async def Remit(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[claims_pb2.FileChunk], context: Any
    ) -> AsyncIterator[claims_pb2.SubmitResponse]:
        """Join payers' answers to claims."""
        del context
        async for results in self._remittances.answer(request_iterator, identity.caller()):
            yield results

    def _who(self, request: Any) -> contexts.CallContext:
        return self._callers.context(request.context, identity.caller(), given=request.HasField("context"))
