"""Reading whole claims: part after part, each written into the audit before it is given out."""

from collections.abc import Sequence

import pytest

from chassis import errors
from chassis import testing as chassis_testing
from storage import testing
from storage.domain import chains, queries, views
from storage.usecases import append, know_tenants, read_claims


class Reader(testing.TwinReader):
    """A reader with this many claims; remembers what it was asked."""

    def __init__(self, state: testing.rows.State, claims: int) -> None:
        super().__init__(state)
        self.ids = [f"0190a5c4-7b1e-7c3a-9f00-{number:012x}" for number in range(claims)]
        self.asked: list[str] = []

    async def whole(self, question: queries.Walk, limit: int) -> list[views.StoredClaim]:
        """Return claims behind an id."""
        self.asked.append(question.after)
        found = [name for name in self.ids if name > question.after][:limit]
        return [
            views.StoredClaim(
                id=name, claim_id=name, revision=1, claim_json=b"{}", decision_json=b"{}",
                wire_status="received", business_status="draft", review_status="none", content_hash=b"",
            )
            for name in found
        ]  # fmt: skip


class Store(testing.TwinChains):
    """Chains that can be away."""

    away = False

    async def append(self, chain: str, entries: Sequence[chains.Entry]) -> None:
        """Append, unless away."""
        if self.away:
            raise errors.Unavailable("database.unavailable", "Away.")
        await super().append(chain, entries)


def _world(claims: int) -> tuple[Reader, Store, append.Journal, chassis_testing.ManualClock]:
    world, clock = testing.world(), chassis_testing.ManualClock()
    reader, store = Reader(world.state, claims), Store(world.state)
    tenants = know_tenants.Tenants(world.reader, clock)
    return reader, store, append.Journal(store=store, tenants=tenants, clock=clock, chain="s0.reads"), clock


def _audited(store: Store) -> list[tuple[str, str, str]]:
    return [
        (link.entry.event, link.entry.subject, link.entry.id)
        for links in store._state.links.values()
        for link in links
    ]


WALK = queries.walk("demo", after="", since="", until="")


@pytest.mark.parametrize("claims", [0, 1, read_claims.CLAIMS, read_claims.CLAIMS + 1, 3 * read_claims.CLAIMS])
async def test_every_claim_is_given_once_and_every_part_is_audited(claims: int) -> None:
    """Parts of a bounded size, in order; the entry of a part names its last claim and who read it."""
    reader, store, journal, clock = _world(claims)
    parts = [
        part
        async for part in read_claims.read_claims(
            WALK, subject="cli", roles=["auditor"], reader=reader, journal=journal, clock=clock
        )
    ]
    assert [claim.id for part in parts for claim in part] == reader.ids
    assert all(len(part) <= read_claims.CLAIMS for part in parts)
    assert _audited(store) == [(read_claims.EVENT, "cli", part[-1].id) for part in parts]
    await journal.aclose()


async def test_what_cannot_be_audited_is_not_given_out() -> None:
    """A read that leaves no mark does not happen."""
    reader, store, journal, clock = _world(3)
    store.away = True
    walk = read_claims.read_claims(
        WALK, subject="cli", roles=["auditor"], reader=reader, journal=journal, clock=clock
    )
    with pytest.raises(errors.Unavailable, match=r"database\.unavailable"):
        await anext(walk)
    await journal.aclose()


async def test_the_next_part_is_read_when_it_is_wanted() -> None:
    """Who stops after one part has read, and is said to have read, that part alone."""
    reader, store, journal, clock = _world(3 * read_claims.CLAIMS)
    walk = read_claims.read_claims(
        WALK, subject="cli", roles=["operator"], reader=reader, journal=journal, clock=clock
    )
    await anext(walk)
    await walk.aclose()  # type: ignore[attr-defined]  # a generator
    assert reader.asked == [""]
    assert len(_audited(store)) == 1
    await journal.aclose()


@pytest.mark.parametrize("roles", [[], ["biller", "manager"], ["auditors"]])
async def test_other_roles_read_nothing(roles: list[str]) -> None:
    """Refused before anything is read."""
    reader, store, journal, clock = _world(3)
    walk = read_claims.read_claims(
        WALK, subject="cli", roles=roles, reader=reader, journal=journal, clock=clock
    )
    with pytest.raises(errors.Denied, match=r"role\.not_allowed"):
        await anext(walk)
    assert (reader.asked, _audited(store)) == ([], [])
    await journal.aclose()


def test_a_walk_is_bounded_by_days_and_a_claim() -> None:
    """Days become ids; the place to go on from is taken in any spelling of an id."""
    walk = queries.walk("demo", after=ID.upper(), since="2026-01-01", until="2026-01-31")
    assert (walk.after, walk.tenant) == (ID, "demo")
    assert walk.from_id is not None
    assert walk.until_id is not None
    assert walk.from_id < walk.until_id
    assert queries.behind(walk, "x").after == "x"
    assert queries.behind(walk, "x").from_id == walk.from_id


ID = "0190a5c4-7b1e-7c3a-9f00-000000000000"
