"""The benchmark of growth: what it makes of its rounds, and the claims it begins again with."""

from datetime import timedelta

import growth
import growth_claims
import pytest

from chassis import clock
from ultrathink.storage.v1 import storage_pb2


def test_a_ratio_is_of_the_sums_of_rounds_measured_in_turns():
    """A minute that is dear for both shows in neither ratio; processes are added before medians are taken."""
    costs = {
        "storage": [100.0, 300.0, 100.0],
        "postgres": [120.0, 360.0, 120.0],
        f"storage{growth.BESIDE}": [100.0, 300.0, 100.0],
        f"postgres{growth.BESIDE}": [100.0, 300.0, 100.0],
    }
    assert growth.ratio(costs, ("postgres",)) == pytest.approx(1.2)
    assert growth.ratio(costs, ("storage", "postgres")) == pytest.approx(1.1)


def test_a_fresh_maker_tells_the_same_claims_from_the_first_one_on():
    """The storage beside gets what the grown one got when it was small."""
    question, batch = storage_pb2.LookupRequest(), storage_pb2.RecordRequest()
    question.items.add(claim_id="T")
    batch.items.add(natural_key="T")
    batch.claims.claim_id.append("T")
    batch.claims.patient_key.append("P")
    made = growth_claims.Maker({1: [(question, batch)]})
    told = [made.pair(1) for _ in range(3)]
    again = made.fresh()
    assert [again.pair(1) for _ in range(3)] == told
    assert [pair[1].items[0].natural_key for pair in told] == ["G-0", "G-1", "G-2"]
    assert (made.count, again.count) == (3, 3)


def test_past_months_are_filled_by_a_clock_that_is_behind():
    """Keys of the calls and ids of the claims come from one moment of the past."""
    behind = clock.SystemClock().now() - growth.Behind(growth.MONTH_SECONDS).now()
    assert abs(behind - timedelta(days=30.4)) < timedelta(minutes=1)
    assert (growth.SKEW / "sitecustomize.py").exists()
