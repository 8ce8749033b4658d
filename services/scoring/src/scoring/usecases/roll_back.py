"""Take candidates out of the answers. Knows no transport and no file."""

from scoring.domain import arms
from scoring.usecases import crew


async def roll_back(crew_: crew.Crew) -> None:
    """Return to the stable model of before the last promotion, and give a canary no claims; a shadow goes on.

    Raises Conflict `arms.nothing_to_undo`, and Unavailable when the decision cannot be stored.
    """
    await crew_.decide(arms.rolled_back)
