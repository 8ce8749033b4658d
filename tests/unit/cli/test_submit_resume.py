"""Wherever a run is cut, the next one asks for exactly what has no receipt."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ultrathink_cli.usecases import submit

VERDICTS = ("accept", "review", "reject", "refused")


class _Platform:
    """Decides each line it is sent; the connection breaks after `most` answers."""

    def __init__(self, most: int | None = None) -> None:
        self.asked: list[bytes] = []
        self._most = most

    async def submit_stream(
        self, chunks: AsyncIterator[bytes], media_type: str
    ) -> AsyncIterator[list[bytes]]:
        assert media_type
        body = b"".join([chunk async for chunk in chunks])
        self.asked = [line for line in body.splitlines() if line.strip()]
        for number, line in enumerate(self.asked):
            if number == self._most:
                raise ConnectionError
            told = {"claim": line.decode(), "verdict": VERDICTS[len(line) % len(VERDICTS)]}
            yield [msgspec.json.encode(told)]


def _submit(door: _Platform, file: Path) -> submit.Tally:
    return asyncio.run(submit.submit(door, file, submit.LINES, lambda _: None))


def _receipts(file: Path) -> list[str]:
    lines = submit.receipts_path(file).read_bytes().splitlines()
    return [msgspec.json.decode(line)["claim"] for line in lines]


LINES = st.lists(st.sampled_from(["", "  ", "a", "bb", "ccc", "dddd"]), max_size=12)


@given(lines=LINES, last_newline=st.booleans(), data=st.data())
def test_a_cut_at_any_byte_of_the_receipts_loses_and_doubles_nothing(
    lines: list[str],
    last_newline: bool,  # noqa: FBT001 - hypothesis names its arguments
    data: st.DataObject,
) -> None:
    """A crash may stop the disk anywhere: afterwards there is one receipt per claim, in order."""
    claims = [line for line in lines if line.strip()]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "claims.ndjson"
        file.write_text("\n".join(lines) + ("\n" if last_newline else ""))
        whole = _submit(_Platform(), file)
        kept = submit.receipts_path(file)
        cut = data.draw(st.integers(0, kept.stat().st_size), label="cut")
        kept.write_bytes(kept.read_bytes()[:cut])
        known = kept.read_bytes().count(b"\n")
        second = _Platform()
        tally = _submit(second, file)
        assert [line.decode().strip() for line in second.asked] == [c.strip() for c in claims[known:]]
        assert _receipts(file) == claims
        assert tally.resumed == known
        tally.resumed = 0
        assert tally == whole


@given(lines=LINES, breaks=st.lists(st.integers(1, 4), max_size=4))
def test_a_connection_that_breaks_again_and_again_gets_through(lines: list[str], breaks: list[int]) -> None:
    """Each run goes on where the last one stopped; no claim is asked for after its receipt is kept."""
    claims = [line for line in lines if line.strip()]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "claims.ndjson"
        file.write_text("\n".join(lines))
        answered = 0
        for most in breaks:
            door = _Platform(most)
            try:
                _submit(door, file)
            except ConnectionError:
                assert door.asked
            answered = min(answered + most, len(claims))
            assert _receipts(file) == claims[:answered]
        assert _submit(_Platform(), file).total == len(claims)
        assert _receipts(file) == claims


@given(st.lists(st.builds(submit.Receipt, verdict=st.none() | st.sampled_from(VERDICTS)), max_size=20))
def test_a_tally_counts_every_receipt_once(receipts: list[submit.Receipt]) -> None:
    """Whatever a receipt says, it counts as one of four."""
    tally = submit.Tally()
    for receipt in receipts:
        tally.count(receipt)
    assert tally.total == len(receipts)
    assert tally.accepted == sum(receipt.verdict == "accept" for receipt in receipts)


@given(st.binary(min_size=1, max_size=12).filter(lambda bytes_: bytes_.strip(b" ") != b"{}"))
def test_what_a_power_cut_left_in_place_of_a_receipt_is_asked_for_again(damage: bytes) -> None:
    """Zeros or noise count as no receipt; those before them stay."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "claims.ndjson"
        file.write_text("a\nbb\nccc\n")
        _submit(_Platform(), file)
        kept = submit.receipts_path(file)
        first, _, last = kept.read_bytes().splitlines(keepends=True)
        kept.write_bytes(first + damage.replace(b"\n", b"\0") + b"\n" + last)
        assert _submit(_Platform(), file).resumed == 1
        assert _receipts(file) == ["a", "bb", "ccc"]
