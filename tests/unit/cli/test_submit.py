"""Submitting keeps every receipt and goes on where it stopped."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import errors
from ultrathink_cli.usecases import submit


class _Door:
    """Answers each line it is sent; breaks after `breaks_after` answers."""

    def __init__(self, breaks_after: int | None = None) -> None:
        self.lines: list[bytes] = []
        self.parts: list[bytes] = []
        self._breaks_after = breaks_after

    async def submit_stream(
        self, chunks: AsyncIterator[bytes], media_type: str
    ) -> AsyncIterator[list[bytes]]:
        assert media_type
        self.parts.append(b"".join([chunk async for chunk in chunks]))
        self.lines = self.parts[-1].splitlines()
        for number, line in enumerate(self.lines):
            if number == self._breaks_after:
                raise ConnectionError
            verdict = {"a": "accept", "r": "reject", "v": "review"}.get(line.decode())
            told = {"verdict": verdict} if verdict else {"status": 422, "position": number + 1}
            yield [msgspec.json.encode(told)]


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


async def test_a_format_of_one_document_is_sent_whole_again(tmp_path: Path) -> None:
    """The platform's idempotency keeps a repeated file from doubling; receipts are written anew."""
    file = _file(tmp_path, "ar")
    await submit.submit(_Door(), file, "application/fhir+json", lambda _: None)
    door = _Door()
    tally = await submit.submit(door, file, "application/fhir+json", lambda _: None)
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


async def test_a_large_file_goes_in_parts_and_problems_keep_their_place_in_it(tmp_path: Path) -> None:
    """Answers of a part are kept before the next is sent; a refused line is told by its line of the file."""
    lines = [b"a", b"x", b"", b"r" * submit.PART, b"x", b"v"]
    file = tmp_path / "claims.ndjson"
    file.write_bytes(b"\n".join(lines) + b"\n")
    door = _Door()
    tally = await submit.submit(door, file, submit.LINES, lambda _: None)
    assert door.parts == [b"\n".join(lines[:4]) + b"\n", b"x\nv\n"]
    kept = [msgspec.json.decode(line) for line in submit.receipts_path(file).read_bytes().splitlines()]
    assert [receipt["position"] for receipt in kept if "position" in receipt] == [2, 3, 4, 5]
    assert tally.total == len(lines)


async def test_a_resumed_run_tells_places_of_the_whole_file(tmp_path: Path) -> None:
    """Where a line stands does not change with the run that sends it."""
    file = _file(tmp_path, "aax")
    submit.receipts_path(file).write_bytes(b'{"verdict":"accept"}\n{"verdict":"accept"}\n')
    await submit.submit(_Door(), file, submit.LINES, lambda _: None)
    last = submit.receipts_path(file).read_bytes().splitlines()[-1]
    assert msgspec.json.decode(last)["position"] == 3


async def test_receipts_are_the_answers_to_the_byte(tmp_path: Path) -> None:
    """What the platform said is kept as it was said, whatever a claim brought into it."""
    answer = '{"verdict":"accept", "findings":[{"actual":"a\u2028b\u0085c"}]}'.encode()

    class Door:
        """Says one answer."""

        async def submit_stream(
            self, chunks: AsyncIterator[bytes], media_type: str
        ) -> AsyncIterator[list[bytes]]:
            """Answer once, or nothing to nothing."""
            assert media_type
            if [chunk async for chunk in chunks]:
                yield [answer]

    file = _file(tmp_path, "a")
    await submit.submit(Door(), file, submit.LINES, lambda _: None)
    assert submit.receipts_path(file).read_bytes() == answer + b"\n"
    assert (await submit.submit(Door(), file, submit.LINES, lambda _: None)).resumed == 1


@pytest.mark.parametrize("kept_before", [False, True])
async def test_trouble_with_the_file_is_told_and_is_no_receipt(tmp_path: Path, kept_before: bool) -> None:  # noqa: FBT001
    """A problem without a place says that the platform read no further: the next run asks for the rest."""
    problem = b'{"type":"https://x/problems/storage.unavailable","status":503,"detail":"Storage is away."}'

    class Breaking(_Door):
        """Breaks as a gateway does in the middle of an answer."""

        async def submit_stream(
            self, chunks: AsyncIterator[bytes], media_type: str
        ) -> AsyncIterator[list[bytes]]:
            """Answer one claim, then say what is wrong."""
            async for lines in super().submit_stream(chunks, media_type):
                yield [*lines, problem]

    file = _file(tmp_path, "arv")
    if kept_before:  # by a release that took it for a claim's
        submit.receipts_path(file).write_bytes(b'{"verdict":"accept"}\n' + problem + b"\n")
    else:
        with pytest.raises(errors.Unavailable, match=r"storage\.unavailable") as told:
            await submit.submit(Breaking(), file, submit.LINES, lambda _: None)
        assert told.value.reason == "storage.unavailable"
        assert told.value.message.startswith("Storage is away. Run the same command again")
    door = _Door()
    tally = await submit.submit(door, file, submit.LINES, lambda _: None)
    assert door.lines == [b"r", b"v"]
    assert (tally.total, tally.resumed, tally.refused) == (3, 1, 0)


@given(
    lines=st.lists(st.binary(max_size=9).filter(lambda line: b"\n" not in line), max_size=20),
    size=st.integers(1, 30),
    last_newline=st.booleans(),
)
async def test_parts_are_the_file_cut_at_line_ends(
    lines: list[bytes],
    size: int,
    last_newline: bool,  # noqa: FBT001 - hypothesis names its arguments
) -> None:
    """Whatever lines and sizes: nothing is lost, doubled or cut within a line."""
    whole = b"\n".join(lines) + (b"\n" if last_newline else b"")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "claims.ndjson"
        file.write_bytes(whole)
        found, before = [], []
        for part in submit.parts(file, 0, lambda _: None, size):
            before.append(part.before)
            found.append(b"".join([chunk async for chunk in part.chunks]))
    assert b"".join(found) == whole
    assert all(one.endswith(b"\n") for one in found[:-1])
    assert before == [b"".join(found[:at]).count(b"\n") for at in range(len(found))]
