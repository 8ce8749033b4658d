"""Background work goes on after anything that goes wrong in one round."""

import asyncio

import pytest

from chassis import errors
from storage import compose


@pytest.mark.parametrize(
    "wrong", [errors.Unavailable("database.away", "It is away."), ValueError("a defect")]
)
async def test_a_round_that_fails_is_followed_by_the_next(wrong: Exception) -> None:
    """Neither a fault nor a defect of ours ends the anchoring of the audit chains."""
    rounds = 0
    again = asyncio.Event()

    async def work() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise wrong
        again.set()

    task = asyncio.create_task(compose._every(0.0, "anchor", work))
    await asyncio.wait_for(again.wait(), 5)
    task.cancel()
    assert rounds >= 2
