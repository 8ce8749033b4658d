"""What the demo's samples must come to: verdicts and rules written by hand, compared with the answers."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec


class Expected(msgspec.Struct, frozen=True):
    """One claim: its verdict, and every rule of severity error that must fire, no other."""

    verdict: str
    errors: list[str] = []
    why: str = ""


class Expectations(msgspec.Struct, frozen=True):
    """The sample files in the order they are sent, and what is expected by claim id."""

    files: list[str]
    claims: dict[str, Expected]

    def deviations(self, decided: Iterable[Mapping[str, Any]]) -> list[str]:
        """Return one sentence for each claim that came out otherwise, was missing, or was not expected."""
        answers = {decision["claim_id"]: decision for decision in decided}
        missing = [f"{claim} has no decision" for claim in self.claims if claim not in answers]
        odd = [f"{claim} is not among the samples" for claim in answers if claim not in self.claims]
        both = [(claim, self.claims[claim], answers[claim]) for claim in self.claims if claim in answers]
        return (
            missing + odd + [told for claim, wanted, got in both for told in _differences(claim, wanted, got)]
        )


def read(body: bytes) -> Expectations:
    """Return the expectations of a JSON document."""
    return msgspec.json.decode(body, type=Expectations)


def _differences(claim: str, wanted: Expected, got: Mapping[str, Any]) -> list[str]:
    told = []
    if got["verdict"] != wanted.verdict:
        told.append(f"{claim} got verdict {got['verdict']}, expected {wanted.verdict}")
    fired = sorted({f["rule"] for f in got["findings"] if f["severity"] == "error"})
    if fired != sorted(wanted.errors):
        told.append(f"{claim} broke {fired or 'no rule'}, expected {sorted(wanted.errors) or 'none'}")
    return told
