"""What the claims room expects of the rooms behind its ports: of its twins, of storage over a socket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

import claims_support as support
import storage_support
from chassis import clock as clocks
from chassis import contexts, errors
from chassis import testing as chassis_testing
from claims import ports, testing
from claims.domain import amounts, decisions, documents, histories, identities, lifecycle, risk
from claims.outbound import archive, store
from claims.outbound import tenants as tenants_room
from formats import canonical, hashing
from storage.domain import views
from ultrathink.storage.v1 import storage_pb2_grpc

OTHER = views.Tenant(tenant="other", display_name="Another", default_regime="nphies")
IDLE = views.Tenant(tenant="idle", display_name="Gone", active=False)


class Rooms(msgspec.Struct):
    """The ports under test."""

    store: Any
    archive: Any


_POSTGRES = pytest.param("postgres", marks=pytest.mark.xdist_group("postgres"))

type Make = Callable[[], contextlib.AbstractAsyncContextManager[storage_support.Stubs]] | None


@pytest.fixture(params=["memory", "twin", _POSTGRES])
def make_storage_service(request: pytest.FixtureRequest) -> Make:
    """What stands behind: nothing (our twin), storage on its own twin, storage on PostgreSQL."""
    if request.param == "memory":
        return None
    if request.param == "twin":
        return lambda: storage_support.twin(None, OTHER, IDLE)
    server = request.getfixturevalue("embedded_postgres")
    return lambda: _postgres(server)


@pytest.fixture
async def rooms(make_storage_service: Make) -> AsyncIterator[Rooms]:
    """The ports under test: the twin, or outbound over a real socket."""
    if make_storage_service is None:
        twin = testing.MemoryStore(clocks.SystemClock())
        yield Rooms(store=twin, archive=twin)
        return
    async with contextlib.AsyncExitStack() as stack:
        stubs = await stack.enter_async_context(make_storage_service())
        channel = await stack.enter_async_context(chassis_testing.serve(stubs.app, caller="claims"))
        clock = clocks.SystemClock()
        stored = store.GrpcStore(storage_pb2_grpc.ClaimStoreStub(channel), clock)
        stack.push_async_callback(stored.aclose)
        reader = storage_pb2_grpc.ClaimReaderStub(channel)
        yield Rooms(
            store=stored,
            archive=archive.GrpcArchive(reader, storage_pb2_grpc.AuditLogStub(channel), clock),
        )


@contextlib.asynccontextmanager
async def _postgres(server: storage_support.Server) -> AsyncIterator[storage_support.Stubs]:
    name = await server.fresh()
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
    return ports.Submission(
        context=context(tenant, idempotency_key=key),
        claim=claim,
        content_hash=hashing.content_hash(claim),
        decision=decision,
        document=documents.encode(decision),
        identity=identities.identify(claim, tenant=tenant, key=support.KEY),
        sums=sums,
        body=support.body(number, **options),
        media_type="application/json",
    )


async def record(rooms: Rooms, *items: ports.Submission) -> list[Any]:
    """Return what became of submissions."""
    return list(await rooms.store.record(items))


async def look_up(rooms: Rooms, *items: ports.Submission) -> list[Any]:
    """Return what is remembered about claims."""
    asked = [(item.context, histories.ask(item.claim, item.identity)) for item in items]
    return list(await rooms.store.lookup(asked, deadline=clocks.SystemClock().monotonic() + 20))


async def test_a_recorded_claim_is_read_as_it_was_written(rooms: Rooms) -> None:
    """Claim, decision, status and revision come back under the id."""
    item = submission()
    (made,) = await record(rooms, item)
    stored = await rooms.archive.claim(context(), made.id)
    assert (made.replayed, stored.id, stored.revision, stored.tenant) == (False, made.id, 1, "demo")
    assert stored.decision == item.document
    assert canonical.decode(stored.claim) == item.claim
    assert stored.status == item.decision.status
    assert abs((stored.received_at - clocks.SystemClock().now()).total_seconds()) < 60


async def test_the_same_key_and_content_is_recorded_once(rooms: Rooms) -> None:
    """The original decision is repeated, byte for byte, in the batch and afterwards."""
    item = submission()
    first, second = await record(rooms, item, item)
    later = msgspec.structs.replace(item, document=item.document.replace(b"warning", b"info"))
    (third,) = await record(rooms, later)
    assert [first.replayed, second.replayed, third.replayed] == [False, True, True]
    assert {first.id, second.id, third.id} == {first.id}
    assert second.document == third.document == item.document


async def test_the_same_key_with_other_content_is_a_conflict_alone(rooms: Rooms) -> None:
    """The neighbour in the batch is recorded; the conflict names its reason."""
    await record(rooms, submission(1, key="k"))
    conflict, well = await record(rooms, submission(2, key="k"), submission(3))
    assert isinstance(conflict, errors.Conflict)
    assert conflict.reason == "idempotency.key_reused"
    assert isinstance(well, ports.Recorded)


async def test_keys_belong_to_their_tenant(rooms: Rooms) -> None:
    """Two tenants may use the same key for different claims."""
    one, two = await record(rooms, submission(1, key="k"), submission(2, key="k", tenant="other"))
    assert one.id != two.id
    with pytest.raises(errors.NotFound):
        await rooms.archive.claim(context("other"), one.id)


async def test_a_large_batch_keeps_its_order(rooms: Rooms) -> None:
    """Every submission has its own record, in order, also when it needs more than one message."""
    items = [submission(number) for number in range(300)]
    made = await record(rooms, *items)
    assert len({one.id for one in made}) == 300
    stored = await rooms.archive.claim(context(), made[123].id)
    assert canonical.decode(stored.claim).claim_id == "CLM-000123"


async def test_history_finds_the_same_service_in_another_claim(rooms: Rooms) -> None:
    """A match names the other claim and line; a claim is not its own duplicate."""
    item = submission(1)
    await record(rooms, item)
    twice = submission(1, claim_id="OTHER")
    again, other, stranger = await look_up(rooms, item, twice, submission(9))
    assert again.matches == []
    assert [(one.index, one.claim_id, one.line) for one in other.matches] == [(0, "CLM-000001", 1)]
    assert stranger.matches == []
    assert other.provider_claims >= 1
    assert (other.patient_claims, stranger.patient_claims) == (1, 0)


async def test_history_does_not_cross_tenants(rooms: Rooms) -> None:
    """What one tenant recorded another does not learn."""
    await record(rooms, submission(1))
    (known,) = await look_up(rooms, submission(1, claim_id="OTHER", tenant="other"))
    assert known == histories.Known()


def change(identifier: str, item: ports.Submission, revision: int = 1) -> ports.Change:
    """Return a reviewer's acceptance."""
    status = lifecycle.advance(item.decision.status, "review.decided.accept")
    return ports.Change(
        context=context(subject="rev-1"),
        id=identifier,
        revision=revision,
        event="review.decided",
        verdict="accept",
        status=status,
        risk=item.decision.risk,
        document=documents.amend(item.document, revision=revision + 1, verdict="accept", status=status),
        note="Secret words",
    )


async def test_a_change_is_a_new_revision(rooms: Rooms) -> None:
    """Decision and status are the new ones; an old revision is a conflict and changes nothing."""
    item = submission(1, "not_scored")
    (made,) = await record(rooms, item)
    told = change(made.id, item)
    assert await rooms.store.append(told) == 2
    stored = await rooms.archive.claim(context(), made.id)
    assert (stored.revision, stored.decision, stored.status) == (2, told.document, told.status)
    with pytest.raises(errors.Conflict):
        await rooms.store.append(told)
    assert (await rooms.archive.claim(context(), made.id)).revision == 2
    (again,) = await record(rooms, item)
    assert (again.replayed, again.document) == (True, item.document)


async def test_a_change_of_nothing_is_not_found(rooms: Rooms) -> None:
    """An id of another tenant cannot be changed."""
    item = submission(1, "not_scored")
    (made,) = await record(rooms, item)
    foreign = msgspec.structs.replace(change(made.id, item), context=context("other"))
    with pytest.raises(errors.NotFound):
        await rooms.store.append(foreign)


async def test_claims_without_a_score_are_listed_until_they_have_one(rooms: Rooms) -> None:
    """Oldest first, with tenant, revision, claim and decision; a scored claim is not among them."""
    items = [submission(1, "not_scored"), submission(2), submission(3, "not_scored", tenant="other")]
    first, _, third = await record(rooms, *items)
    waiting = await rooms.store.unscored(10)
    assert {(one.tenant, one.id, one.revision) for one in waiting} == {
        ("demo", first.id, 1), ("other", third.id, 1),
    }  # fmt: skip
    assert all(one.decision and canonical.decode(one.claim) and one.status for one in waiting)
    scored = risk.assess(
        risk.Score(state="scored", probability=0.5, model=testing.MODEL), items[0].claim, items[0].sums
    )
    late = msgspec.structs.replace(change(first.id, items[0]), event="score.appended", risk=scored)
    await rooms.store.append(late)
    assert [one.id for one in await rooms.store.unscored(10)] == [third.id]
    assert len(await rooms.store.unscored(1)) == 1


async def test_pages_follow_each_other(rooms: Rooms) -> None:
    """Newest first, each claim once, filters kept, until the cursor is empty."""
    await record(rooms, *[submission(number) for number in range(5)], submission(9, "not_scored"))
    seen: list[str] = []
    cursor = ""
    while True:
        query = ports.Query(limit=2, cursor=cursor, filters={"verdict": "accept"}, sort="-received_at")
        page = await rooms.archive.page(context(), query)
        seen += [row["claim_id"] for row in page.items]
        cursor = page.next_cursor
        if not cursor:
            break
    assert seen == [f"CLM-{number:06d}" for number in (4, 3, 2, 1, 0)]


async def test_rows_say_what_a_list_shows(rooms: Rooms) -> None:
    """Id, the sender's id, verdict, status and revision are in every row."""
    (made,) = await record(rooms, submission())
    query = ports.Query(limit=10, cursor="", filters={}, sort="-received_at")
    (row,) = (await rooms.archive.page(context(), query)).items
    assert (row["id"], row["claim_id"], row["verdict"], row["revision"]) == (
        made.id, "CLM-000001", "accept", 1,
    )  # fmt: skip
    assert row["status"] == lifecycle.begin("accept")
    assert msgspec.json.encode(row)


async def test_what_happened_to_a_claim_is_told_in_order(rooms: Rooms) -> None:
    """Transitions have their revisions; a noted read is in the audit; the note is nowhere."""
    item = submission(1, "not_scored")
    (made,) = await record(rooms, item)
    await rooms.archive.note_read(context(subject="curious"), made.id, "claim.read")
    await rooms.store.append(change(made.id, item))
    history = await rooms.archive.history(context(), made.id)
    assert [(one["revision"], one["verdict"]) for one in history.transitions] == [
        (1, "review"),
        (2, "accept"),
    ]
    assert history.transitions[-1]["event"] == "review.decided"
    assert history.transitions[-1]["subject"] == "rev-1"
    assert "claim.read" in [one["event"] for one in history.audit]
    assert "Secret" not in str(history)


@pytest.mark.parametrize("wanted", ["01890000-0000-7000-8000-00000000beef"])
async def test_an_unknown_claim_is_not_found(rooms: Rooms, wanted: str) -> None:
    """Reading and its history say not found."""
    with pytest.raises(errors.NotFound):
        await rooms.archive.claim(context(), wanted)
    with pytest.raises(errors.NotFound):
        await rooms.archive.history(context(), wanted)


async def test_changes_are_watched_as_they_are_recorded(rooms: Rooms) -> None:
    """A watcher hears of what is recorded after it began, of its own tenant only."""
    events = rooms.archive.watch(context(), "")
    coming = asyncio.ensure_future(anext(events))
    async with asyncio.timeout(30):
        number = 0
        while not coming.done():  # the watch begins at some moment: claims come until one is seen
            number += 1
            await record(rooms, submission(number, tenant="other"), submission(number))
            await asyncio.wait({coming}, timeout=0.2)
        event = await coming
    await events.aclose()
    assert event.position
    assert event.document["claim_id"].startswith("CLM-")
    assert event.document["verdict"] == "accept"


@pytest.fixture(params=["memory", "grpc"])
async def tenants(request: pytest.FixtureRequest) -> AsyncIterator[ports.Tenants]:
    """Tenants of the twin, and of storage over a socket."""
    from claims.domain import tenants as domain  # noqa: PLC0415 - beside the fixture of the same name

    if request.param == "memory":
        known = [domain.Tenant(name="demo"), domain.Tenant(name="other", default_regime="nphies")]
        yield testing.MemoryTenants(*known, domain.Tenant(name="idle", active=False))
        return
    async with (
        storage_support.twin(None, OTHER, IDLE) as stubs,
        chassis_testing.serve(stubs.app, caller="claims") as channel,
    ):
        yield tenants_room.GrpcTenants(storage_pb2_grpc.ClaimReaderStub(channel), clocks.SystemClock())


async def test_tenants_are_found_with_their_settings(tenants: ports.Tenants) -> None:
    """Threshold and default regime are storage's."""
    demo, other = await tenants.find("demo"), await tenants.find("other")
    assert (demo.name, demo.review_threshold, demo.default_regime) == ("demo", 0.5, "base")
    assert other.default_regime == "nphies"


@pytest.mark.parametrize("name", ["nowhere", "idle", ""])
async def test_other_tenants_are_unknown(tenants: ports.Tenants, name: str) -> None:
    """Closed, absent and empty are the same refusal."""
    with pytest.raises(errors.Denied, match=r"tenant\.unknown"):
        await tenants.find(name)
