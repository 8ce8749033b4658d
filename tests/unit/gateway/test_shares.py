"""Places shared by tenants: bounded whatever happens, fair between those who want them, lent whole to one."""

import hypothesis
import pytest
from hypothesis import strategies

from gateway.domain import shares

TENANTS = ("a", "b", "c", "d")
LIMITS = strategies.integers(0, 50)
STEPS = strategies.lists(
    strategies.one_of(
        strategies.tuples(strategies.just("take"), strategies.sampled_from(TENANTS)),
        strategies.tuples(strategies.just("give"), strategies.sampled_from(TENANTS)),
        strategies.tuples(strategies.just("lend"), LIMITS),
    ),
    max_size=300,
)


def _most(limit: int) -> int:
    """Return how many places all tenants together may hold: a quarter more, and what is each one's anyway."""
    return limit + limit // shares.GREED + len(TENANTS) * max(1, limit // shares.SURE)


def _filled(places: shares.Shares, tenant: str) -> int:
    """Return how many places a tenant holds when it wants all."""
    while places.take(tenant):
        pass
    return places.held(tenant)


@hypothesis.given(LIMITS, STEPS)
def test_places_are_never_negative_never_too_many_and_always_come_back(
    limit: int, steps: list[tuple[str, str | int]]
) -> None:
    """After any steps the sum is that of the tenants and within the highest limit; it ends at none."""
    places, held, highest = shares.Shares(limit), dict.fromkeys(TENANTS, 0), limit
    for what, which in steps:
        if isinstance(which, int):
            places.lend(which)
            highest = max(highest, which)
        elif what == "take":
            held[which] += places.take(which)
        elif held[which]:
            held[which] -= 1
            places.give(which)
        assert places.taken == sum(held.values()) <= _most(highest)
        assert all(places.held(tenant) == count >= 0 for tenant, count in held.items())
    for tenant, count in held.items():
        for _ in range(count):
            places.give(tenant)
    assert places.taken == 0


@hypothesis.given(LIMITS, strategies.lists(strategies.sampled_from(TENANTS), max_size=200), LIMITS)
def test_who_holds_less_is_never_refused_where_another_is_not(
    limit: int, takes: list[str], later: int
) -> None:
    """In every state, a lowered limit included, the tenants let in are those who hold least."""
    places = shares.Shares(limit)
    for tenant in takes:
        places.take(tenant)
    places.lend(later)
    welcome: dict[bool, list[int]] = {True: [], False: []}
    for tenant in TENANTS:
        held, let_in = places.held(tenant), places.take(tenant)
        welcome[let_in].append(held)
        if let_in:
            places.give(tenant)
    assert max(welcome[True], default=0) <= min(welcome[False], default=100)


def test_few_claims_beside_a_flood_are_crowded_until_it_ebbs() -> None:
    """The flood itself is not, nor one of many who have a little each."""
    places = shares.Shares(64)
    _filled(places, "flood")
    places.take("small")
    assert places.crowded("small")
    assert not places.crowded("flood")
    for _ in range(40):
        places.give("flood")
    assert not places.crowded("small")


@hypothesis.given(LIMITS, strategies.lists(strategies.sampled_from(TENANTS), max_size=200), LIMITS)
def test_only_who_holds_its_own_part_beside_more_is_crowded(limit: int, takes: list[str], later: int) -> None:
    """As a count of all places says, whatever order of takes and limits led there."""
    places = shares.Shares(limit)
    for number, tenant in enumerate(takes):
        places.take(tenant)
        if number % 3 == 0:
            places.give(tenant) if places.held(tenant) else None
    places.lend(later)
    sure = max(1, later // shares.SURE)
    beyond = sum(max(0, places.held(tenant) - sure) for tenant in TENANTS)
    for tenant in TENANTS:
        assert places.crowded(tenant) == (2 * beyond > later and places.held(tenant) <= sure)


@hypothesis.given(LIMITS, STEPS)
def test_nobody_is_crowded_when_all_have_gone(limit: int, steps: list[tuple[str, str | int]]) -> None:
    """Whatever was counted is counted back."""
    places = shares.Shares(limit)
    for what, which in steps:
        if isinstance(which, int):
            places.lend(which)
        elif what == "take":
            places.take(which)
        elif places.held(which):
            places.give(which)
    for tenant in TENANTS:
        while places.held(tenant):
            places.give(tenant)
    assert not any(places.crowded(tenant) for tenant in TENANTS)


@hypothesis.given(strategies.integers(1, 500))
def test_one_tenant_alone_has_the_whole_limit(limit: int) -> None:
    """No place is kept idle for tenants that do not come."""
    assert _filled(shares.Shares(limit), "a") == limit


@pytest.mark.parametrize("limit", [1, 8, 64, 500])
def test_a_newcomer_finds_a_place_at_once(limit: int) -> None:
    """Whoever floods the door has not taken it from the others."""
    places = shares.Shares(limit)
    _filled(places, "a")
    assert places.take("b")


def test_a_newcomer_finds_a_place_under_a_lowered_limit() -> None:
    """Those who came before the limit fell do not keep it out until they have gone."""
    places = shares.Shares(100)
    _filled(places, "a")
    places.lend(10)
    assert places.take("b")
    assert not places.take("b")
    assert not places.take("a")


def test_tenants_that_all_want_more_end_with_as_many_each() -> None:
    """As answers free places, the one with more gets none until the other has caught up."""
    places = shares.Shares(100)
    _filled(places, "a")
    for _ in range(1_000):
        for tenant in ("a", "b"):
            if places.held(tenant) and places.held(tenant) >= places.held("b" if tenant == "a" else "a"):
                places.give(tenant)
        _filled(places, "b")
        _filled(places, "a")
    assert abs(places.held("a") - places.held("b")) <= shares.GREED
    assert places.taken > 100


def test_a_small_tenant_beside_a_flood_is_never_refused() -> None:
    """Of two tenants, one with a handful of claims and one that takes all it gets, the first gets all."""
    places = shares.Shares(64)
    for turn in range(2_000):
        _filled(places, "flood")
        assert places.take("small")
        if turn > 4:
            places.give("small")
        places.give("flood")
