"""The turnstile for single claims: who is let in, who is refused, and what it learns from answers."""

import pytest

from chassis import errors
from chassis import testing as plumbing
from gateway.inbound import limits, turnstiles


def _turnstile(clock: plumbing.ManualClock, requests: int = 4_096) -> turnstiles.Turnstile:
    return turnstiles.Turnstile(clock, limits.Limits(requests=requests, claim_seconds=0.1))


def _entered(turnstile: turnstiles.Turnstile, tenant: str) -> int:
    """Let claims of a tenant in until one is refused; return how many there were."""
    count = 0
    while turnstile.enter(tenant):
        count += 1
    return count


def test_as_many_claims_as_the_limit_are_let_in() -> None:
    """Then one is refused, and one that leaves makes room for one."""
    turnstile = _turnstile(plumbing.ManualClock())
    assert _entered(turnstile, "demo") == turnstiles.FIRST
    turnstile.leave("demo", answered=True)
    assert _entered(turnstile, "demo") == 1


def test_another_tenant_is_let_in_beside_a_flood() -> None:
    """A flood of one tenant leaves a fifth of all places to the others."""
    turnstile = _turnstile(plumbing.ManualClock())
    _entered(turnstile, "flood")
    assert _entered(turnstile, "small") >= turnstiles.FIRST // 8


def _pressed(
    clock: plumbing.ManualClock, turnstile: turnstiles.Turnstile, rate: int, *, answered: bool
) -> int:
    """Press a crowd through for five seconds, so many leaving a second; return how many are in at the end."""
    inside = _entered(turnstile, "demo")
    for _ in range(500):
        clock.advance(0.01)
        for _ in range(min(inside, rate // 100)):
            turnstile.leave("demo", answered=answered)
            inside -= 1
        inside += _entered(turnstile, "demo")
    return inside


@pytest.mark.parametrize("rate", [1_000, 4_000, 20_000])
def test_the_limit_follows_the_rate_of_answers(rate: int) -> None:
    """What is answered in a tenth of a second is let in at once."""
    clock = plumbing.ManualClock()
    turnstile = _turnstile(clock)
    inside = _pressed(clock, turnstile, rate, answered=True)
    assert inside == pytest.approx(rate / 10, rel=0.15)


def test_answers_that_are_failures_of_ours_show_no_pace() -> None:
    """A room behind that refuses everything at once is not a fast one."""
    clock = plumbing.ManualClock()
    assert _pressed(clock, _turnstile(clock), 10_000, answered=False) <= turnstiles.FIRST


def test_no_more_than_the_requests_served_at_once_are_let_in() -> None:
    """The door's own bound holds for claims too."""
    assert _entered(_turnstile(plumbing.ManualClock(), requests=3), "demo") == 3


def test_a_claim_inside_a_block_leaves_with_it() -> None:
    """However it ends: with an answer, a Fault, or an exception that nobody foresaw."""
    turnstile = _turnstile(plumbing.ManualClock(), requests=1)
    with turnstile.inside("demo"):
        assert not turnstile.enter("demo")
    for failure in (errors.Invalid("bad", "Bad."), errors.Unavailable("late", "Late."), RuntimeError("odd")):
        with pytest.raises(type(failure)), turnstile.inside("demo"):
            raise failure
    assert turnstile.enter("demo")


def test_one_claim_too_many_is_told_when_to_come_back() -> None:
    """The refusal says how long to wait, and nothing is counted in."""
    turnstile = _turnstile(plumbing.ManualClock(), requests=1)
    turnstile.enter("demo")
    with pytest.raises(errors.Exhausted, match=r"gateway\.busy") as refused, turnstile.inside("demo"):
        pytest.fail("it was let in")
    assert refused.value.retry_after_ms == 1_000
    turnstile.leave("demo", answered=True)
    assert turnstile.enter("demo")


@pytest.mark.parametrize(
    ("fault", "tells"),
    [
        (errors.Invalid("bad", "Bad."), True),
        (errors.Conflict("other", "Other."), True),
        (errors.Denied("no", "No."), True),
        (errors.Unavailable("deadline.exceeded", "Late."), False),
        (errors.Exhausted("queue.full", "Full."), False),
        (errors.Internal("odd", "Odd."), False),
    ],
)
def test_a_fault_about_the_claim_is_an_answer(fault: errors.Fault, *, tells: bool) -> None:
    """Others say that nobody looked at it."""
    assert turnstiles.tells(fault) == tells
