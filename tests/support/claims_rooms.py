"""The rooms behind the ports of claims, as twins and as the real thing, and claims to put into them."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

import claims_support as support
import lending
import storage_support
from chassis import clock as clocks
from chassis import contexts
from chassis import testing as chassis_testing
from claims import ports, testing
from claims.domain import amounts, decisions, documents, histories, identities, lifecycle, risk, windows
from claims.outbound import archive, store
from claims.testing import records as memory
from formats import canonical, hashing
from storage.domain import views
from ultrathink.storage.v1 import storage_pb2_grpc

OTHER = views.Tenant(tenant="other", display_name="Another", default_regime="nphies")
IDLE = views.Tenant(tenant="idle", display_name="Gone", active=False)

type Make = Callable[[], contextlib.AbstractAsyncContextManager[storage_support.Stubs]] | None


class Rooms(msgspec.Struct):
    """The ports under test."""

    store: Any
    archive: Any


@contextlib.asynccontextmanager
async def opened(make: Make) -> AsyncIterator[Rooms]:
    """Yield the ports under test: our twin for None, else outbound over a real socket to what is made."""
    if make is None:
        twin = memory.MemoryStore(clocks.SystemClock())
        yield Rooms(store=twin, archive=twin)
        return
    async with contextlib.AsyncExitStack() as stack:
        stubs = await stack.enter_async_context(make())
        channel = await stack.enter_async_context(chassis_testing.serve(stubs.app, caller="claims"))
        clock = clocks.SystemClock()
        stored = store.GrpcStore(storage_pb2_grpc.ClaimStoreStub(channel), clock)
        stack.push_async_callback(stored.aclose)
        reader = storage_pb2_grpc.ClaimReaderStub(channel)
        yield Rooms(
            store=stored,
            archive=archive.GrpcArchive(reader, storage_pb2_grpc.AuditLogStub(channel), clock),
        )


def twin() -> contextlib.AbstractAsyncContextManager[storage_support.Stubs]:
    """Return storage on its own twin, with three tenants."""
    return storage_support.twin(None, OTHER, IDLE)


@contextlib.asynccontextmanager
async def postgres(
    server: storage_support.Server, lender: lending.Lender
) -> AsyncIterator[storage_support.Stubs]:
    """Yield storage on a database as good as new, with three tenants."""
    async with lender.lend() as name:
        await server.add_tenants(name, OTHER, IDLE)
        async with storage_support.service(server, None, name) as stubs:
            yield stubs


def context(tenant: str = "demo", **overrides: Any) -> contexts.CallContext:
    """Return the context of an item with half a minute left."""
    left = clocks.SystemClock().monotonic() + 30
    return chassis_testing.context(tenant=tenant, deadline=left, **overrides)


def submission(
    number: int = 1, state: Any = "scored", tenant: str = "demo", **options: Any
) -> ports.Submission:
    """Return a decided claim; `key` and fields of the claim may be given."""
    key = options.pop("key", "")
    looking: windows.Windows | None = options.pop("looking", None)
    claim = canonical.decode(support.body(number, **options))
    sums = amounts.add_up(claim)
    score = risk.Score(
        state=state,
        probability=0.25 if state == "scored" else None,
        line_probabilities=[0.25] if state == "scored" else [],
        model=testing.MODEL if state == "scored" else None,
    )
    verdict: decisions.Verdict = "accept" if state == "scored" else "review"
    now = documents.instant(clocks.SystemClock().now())
    decision = decisions.Decision(
        claim_id=claim.claim_id or "",
        revision=lifecycle.FIRST_REVISION,
        content_hash=hashing.content_hash(claim).hex(),
        tenant=tenant,
        use=claim.use,
        type=claim.type,
        regime=claim.regime or "base",
        status=lifecycle.begin(verdict),
        verdict=verdict,
        thresholds=decisions.Thresholds(review=0.5),
        as_of="2026-08-01",
        findings=[support.finding("warning")],
        not_checked=[],
        risk=risk.assess(score, claim, sums),
        amounts=amounts.shown(sums),
        received_at=now,
        decided_at=now,
    )
    identity = identities.identify(claim, tenant=tenant, key=support.KEY, looking=looking)
    return ports.Submission(
        context=context(tenant, idempotency_key=key),
        claim=claim,
        claim_json=canonical.encode_as_sent(claim),
        content_hash=hashing.content_hash(claim),
        decision=decision,
        document=documents.encode(decision),
        identity=identity,
        left=histories.leaves(claim, identity),
        sums=sums,
        body=support.body(number, **options),
        media_type="application/json",
    )


async def record(rooms: Rooms, *items: ports.Submission) -> list[Any]:
    """Return what became of submissions."""
    return list(await rooms.store.record(items))


async def look_up(rooms: Rooms, *items: ports.Submission, before: str = "") -> list[Any]:
    """Return what is remembered about claims, or was before a recorded one."""
    asked = [(item.context, histories.ask(item.claim, item.identity, before=before)) for item in items]
    return list(await rooms.store.lookup(asked, deadline=clocks.SystemClock().monotonic() + 20))
