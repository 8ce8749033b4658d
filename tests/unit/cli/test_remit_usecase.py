"""Sending answers: every one is sent each time, every receipt is kept, what came of it is counted."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from ultrathink_cli.usecases import remit, submit


class _Door:
    """Joins lines by their letter; breaks after `breaks_after` answers."""

    def __init__(self, breaks_after: int | None = None) -> None:
        self.lines: list[bytes] = []
        self._breaks_after = breaks_after

    async def remit_stream(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
        """Answer each line."""
        self.lines = b"".join([chunk async for chunk in chunks]).splitlines()
        for number, line in enumerate(self.lines):
            if number == self._breaks_after:
                raise ConnectionError
            outcome = {"a": "approved", "p": "partial", "r": "rejected"}.get(line.decode())
            told = {"outcome": outcome, "lines": 3} if outcome else {"type": "/problems/claim.ambiguous"}
            yield [msgspec.json.encode(told)]


def _file(folder: Path, letters: str) -> Path:
    path = folder / "answers.ndjson"
    path.write_text("".join(f"{letter}\n" for letter in letters))
    return path


async def test_outcomes_and_refusals_are_counted(tmp_path: Path) -> None:
    """By outcome, by reason, and the lines that were joined."""
    seen: list[int] = []
    file = _file(tmp_path, "aaprxx")
    tally = await remit.remit(_Door(), file, seen.append)
    assert tally.outcomes == {"approved": 2, "partial": 1, "rejected": 1}
    assert (tally.joined, tally.lines, tally.refused) == (4, 12, {"claim.ambiguous": 2})
    assert seen[-1] == file.stat().st_size
    assert len(submit.receipts_path(file).read_bytes().splitlines()) == 6


async def test_an_interrupted_run_is_run_again_whole(tmp_path: Path) -> None:
    """The platform knows what it has; the receipts are those of the last run."""
    file = _file(tmp_path, "aap")
    with pytest.raises(ConnectionError):
        await remit.remit(_Door(breaks_after=1), file, lambda _: None)
    second = _Door()
    await remit.remit(second, file, lambda _: None)
    assert second.lines == [b"a", b"a", b"p"]
    kept = [msgspec.json.decode(line) for line in submit.receipts_path(file).read_bytes().splitlines()]
    assert [one["outcome"] for one in kept] == ["approved", "approved", "partial"]


def test_a_problem_without_a_type_is_still_counted() -> None:
    """Whatever answers, nothing is taken for joined that was not."""
    tally = remit.Tally()
    tally.count({})
    assert (tally.joined, tally.refused) == (0, {"unknown": 1})
