"""What the claims room expects of the rooms behind its ports: of its twins, of storage over a socket."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

import claims_rooms as support
import storage_support
from chassis import clock as clocks
from chassis import errors
from chassis import testing as chassis_testing
from claims import ports, testing
from claims.domain import documents, lifecycle, risk
from claims.outbound import tenants as tenants_room
from formats import canonical
from ultrathink.storage.v1 import storage_pb2_grpc


async def test_a_recorded_claim_is_read_as_it_was_written(rooms: support.Rooms) -> None:
    """Claim, decision, status and revision come back under the id."""
    item = support.submission()
    (made,) = await support.record(rooms, item)
    stored = await rooms.archive.claim(support.context(), made.id)
    assert (made.replayed, stored.id, stored.revision, stored.tenant) == (False, made.id, 1, "demo")
    assert stored.decision == item.document
    assert canonical.decode(stored.claim) == item.claim
    assert stored.status == item.decision.status
    assert abs((stored.received_at - clocks.SystemClock().now()).total_seconds()) < 60


async def test_the_same_key_and_content_is_recorded_once(rooms: support.Rooms) -> None:
    """The original decision is repeated, byte for byte, in the batch and afterwards."""
    item = support.submission()
    first, second = await support.record(rooms, item, item)
    later = msgspec.structs.replace(item, document=item.document.replace(b"warning", b"info"))
    (third,) = await support.record(rooms, later)
    assert [first.replayed, second.replayed, third.replayed] == [False, True, True]
    assert {first.id, second.id, third.id} == {first.id}
    assert second.document == third.document == item.document


async def test_the_same_key_with_other_content_is_a_conflict_alone(rooms: support.Rooms) -> None:
    """The neighbour in the batch is recorded; the conflict names its reason."""
    await support.record(rooms, support.submission(1, key="k"))
    conflict, well = await support.record(rooms, support.submission(2, key="k"), support.submission(3))
    assert isinstance(conflict, errors.Conflict)
    assert conflict.reason == "idempotency.key_reused"
    assert isinstance(well, ports.Recorded)


async def test_keys_belong_to_their_tenant(rooms: support.Rooms) -> None:
    """Two tenants may use the same key for different claims."""
    one, two = await support.record(
        rooms, support.submission(1, key="k"), support.submission(2, key="k", tenant="other")
    )
    assert one.id != two.id
    with pytest.raises(errors.NotFound):
        await rooms.archive.claim(support.context("other"), one.id)


async def test_a_large_batch_keeps_its_order(rooms: support.Rooms) -> None:
    """Every submission has its own record, in order, also when it needs more than one message."""
    items = [support.submission(number) for number in range(300)]
    made = await support.record(rooms, *items)
    assert len({one.id for one in made}) == 300
    stored = await rooms.archive.claim(support.context(), made[123].id)
    assert canonical.decode(stored.claim).claim_id == "CLM-000123"


def change(identifier: str, item: ports.Submission, revision: int = 1) -> ports.Change:
    """Return a reviewer's acceptance."""
    status = lifecycle.advance(item.decision.status, "review.decided.accept")
    return ports.Change(
        context=support.context(subject="rev-1"),
        id=identifier,
        revision=revision,
        event="review.decided",
        verdict="accept",
        status=status,
        risk=item.decision.risk,
        document=documents.amend(item.document, revision=revision + 1, verdict="accept", status=status),
        note="Secret words",
    )


async def test_a_change_is_a_new_revision(rooms: support.Rooms) -> None:
    """Decision and status are the new ones; an old revision is a conflict and changes nothing."""
    item = support.submission(1, "not_scored")
    (made,) = await support.record(rooms, item)
    told = change(made.id, item)
    assert await rooms.store.append(told) == 2
    stored = await rooms.archive.claim(support.context(), made.id)
    assert (stored.revision, stored.decision, stored.status) == (2, told.document, told.status)
    with pytest.raises(errors.Conflict):
        await rooms.store.append(told)
    assert (await rooms.archive.claim(support.context(), made.id)).revision == 2
    (again,) = await support.record(rooms, item)
    assert (again.replayed, again.document) == (True, item.document)


async def test_a_change_of_nothing_is_not_found(rooms: support.Rooms) -> None:
    """An id of another tenant cannot be changed."""
    item = support.submission(1, "not_scored")
    (made,) = await support.record(rooms, item)
    foreign = msgspec.structs.replace(change(made.id, item), context=support.context("other"))
    with pytest.raises(errors.NotFound):
        await rooms.store.append(foreign)


async def test_claims_without_a_score_are_listed_until_they_have_one(rooms: support.Rooms) -> None:
    """Oldest first, with tenant, revision, claim and decision; a scored claim is not among them."""
    items = [
        support.submission(1, "not_scored"),
        support.submission(2),
        support.submission(3, "not_scored", tenant="other"),
    ]
    first, _, third = await support.record(rooms, *items)
    waiting = await rooms.store.unscored(10)
    assert {(one.tenant, one.id, one.revision) for one in waiting} == {
        ("demo", first.id, 1), ("other", third.id, 1),
    }  # fmt: skip
    assert all(one.decision and one.status for one in waiting)
    told = {one.id: canonical.decode(one.claim) for one in waiting}
    assert told == {first.id: items[0].claim, third.id: items[2].claim}
    scored = risk.assess(
        risk.Score(state="scored", probability=0.5, model=testing.MODEL), items[0].claim, items[0].sums
    )
    late = msgspec.structs.replace(change(first.id, items[0]), event="score.appended", risk=scored)
    await rooms.store.append(late)
    assert [one.id for one in await rooms.store.unscored(10)] == [third.id]
    assert len(await rooms.store.unscored(1)) == 1


async def test_pages_follow_each_other(rooms: support.Rooms) -> None:
    """Newest first, each claim once, filters kept, until the cursor is empty."""
    await support.record(
        rooms, *[support.submission(number) for number in range(5)], support.submission(9, "not_scored")
    )
    seen: list[str] = []
    cursor = ""
    while True:
        query = ports.Query(limit=2, cursor=cursor, filters={"verdict": "accept"}, sort="-received_at")
        page = await rooms.archive.page(support.context(), query)
        seen += [row["claim_id"] for row in page.items]
        cursor = page.next_cursor
        if not cursor:
            break
    assert seen == [f"CLM-{number:06d}" for number in (4, 3, 2, 1, 0)]


async def test_rows_say_what_a_list_shows(rooms: support.Rooms) -> None:
    """Id, the sender's id, verdict, status and revision are in every row."""
    (made,) = await support.record(rooms, support.submission())
    query = ports.Query(limit=10, cursor="", filters={}, sort="-received_at")
    (row,) = (await rooms.archive.page(support.context(), query)).items
    assert (row["id"], row["claim_id"], row["verdict"], row["revision"]) == (
        made.id, "CLM-000001", "accept", 1,
    )  # fmt: skip
    assert row["status"] == lifecycle.begin("accept")
    assert msgspec.json.encode(row)


async def test_what_happened_to_a_claim_is_told_in_order(rooms: support.Rooms) -> None:
    """Transitions have their revisions; a noted read is in the audit; the note is nowhere."""
    item = support.submission(1, "not_scored")
    (made,) = await support.record(rooms, item)
    await rooms.archive.note_read(support.context(subject="curious"), made.id, "claim.read")
    await rooms.store.append(change(made.id, item))
    history = await rooms.archive.history(support.context(), made.id)
    assert [(one["revision"], one["verdict"]) for one in history.transitions] == [
        (1, "review"),
        (2, "accept"),
    ]
    assert history.transitions[-1]["event"] == "review.decided"
    assert history.transitions[-1]["subject"] == "rev-1"
    assert "claim.read" in [one["event"] for one in history.audit]
    assert "Secret" not in str(history)


@pytest.mark.parametrize("wanted", ["01890000-0000-7000-8000-00000000beef"])
async def test_an_unknown_claim_is_not_found(rooms: support.Rooms, wanted: str) -> None:
    """Reading and its history say not found."""
    with pytest.raises(errors.NotFound):
        await rooms.archive.claim(support.context(), wanted)
    with pytest.raises(errors.NotFound):
        await rooms.archive.history(support.context(), wanted)


async def test_changes_are_watched_as_they_are_recorded(rooms: support.Rooms) -> None:
    """A watcher hears of what is recorded after it began, of its own tenant only."""
    events = rooms.archive.watch(support.context(), "")
    coming = asyncio.ensure_future(anext(events))
    async with asyncio.timeout(30):
        number = 0
        while not coming.done():  # the watch begins at some moment: claims come until one is seen
            number += 1
            await support.record(
                rooms, support.submission(number, tenant="other"), support.submission(number)
            )
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
        storage_support.twin(None, support.OTHER, support.IDLE) as stubs,
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
