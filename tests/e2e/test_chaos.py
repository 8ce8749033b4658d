"""A short run of what `make chaos` plays as long as one likes: nothing acknowledged is lost or doubled."""

from collections.abc import Iterator

import pytest

from chaos import faults, rounds, stages

SHORT = (
    "kill gateway",
    "kill claims",
    "kill scoring",
    "kill storage",
    "kill postgresql",
    "stop scoring 5 s",
    "objects' disk full",
    "reset connections to storage",
    "clock of claims off by 10 min",
    "rolling restart",
)

pytestmark = [pytest.mark.xdist_group("platform-chaos"), pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def stage() -> Iterator[stages.Stage]:
    """One stage for the module: a fault that leaves harm behind shows in the next round."""
    with stages.stage(seed=1) as running:
        yield running


@pytest.mark.parametrize("name", SHORT)
def test_a_fault_under_load_breaks_no_promise(stage: stages.Stage, name: str) -> None:
    """Nothing is lost, doubled or hanging, no claim is accepted unscored, and the chains verify."""
    (fault,) = (one for one in faults.ALL if one.name == name)
    if lacking := fault.lacking(stage):
        pytest.skip(lacking)
    report = rounds.run(stage, fault, SHORT.index(name), singles=2)
    assert report.complaints == []
    assert report.acknowledged > rounds.AFTER
