"""Settings of tenants from storage, kept for a short while; refusals are kept for a shorter one."""

from collections import OrderedDict

from chassis import clock as clocks
from chassis import errors
from claims.domain import tenants
from claims.outbound import calls
from ultrathink.storage.v1 import storage_pb2, storage_pb2_grpc

KEPT_SECONDS = 30.0  # How old a threshold may be, and how long a closed tenant may still send.
REFUSED_SECONDS = 5.0  # A new tenant is known after this; a flood of made-up names costs one call each.
MAX_KEPT = 4_096  # Names kept at once; made-up names push out the oldest.
CALL_SECONDS = 2.0


class GrpcTenants:
    """Implements the port Tenants over ClaimReader."""

    def __init__(self, reader: "storage_pb2_grpc.ClaimReaderAsyncStub", clock: clocks.Clock) -> None:
        self._ask, self._now = reader.GetTenant, clock.monotonic
        self._kept: OrderedDict[str, tuple[float, tenants.Tenant | None]] = OrderedDict()

    async def find(self, name: str) -> tenants.Tenant:
        """Return an active tenant; raise Denied `tenant.unknown`, or Unavailable when storage is away."""
        if not name:
            raise tenants.unknown()
        kept = self._kept.get(name)
        if kept is not None and kept[0] > self._now():
            found = kept[1]
        else:
            found = await self._fetch(name)
        if found is None:
            raise tenants.unknown()
        return found

    async def _fetch(self, name: str) -> tenants.Tenant | None:
        found = await self._call(name)
        seconds = REFUSED_SECONDS if found is None else KEPT_SECONDS
        self._kept[name] = (self._now() + seconds, found)
        self._kept.move_to_end(name)
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return found

    async def _call(self, name: str) -> tenants.Tenant | None:
        try:
            with calls.ours():
                told = await self._ask(storage_pb2.GetTenantRequest(tenant=name), timeout=CALL_SECONDS)
        except errors.NotFound:
            return None
        except errors.Denied as fault:
            if fault.reason == tenants.unknown().reason:
                return None
            raise
        if not told.active:
            return None
        return tenants.Tenant(
            name=told.tenant,
            review_threshold=told.review_threshold,
            default_regime=told.default_regime or "base",
        )
