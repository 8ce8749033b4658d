"""The context of an item: what crosses a hop unchanged, and time, which only ever gets less."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wired
from chassis import contexts, testing
from ultrathink.common.v1 import common_pb2

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
CONTEXT = st.builds(
    contexts.CallContext,
    item_id=TEXT,
    tenant=TEXT,
    subject=TEXT,
    roles=st.lists(TEXT, max_size=4).map(tuple),
    branch=TEXT,
    deadline=st.floats(0, 10_000),
    traceparent=TEXT,
    idempotency_key=TEXT,
    request_id=TEXT,
)


@given(CONTEXT, st.integers(0, 5_000))
def test_a_hop_keeps_everything_but_time(context: contexts.CallContext, margin_ms: int) -> None:
    """For any context: who asks arrives unchanged through bytes, the deadline never later than it was."""
    clock = testing.ManualClock()
    sent = contexts.to_wire(context, clock, margin_ms=margin_ms).SerializeToString()
    arrived = wired.context(common_pb2.Context.FromString(sent), clock)
    assert msgspec.structs.replace(arrived, deadline=context.deadline) == context
    now = clock.monotonic()
    assert arrived.deadline <= max(now, context.deadline) + 1e-6
    left_ms = context.remaining_ms(clock)
    assert arrived.remaining_ms(clock) <= max(0, left_ms - margin_ms)
    assert arrived.remaining_ms(clock) >= max(0, left_ms - margin_ms) - 1


@given(st.lists(st.integers(0, 50), max_size=8))
def test_hops_add_up(margins: list[int]) -> None:
    """After any hops no more is left than what was there less every margin, and never less than nothing."""
    clock = testing.ManualClock()
    context = testing.context(deadline=clock.monotonic() + 0.2)
    for margin_ms in margins:
        context = wired.context(contexts.to_wire(context, clock, margin_ms=margin_ms), clock)
    assert 0 <= context.remaining_ms(clock) <= max(0, 200 - sum(margins))


def test_a_late_item_has_no_time_and_no_negative_time() -> None:
    """A deadline in the past is nothing left, on this side and on the wire."""
    clock = testing.ManualClock()
    context = testing.context(deadline=clock.monotonic() - 5)
    assert context.remaining_ms(clock) == 0
    assert contexts.to_wire(context, clock, margin_ms=0).remaining_ms == 0


def test_a_context_cannot_be_changed() -> None:
    """Nobody on the way adds a role: a context is frozen, and its roles are a tuple."""
    context = testing.context()
    with pytest.raises(AttributeError):
        context.roles = ("manager",)  # type: ignore[misc]
    assert isinstance(wired.context(common_pb2.Context(roles=["a"]), testing.ManualClock()).roles, tuple)
