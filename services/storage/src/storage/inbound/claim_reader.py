"""The door for reads, one tenant at a time."""

from collections.abc import AsyncIterator
from typing import Any

from chassis import clock as clocks
from chassis import errors
from storage import ports
from storage.domain import queries
from storage.inbound import converters
from storage.usecases import append, export, find_claims, know_tenants, read_claims, watch
from ultrathink.storage.v1 import storage_pb2, storage_pb2_grpc


class ClaimReader(storage_pb2_grpc.ClaimReaderServicer):
    """Converts, calls, converts."""

    def __init__(
        self,
        reader: ports.Reader,
        tenants: know_tenants.Tenants,
        bell: ports.Bell,
        journal: append.Journal,
        clock: clocks.Clock,
    ) -> None:
        self._reader, self._tenants, self._bell = reader, tenants, bell
        self._journal, self._clock = journal, clock

    async def GetTenant(  # noqa: N802 - the contract's name
        self, request: storage_pb2.GetTenantRequest, context: Any
    ) -> storage_pb2.GetTenantResponse:
        """Return a tenant's defaults, an inactive one's too; NotFound `tenant.unknown`."""
        del context
        found = (await self._tenants.among({request.tenant})).get(request.tenant)
        if found is None:
            raise errors.NotFound("tenant.unknown", "There is no such tenant.")
        return converters.tenant(found)

    async def GetClaim(  # noqa: N802 - the contract's name
        self, request: storage_pb2.GetClaimRequest, context: Any
    ) -> storage_pb2.GetClaimResponse:
        """Return a claim with its documents; NotFound `claim.unknown`."""
        del context
        tenant = await self._tenants.active(request.context.tenant)
        found = await self._reader.claim(tenant.tenant, queries.identifier_of(request.id))
        if found is None:
            raise _unknown_claim()
        return storage_pb2.GetClaimResponse(claim=converters.stored_claim(found))

    async def FindClaims(  # noqa: N802 - the contract's name
        self, request: storage_pb2.FindClaimsRequest, context: Any
    ) -> storage_pb2.FindClaimsResponse:
        """Return claims by their senders' ids."""
        del context
        found = await find_claims.find_claims(
            request.context.tenant, request.claim_ids, reader=self._reader, tenants=self._tenants
        )
        return storage_pb2.FindClaimsResponse(claims=[converters.found_claim(one) for one in found])

    async def ListClaims(  # noqa: N802 - the contract's name
        self, request: storage_pb2.ListClaimsRequest, context: Any
    ) -> storage_pb2.ListClaimsResponse:
        """Return one page and the cursor behind it."""
        del context
        tenant = await self._tenants.active(request.context.tenant)
        question = queries.listing(
            tenant.tenant, dict(request.filters), request.sort, request.cursor, request.limit
        )
        rows = await self._reader.listing(question)
        more = queries.cursor(question, rows[-1]) if len(rows) == question.limit else ""
        return storage_pb2.ListClaimsResponse(
            rows=[converters.claim_row(row) for row in rows], next_cursor=more
        )

    async def GetHistory(  # noqa: N802 - the contract's name
        self, request: storage_pb2.GetHistoryRequest, context: Any
    ) -> storage_pb2.GetHistoryResponse:
        """Return a claim's transitions and audit entries; NotFound `claim.unknown`."""
        del context
        tenant = await self._tenants.active(request.context.tenant)
        transitions, links = await self._reader.history(tenant.tenant, queries.identifier_of(request.id))
        if not transitions:
            raise _unknown_claim()
        return storage_pb2.GetHistoryResponse(
            transitions=[converters.transition(found) for found in transitions],
            audit=[converters.audit_entry(link) for link in links],
        )

    async def Watch(  # noqa: N802 - the contract's name
        self, request: storage_pb2.WatchRequest, context: Any
    ) -> AsyncIterator[storage_pb2.WatchResponse]:
        """Stream published changes behind a position for ever."""
        del context
        tenant = await self._tenants.active(request.context.tenant)
        async for event in watch.watch(tenant.tenant, request.after, reader=self._reader, bell=self._bell):
            yield converters.event(event)

    async def Export(  # noqa: N802 - the contract's name
        self, request: storage_pb2.ExportRequest, context: Any
    ) -> AsyncIterator[storage_pb2.ExportResponse]:
        """Stream the lines of all claims behind an id."""
        del context
        tenant = await self._tenants.active(request.context.tenant)
        async for rows in export.export(tenant.tenant, request.after, reader=self._reader):
            yield storage_pb2.ExportResponse(rows=[converters.export_row(row) for row in rows])

    async def ReadClaims(  # noqa: N802 - the contract's name
        self, request: storage_pb2.ReadClaimsRequest, context: Any
    ) -> AsyncIterator[storage_pb2.ReadClaimsResponse]:
        """Stream whole claims behind an id, in messages below the bound of one."""
        del context
        asked = request.context
        tenant = await self._tenants.active(asked.tenant)
        question = queries.walk(
            tenant.tenant, after=request.after, since=request.received_from, until=request.received_to
        )
        parts = read_claims.read_claims(
            question,
            subject=asked.subject,
            roles=asked.roles,
            reader=self._reader,
            journal=self._journal,
            clock=self._clock,
        )
        async for part in parts:
            for claims in converters.portions(part):
                yield storage_pb2.ReadClaimsResponse(claims=claims)


def _unknown_claim() -> errors.NotFound:
    return errors.NotFound("claim.unknown", "There is no such claim.")
