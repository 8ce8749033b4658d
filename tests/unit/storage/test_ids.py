"""Ids: unique, sorted, and carriers of their instant."""

import datetime as dt
import random
import uuid
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from chassis import testing as chassis_testing
from storage.domain import ids, months


def entropy(seed: int) -> Callable[[int], bytes]:
    """Return a repeatable source of random bytes."""
    return random.Random(seed).randbytes  # noqa: S311 - repeatability is the point here


@given(st.lists(st.tuples(st.integers(-5_000, 5_000), st.integers(1, 20)), max_size=30), st.integers(0, 99))
def test_ids_are_unique_and_sorted_whatever_the_clock_does(moves: list[tuple[int, int]], seed: int):
    """Forwards, backwards or standing still: every id is above all before it."""
    clock = chassis_testing.ManualClock()
    mint = ids.Mint(clock, entropy(seed))
    minted: list[str] = []
    for milliseconds, count in moves:
        clock._now += dt.timedelta(milliseconds=milliseconds)
        minted += mint.mint(count)
    assert minted == sorted(set(minted))
    assert all(uuid.UUID(text).version == 7 and uuid.UUID(text).variant == uuid.RFC_4122 for text in minted)
    assert all(str(uuid.UUID(text)) == text for text in minted)


@given(st.lists(st.integers(1, 700), max_size=8))
def test_no_random_byte_is_told_twice(counts: list[int]) -> None:
    """Bytes are drawn many at a time; each goes into one id, and a large batch draws what it needs."""
    handed = bytearray()
    source = entropy(7)

    def draw(count: int) -> bytes:
        drawn.append(source(count))
        return drawn[-1]

    drawn: list[bytes] = []
    mint = ids.Mint(chassis_testing.ManualClock(), draw)
    for count in counts:
        handed += mint._draw(count)
    assert len(handed) == sum(counts)
    assert all(len(one) >= ids.DRAWN_BYTES for one in drawn)
    starts = range(0, len(handed) - 8, 8)
    assert len({bytes(handed[place : place + 8]) for place in starts}) == len(starts)


@given(st.integers(0, 2**48 - 1))
def test_the_floor_of_a_millisecond_is_below_its_ids(ms: int):
    """An id carries its millisecond, and the floor is the smallest text of that millisecond."""
    assert ids.ms_of(ids.floor(ms)) == ms
    assert ids.floor(ms) <= ids.floor(ms)[:14] + "7000-8000-000000000000"


def test_an_id_tells_when_it_was_minted():
    """The first id of a new millisecond holds the clock's time."""
    clock = chassis_testing.ManualClock()
    [minted] = ids.Mint(clock, entropy(1)).mint(1)
    assert ids.ms_of(minted) == int(clock.now().timestamp() * 1000)


def test_a_used_up_millisecond_borrows_the_next():
    """When random steps overflow within a millisecond, ids go on in the next one and stay sorted."""
    clock = chassis_testing.ManualClock()
    mint = ids.Mint(clock, lambda count: b"\xff" * count)
    first = mint.mint(1)[0]
    mint._random = ids.LAST_RANDOM - 1
    later = mint.mint(3)
    assert [first, *later] == sorted({first, *later})
    assert ids.ms_of(later[-1]) == ids.ms_of(first) + 1


@given(st.integers(0, 4_000_000_000_000))
def test_every_instant_lies_in_its_month(ms: int):
    """A month begins at or before its instants and ends after them."""
    month = months.month_of(ms)
    assert months.start_ms(month) <= ms < months.start_ms(months.following(month))
    moment = dt.datetime.fromtimestamp(ms / 1000, dt.UTC)
    assert month == (moment.year, moment.month)
