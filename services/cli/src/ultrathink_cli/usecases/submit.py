"""Send files of claims, keep every receipt, go on where the last run stopped."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

CHUNK = 256 * 1024  # bytes per piece of a file; small enough to show progress, large enough to be cheap
LINES = "application/x-ndjson"


class Door(Protocol):
    """The platform as a sender sees it."""

    def submit_stream(self, chunks: AsyncIterator[bytes], media_type: str) -> AsyncIterator[dict[str, Any]]:
        """Send a file; yield one decision or problem per claim, in input order."""
        ...


@dataclass(slots=True)
class Tally:
    """What came of a file: claims by verdict, refusals, and how many were known from an earlier run."""

    accepted: int = 0
    review: int = 0
    rejected: int = 0
    refused: int = 0
    resumed: int = 0

    def count(self, receipt: dict[str, Any]) -> None:
        """Add one receipt."""
        match receipt.get("verdict"):
            case "accept":
                self.accepted += 1
            case "review":
                self.review += 1
            case "reject":
                self.rejected += 1
            case _:
                self.refused += 1

    @property
    def total(self) -> int:
        """Receipts in all."""
        return self.accepted + self.review + self.rejected + self.refused


def receipts_path(file: Path) -> Path:
    """Return where the receipts of a file are kept: beside it."""
    return file.with_name(file.name + ".receipts.ndjson")


async def submit(door: Door, file: Path, media_type: str, sent: Callable[[int], None]) -> Tally:
    """Send `file`; append each receipt beside it; return the tally over all runs.

    `sent` is called with the bytes sent so far. A run that was interrupted goes on after the last receipt
    (lines) or sends the file again (other formats): the platform answers a known claim with its first
    decision, so nothing is doubled either way.
    """
    tally, known = Tally(), 0
    receipts = receipts_path(file)
    for receipt in _known(receipts):
        tally.count(receipt)
        known += 1
    skip = known if media_type == LINES else 0
    if not skip:
        tally, known = Tally(), 0
    tally.resumed = skip
    encoder = msgspec.json.Encoder()
    with receipts.open("ab" if skip else "wb") as kept:
        async for receipt in door.submit_stream(chunks(file, skip, sent), media_type):
            kept.write(encoder.encode(receipt) + b"\n")
            kept.flush()
            tally.count(receipt)
    return tally


def _known(receipts: Path) -> Iterator[dict[str, Any]]:
    """Yield whole receipts of earlier runs; from the first damaged line on the file is cut off."""
    if not receipts.exists():
        return
    whole = 0
    with receipts.open("rb") as lines:
        for line in lines:
            receipt = _receipt(line)
            if receipt is None:
                break
            whole += len(line)
            yield receipt
    with receipts.open("rb+") as cut:
        cut.truncate(whole)


def _receipt(line: bytes) -> dict[str, Any] | None:
    """Return the receipt of a line, None when a crash cut it short or left something else in its place."""
    try:
        return msgspec.json.decode(line, type=dict[str, Any]) if line.endswith(b"\n") else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


async def chunks(file: Path, skip: int, sent: Callable[[int], None]) -> AsyncIterator[bytes]:
    """Yield a file behind its first `skip` lines; `sent` hears of the bytes passed so far."""
    with file.open("rb") as body:
        done = 0
        while skip and (line := body.readline()):
            done += len(line)
            skip -= bool(line.strip())
        while chunk := body.read(CHUNK):
            done += len(chunk)
            yield chunk
            sent(done)
    sent(done)
