"""Which claim meets which arm, and what promotions and roll backs leave; a state machine without a file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import errors
from scoring.domain import arms

NAMED = {"stable": "S", "canary": "C", "shadow": "H"}

keys = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50)
percents = st.floats(0, 100)


@given(keys=keys, percent=percents)
def test_a_claim_meets_the_same_arm_in_any_company(keys: list[int], percent: float):
    """Alone or among others, a key's arm is the same."""
    together = arms.chosen(keys, percent).tolist()
    assert together == [bool(arms.chosen([key], percent)[0]) for key in keys]


@given(keys=keys, one=percents, two=percents)
def test_a_larger_share_keeps_the_claims_of_a_smaller(keys: list[int], one: float, two: float):
    """Raising the share moves claims to the canary and none away from it."""
    small, large = (arms.chosen(keys, percent) for percent in sorted((one, two)))
    assert (large | ~small).all()


@given(keys=keys)
def test_no_share_is_nobody_and_all_is_everybody(keys: list[int]):
    """0 and 100 percent are exact."""
    assert not arms.chosen(keys, 0).any()
    assert arms.chosen(keys, 100).all()


@pytest.mark.parametrize("percent", [1, 10, 50])
def test_even_counters_are_spread_evenly(percent: float):
    """Keys that count up meet the canary as often as the share says."""
    met = arms.chosen(range(100_000), percent).mean() * 100
    assert met == pytest.approx(percent, rel=0.05)


def test_without_a_key_tenant_and_item_choose():
    """The same item of the same tenant always has the same key; neighbours have others."""
    assert arms.of_identity("a", "b") == arms.of_identity("a", "b")
    assert len({arms.of_identity("a", "b"), arms.of_identity("a", "c"), arms.of_identity("ab", "")}) == 3


def test_without_decisions_the_settings_hold():
    """Each arm holds what the settings name."""
    assert arms.seats(NAMED, None) == arms.Seats("S", "C", "H", canary_stopped=False)
    assert arms.seats({"stable": "S"}, None) == arms.Seats("S", "", "", canary_stopped=False)


def test_a_promoted_canary_is_stable_and_leaves_its_seat():
    """Nobody is canary then; the shadow goes on."""
    state = arms.promoted(NAMED, None, "C")
    assert arms.seats(NAMED, state) == arms.Seats("C", "", "H", canary_stopped=False)


def test_a_roll_back_returns_to_the_model_before():
    """The promoted model becomes a canary without claims, so that it does not come back by itself."""
    state = arms.rolled_back(NAMED, arms.promoted(NAMED, None, "C"))
    assert arms.seats(NAMED, state) == arms.Seats("S", "C", "H", canary_stopped=True)


def test_a_roll_back_without_promotion_stops_the_canary():
    """One call is enough, whatever candidate is in trouble; a second one has nothing to do."""
    state = arms.rolled_back(NAMED, None)
    assert arms.seats(NAMED, state) == arms.Seats("S", "C", "H", canary_stopped=True)
    with pytest.raises(errors.Conflict) as refused:
        arms.rolled_back(NAMED, state)
    assert refused.value.reason == "arms.nothing_to_undo"


def test_there_is_nothing_to_roll_back_without_candidates():
    """A lone stable arm stays."""
    with pytest.raises(errors.Conflict):
        arms.rolled_back({"stable": "S"}, None)


def test_settings_with_another_stable_model_set_decisions_aside():
    """Whoever deploys a new stable bundle means it."""
    state = arms.promoted(NAMED, None, "C")
    newer = {"stable": "N", "canary": "C"}
    assert not arms.holds(state, newer)
    assert arms.seats(newer, state) == arms.Seats("N", "C", "", canary_stopped=False)


def test_a_promoted_model_that_is_gone_is_said():
    """Serving another model than the one promoted would be a silent roll back."""
    state = arms.promoted(NAMED, None, "C")
    with pytest.raises(errors.Invalid) as refused:
        arms.seats({"stable": "S"}, state)
    assert refused.value.reason == "arms.missing"


def test_a_stopped_canary_can_still_be_promoted():
    """A decision by name is stronger than an earlier one."""
    state = arms.promoted(NAMED, arms.rolled_back(NAMED, None), "C")
    assert arms.seats(NAMED, state).stable == "C"
    assert "C" not in state.stopped


@given(moves=st.lists(st.sampled_from(["promote C", "promote H", "back"]), max_size=12))
def test_any_history_of_decisions_leaves_sensible_seats(moves: list[str]):
    """One stable model of those named; no model in two seats; a roll back after a promotion undoes it."""
    state: arms.State | None = None
    for move in moves:
        before = arms.seats(NAMED, state)
        if move == "back":
            try:
                state = arms.rolled_back(NAMED, state)
            except errors.Conflict:
                continue
        elif move[-1] in (before.canary, before.shadow):
            state = arms.promoted(NAMED, state, move[-1])
            undone = arms.rolled_back(NAMED, state)
            assert arms.seats(NAMED, undone).stable == before.stable
        after = arms.seats(NAMED, state)
        assert after.stable in NAMED.values()
        assert after.stable not in (after.canary, after.shadow)
