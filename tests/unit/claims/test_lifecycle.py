"""The life of a claim as a machine: whatever happens, the three columns make sense together."""

from typing import Any

import pytest
from hypothesis import stateful
from hypothesis import strategies as st

from chassis import errors
from claims.domain import decisions, lifecycle

EVENTS = list(lifecycle._TRANSITIONS)


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        ("accept", ("received", "draft", "none")),
        ("review", ("received", "draft", "open")),
        ("reject", ("refused", "draft", "none")),
    ],
)
def test_a_claim_begins_as_its_verdict_says(verdict: Any, status: tuple[str, str, str]) -> None:
    """Accepted is received, doubtful waits for a person, rejected is refused."""
    begun = lifecycle.begin(verdict)
    assert (begun.wire, begun.business, begun.review) == status


def test_a_review_is_decided_once() -> None:
    """After a person has decided nobody decides again."""
    decided = lifecycle.advance(lifecycle.begin("review"), "review.decided.accept")
    assert decided.review == "decided"
    with pytest.raises(errors.Conflict, match=r"lifecycle\.not_allowed"):
        lifecycle.advance(decided, "review.decided.reject")


@pytest.mark.parametrize("verdict", ["accept", "reject"])
def test_only_a_claim_in_review_is_decided(verdict: Any) -> None:
    """A claim that nobody was asked about takes no decision."""
    with pytest.raises(errors.Conflict):
        lifecycle.advance(lifecycle.begin(verdict), "review.decided.accept")


def test_a_late_score_moves_nothing() -> None:
    """The first decision stays when a score is appended."""
    for verdict in ("accept", "review", "reject"):
        begun = lifecycle.begin(verdict)
        assert lifecycle.advance(begun, "score.appended") == begun


def test_an_adjudicated_claim_may_be_adjudicated_again_and_paid() -> None:
    """A reissued answer changes the result until the money has come."""
    status = lifecycle.begin("accept")
    for event in ("wire.sent", "payer.pended", "payer.rejected", "payer.partial", "payer.paid"):
        status = lifecycle.advance(status, event)
    assert status.business == "paid"
    with pytest.raises(errors.Conflict):
        lifecycle.advance(status, "payer.rejected")


@pytest.mark.parametrize("answer", ["approved", "partial", "rejected"])
@pytest.mark.parametrize("verdict", ["accept", "review"])
def test_a_claim_that_left_by_other_means_takes_an_answer(verdict: Any, answer: Any) -> None:
    """Its wire status stays, the payer's word stands, and nobody here is asked about it any more."""
    status = lifecycle.adjudicate(lifecycle.begin(verdict), answer)
    assert (status.wire, status.business, status.review) == ("received", answer, "none")
    again = lifecycle.adjudicate(status, "partial")
    assert again.business == "partial"


def test_a_decided_review_stays_decided_under_an_answer() -> None:
    """A person's word is not forgotten when the payer's comes."""
    decided = lifecycle.advance(lifecycle.begin("review"), "review.decided.accept")
    assert lifecycle.adjudicate(decided, "approved").review == "decided"


@pytest.mark.parametrize("verdict", ["reject", "reviewed"])
def test_a_claim_that_was_refused_takes_no_answer(verdict: Any) -> None:
    """What rules or a reviewer kept here no payer has seen."""
    if verdict == "reject":
        refused = lifecycle.begin("reject")
    else:
        refused = lifecycle.advance(lifecycle.begin("review"), "review.decided.reject")
    with pytest.raises(errors.Conflict, match=r"lifecycle\.not_allowed"):
        lifecycle.adjudicate(refused, "approved")


def test_a_claim_that_left_through_us_is_acknowledged_by_its_answer() -> None:
    """An answer proves that the message arrived."""
    sent = lifecycle.advance(lifecycle.begin("accept"), "wire.sent")
    assert lifecycle.adjudicate(sent, "rejected").wire == "acknowledged"
    paid = lifecycle.advance(lifecycle.adjudicate(sent, "approved"), "payer.paid")
    with pytest.raises(errors.Conflict):
        lifecycle.adjudicate(paid, "rejected")


class Life(stateful.RuleBasedStateMachine):
    """Any events in any order, allowed or not."""

    @stateful.initialize(verdict=st.sampled_from(["accept", "review", "reject"]))
    def begin(self, verdict: Any) -> None:
        """A claim is recorded."""
        self.status: decisions.Status = lifecycle.begin(verdict)
        self.refused_at_start = verdict == "reject"
        self.decided = False
        self.outside = False

    @stateful.rule(event=st.sampled_from(EVENTS))
    def happen(self, event: lifecycle.Event) -> None:
        """An event either moves the claim or is refused and changes nothing."""
        before = self.status
        may = event in lifecycle.allowed(before)
        if not may:
            with pytest.raises(errors.Conflict, match=r"lifecycle\.not_allowed"):
                lifecycle.advance(before, event)
            return
        self.status = lifecycle.advance(before, event)
        self.outside = self.outside or event == "outside.sent"
        if event.startswith("review.decided"):
            assert not self.decided
            self.decided = True

    @stateful.invariant()
    def columns_make_sense(self) -> None:
        """Each column holds a word of its own list, and no combination contradicts itself."""
        status = getattr(self, "status", None)
        if status is None:
            return
        assert status.wire in lifecycle.WIRE
        assert status.business in lifecycle.BUSINESS
        assert status.review in lifecycle.REVIEW
        if status.wire == "refused":
            assert status.business == "draft"
        if status.review == "open":
            assert status.wire == "received"
            assert status.business in {"draft", "cancelled"}
        if status.business in {"pended", "approved", "partial", "rejected", "paid"}:
            assert status.wire == "acknowledged" or self.outside
        if self.outside:
            assert status.wire in {"received", "failed"}
            assert status.business != "draft"
        if self.refused_at_start:
            assert status == lifecycle.begin("reject")
        if self.decided:
            assert status.review == "decided"


TestLife = Life.TestCase
