"""Make a candidate the stable model. Knows no transport and no file."""

from scoring.domain import arms
from scoring.usecases import crew


async def promote(crew_: crew.Crew, arm: str, revision: str = "") -> None:
    """Let the arm's model answer all claims from the next batch on; the one of now can be returned to.

    Raises what `crew.Crew.candidate` raises, and Unavailable when the decision cannot be stored.
    """
    wanted = crew_.candidate(arm, revision).model.revision
    await crew_.decide(lambda named, state: arms.promoted(named, state, wanted))
