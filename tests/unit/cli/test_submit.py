"""Submitting keeps every receipt and goes on where it stopped."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ultrathink_cli.usecases import submit


class _Door:
    """Answers each line it is sent; breaks after `breaks_after` answers."""

    def __init__(self, breaks_after: int | None = None) -> None:
        self.lines: list[bytes] = []
        self._breaks_after = breaks_after

    async def submit_stream(
        self, chunks: AsyncIterator[bytes], media_type: str
    ) -> AsyncIterator[dict[str, Any]]:
        assert media_type
        self.lines = b"".join([chunk async for chunk in chunks]).splitlines()
        for number, line in enumerate(self.lines):
            if number == self._breaks_after:
                raise ConnectionError
            verdict = {"a": "accept", "r": "reject", "v": "review"}.get(line.decode())
            yield {"verdict": verdict} if verdict else {"status": 422}


def _file(folder: Path, lines: str) -> Path:
    path = folder / "claims.ndjson"
    path.write_text("".join(f"{letter}\n" for letter in lines))
    return path


async def test_receipts_lie_beside_the_file_in_input_order(tmp_path: Path) -> None:
    """Every answer can be looked up afterwards by its place."""
    file = _file(tmp_path, "arvx")
    tally = await submit.submit(_Door(), file, submit.LINES, lambda _: None)
    kept = [msgspec.json.decode(line) for line in submit.receipts_path(file).read_bytes().splitlines()]
    assert [receipt.get("verdict") for receipt in kept] == ["accept", "reject", "review", None]
    assert (tally.accepted, tally.rejected, tally.review, tally.refused, tally.total) == (1, 1, 1, 1, 4)


async def test_an_interrupted_run_goes_on_after_its_last_receipt(tmp_path: Path) -> None:
    """What was answered is not sent again, and no receipt is lost."""
    file = _file(tmp_path, "aarra")
    with pytest.raises(ConnectionError):
        await submit.submit(_Door(breaks_after=2), file, submit.LINES, lambda _: None)
    second = _Door()
    tally = await submit.submit(second, file, submit.LINES, lambda _: None)
    assert second.lines == [b"r", b"r", b"a"]
    assert (tally.total, tally.resumed, tally.accepted, tally.rejected) == (5, 2, 3, 2)
    assert len(submit.receipts_path(file).read_bytes().splitlines()) == 5


async def test_a_receipt_cut_short_by_a_crash_is_asked_for_again(tmp_path: Path) -> None:
    """Half a receipt counts as none."""
    file = _file(tmp_path, "ar")
    submit.receipts_path(file).write_bytes(b'{"verdict":"accept"}\n{"verd')
    door = _Door()
    tally = await submit.submit(door, file, submit.LINES, lambda _: None)
    assert door.lines == [b"r"]
    assert tally.total == 2


async def test_a_format_without_lines_is_sent_whole_again(tmp_path: Path) -> None:
    """The platform's idempotency keeps a repeated file from doubling; receipts are written anew."""
    file = _file(tmp_path, "ar")
    await submit.submit(_Door(), file, "text/csv", lambda _: None)
    door = _Door()
    tally = await submit.submit(door, file, "text/csv", lambda _: None)
    assert len(door.lines) == 2
    assert (tally.total, tally.resumed) == (2, 0)
    assert len(submit.receipts_path(file).read_bytes().splitlines()) == 2


async def test_progress_counts_skipped_bytes_too(tmp_path: Path) -> None:
    """The bar of a resumed run begins where the last one stopped and ends full."""
    file = _file(tmp_path, "aaa")
    submit.receipts_path(file).write_bytes(b'{"verdict":"accept"}\n')
    seen: list[int] = []
    await submit.submit(_Door(), file, submit.LINES, seen.append)
    assert seen[-1] == file.stat().st_size


async def test_blank_lines_do_not_shift_the_place_to_go_on(tmp_path: Path) -> None:
    """A blank line has no receipt, so it is not counted as one."""
    file = tmp_path / "claims.ndjson"
    file.write_text("a\n\nr\nv\n")
    submit.receipts_path(file).write_bytes(b'{"verdict":"accept"}\n{"verdict":"reject"}\n')
    door = _Door()
    await submit.submit(door, file, submit.LINES, lambda _: None)
    assert door.lines == [b"v"]
