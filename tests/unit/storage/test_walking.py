"""Walking the chains over the twin: each kind of damage is told where it is, and nothing else is."""

from collections.abc import Sequence

import msgspec
import pytest

from chassis import errors
from chassis import testing as chassis_testing
from storage import ports, testing
from storage.domain import chains, merkle, views
from storage.usecases import anchor, know_tenants, verify

OTHER = views.Tenant(tenant="other", display_name="Other")


def world_with(entries: int, *chain_names: str) -> testing.World:
    """Return a world whose named chains hold this many entries each."""
    world = testing.world(OTHER)
    for chain in chain_names or ("s0.0",):
        for number in range(entries):
            world.state.append(
                chains.Entry(
                    tenant="demo",
                    chain=chain,
                    event="claim.read",
                    subject="s",
                    id=f"{number}",
                    at_ms=number,
                )
            )
    return world


async def last_of(world: testing.World, store: ports.Chains | None = None) -> verify.Progress:
    """Return the last message of a walk over the tenants `demo` and `other`."""
    walk = verify.verify(["demo", "other"], store=store or world.chains, objects=world.objects)
    return [progress async for progress in walk][-1]


async def anchored(world: testing.World) -> bytes:
    """Anchor the world and return its root."""
    clock = chassis_testing.ManualClock()
    tenants = know_tenants.Tenants(world.reader, clock)
    return await anchor.anchor(store=world.chains, objects=world.objects, tenants=tenants, clock=clock)


@pytest.mark.parametrize("count", [0, 1, verify.PAGE - 1, verify.PAGE, verify.PAGE + 1])
async def test_a_sound_world_is_walked_to_its_end(count: int) -> None:
    """Every entry is checked once, around the size of a page too, and the root is that of the heads."""
    world = world_with(count)
    last = await last_of(world)
    assert (last.done, last.broken, last.checked, last.total) == (True, None, count, count)
    assert last.merkle_root == merkle.root_of(await world.chains.heads("demo"))


@pytest.mark.parametrize("place", [0, 3, 9])
async def test_a_rewritten_entry_is_told_by_chain_and_sequence(place: int) -> None:
    """First, middle or last: the walk stops at the entry that no longer hashes to what stands there."""
    world = world_with(10, "s0.0", "s0.1")
    links = world.state.links["demo", "s0.1"]
    forged = msgspec.structs.replace(links[place].entry, subject="somebody else")
    links[place] = msgspec.structs.replace(links[place], entry=forged)
    last = await last_of(world)
    assert last.broken == verify.Broken("demo", "s0.1", place + 1, "hash")
    assert last.done
    assert last.merkle_root == b""


async def test_a_missing_entry_is_a_gap() -> None:
    """An entry taken out of the middle is told at the sequence that is missing."""
    world = world_with(10)
    del world.state.links["demo", "s0.0"][4]
    assert (await last_of(world)).broken == verify.Broken("demo", "s0.0", 5, "gap")


async def test_a_tail_cut_off_is_noticed_by_the_anchor_alone() -> None:
    """Without an anchor a shorter chain is a sound one: the anchor is what remembers its length."""
    world = world_with(10)
    del world.state.links["demo", "s0.0"][7:]
    assert (await last_of(world)).broken is None
    world = world_with(10)
    await anchored(world)
    del world.state.links["demo", "s0.0"][7:]
    assert (await last_of(world)).broken == verify.Broken("demo", "s0.0", 7, "truncated")


async def test_a_chain_gone_altogether_is_noticed() -> None:
    """A chain that was anchored cannot be deleted as if it had never been."""
    world = world_with(3, "s0.0", "s0.1")
    await anchored(world)
    del world.state.links["demo", "s0.1"]
    assert (await last_of(world)).broken == verify.Broken("demo", "s0.1", 0, "truncated")


async def test_entries_after_the_anchor_are_no_break() -> None:
    """A platform goes on working between two anchors."""
    world = world_with(4)
    await anchored(world)
    world.state.append(
        chains.Entry(tenant="demo", chain="s0.0", event="claim.read", subject="s", id="new", at_ms=9)
    )
    last = await last_of(world)
    assert (last.broken, last.checked) == (None, 5)


class LostHead(testing.TwinChains):
    """Chains of which one has lost its head, as a database with a deleted row tells it."""

    async def heads(self, tenant: str) -> list[chains.Head]:
        """Return heads without a sequence."""
        return [msgspec.structs.replace(head, sequence=-1) for head in await super().heads(tenant)]


class NoLinks(testing.TwinChains):
    """Chains whose heads stand while their links are gone."""

    async def links(self, tenant: str, chain: str, after: int, limit: int) -> list[chains.Link]:
        """Return the first two links and no more."""
        return [link for link in await super().links(tenant, chain, after, limit) if link.sequence <= 2]


async def test_a_lost_head_is_a_break() -> None:
    """A chain without its head could be cut anywhere, so it is not walked as if it were short."""
    world = world_with(3)
    last = await last_of(world, LostHead(world.state))
    assert last.broken == verify.Broken("demo", "s0.0", 0, "truncated")


async def test_links_missing_below_the_head_are_a_break() -> None:
    """A head that promises five entries is not satisfied by two."""
    world = world_with(5)
    last = await last_of(world, NoLinks(world.state))
    assert last.broken == verify.Broken("demo", "s0.0", 3, "truncated")


class Evidence(testing.TwinChains):
    """Chains whose documents hash to what is said here."""

    def __init__(self, state: testing.rows.State, found: dict[int, tuple[bytes, bytes]]) -> None:
        super().__init__(state)
        self._found = found

    async def evidence(self, tenant: str, links: Sequence[chains.Link]) -> dict[int, tuple[bytes, bytes]]:
        """Return what is said."""
        assert tenant == "demo"
        return {link.sequence: self._found[link.sequence] for link in links if link.sequence in self._found}


CLAIM, DOCUMENT, BAD = b"c" * 32, b"d" * 32, b"x" * 32


@pytest.mark.parametrize(
    ("found", "sound"),
    [
        ({1: (CLAIM, DOCUMENT)}, True),
        ({1: (CLAIM, BAD)}, False),
        ({1: (BAD, DOCUMENT)}, False),
        ({1: (b"", DOCUMENT)}, False),
        ({}, False),
    ],
)
async def test_documents_that_are_not_those_recorded_are_told(
    found: dict[int, tuple[bytes, bytes]],
    sound: bool,  # noqa: FBT001 - a table of cases
) -> None:
    """A changed claim, a changed document and one that is gone are each `content` at their entry."""
    world = testing.world()
    world.state.append(
        chains.Entry(
            tenant="demo",
            chain="s0.0",
            event="claim.recorded",
            subject="s",
            id="i",
            at_ms=1,
            content_hash=CLAIM,
            document_hash=DOCUMENT,
        )
    )
    last = await last_of(world, Evidence(world.state, found))
    assert last.broken == (None if sound else verify.Broken("demo", "s0.0", 1, "content"))


@pytest.mark.parametrize("document", [b"", b"{}", b'{"at_ms":1', b"\xff\xfe", b"[]"])
async def test_a_damaged_anchor_is_said_and_never_passed_over(document: bytes) -> None:
    """Neither a walk nor the next anchor goes on as if nothing had been anchored."""
    world = world_with(2)
    await world.objects.keep_anchor(1, document)
    for work in (last_of(world), anchored(world)):
        with pytest.raises(errors.Internal) as damaged:
            await work
        assert damaged.value.reason == "anchor.damaged"


async def test_the_root_of_an_anchor_is_that_of_a_walk() -> None:
    """Two ways to the same value: what is anchored is what a later walk finds."""
    world = world_with(3, "s0.0", "s0.1", "s1.0")
    assert await anchored(world) == (await last_of(world)).merkle_root
