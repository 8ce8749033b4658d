"""Following what is published, exporting and looking up: in order, once, within bounds, one tenant each."""

import itertools

import msgspec
import pytest

from chassis import errors
from chassis import testing as chassis_testing
from storage import testing
from storage.domain import records, views
from storage.usecases import export, know_tenants, list_unscored, look_up, watch


def event(number: int) -> views.Event:
    """Return the event at a position."""
    return views.Event(
        position=f"1-1-{number}",
        id=f"{number}",
        claim_id=f"C-{number}",
        event="claim.recorded",
        verdict="accept",
        wire_status="received",
        business_status="draft",
        review_status="none",
        at_ms=number,
    )


def published(count: int) -> testing.World:
    """Return a world in which this many events of `demo` were published, each with one of a neighbour."""
    world = testing.world(views.Tenant(tenant="other", display_name="Other"))
    for number in range(1, count + 1):
        world.state.events.append(("demo", event(number)))
        world.state.events.append(("other", event(number)))
    return world


class Bell:
    """A bell whose every wait publishes one more event, until it has none and ends the test's patience."""

    def __init__(self, world: testing.World, *numbers: int) -> None:
        self._world, self._numbers, self.waits = world, list(numbers), 0

    def ring(self) -> None:
        """Nobody rings this bell."""

    async def wait(self, seconds: float) -> None:
        """Publish the next event instead of waiting."""
        assert seconds > 0
        self.waits += 1
        self._world.state.events.append(("demo", event(self._numbers.pop(0))))


async def first(count: int, world: testing.World, after: str, bell: Bell) -> list[int]:
    """Return the positions of the first events of a watch."""
    found = []
    async for told in watch.watch("demo", after, reader=world.reader, bell=bell):
        found.append(int(told.position.rsplit("-", 1)[1]))
        if len(found) == count:
            break
    return found


@pytest.mark.parametrize("kept", [0, 1, watch.PAGE - 1, watch.PAGE, watch.PAGE + 1, 2 * watch.PAGE])
async def test_a_watch_tells_what_was_kept_and_goes_on(kept: int) -> None:
    """From the oldest kept through every page, then what comes: none twice, none left out."""
    world = published(kept)
    bell = Bell(world, kept + 1, kept + 2)
    assert await first(kept + 2, world, "", bell) == list(range(1, kept + 3))
    assert bell.waits == 2


async def test_latest_begins_with_what_comes_next() -> None:
    """A subscriber that asks for the latest is told nothing from before it asked."""
    world = published(5)
    assert await first(2, world, "latest", Bell(world, 6, 7)) == [6, 7]


async def test_latest_of_an_empty_outbox_misses_nothing() -> None:
    """The first event ever is told to somebody who came before it."""
    world = testing.world()
    assert await first(1, world, "latest", Bell(world, 1)) == [1]


async def test_a_watch_goes_on_behind_its_position() -> None:
    """A position is a place to go on from: its own event is not told again."""
    world = published(9)
    assert await first(3, world, "1-1-6", Bell(world)) == [7, 8, 9]


@pytest.mark.parametrize("position", ["7", "1-1", "1-1-x", "1-1-1-1", "-1-1-1", "latest ", "1-1-" + "9" * 30])
async def test_a_position_that_is_none_of_ours_is_refused(position: str) -> None:
    """A forged position is invalid, not the beginning."""
    world = published(1)
    with pytest.raises(errors.Invalid) as refused:
        await first(1, world, position, Bell(world))
    assert refused.value.reason == "position.invalid"


ROW = views.ExportRow(
    claim_id="C-1", id="", line=1, use="claim", type="professional", code=None, system=None, service_day=None,
    net_minor=None, currency="SAR", verdict="accept", business_status="recorded", probability=None,
    model_revision=None, payer_id=None, provider_id=None, wire_status="accepted", review_status="none",
    score_state=None, line_probability=None, inputs=(None,) * 7,
)  # fmt: skip


class Pages(testing.TwinReader):
    """A reader with this many claims of one line, and one claim without any."""

    def __init__(self, state: testing.rows.State, claims: int) -> None:
        super().__init__(state)
        self._ids = [f"0190a5c4-7b1e-7c3a-9f00-{number:012x}" for number in range(claims)]
        self.asked: list[str] = []

    async def export(self, tenant: str, after: str, claims: int) -> tuple[list[views.ExportRow], str]:
        """Return rows behind an id; the page's first claim has no line."""
        assert tenant == "demo"
        self.asked.append(after)
        page = [name for name in self._ids if name > after][:claims]
        rows = [msgspec.structs.replace(ROW, id=name) for name in page[1:]]
        return rows, page[-1] if page else ""


@pytest.mark.parametrize("claims", [0, 1, 2, export.CLAIMS, export.CLAIMS + 1])
async def test_an_export_asks_until_there_is_no_more(claims: int) -> None:
    """Pages end with the claims, not with the first page whose claims have no lines."""
    reader = Pages(testing.world().state, claims)
    told = [
        row.id for page in [rows async for rows in export.export("demo", "", reader=reader)] for row in page
    ]
    expected = [name for page in itertools.batched(reader._ids, export.CLAIMS) for name in page[1:]]
    assert told == expected
    assert len(reader.asked) == -(-claims // export.CLAIMS) + 1


async def test_an_export_begins_behind_an_id_only() -> None:
    """What is no id is refused before anything is read, and capitals are taken for what they are."""
    reader = Pages(testing.world().state, 3)
    with pytest.raises(errors.Invalid, match=r"id\.invalid"):
        await anext(export.export("demo", "1", reader=reader))
    assert reader.asked == []
    last = reader._ids[-1].upper()
    assert [page async for page in export.export("demo", last, reader=reader)] == []


def question(tenant: str = "demo", keys: int = 1) -> records.Question:
    """Return a question about one claim."""
    return records.Question(
        tenant=tenant, claim_id="C", use="claim", provider_id="P", patient_key="p", service_keys=["k"] * keys
    )


class Down(testing.TwinReader):
    """A reader whose database does not answer."""

    async def tenants(self) -> dict[str, views.Tenant]:
        """Answer with what an absent database answers."""
        raise errors.Unavailable("database.unavailable", "Not now.")


async def answers(world: testing.World, *asked: records.Question) -> list[records.Answer | errors.Fault]:
    """Return what history answers."""
    clock = chassis_testing.ManualClock()
    tenants = know_tenants.Tenants(world.reader, clock)
    return await look_up.look_up(asked, ledger=world.ledger, tenants=tenants, clock=clock)


async def test_a_bad_question_fails_alone_and_in_its_place() -> None:
    """Strangers, the inactive and the greedy get a fault each; the others their answer."""
    world = testing.world(views.Tenant(tenant="gone", display_name="Gone", active=False))
    found = await answers(
        world,
        question(),
        question("nobody"),
        question("gone"),
        question(keys=look_up.KEYS_MAX + 1),
        question(),
    )
    reasons = [one.reason if isinstance(one, errors.Fault) else "" for one in found]
    assert reasons == ["", "tenant.unknown", "tenant.unknown", "lookup.too_many", ""]


async def test_no_question_has_no_answer_and_too_many_are_refused() -> None:
    """The bound is on the batch as a whole, and an empty batch asks nothing."""
    world = testing.world()
    assert await answers(world) == []
    with pytest.raises(errors.Invalid, match=r"lookup\.too_many"):
        await answers(world, *[question()] * (look_up.QUESTIONS_MAX + 1))


async def test_without_a_database_each_question_is_unavailable() -> None:
    """A lookup never turns an absent history into an empty one."""
    world = testing.world()
    clock = chassis_testing.ManualClock()
    tenants = know_tenants.Tenants(Down(world.state), clock)
    found = await look_up.look_up([question()] * 3, ledger=world.ledger, tenants=tenants, clock=clock)
    assert [type(one) for one in found] == [errors.Unavailable] * 3


class Unscored(testing.TwinLedger):
    """A ledger in which each tenant has four hundred claims without a score."""

    async def unscored(self, tenant: str, limit: int) -> list[views.Unscored]:
        """Return as many as asked for, up to four hundred."""
        one = views.Unscored(tenant=tenant, id="i", revision=1, claim_json=b"{}", decision_json=b"{}")
        return [one] * min(limit, 400)


@pytest.mark.parametrize(
    ("limit", "expected"), [(0, (400, 100)), (1, (1, 0)), (450, (400, 50)), (10**6, (400, 100))]
)
async def test_claims_without_a_score_are_listed_within_the_bound(
    limit: int, expected: tuple[int, int]
) -> None:
    """Tenants come in turn, nought means the bound, and nobody gets more than it."""
    world = testing.world(views.Tenant(tenant="other", display_name="Other"))
    tenants = know_tenants.Tenants(world.reader, chassis_testing.ManualClock())
    found = await list_unscored.list_unscored(limit, ledger=Unscored(world.state), tenants=tenants)
    counted = tuple(sum(one.tenant == name for one in found) for name in ("demo", "other"))
    assert counted == expected
