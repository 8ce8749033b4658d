"""Send files of payers' answers, and keep what each was joined to."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec

from ultrathink_cli.usecases import submit

RECEIPTS = msgspec.json.Decoder(dict[str, Any])


class Door(Protocol):
    """The platform as a payer's messenger sees it."""

    def remit_stream(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
        """Send a file; yield lines, several at a time: what was joined, or a problem, in input order."""
        ...


@dataclass(slots=True)
class Tally:
    """What came of a file: answers by outcome, those known before, and refusals by their reason."""

    outcomes: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    known: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def count(self, receipt: dict[str, Any]) -> None:
        """Add one receipt."""
        if "outcome" not in receipt:
            self.refused[str(receipt.get("type") or "").rsplit("/", 1)[-1] or "unknown"] += 1
            return
        self.outcomes[str(receipt["outcome"])] += 1
        self.lines += int(receipt["lines"])
        self.known += bool(receipt.get("replayed"))

    @property
    def joined(self) -> int:
        """Answers that found their claim."""
        return self.outcomes.total()


async def remit(door: Door, file: Path, sent: Callable[[int], None]) -> Tally:
    """Send `file` whole; write each receipt beside it; return the tally.

    `sent` is called with the bytes sent so far. An interrupted run is simply run again: the platform knows an
    answer that it has, and a claim that was unknown may be there by now.
    """
    tally = Tally()
    with submit.receipts_path(file).open("wb") as kept:
        async for lines in door.remit_stream(submit.chunks(file, sent)):
            for line in lines:
                tally.count(submit.read(line, RECEIPTS))
                kept.write(line + b"\n")
    return tally
