"""Claims of files or of a record, counted and compared for the tools.

Room: outbound.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from chassis import errors
from claims.domain import amounts, comparisons, replaying, zones
from claims.domain.rules import coverage, engine
from claims.outbound import claim_files
from formats import model, readers


class Covering:
    """A count of what rules said, claim after claim."""

    def __init__(self, counted: coverage.Coverage, as_of: dt.date | None) -> None:
        self._counted, self._as_of = counted, as_of
        self._unreadable = 0

    @property
    def claims(self) -> int:
        """How many claims were counted."""
        return self._counted.claims

    def add(self, claim: model.Claim | None, now: dt.datetime) -> None:
        """Count a claim, judged as of the day chosen, else of `now`; None is one that could not be read."""
        if claim is None:
            self._unreadable += 1
        else:
            self._counted.add(claim, self._as_of or zones.day(now, claim.regime))

    def add_stored(self, claim: bytes, decision: bytes) -> None:
        """Count a claim as it was recorded, judged as of the day chosen, else of the day it was decided."""
        case = replaying.read(replaying.Recorded("", claim, decision), self._as_of)
        if case is None:
            self._unreadable += 1
        else:
            self._counted.add(case.claim, case.as_of)

    def document(self) -> dict[str, Any]:
        """Return what was counted as a plain document; raise Invalid `corpus.empty` where no claim was."""
        if not self.claims:
            raise errors.Invalid("corpus.empty", f"No claim could be read; refused: {self._unreadable}.")
        tallies = self._counted.tallies()
        return {
            "claims": self.claims,
            "unreadable": self._unreadable,
            "rules": [msgspec.to_builtins(tally) for tally in tallies],
            **coverage.summary(tallies),
        }


def claims(file: Path) -> Iterator[model.Claim]:
    """Yield the claims of a file; raise the fault of the first that cannot be read."""
    for read in claim_files.read(file):
        if isinstance(read, readers.Refused):
            raise read.fault
        yield read.claim


def difference(claim: model.Claim, before: engine.Outcome, after: engine.Outcome) -> comparisons.Difference:
    """Return what two sets of packs make of a claim; its verdicts are of the rules alone."""
    appeared, vanished = comparisons.findings(before.findings, after.findings)
    sums = amounts.add_up(claim)
    return comparisons.Difference(
        claim_id=claim.claim_id or "", before=_verdict(before), after=_verdict(after), appeared=appeared,
        vanished=vanished, undecided=comparisons.unchecked(before.not_checked, after.not_checked),
        currency=sums.currency, submitted=sums.submitted,
    )  # fmt: skip


def _verdict(outcome: engine.Outcome) -> str:
    """Return what the rules alone make of a claim."""
    if any(finding.severity == "error" for finding in outcome.findings):
        return "reject"
    return "review" if any(finding.review for finding in outcome.findings) else "accept"
