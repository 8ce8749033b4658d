"""Deadlines shrink per hop and refuse what cannot finish."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wired
from chassis import contexts, deadlines, errors, testing


def item(left_ms: int) -> contexts.CallContext:
    """Return the context of an item with this much time left on a new clock."""
    return testing.context(deadline=left_ms / 1000)


@given(st.integers(0, 100_000), st.integers(0, 1_000), st.integers(1, 1_000))
def test_a_hop_gets_less_than_is_left_or_nothing(left_ms: int, margin_ms: int, least_ms: int) -> None:
    """The next hop's time is what is left without the margin; below the least, the item is refused."""
    clock = testing.ManualClock()
    context = item(left_ms)
    left = context.remaining_ms(clock) - margin_ms
    if left < least_ms:
        with pytest.raises(errors.Unavailable) as caught:
            deadlines.left_for_hop(context, clock, margin_ms=margin_ms, least_ms=least_ms)
        assert caught.value.reason == "deadline.too_short"
    else:
        seconds = deadlines.left_for_hop(context, clock, margin_ms=margin_ms, least_ms=least_ms)
        assert seconds == left / 1000


def test_time_that_passes_is_gone() -> None:
    """What an item waited is not given to the next hop."""
    clock = testing.ManualClock()
    context = item(1_000)
    clock.advance(0.5)
    assert deadlines.left_for_hop(context, clock) == pytest.approx(0.48, abs=0.002)
    clock.advance(0.5)
    with pytest.raises(errors.Unavailable):
        deadlines.left_for_hop(context, clock)


def test_two_hops_keep_two_margins() -> None:
    """The wire carries durations: each hop takes its own margin."""
    clock = testing.ManualClock()
    first = wired.context(contexts.to_wire(item(1_000), clock, margin_ms=20), clock)
    second = wired.context(contexts.to_wire(first, clock, margin_ms=20), clock)
    assert second.remaining_ms(clock) in range(957, 961)
