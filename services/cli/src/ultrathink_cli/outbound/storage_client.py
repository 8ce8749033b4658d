"""The storage room as an auditor's and a data scientist's commands use it."""

from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path

import grpc
import pyarrow as pa
import pyarrow.parquet as pq

from ultrathink.common.v1 import common_pb2
from ultrathink.storage.v1 import storage_pb2, storage_pb2_grpc

type Progress = storage_pb2.VerifyResponse

PATIENCE_MS = 3_600_000
SUBJECT = "cli"

SCHEMA = pa.schema(
    [
        ("claim_id", pa.string()),
        ("id", pa.string()),
        ("line", pa.uint32()),
        ("use", pa.string()),
        ("type", pa.string()),
        ("code", pa.string()),
        ("system", pa.string()),
        ("service_day", pa.int64()),
        ("net_minor", pa.int64()),
        ("currency", pa.string()),
        ("verdict", pa.string()),
        ("business_status", pa.string()),
        ("probability", pa.float64()),
        ("model_revision", pa.string()),
        ("payer_id", pa.string()),
        ("provider_id", pa.string()),
    ]
)


async def verify(channel: grpc.aio.Channel, tenant: str) -> AsyncIterator[Progress]:
    """Yield the walk's progress; the last message holds the root or the break."""
    call = storage_pb2_grpc.AuditLogStub(channel).Verify(storage_pb2.VerifyRequest(tenant=tenant))
    async for told in call:
        yield told


async def export(channel: grpc.aio.Channel, tenant: str, file: Path) -> int:
    """Write a tenant's lines with scores and outcomes as one Parquet file; return the number of rows.

    The file appears whole or not at all. Raises the fault that ended the call.
    """
    context = common_pb2.Context(
        item_id="export", tenant=tenant, subject=SUBJECT, roles=["scientist"], remaining_ms=PATIENCE_MS
    )
    call = storage_pb2_grpc.ClaimReaderStub(channel).Export(storage_pb2.ExportRequest(context=context))
    part = file.with_suffix(".part")
    try:
        rows = await _written(call, part)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return rows


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


async def _written(answers: AsyncIterable[storage_pb2.ExportResponse], file: Path) -> int:
    rows = 0
    with pq.ParquetWriter(file, SCHEMA) as writer:
        async for answer in answers:
            columns = {name: [getattr(row, name) for row in answer.rows] for name in SCHEMA.names}
            writer.write_table(pa.table(columns, schema=SCHEMA))
            rows += len(answer.rows)
    return rows
