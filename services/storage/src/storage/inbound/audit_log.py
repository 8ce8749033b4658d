"""The door to the audit chains."""

from collections.abc import AsyncIterator
from typing import Any

from chassis import clock as clocks
from storage import ports
from storage.inbound import converters
from storage.usecases import append, know_tenants, verify
from ultrathink.storage.v1 import storage_pb2, storage_pb2_grpc


class AuditLog(storage_pb2_grpc.AuditLogServicer):
    """Converts, calls, converts."""

    def __init__(
        self,
        *,
        store: ports.Chains,
        objects: ports.ObjectStore,
        journal: append.Journal,
        tenants: know_tenants.Tenants,
        clock: clocks.Clock,
    ) -> None:
        self._store, self._objects, self._journal = store, objects, journal
        self._tenants, self._clock = tenants, clock

    async def Verify(  # noqa: N802 - the contract's name
        self, request: storage_pb2.VerifyRequest, context: Any
    ) -> AsyncIterator[storage_pb2.VerifyResponse]:
        """Walk the chains of a tenant, or of all, telling how far it is."""
        del context
        if request.tenant:
            names = [(await self._tenants.active(request.tenant)).tenant]
        else:
            names = await self._tenants.names()
        async for progress in verify.verify(names, store=self._store, objects=self._objects):
            yield _verify_response(progress)

    async def Append(  # noqa: N802 - the contract's name
        self, request: storage_pb2.AppendRequest, context: Any
    ) -> storage_pb2.AppendResponse:
        """Append one entry about a read."""
        del context
        asked = request.context
        await self._journal.append(
            tenant=asked.tenant,
            subject=asked.subject,
            event=request.event,
            identifier=request.id,
            deadline=converters.deadline(asked, self._clock),
        )
        return storage_pb2.AppendResponse()


def _verify_response(progress: verify.Progress) -> storage_pb2.VerifyResponse:
    broken = progress.broken
    return storage_pb2.VerifyResponse(
        checked=progress.checked,
        total=progress.total,
        done=progress.done,
        merkle_root=progress.merkle_root,
        heads=[
            storage_pb2.ChainHead(tenant=head.tenant, chain=head.chain, entries=head.sequence, head=head.hash)
            for head in progress.heads
        ],
        broken=None
        if broken is None
        else storage_pb2.BrokenLink(
            tenant=broken.tenant, chain=broken.chain, sequence=broken.sequence, reason=broken.reason
        ),
    )
