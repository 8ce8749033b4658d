"""What senders were told during a run, and what of it breaks a promise. Shared by threads."""

import collections
import dataclasses
import threading
from collections.abc import Mapping
from typing import Any

DEADLINE_SECONDS = 10.0  # the gateway's default, from body to answer
LATE_SECONDS = 10.0  # a busy machine's own delays; an answer later than both counts as hanging
PASSING = frozenset({0, 429, 503, 504})  # no answer, too much, not now, too late: sending again is right


@dataclasses.dataclass(frozen=True, slots=True)
class Receipt:
    """The acknowledgement of one claim."""

    id: str
    content_hash: str
    verdict: str


class Book:
    """Acknowledged claims by the sender's id, counts of answers, complaints about broken promises."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, Receipt] = {}
        self.bodies: dict[str, tuple[bytes, str]] = {}
        self.complaints: list[str] = []
        self.answers: collections.Counter[str] = collections.Counter()
        self.slowest = 0.0
        self.tolerated: frozenset[int] = frozenset()
        self._lock = threading.Lock()

    def acknowledge(self, decision: Mapping[str, Any], body: bytes = b"", key: str = "") -> None:
        """Note a decision; complain when it is another than before, or low risk without a score."""
        told = Receipt(decision["id"], decision["content_hash"], decision["verdict"])
        claim_id, state = decision["claim_id"], decision["risk"]["state"]
        with self._lock:
            before = self.acknowledged.setdefault(claim_id, told)
            if body:
                self.bodies[claim_id] = (body, key)
            self.answers[state] += 1
            if before != told:
                self.complaints.append(f"{claim_id} was answered as {before}, then as {told}")
            if state == "not_scored" and told.verdict == "accept":
                self.complaints.append(f"{claim_id} was accepted without a score")

    def refuse(self, status: int, reason: str, retry_after: str | None) -> None:
        """Note a refusal; complain when it is none that passes, or does not say when to come back."""
        with self._lock:
            self.answers[f"{status} {reason}".strip()] += 1
            if status not in PASSING | self.tolerated:
                self.complaints.append(f"answered {status} {reason}")
            if status in {429, 503, 504} and retry_after is None:
                self.complaints.append(f"{status} {reason} without Retry-After")

    def took(self, seconds: float, what: str) -> None:
        """Note how long an answer took; complain about one beyond the deadline."""
        with self._lock:
            self.slowest = max(self.slowest, seconds)
            if seconds > DEADLINE_SECONDS + LATE_SECONDS:
                self.complaints.append(f"{what} hung for {seconds:.1f} s")

    def complain(self, text: str) -> None:
        """Note a broken promise."""
        with self._lock:
            self.complaints.append(text)

    def turn(self, tolerated: frozenset[int]) -> None:
        """Begin a round: counts start over, acknowledgements stay."""
        with self._lock:
            self.answers.clear()
            self.slowest, self.tolerated = 0.0, tolerated

    def compare(self, stored: Mapping[str, list[str]]) -> None:
        """Complain about what is lost, doubled, or stored although its sender was never answered."""
        lost = [name for name, told in self.acknowledged.items() if told.id not in stored.get(name, [])]
        doubled = [name for name, ids in stored.items() if len(ids) > 1]
        unknown = [name for name in stored if name not in self.acknowledged]
        for what, names in (("lost", lost), ("doubled", doubled), ("never acknowledged", unknown)):
            if names:
                self.complain(f"{len(names)} claims {what}: {', '.join(names[:5])}")
