"""The storage room as an auditor's and a data scientist's commands use it."""

from collections.abc import AsyncIterator
from typing import Any

import grpc

from ultrathink.common.v1 import common_pb2
from ultrathink.storage.v1 import storage_pb2, storage_pb2_grpc
from ultrathink_cli.outbound import export_rows

type Progress = storage_pb2.VerifyResponse

PATIENCE_MS = 3_600_000
SUBJECT = "cli"


class Record:
    """A tenant's record as an export reads it: lines and whole claims behind a claim's id."""

    def __init__(self, channel: grpc.aio.Channel, tenant: str) -> None:
        self._channel, self._tenant = channel, tenant

    def rows(self, after: str) -> AsyncIterator[list[dict[str, Any]]]:
        """Yield exported lines."""
        return export_lines(self._channel, self._tenant, after=after)

    def claims(self, after: str) -> AsyncIterator[list[tuple[str, bytes, bytes]]]:
        """Yield whole claims."""
        return read_claims(self._channel, self._tenant, after=after, received_from="", received_to="")


async def verify(channel: grpc.aio.Channel, tenant: str) -> AsyncIterator[Progress]:
    """Yield the walk's progress; the last message holds the root or the break."""
    call = storage_pb2_grpc.AuditLogStub(channel).Verify(storage_pb2.VerifyRequest(tenant=tenant))
    async for told in call:
        yield told


async def export_lines(
    channel: grpc.aio.Channel, tenant: str, *, after: str
) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield a tenant's lines behind a claim's id, in parts, claims whole and in order.

    Raises the fault that ended the call.
    """
    context = common_pb2.Context(
        item_id="export", tenant=tenant, subject=SUBJECT, roles=["scientist"], remaining_ms=PATIENCE_MS
    )
    request = storage_pb2.ExportRequest(context=context, after=after)
    call = storage_pb2_grpc.ClaimReaderStub(channel).Export(request)
    try:
        async for part in call:
            yield [export_rows.line(row) for row in part.rows]
    finally:
        call.cancel()


async def read_claims(
    channel: grpc.aio.Channel, tenant: str, *, after: str, received_from: str, received_to: str
) -> AsyncIterator[list[tuple[str, bytes, bytes]]]:
    """Yield a tenant's claims in parts, as (id, claim, decision) in canonical JSON, oldest first.

    Storage records that they were read. Raises the fault that ended the call.
    """
    context = common_pb2.Context(
        item_id="replay", tenant=tenant, subject=SUBJECT, roles=["auditor"], remaining_ms=PATIENCE_MS
    )
    request = storage_pb2.ReadClaimsRequest(
        context=context, after=after, received_from=received_from, received_to=received_to
    )
    call = storage_pb2_grpc.ClaimReaderStub(channel).ReadClaims(request)
    try:
        async for part in call:
            yield [(claim.id, claim.claim_json, claim.decision_json) for claim in part.claims]
    finally:
        call.cancel()
