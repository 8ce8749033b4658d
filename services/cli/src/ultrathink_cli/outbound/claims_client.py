"""The claims room as `ultrathink check` uses it: a file in, decisions or refusals out."""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import grpc
import msgspec

from chassis import errors, faults
from ultrathink.claims.v1 import claims_pb2, claims_pb2_grpc, rules_pb2, rules_pb2_grpc
from ultrathink.common.v1 import common_pb2

CHUNK = 256 * 1024
PATIENCE_MS = 60_000  # a claim that takes a minute offline will not be decided at all
TENANT = "offline"


async def check(channel: grpc.aio.Channel, file: Path, media_type: str) -> AsyncIterator[dict[str, Any]]:
    """Yield one decision per claim of a file, in order; a claim that cannot be read is {position, error}.

    `error` is {reason, message, violations}. Raises the fault of a file that cannot be read at all.
    """
    call = claims_pb2_grpc.ClaimIntakeStub(channel).StreamFile(_chunks(file, media_type))
    async for message in call:
        for result in message.results:
            yield _told(result)


def _told(result: claims_pb2.SubmitResult) -> dict[str, Any]:
    if not result.HasField("error"):
        decision: dict[str, Any] = msgspec.json.decode(result.rendered.body)
        return decision
    fault = faults.from_wire(result.error)
    violations = [msgspec.to_builtins(violation) for violation in fault.violations]
    error = {"reason": fault.reason, "message": fault.message, "violations": violations}
    return {"position": result.position, "error": error}


async def rules(channel: grpc.aio.Channel, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return rules whole by their ids; one that the packs do not hold is left out."""
    stub = rules_pb2_grpc.RuleBookStub(channel)
    context = common_pb2.Context(
        item_id="rules", tenant=TENANT, subject="cli", roles=["biller"], remaining_ms=PATIENCE_MS
    )
    found = {}
    for identifier in ids:
        try:
            told = await stub.GetRule(rules_pb2.GetRuleRequest(context=context, id=identifier))
        except errors.NotFound:
            continue
        found[identifier] = msgspec.json.decode(told.document)
    return found


async def _chunks(file: Path, media_type: str) -> AsyncIterator[claims_pb2.FileChunk]:
    context = common_pb2.Context(
        item_id=file.name, tenant=TENANT, subject="cli", roles=["biller"], remaining_ms=PATIENCE_MS
    )
    with file.open("rb") as body:
        yield claims_pb2.FileChunk(
            context=context,
            media_type=media_type,
            accept="application/json",
            dry_run=True,
            data=body.read(CHUNK),
        )
        while chunk := body.read(CHUNK):
            yield claims_pb2.FileChunk(data=chunk)
