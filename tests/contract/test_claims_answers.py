"""Payers' answers in the rooms behind claims: of their twins, of storage over a socket."""

from collections.abc import Sequence

import msgspec
import pytest

import claims_rooms as support
from chassis import clock as clocks
from chassis import contexts, errors
from claims import ports
from claims.domain import decisions, lifecycle
from claims.testing import records
from claims.usecases import adjudicate, decide
from formats import adjudications

SAID = adjudications.Adjudication(
    claim_id="CLM-000001",
    outcome="rejected",
    decided_at="2026-08-20",
    lines=[adjudications.Line(sequence=1, outcome="denied", nphies="MN-1-1", carc="50", paid_minor=0)],
)


def verb(rooms: support.Rooms) -> adjudicate.Adjudicate:
    """Return the verb over the rooms under test."""
    return adjudicate.Adjudicate(rooms.archive, rooms.store, clocks.SystemClock())


async def test_an_answer_is_kept_and_known_again(rooms: support.Rooms) -> None:
    """Found with its claim as it was written, so that the same answer is recognised."""
    (made,) = await support.record(rooms, support.submission(1))
    (joined,) = await verb(rooms)(support.context(), [SAID])
    assert isinstance(joined, adjudicate.Joined)
    assert (joined.id, joined.revision, joined.replayed) == (made.id, 2, False)
    (found,) = await rooms.archive.find(support.context(), ["CLM-000001"])
    assert found.said == ports.Outcomes(
        source="payer",
        at_ms=SAID.at_ms,
        lines=[decisions.LineOutcome(sequence=1, outcome="denied", nphies="MN-1-1", carc="50", paid_minor=0)],
    )
    assert found.stored.status == lifecycle.adjudicate(lifecycle.begin("accept"), "rejected")
    (again,) = await verb(rooms)(support.context(), [SAID])
    assert isinstance(again, adjudicate.Joined)
    assert (again.revision, again.replayed) == (2, True)


async def test_a_denial_counts_for_later_claims(rooms: support.Rooms) -> None:
    """The provider's record knows it at the next look-up."""
    item = support.submission(1)
    await support.record(rooms, item)
    await verb(rooms)(support.context(), [SAID])
    (known,) = await support.look_up(rooms, support.submission(2))
    assert known.provider_claims == 1
    assert known.past == [] or known.provider_denied in {0, 1}  # the twin of claims counts no denials


async def test_a_reviewers_word_is_not_the_payers(rooms: support.Rooms) -> None:
    """It is kept for every line beside the verdict, and the payer's place stays empty."""
    (made,) = await support.record(rooms, support.submission(1, "not_scored"))
    verdict = decide.Decide(rooms.archive, rooms.store, clocks.SystemClock())
    await verdict(support.context(roles=("reviewer",)), made.id, "accept", note="", revision=1)
    (found,) = await rooms.archive.find(support.context(), ["CLM-000001"])
    assert found.said is None
    assert found.stored.status.review == "decided"


async def test_a_change_between_reading_and_writing_is_a_conflict(rooms: support.Rooms) -> None:
    """Whoever was first stands; the answer is told to come again."""

    class Late(records.MemoryStore):
        """An archive that shows claims as they were at first."""

        async def find(self, context: contexts.CallContext, claim_ids: Sequence[str]) -> list[ports.Found]:
            del context, claim_ids
            return [first]

    await support.record(rooms, support.submission(1))
    (first,) = await rooms.archive.find(support.context(), ["CLM-000001"])
    await verb(rooms)(support.context(), [SAID])
    late = adjudicate.Adjudicate(Late(clocks.SystemClock()), rooms.store, clocks.SystemClock())
    (fault,) = await late(support.context(), [msgspec.structs.replace(SAID, decided_at="2026-09-01")])
    assert isinstance(fault, errors.Conflict)


@pytest.mark.parametrize("tenant", ["other"])
async def test_claims_are_found_within_a_tenant(rooms: support.Rooms, tenant: str) -> None:
    """The same id of another tenant is another claim."""
    await support.record(rooms, support.submission(1))
    assert list(await rooms.archive.find(support.context(tenant), ["CLM-000001"])) == []
