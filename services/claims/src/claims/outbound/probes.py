"""Whether the rooms behind this one answer now: asked, never assumed."""

import asyncio

from chassis import apps, errors
from ultrathink.scoring.v1 import scoring_pb2, scoring_pb2_grpc
from ultrathink.storage.v1 import storage_pb2, storage_pb2_grpc

SECONDS = 1.0  # A room that needs longer for a look-up by key is not ready for claims.
NOBODY = "readiness"  # No tenant has this name; that storage says so proves that it can look.


class Probe:
    """Asks storage and scoring; `packs` is how many rule packs are loaded."""

    def __init__(
        self,
        reader: "storage_pb2_grpc.ClaimReaderAsyncStub",
        scorer: "scoring_pb2_grpc.ScorerAsyncStub",
        *,
        packs: int,
    ) -> None:
        self._reader, self._scorer, self._packs = reader, scorer, packs

    async def ready(self) -> apps.Readiness:
        """Return whether claims can be taken: without scoring they can, and a person reviews them."""
        stored, scored = await asyncio.gather(self._storage(), self._scoring())
        missing = [] if self._packs else ["rules: no pack is loaded"]
        missing += [] if stored else ["storage: does not answer"]
        degraded = [] if scored else ["scoring: does not answer, claims go to review"]
        return apps.Readiness(ok=not missing, detail="; ".join(missing + degraded))

    async def _storage(self) -> bool:
        try:
            await self._reader.GetTenant(storage_pb2.GetTenantRequest(tenant=NOBODY), timeout=SECONDS)
        except (errors.NotFound, errors.Denied) as fault:
            return not fault.reason.startswith(("token.", "caller."))
        except errors.Fault:
            return False
        return True

    async def _scoring(self) -> bool:
        try:
            await self._scorer.GetModel(scoring_pb2.GetModelRequest(), timeout=SECONDS)
        except errors.Fault:
            return False
        return True
