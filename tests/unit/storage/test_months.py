"""Ids as RFC 9562 writes them, and months cut where partitions are."""

import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from storage.domain import ids, months


class SetClock:
    """A clock that shows the instants it is given, one after another."""

    def __init__(self, instants: list[int]) -> None:
        self._instants = iter(instants)

    def now(self) -> datetime:
        """Return the next instant."""
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=next(self._instants))

    def monotonic(self) -> float:
        """Return nothing that moves: ids do not look at it."""
        return 0.0


def counting(count: int) -> bytes:
    """Return entropy that is always as large as it can be: every step is the longest."""
    return b"\xff" * count


def silent(count: int) -> bytes:
    """Return entropy that is always as small as it can be: every step is the shortest."""
    return bytes(count)


INSTANTS = st.lists(st.integers(0, 2**41), min_size=1, max_size=20)


@given(INSTANTS, st.sampled_from([counting, silent]))
def test_every_id_is_a_version_seven_uuid_of_its_time(instants: list[int], entropy: object) -> None:
    """Version and variant stand where RFC 9562 puts them, and no id is older than the clock's millisecond.

    Seconds as a float may fall a hair short of a whole millisecond, hence the one taken off.
    """
    mint = ids.Mint(SetClock(instants), entropy)  # type: ignore[arg-type]  # sampled functions
    latest = 0
    for instant in instants:
        identifier = mint.mint(1)[0]
        parsed = uuid.UUID(identifier)
        latest = max(latest, instant)
        assert str(parsed) == identifier
        assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
        assert ids.ms_of(identifier) >= latest - 1


def test_two_mints_do_not_meet() -> None:
    """Two processes in the same millisecond differ by their entropy."""
    one = ids.Mint(SetClock([5]), lambda count: b"\x01" * count).mint(1)
    two = ids.Mint(SetClock([5]), lambda count: b"\x02" * count).mint(1)
    assert one != two


@given(st.integers(1970, 9997), st.integers(1, 12))
def test_twelve_months_later_is_the_same_month_of_the_next_year(year: int, number: int) -> None:
    """Following never skips or repeats a month, December included."""
    month = (year, number)
    seen = set()
    for _ in range(12):
        month = months.following(month)
        seen.add(month)
    assert month == (year + 1, number)
    assert len(seen) == 12


@given(st.integers(1970, 9997), st.integers(1, 12))
def test_the_millisecond_before_a_month_is_in_the_one_before(year: int, number: int) -> None:
    """Partitions touch without overlapping, at UTC midnight."""
    after = months.following((year, number))
    start = months.start_ms(after)
    assert months.month_of(start) == after
    assert months.month_of(start - 1) == (year, number)
