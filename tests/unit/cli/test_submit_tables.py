"""A table or an Arrow stream that was cut goes on behind its last receipt, and ends as if it never was."""

import asyncio
import io
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats import framing, media
from ultrathink_cli.usecases import submit


class _Platform:
    """Cuts what it is sent as claims does and answers each claim; breaks after `most` answers."""

    def __init__(self, most: int | None = None) -> None:
        self.bodies: list[bytes] = []
        self._most = most

    async def submit_stream(
        self, chunks: AsyncIterator[bytes], media_type: str
    ) -> AsyncIterator[list[bytes]]:
        """Answer everything, three at a time."""
        self.bodies.append(b"".join([chunk async for chunk in chunks]))
        told = _answers(self.bodies[-1], media_type)
        for begin in range(0, len(told), 3):
            several = told[begin : begin + 3]
            if self._most is not None and begin + len(several) > self._most:
                yield several[: self._most - begin]
                raise ConnectionError
            yield several


def _answers(body: bytes, media_type: str) -> list[bytes]:
    """Return one answer per claim: what was read of it, or its place where it is refused."""
    framer = framing.framer(media_type)
    told: list[dict[str, object]] = []
    for frame in [*framer.feed(body), *framer.close()]:
        if frame.fault is not None or b"refused" in frame.body:
            told.append({"status": 422, "position": frame.position})
        elif frame.rows is None:
            told.append({"verdict": "accept", "claim": frame.body.decode("utf-8", "replace")})
        else:
            begin, count = frame.rows
            rows = pa.ipc.open_stream(frame.body).read_all().slice(begin, count).to_pylist()
            told += [{"verdict": "review", "claim": row["claim_id"]} for row in rows]
    return [msgspec.json.encode(one) for one in told]


def _submit(platform: _Platform, file: Path, media_type: str) -> submit.Tally:
    return asyncio.run(submit.submit(platform, file, media_type, lambda _: None))


def _cut_and_resumed(body: bytes, media_type: str, cuts: list[int]) -> _Platform:
    """Send a file that breaks off at each of these answers; the receipts must be those of a whole run."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "claims"
        file.write_bytes(body)
        whole = _submit(_Platform(), file, media_type)
        expected = submit.receipts_path(file).read_bytes()
        submit.receipts_path(file).unlink()
        for most in cuts:
            try:
                _submit(_Platform(most), file, media_type)
            except ConnectionError:
                continue
        last = _Platform()
        tally = _submit(last, file, media_type)
        assert submit.receipts_path(file).read_bytes() == expected
        tally.resumed = 0
        assert tally == whole
        return last


CELLS = st.sampled_from(["", "x", '"two\nlines"', '"a;b,c"', "refused", "é"])
ROWS = st.lists(st.tuples(st.sampled_from(["A", "B", "C", ""]), CELLS), max_size=12)
CUTS = st.lists(st.integers(0, 8), min_size=1, max_size=3)


@given(
    rows=ROWS,
    top=st.sampled_from(["", "\n", "\ufeff", "\r\n\n"]),
    end=st.sampled_from(["\n", "\r\n", "\n\n"]),
    cuts=CUTS,
)
def test_a_table_goes_on_behind_its_last_receipt(
    rows: list[tuple[str, str]], top: str, end: str, cuts: list[int]
) -> None:
    """Rows of one claim stay together, its header goes on top, places told are those of the file."""
    lines = ["claim_id,net", *(f"{claim},{cell}" for claim, cell in rows)]
    _cut_and_resumed((top + end.join(lines)).encode(), media.CSV, cuts)


def test_only_what_is_left_of_a_table_is_sent_again() -> None:
    """A million claims that are answered are not asked for once more."""
    last = _cut_and_resumed(b"claim_id,net\nA,1\nA,2\nB,3\nC,4\n", media.CSV, [2])
    assert last.bodies == [b"claim_id,net\nC,4\n"]


@pytest.mark.parametrize("media_type", [media.CSV, media.ARROW])
def test_what_is_answered_in_full_is_not_sent(media_type: str) -> None:
    """A second run of a finished file asks for nothing."""
    body = b"claim_id\nA\n" if media_type == media.CSV else _stream([["A"]], ended=True)
    assert _cut_and_resumed(body, media_type, [9]).bodies == []


NAMES = st.lists(st.lists(st.sampled_from(["A", "B", "C"]), max_size=5), max_size=5)


@given(batches=NAMES, ended=st.booleans(), short=st.integers(0, 40), cuts=CUTS)
def test_a_stream_goes_on_at_the_batch_of_its_last_receipt(
    batches: list[list[str]],
    ended: bool,  # noqa: FBT001 - hypothesis names its arguments
    short: int,
    cuts: list[int],
) -> None:
    """Schema and dictionaries go on top, what is known of a batch is passed over, a torn end is told once."""
    body = _stream(batches, ended=ended)
    _cut_and_resumed(body[: len(body) - short], media.ARROW, cuts)


def test_batches_that_are_answered_are_not_sent_again() -> None:
    """Of two batches the second goes alone, behind the schema."""
    body = _stream([["A", "B"], ["C", "D"]], ended=True)
    (sent,) = _cut_and_resumed(body, media.ARROW, [3]).bodies
    assert len(sent) < len(body)
    assert pa.ipc.open_stream(sent).read_all().column("claim_id").to_pylist() == ["C", "D"]


def test_a_batch_that_is_refused_counts_as_the_one_answer_it_got() -> None:
    """Compressed rows are refused together; behind them nothing shifts."""
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    body = _stream([["A", "B"]], ended=False) + _message(["C"] * 900, options) + _message(["D", "E"])
    _cut_and_resumed(body, media.ARROW, [3])
    _cut_and_resumed(body, media.ARROW, [4])


def _batch(names: list[str]) -> pa.RecordBatch:
    claims = pa.array(names, pa.string())
    return pa.record_batch([claims, claims.dictionary_encode()], ["claim_id", "type"])


def _stream(batches: list[list[str]], *, ended: bool) -> bytes:
    sink = io.BytesIO()
    writer = pa.ipc.new_stream(sink, _batch([]).schema)
    for names in batches:
        writer.write_batch(_batch(names))
    if ended:
        writer.close()
    return sink.getvalue()


def _message(names: list[str], options: pa.ipc.IpcWriteOptions | None = None) -> bytes:
    """Return what a batch alone adds to a stream."""
    sink = io.BytesIO()
    writer = pa.ipc.new_stream(sink, _batch([]).schema, options=options)
    begins = sink.tell()
    writer.write_batch(_batch(names))
    return sink.getvalue()[begins:]
