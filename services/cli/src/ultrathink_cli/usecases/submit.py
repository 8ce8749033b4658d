"""Send files of claims, keep every receipt, go on where the last run stopped."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Protocol

import msgspec

from chassis import errors
from ultrathink_cli.usecases import remains

CHUNK = 256 * 1024  # bytes per piece of a file; small enough to show progress, large enough to be cheap
# Lines are sent in parts of so many bytes: answers are read behind each, so that they need not wait on the
# platform's disk for the end of a large file, and receipts of what is done are kept as it goes on.
PART = 32 * 1024 * 1024
LINES = "application/x-ndjson"


class Door(Protocol):
    """The platform as a sender sees it."""

    def submit_stream(self, chunks: AsyncIterator[bytes], media_type: str) -> AsyncIterator[list[bytes]]:
        """Send a file; yield lines, several at a time: a decision or problem per claim, in input order."""
        ...


class Receipt(msgspec.Struct, frozen=True):
    """What is read of an answer: a claim's has a verdict or, where it is refused, a position."""

    verdict: str | None = None
    position: int | None = None
    type: str = ""
    detail: str = ""

    @property
    def of_file(self) -> bool:
        """Whether it is about the file and not a claim of it: the platform reads no further."""
        return self.verdict is None and self.position is None


RECEIPTS = msgspec.json.Decoder(Receipt)


@dataclass(slots=True)
class Tally:
    """What came of a file: claims by verdict, refusals, and how many were known from an earlier run."""

    accepted: int = 0
    review: int = 0
    rejected: int = 0
    refused: int = 0
    resumed: int = 0

    def count(self, receipt: Receipt) -> None:
        """Add one receipt."""
        match receipt.verdict:
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


@dataclass(frozen=True, slots=True)
class Part:
    """What one request sends of a file, how far places in it are off, how many answers are kept already."""

    before: int
    chunks: AsyncIterator[bytes]
    known: int = 0


def receipts_path(file: Path) -> Path:
    """Return where the receipts of a file are kept: beside it."""
    return file.with_name(file.name + ".receipts.ndjson")


async def submit(door: Door, file: Path, media_type: str, sent: Callable[[int], None]) -> Tally:
    """Send `file`; append each receipt beside it; return the tally over all runs.

    `sent` is called with the bytes sent so far. A run that was interrupted goes on after the last receipt
    (lines, tables, Arrow streams) or sends the file again (other formats): the platform answers a known claim
    with its first decision, so nothing is doubled either way.
    """
    tally, known = Tally(), 0
    receipts = receipts_path(file)
    for receipt in _known(receipts):
        tally.count(receipt)
        known += 1
    skip = known if media_type == LINES or media_type in remains.RESUMED else 0
    if not skip:
        tally, known = Tally(), 0
    tally.resumed = skip
    with receipts.open("ab" if skip else "wb", buffering=CHUNK) as kept:
        for part in parts(file, skip, sent) if media_type == LINES else _rest(file, media_type, skip, sent):
            known = part.known
            async for lines in door.submit_stream(part.chunks, media_type):
                for line in lines[known:]:
                    receipt = read(line, RECEIPTS)
                    if receipt.of_file:
                        raise _broken(receipt)
                    kept.write((_placed(line, part.before) if receipt.position else line) + b"\n")
                    tally.count(receipt)
                known = max(0, known - len(lines))
                kept.flush()
    return tally


def _rest(file: Path, media_type: str, answered: int, sent: Callable[[int], None]) -> Iterator[Part]:
    """Yield what goes in one request of a file that is not of lines; nothing when all is answered."""
    left = remains.rest(file, media_type, answered)
    if left is None:
        sent(file.stat().st_size)
    else:
        yield Part(left.before, chunks(file, sent, left.begins, left.head), left.known)


def read[Told](line: bytes, reader: msgspec.json.Decoder[Told]) -> Told:
    """Return what a line of an answer says; Unavailable for what no gateway of ours says."""
    try:
        return reader.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as cause:
        raise errors.Unavailable(
            "gateway.answer", "what answered is no gateway of ours; is --url right?"
        ) from cause


def _placed(line: bytes, before: int) -> bytes:
    """Return a problem whose place in what was sent is told as one in the file."""
    told = msgspec.json.decode(line)
    told["position"] += before
    return msgspec.json.encode(told)


def _broken(receipt: Receipt) -> errors.Fault:
    reason = receipt.type.rsplit("/", 1)[-1] or "file.broken"
    told = receipt.detail or "The platform read no further."
    return errors.Unavailable(
        reason, f"{told} Run the same command again: it goes on behind what is answered."
    )


def _known(receipts: Path) -> Iterator[Receipt]:
    """Yield whole receipts of earlier runs; from the first that is damaged or no claim's the file is cut."""
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


def _receipt(line: bytes) -> Receipt | None:
    """Return the receipt of a line, None when a crash cut it short or left something else in its place."""
    try:
        # Read in full: bytes that only look like a receipt are none.
        told = msgspec.json.decode(line) if line.endswith(b"\n") else None
        receipt = msgspec.convert(told, Receipt)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return None if receipt.of_file else receipt


async def chunks(
    file: Path, sent: Callable[[int], None], begins: int = 0, head: bytes = b""
) -> AsyncIterator[bytes]:
    """Yield a head and a file from a byte on; `sent` hears of the bytes passed so far."""
    with file.open("rb") as body:
        body.seek(begins)
        yield head
        while chunk := body.read(CHUNK):
            yield chunk
            sent(body.tell())


def parts(file: Path, skip: int, sent: Callable[[int], None], size: int = PART) -> Iterator[Part]:
    """Yield a file behind its first `skip` claims in parts of about `size` bytes that end with a line.

    Each is to be read before the next is asked for; there is one at least. `sent` hears of the bytes passed.
    """
    with file.open("rb") as body:
        before = 0
        while skip and (line := body.readline()):
            skip -= bool(line.strip())
            before += 1
        sent(body.tell())
        reader = _Reader(body, before, sent)
        yield Part(before, reader.read(size))
        while body.peek(1):
            yield Part(reader.lines, reader.read(size))


class _Reader:
    def __init__(self, body: BufferedReader, lines: int, sent: Callable[[int], None]) -> None:
        self._body, self.lines, self._sent = body, lines, sent

    async def read(self, size: int) -> AsyncIterator[bytes]:
        ends = self._body.tell() + size
        while (left := ends - self._body.tell()) > 0 and (chunk := self._body.read(min(CHUNK, left))):
            if len(chunk) == left:
                chunk += b"" if chunk.endswith(b"\n") else self._body.readline()
            self.lines += chunk.count(b"\n")
            yield chunk
            self._sent(self._body.tell())
