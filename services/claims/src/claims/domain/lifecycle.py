"""The life of a claim: three status columns, one machine of guarded transitions.

`wire` says where the message is, `business` what the payer made of it, `review` whether a person is asked.
An event moves the columns together or not at all; each applied event is one audit record, kept by storage.
"""

from collections.abc import Callable
from typing import Literal

from chassis import errors
from claims.domain import decisions

type Event = Literal[
    "review.decided.accept",
    "review.decided.reject",
    "score.appended",
    "wire.sent",
    "wire.acknowledged",
    "wire.failed",
    "payer.refused",
    "payer.pended",
    "payer.approved",
    "payer.partial",
    "payer.rejected",
    "payer.paid",
    "claim.cancelled",
    "review.overtaken",
    "outside.sent",
    "outside.approved",
    "outside.partial",
    "outside.rejected",
]
type Answer = Literal["approved", "partial", "rejected"]

FIRST_REVISION = 1  # Of a claim as it is recorded; each change adds one.

WIRE = frozenset({"received", "refused", "sent", "acknowledged", "failed"})
BUSINESS = frozenset({"draft", "submitted", "pended", "approved", "partial", "rejected", "cancelled", "paid"})
REVIEW = frozenset({"none", "open", "decided"})

_DELIVERED = frozenset({"sent", "acknowledged"})
_AWAITS_PAYER = frozenset({"submitted", "pended"})
# A decision may be issued again with a reason (nphies BV-00055), so adjudicated states lead to each other.
_ADJUDICATED = frozenset({"approved", "partial", "rejected"})
_HERE = frozenset({"received", "failed"})
_CANCELLABLE = frozenset({"draft", "submitted", "pended"})

_THROUGH_US: dict[Answer, Event] = {
    "approved": "payer.approved", "partial": "payer.partial", "rejected": "payer.rejected",
}  # fmt: skip
_OUTSIDE: dict[Answer, Event] = {
    "approved": "outside.approved", "partial": "outside.partial", "rejected": "outside.rejected",
}  # fmt: skip

_FIRST: dict[decisions.Verdict, decisions.Status] = {
    "accept": decisions.Status(wire="received", business="draft", review="none"),
    "review": decisions.Status(wire="received", business="draft", review="open"),
    "reject": decisions.Status(wire="refused", business="draft", review="none"),
}

type _Guard = Callable[[decisions.Status], bool]


def begin(verdict: decisions.Verdict) -> decisions.Status:
    """Return the first status of a recorded claim: a rejected one is refused and never leaves the house."""
    return _FIRST[verdict]


def advance(status: decisions.Status, event: Event) -> decisions.Status:
    """Return the status after `event`; raise Conflict `lifecycle.not_allowed` where it may not happen."""
    guard, wire, business, review = _TRANSITIONS[event]
    if not guard(status):
        raise errors.Conflict("lifecycle.not_allowed", f"The claim's status does not allow {event}.")
    return decisions.Status(
        wire=wire or status.wire, business=business or status.business, review=review or status.review
    )


def adjudicate(status: decisions.Status, answer: Answer) -> decisions.Status:
    """Return the status after a payer's answer; raise Conflict `lifecycle.not_allowed`.

    A claim that never left through us may have been sent by other means: then it counts as submitted, its
    wire status stays, and nobody here is asked about it any more. One that was refused before it left has no
    answer.
    """
    if status.wire in _DELIVERED:
        return advance(status, _THROUGH_US[answer])
    if _in_review(status):
        status = advance(status, "review.overtaken")
    if status.business == "draft":
        status = advance(status, "outside.sent")
    return advance(status, _OUTSIDE[answer])


def allowed(status: decisions.Status) -> frozenset[Event]:
    """Return the events that may happen to a claim in this status."""
    return frozenset(event for event, (guard, *_) in _TRANSITIONS.items() if guard(status))


def _in_review(status: decisions.Status) -> bool:
    return status.review == "open" and status.business == "draft" and status.wire == "received"


def _may_be_sent(status: decisions.Status) -> bool:
    return status.business == "draft" and status.wire in _HERE and status.review != "open"


def _was_sent(status: decisions.Status) -> bool:
    return status.wire == "sent" and status.business == "submitted"


def _before_payer(status: decisions.Status) -> bool:
    return status.wire in _DELIVERED and status.business in _AWAITS_PAYER


def _adjudicable(status: decisions.Status) -> bool:
    return status.wire in _DELIVERED and status.business in _AWAITS_PAYER | _ADJUDICATED


def _was_sent_outside(status: decisions.Status) -> bool:
    return status.wire in _HERE and status.business in _AWAITS_PAYER | _ADJUDICATED


def _payable(status: decisions.Status) -> bool:
    return status.business in {"approved", "partial"}


def _cancellable(status: decisions.Status) -> bool:
    return status.business in _CANCELLABLE and status.wire != "refused"


def _alive(status: decisions.Status) -> bool:
    return status.business != "cancelled"


# Event: guard, then the new wire, business and review status; None keeps the column.
_TRANSITIONS: dict[Event, tuple[_Guard, str | None, str | None, str | None]] = {
    "review.decided.accept": (_in_review, None, None, "decided"),
    "review.decided.reject": (_in_review, "refused", None, "decided"),
    "score.appended": (_alive, None, None, None),
    "wire.sent": (_may_be_sent, "sent", "submitted", None),
    "wire.acknowledged": (_was_sent, "acknowledged", None, None),
    "wire.failed": (_was_sent, "failed", "draft", None),
    "payer.refused": (_was_sent, "refused", "draft", None),
    "payer.pended": (_before_payer, "acknowledged", "pended", None),
    "payer.approved": (_adjudicable, "acknowledged", "approved", None),
    "payer.partial": (_adjudicable, "acknowledged", "partial", None),
    "payer.rejected": (_adjudicable, "acknowledged", "rejected", None),
    "payer.paid": (_payable, None, "paid", None),
    "claim.cancelled": (_cancellable, None, "cancelled", None),
    "review.overtaken": (_in_review, None, None, "none"),
    "outside.sent": (_may_be_sent, None, "submitted", None),
    "outside.approved": (_was_sent_outside, None, "approved", None),
    "outside.partial": (_was_sent_outside, None, "partial", None),
    "outside.rejected": (_was_sent_outside, None, "rejected", None),
}
