"""The system of record for reading, and the audit entries of those reads."""

from collections.abc import AsyncIterator, Sequence

from chassis import clock as clocks
from chassis import contexts
from claims import ports
from claims.outbound import calls, stored
from ultrathink.common.v1 import common_pb2
from ultrathink.storage.v1 import storage_pb2, storage_pb2_grpc

NEXT = "latest"  # storage's word for "begin with the next change"; empty would replay all it has kept


class GrpcArchive:
    """Implements the port Archive over ClaimReader and AuditLog."""

    def __init__(
        self,
        reader: "storage_pb2_grpc.ClaimReaderAsyncStub",
        audit: "storage_pb2_grpc.AuditLogAsyncStub",
        clock: clocks.Clock,
    ) -> None:
        self._reader, self._audit, self._clock = reader, audit, clock

    async def claim(self, context: contexts.CallContext, identifier: str) -> ports.Stored:
        """Return a recorded claim."""
        request = storage_pb2.GetClaimRequest(context=self._wire(context), id=identifier)
        answer = await calls.unary(self._reader.GetClaim, request, context, self._clock)
        return stored.claim(context.tenant, answer.claim)

    async def find(self, context: contexts.CallContext, claim_ids: Sequence[str]) -> list[ports.Found]:
        """Return the tenant's claims with these senders' ids."""
        request = storage_pb2.FindClaimsRequest(context=self._wire(context), claim_ids=claim_ids)
        answer = await calls.unary(self._reader.FindClaims, request, context, self._clock)
        return [stored.found(context.tenant, one) for one in answer.claims]

    async def page(self, context: contexts.CallContext, query: ports.Query) -> ports.Page:
        """Return one page of the tenant's claims."""
        request = storage_pb2.ListClaimsRequest(
            context=self._wire(context),
            limit=query.limit,
            cursor=query.cursor,
            filters=query.filters,
            sort=query.sort,
        )
        answer = await calls.unary(self._reader.ListClaims, request, context, self._clock)
        return ports.Page(items=[stored.row(row) for row in answer.rows], next_cursor=answer.next_cursor)

    async def history(self, context: contexts.CallContext, identifier: str) -> ports.History:
        """Return transitions and audit entries, oldest first."""
        request = storage_pb2.GetHistoryRequest(context=self._wire(context), id=identifier)
        answer = await calls.unary(self._reader.GetHistory, request, context, self._clock)
        return ports.History(
            transitions=[stored.transition(told) for told in answer.transitions],
            audit=[stored.audit_entry(told) for told in answer.audit],
        )

    async def watch(self, context: contexts.CallContext, after: str) -> AsyncIterator[ports.Event]:
        """Yield changes until the caller goes or storage does; then raise a Fault."""
        request = storage_pb2.WatchRequest(context=self._wire(context), after=after or NEXT)
        call = self._reader.Watch(request)
        try:
            async for told in call:
                yield stored.event(told)
        finally:
            call.cancel()

    async def note_read(self, context: contexts.CallContext, identifier: str, event: str) -> None:
        """Append the audit entry of a read."""
        request = storage_pb2.AppendRequest(context=self._wire(context), event=event, id=identifier)
        await calls.unary(self._audit.Append, request, context, self._clock)

    def _wire(self, context: contexts.CallContext) -> common_pb2.Context:
        traced = {context.traceparent: context.traceparent}
        return calls.wire([context], traced, self._clock)[0]
