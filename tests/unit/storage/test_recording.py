"""The use cases over fakes: gathering, halving, going on when the database does not answer."""

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping

import pytest

import storage_support as support
from chassis import errors
from chassis import testing as chassis_testing
from storage import ports, testing
from storage.domain import anchors, chains, ids, records, views
from storage.inbound import converters
from storage.outbound import documents
from storage.usecases import anchor, keep_house, know_tenants, record, verify


class ListeningLedger(testing.TwinLedger):
    """A twin that keeps the batches it was given and may refuse or wait."""

    def __init__(self, state: testing.rows.State) -> None:
        super().__init__(state)
        self.batches: list[records.Batch] = []
        self.refuse: Callable[[records.Batch], errors.Fault | None] = lambda _batch: None
        self.gate: asyncio.Event | None = None

    async def record(self, batch: records.Batch) -> dict[int, records.Earlier]:
        """Record, refuse or wait."""
        self.batches.append(batch)
        if self.gate is not None:
            await self.gate.wait()
        fault = self.refuse(batch)
        if fault is not None:
            raise fault
        return await super().record(batch)


class Desk:
    """A recorder over a listening ledger."""

    def __init__(self, *, writers: int = 2, reader: ports.Reader | None = None) -> None:
        self.world = testing.world()
        self.clock = chassis_testing.ManualClock()
        self.ledger = ListeningLedger(self.world.state)
        self.recorder = record.Recorder(
            ledger=self.ledger,
            objects=self.world.objects,
            pack=documents.pack,
            tenants=know_tenants.Tenants(reader or self.world.reader, self.clock),
            bell=self.world.bell,
            mint=ids.Mint(self.clock, lambda count: bytes(range(count % 256)).ljust(count, b"\1")),
            clock=self.clock,
            shard="s0",
            writers=writers,
            group_bytes=4 * 1024 * 1024,
        )

    async def send(self, *claims: str, **columns: object) -> list[records.Outcome]:
        """Record claims of one submission."""
        batch = support.Batch()
        for claim in claims:
            batch.add(claim, **columns)  # type: ignore[arg-type]  # columns of a row
        return await self.recorder.record(converters.submission(batch.request, self.clock))

    async def anchored(self) -> bytes:
        """Anchor all chains and return their root."""
        return await anchor.anchor(
            store=self.world.chains,
            objects=self.world.objects,
            tenants=know_tenants.Tenants(self.world.reader, self.clock),
            clock=self.clock,
        )


async def test_submissions_that_wait_for_a_writer_share_a_batch():
    """Of sixteen callers at once two are written at once, the others together, each with its own answer."""
    desk = Desk()
    desk.ledger.gate = asyncio.Event()
    sending = asyncio.gather(*(desk.send(f"C-{number}") for number in range(16)))
    for _ in range(20):
        await asyncio.sleep(0)
    desk.ledger.gate.set()
    answers = await sending
    assert [len(batch.ids) for batch in desk.ledger.batches] == [1, 1, 14]
    assert len({outcome.id for [outcome] in answers if isinstance(outcome, records.Recorded)}) == 16


async def test_who_comes_later_does_not_pass_those_who_wait():
    """While submissions wait for a writer, a free one is theirs."""
    desk = Desk(writers=1)
    desk.ledger.gate = asyncio.Event()
    first = asyncio.create_task(desk.send("FIRST"))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(desk.send("WAITING"))
    for _ in range(20):
        await asyncio.sleep(0)
    first.add_done_callback(lambda _: later.append(asyncio.create_task(desk.send("LATER"))))
    later: list[asyncio.Task[list[records.Outcome]]] = []
    desk.ledger.gate.set()
    await asyncio.gather(first, waiting)
    await asyncio.gather(*later)
    assert [batch.submission.claims.claim_id for batch in desk.ledger.batches] == [
        ["FIRST"], ["WAITING"], ["LATER"],
    ]  # fmt: skip


async def test_a_batch_says_how_long_it_is_waited_for():
    """Its statement is given up when the last deadline of its items has passed."""
    desk = Desk()
    await desk.send("A", "B")
    assert [batch.seconds for batch in desk.ledger.batches] == [60.0]


async def test_a_writer_that_failed_or_was_given_up_is_free_again():
    """Neither a defect nor a cancelled caller keeps a chain."""
    desk = Desk(writers=1)
    desk.ledger.gate = asyncio.Event()
    given_up = asyncio.create_task(desk.send("A"))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    desk.ledger.gate = None
    desk.ledger.refuse = lambda _batch: errors.Internal("database.failed", "No.")
    assert isinstance((await desk.send("B"))[0], errors.Internal)
    desk.ledger.refuse = lambda _batch: None
    assert isinstance((await desk.send("C"))[0], records.Recorded)


async def test_two_writers_have_two_chains_and_no_third():
    """Batches under way at once are on different chains; the next one waits for a writer."""
    desk = Desk()
    desk.ledger.gate = asyncio.Event()
    sending = []
    for number in range(3):
        sending.append(asyncio.create_task(desk.send(f"C-{number}")))
        for _ in range(20):
            await asyncio.sleep(0)
    assert sorted(batch.chain for batch in desk.ledger.batches) == ["s0.0", "s0.1"]
    desk.ledger.gate.set()
    await asyncio.gather(*sending)
    assert len(desk.ledger.batches) == 3


async def test_a_refused_item_is_found_by_halving():
    """The bad one of sixteen is told alone, after at most two batches per halving."""
    desk = Desk()
    desk.ledger.refuse = lambda batch: (
        errors.Invalid("record.refused", "No.") if "C-5" in batch.submission.claims.claim_id else None
    )
    outcomes = await desk.send(*(f"C-{number}" for number in range(16)))
    assert [place for place, outcome in enumerate(outcomes) if isinstance(outcome, errors.Fault)] == [5]
    assert len(desk.ledger.batches) == 9


async def test_an_unavailable_ledger_makes_every_item_unavailable():
    """What passes is not halved: everyone is told to come back, and can."""
    desk = Desk()
    desk.ledger.refuse = lambda _batch: errors.Unavailable("database.unavailable", "Not now.")
    outcomes = await desk.send("A", "B")
    assert {outcome.reason for outcome in outcomes if isinstance(outcome, errors.Fault)} == {
        "database.unavailable"
    }
    assert len(desk.ledger.batches) == 1
    desk.ledger.refuse = lambda _batch: None
    assert all(isinstance(outcome, records.Recorded) for outcome in await desk.send("A", "B"))


async def test_a_closed_recorder_refuses():
    """After closing, nothing is accepted; what was accepted before is finished."""
    desk = Desk()
    early = asyncio.create_task(desk.send("A"))
    await asyncio.sleep(0)
    await desk.recorder.aclose()
    [finished] = await early
    assert isinstance(finished, records.Recorded)
    [late] = await desk.send("B")
    assert isinstance(late, errors.Unavailable)


async def test_closing_waits_for_what_is_being_written():
    """A submission under way is finished before the recorder is closed."""
    desk = Desk()
    desk.ledger.gate = asyncio.Event()
    early = asyncio.create_task(desk.send("A"))
    await asyncio.sleep(0)
    closing = asyncio.create_task(desk.recorder.aclose())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not closing.done()
    desk.ledger.gate.set()
    await closing
    assert early.done()


async def test_bodies_are_cut_by_tenant_and_size():
    """A body holds one tenant's claims and about half a megabyte; places point into it."""
    desk = Desk()
    big = bytes(200 * 1024)
    batch = support.Batch()
    for number in range(5):
        batch.add(f"C-{number}", received=big)
    await desk.recorder.record(converters.submission(batch.request, desk.clock))
    [written] = desk.ledger.batches
    assert [len(body.parts) for body in written.bodies] == [6, 6, 3]
    for place, item in zip(written.places, written.submission.items, strict=True):
        body = next(body for body in written.bodies if body.id == place.body)
        claim, decision, received = documents.cut(b"".join(body.parts), place)
        assert (claim, decision, received) == (item.claim_json, item.decision_json, item.received_body)


async def test_the_months_of_a_batch_are_ready_before_it():
    """A month is prepared once, with the one after it."""
    desk = Desk()
    await desk.send("A")
    await desk.send("B")
    assert desk.world.state.months == {(2026, 8), (2026, 9)}


class FailingReader(testing.TwinReader):
    """A twin whose table of tenants cannot be read when told so."""

    def __init__(self, state: testing.rows.State) -> None:
        super().__init__(state)
        self.reads, self.away = 0, False

    async def tenants(self) -> Mapping[str, views.Tenant]:
        """Return the tenants, unless away."""
        self.reads += 1
        if self.away:
            raise errors.Unavailable("database.unavailable", "Not now.")
        return await super().tenants()


async def test_tenants_are_kept_for_a_while_and_longer_when_they_must():
    """The table is read every half minute; when it cannot be, what was known goes on."""
    reader, clock = FailingReader(testing.world().state), chassis_testing.ManualClock()
    tenants = know_tenants.Tenants(reader, clock)
    await tenants.active("demo")
    await tenants.active("demo")
    assert reader.reads == 1
    clock.advance(know_tenants.FRESH_SECONDS + 1)
    reader.away = True
    assert (await tenants.active("demo")).tenant == "demo"
    assert reader.reads == 2


async def test_unknown_names_do_not_flood_the_database():
    """A thousand questions for unknown tenants read the table once a second at most."""
    reader, clock = FailingReader(testing.world().state), chassis_testing.ManualClock()
    tenants = know_tenants.Tenants(reader, clock)
    for number in range(1_000):
        with pytest.raises(errors.Denied):
            await tenants.active(f"nobody-{number}")
    assert reader.reads == 1


async def test_without_any_tenant_known_items_are_unavailable():
    """At a start without a database each item is told, the stream of batches goes on."""
    reader = FailingReader(testing.world().state)
    reader.away = True
    [outcome] = await Desk(reader=reader).send("A")
    assert isinstance(outcome, errors.Unavailable)


async def walked(world: testing.World) -> verify.Progress:
    """Return the end of a walk over the demo tenant."""
    return [step async for step in verify.verify(["demo"], store=world.chains, objects=world.objects)][-1]


def demo_links(world: testing.World) -> list[chains.Link]:
    """Return the first writer's chain."""
    return world.state.links["demo", "s0.0"]


async def test_a_walk_in_pages_checks_every_entry():
    """More entries than a page are checked in several steps that count up to the total."""
    desk = Desk()
    for start in range(0, 1_200, 400):
        await desk.send(*(f"C-{number}" for number in range(start, start + 400)), lines=0)
    world = desk.world
    steps = [step async for step in verify.verify(["demo"], store=world.chains, objects=world.objects)]
    assert [step.checked for step in steps] == [500, 1_000, 1_200, 1_200]
    assert steps[-1].done
    assert steps[-1].merkle_root


async def test_an_anchor_remembers_what_was_cut():
    """A chain that lost its end since the last anchor is truncated, one that vanished too."""
    desk = Desk()
    await desk.send("A", "B", "C")
    root = await desk.anchored()
    assert (await walked(desk.world)).merkle_root == root
    del demo_links(desk.world)[-1]
    broken = (await walked(desk.world)).broken
    assert broken is not None
    assert (broken.sequence, broken.reason) == (2, "truncated")
    del desk.world.state.links["demo", "s0.0"]
    broken = (await walked(desk.world)).broken
    assert broken is not None
    assert broken.reason == "truncated"


async def test_an_anchor_notices_a_chain_made_anew():
    """A chain recomputed from a changed entry is sound in itself but does not go through its anchor."""
    desk = Desk()
    await desk.send("A", "B")
    await desk.anchored()
    entries = [link.entry for link in demo_links(desk.world)]
    desk.world.state.links.clear()
    for entry in entries:
        forged = {name: getattr(entry, name) for name in entry.__struct_fields__} | {
            "subject": "someone else"
        }
        desk.world.state.append(chains.Entry(**forged))
    broken = (await walked(desk.world)).broken
    assert broken is not None
    assert (broken.sequence, broken.reason) == (2, "hash")


async def test_an_unchanged_platform_is_anchored_once():
    """Anchors are written when something happened, not by the clock."""
    desk = Desk()
    await desk.send("A")
    await desk.anchored()
    first = await desk.world.objects.last_anchor()
    desk.clock.advance(300)
    await desk.anchored()
    assert await desk.world.objects.last_anchor() == first
    await desk.send("B")
    await desk.anchored()
    latest = anchors.by_chain(await desk.world.objects.last_anchor(), ["demo"])
    assert [head.sequence for head in latest.values()] == [2]


async def test_keys_are_forgotten_after_four_hundred_days():
    """Within 400 days a repetition is recognised, afterwards it is a new claim; events go after 30 days."""
    desk = Desk()
    tenants = know_tenants.Tenants(desk.world.reader, desk.clock)
    [first] = await desk.send("A")
    desk.clock.advance(dt.timedelta(days=399).total_seconds())
    assert await keep_house.forget(upkeep=desk.world.upkeep, tenants=tenants, clock=desk.clock) == 1
    [again] = await desk.send("A")
    assert isinstance(again, records.Recorded)
    assert again.replayed
    desk.clock.advance(dt.timedelta(days=2).total_seconds())
    assert await keep_house.forget(upkeep=desk.world.upkeep, tenants=tenants, clock=desk.clock) == 1
    [new] = await desk.send("A")
    assert isinstance(new, records.Recorded)
    assert not new.replayed
    assert new != first


async def test_history_rows_are_forgotten_with_their_keys():
    """A service stops being asked for when its claim's key goes, and each row is counted once."""
    desk = Desk()
    tenants = know_tenants.Tenants(desk.world.reader, desk.clock)
    await desk.send("A")
    [row] = desk.world.state.rows.values()
    row.history = records.History([0], [1], [b"k" * 12], [20_666], [10_000], [b""], [b""])
    desk.clock.advance(dt.timedelta(days=401).total_seconds())
    gone = [
        await keep_house.forget(upkeep=desk.world.upkeep, tenants=tenants, clock=desk.clock) for _ in range(2)
    ]
    assert gone == [3, 0]
    assert row.history == records.History.empty()


async def test_months_are_prepared_ahead():
    """This month and the next two have their place, across the year's end too."""
    world, clock = testing.world(), chassis_testing.ManualClock(dt.datetime(2026, 11, 25, tzinfo=dt.UTC))
    await keep_house.prepare_months(ledger=world.ledger, clock=clock)
    assert world.state.months == {(2026, 11), (2026, 12), (2027, 1)}
