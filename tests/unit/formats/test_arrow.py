"""Claims as an Arrow IPC stream: cut without decoding, checked against the model, read row by row."""

import datetime as dt
import io
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import formats_support
from chassis import errors
from formats import canonical, frames, framing, media, model, readers
from formats.arrow import framing as arrow
from formats.arrow import reading

COVERAGE = pa.struct([("payer", pa.string()), ("member_id", pa.string())])
LINE = pa.struct([
    ("sequence", pa.int32()), ("code", pa.string()), ("system", pa.string()), ("service_date", pa.date32()),
    ("quantity", pa.decimal128(12, 4)), ("net", pa.float64()),
])  # fmt: skip
SCHEMA = pa.schema([
    ("claim_id", pa.string()), ("type", pa.dictionary(pa.int8(), pa.string())), ("use", pa.string()),
    ("created", pa.timestamp("ms", tz="UTC")), ("currency", pa.string()), ("prescription", pa.null()),
    ("provider", pa.struct([("id", pa.string())])), ("patient", pa.struct([("id", pa.string())])),
    ("insurance", pa.list_(pa.struct([("sequence", pa.int64()), ("coverage", COVERAGE)]))),
    ("lines", pa.large_list(LINE)),
])  # fmt: skip


def record(number: int, **changes: Any) -> dict[str, Any]:
    """Return one claim as a sender's table holds it."""
    line = {
        "sequence": 1, "code": "G0103", "system": "hcpcs", "service_date": dt.date(2026, 8, 1),
        "quantity": Decimal("1.5"), "net": 150.1,
    }  # fmt: skip
    return {
        "claim_id": f"CLM-{number}", "type": "professional", "use": "claim", "currency": "SAR",
        "created": dt.datetime(2026, 8, 2, 9, 30, tzinfo=dt.UTC),
        "provider": {"id": "P-1"}, "patient": {"id": "1"},
        "insurance": [{"sequence": 1, "coverage": {"payer": "PAYER-1", "member_id": None}}], "lines": [line],
    } | changes  # fmt: skip


def stream(
    rows: list[dict[str, Any]], schema: pa.Schema = SCHEMA, size: int = 1_000, **options: Any
) -> bytes:
    """Return an Arrow IPC stream of the rows in batches of `size`."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for batch in pa.Table.from_pylist(rows, schema=schema).to_batches(max_chunksize=size):
            writer.write_batch(batch)
    return sink.getvalue()


def cut(data: bytes, size: int = 4_096) -> list[frames.Frame]:
    """Return the frames of a stream that comes in chunks of `size`."""
    framer = framing.framer(media.ARROW)
    found = [frame for at in range(0, len(data), size) for frame in framer.feed(data[at : at + size])]
    return found + framer.close()


def read(data: bytes, size: int = 4_096) -> list[readers.Read | readers.Refused]:
    """Return what the stream holds."""
    return [found for frame in cut(data, size) for found in readers.read_frame(frame, media.ARROW)]


def reasons(found: list[readers.Read | readers.Refused]) -> list[str]:
    """Return why each was refused, "" for a claim."""
    return [one.fault.reason if isinstance(one, readers.Refused) else "" for one in found]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 20), st.integers(1, 7), st.integers(1, 3_000))
def test_every_row_is_a_claim_whatever_the_batches_and_chunks(count: int, batch: int, chunk: int):
    """Positions count rows of the stream; the claims are those of the same values in JSON."""
    found = read(stream([record(number) for number in range(count)], size=batch), chunk)
    assert [one.position for one in found] == list(range(1, count + 1))
    for number, one in enumerate(found):
        assert isinstance(one, readers.Read)
        plain = record(number)
        plain["created"], plain["lines"][0]["service_date"] = "2026-08-02T09:30:00+00:00", "2026-08-01"
        del plain["insurance"][0]["coverage"]["member_id"]
        sent = canonical.decode(msgspec.json.encode(plain))
        assert msgspec.structs.replace(one.claim, source=None) == sent
        assert one.claim.source == model.Source(format="arrow")


LINES = st.fixed_dictionaries({
    "sequence": st.integers(1, 9), "code": st.sampled_from(["G0103", None, "a\0b", ""]),
    "service_date": st.sampled_from([dt.date(2026, 8, 1), None]),
    "quantity": st.sampled_from([Decimal("1.5000"), Decimal(0), Decimal("-0.0001"), None]),
    "net": st.sampled_from([150.1, 0.0, 1e-7, float("nan"), 12.0, None]),
})  # fmt: skip
RECORDS = st.fixed_dictionaries({
    "claim_id": st.sampled_from(["A", None, ""]), "type": st.sampled_from(["oral", "x\0y", None]),
    "use": st.sampled_from(["claim", "claim", "gift"]),
    "created": st.sampled_from([dt.datetime(2026, 8, 2, tzinfo=dt.UTC), None]),
    "provider": st.sampled_from([{"id": "P"}, {"id": None}, {"id": "P"}, None]),
    "insurance": st.sampled_from([
        [{"sequence": 1, "coverage": {"payer": "X", "member_id": None}}],
        [{"sequence": 2, "coverage": None}, None], [], None,
        [{"sequence": 1, "coverage": {"payer": None, "member_id": None}}],
    ]),
    "lines": st.one_of(st.none(), st.lists(LINES, max_size=3)),
})  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(RECORDS, min_size=1, max_size=6), st.integers(0, 5))
def test_columns_say_what_their_cells_say(changes: list[dict[str, Any]], start: int):
    """A batch is read column by column: the claims and refusals are those of its rows read alone."""
    rows = [record(number, **changed) for number, changed in enumerate(changes)]
    found = read(stream(rows))[start:]
    batch = pa.Table.from_pylist(rows, schema=SCHEMA).to_batches()[0]
    alone = [reading._alone(batch.slice(at, 1)) for at in range(start, len(rows))]
    for one, other in zip(found, alone, strict=True):
        if isinstance(one, readers.Refused):
            assert isinstance(other, errors.Invalid)
            assert (one.fault.reason, one.fault.violations) == (other.reason, other.violations)
        else:
            assert isinstance(other, model.Claim)
            assert canonical.encode(one.claim) == canonical.encode(other)


def test_large_batches_are_read_in_parts_that_share_their_bytes():
    """A frame holds at most so many rows, so that a batch is never all of it claims in memory."""
    found = cut(stream([record(number) for number in range(600)], size=600), 1 << 20)
    assert [frame.rows for frame in found] == [(0, 256), (256, 256), (512, 88)]
    assert found[0].body is found[1].body
    assert [frame.position for frame in found] == [1, 257, 513]


def test_a_row_that_is_no_claim_fails_alone():
    """Missing lines, a value of another kind, NUL and overlong lists are refused in their places."""
    long = record(4, lines=[record(0)["lines"][0] | {"sequence": n + 1} for n in range(1_001)])
    rows = [
        record(1),
        record(2, lines=[]),
        record(3, use="gift"),
        long,
        record(5, claim_id="a\0b"),
        record(6),
    ]
    found = read(stream(rows))
    assert reasons(found) == [
        "", "claim.unreadable", "claim.unreadable", "claim.too_large", "claim.unreadable", "",
    ]  # fmt: skip
    nul = found[4]
    assert isinstance(nul, readers.Refused)
    assert [(one.path, one.code) for one in nul.fault.violations] == [("claim_id", "text.nul")]


@pytest.mark.parametrize(
    ("field", "path", "code"),
    [
        (pa.field("claimid", pa.string()), "claimid", "field.unknown"),
        (pa.field("claim_id", pa.string()), "claim_id", "column.repeated"),
        (pa.field("total", pa.bool_()), "total", "arrow.type"),
        (pa.field("diagnoses", pa.string()), "diagnoses", "arrow.type"),
        (pa.field("diagnoses", pa.list_(pa.null())), "diagnoses", "arrow.type"),
        (pa.field("diagnoses", pa.list_(pa.struct([]))), "diagnoses", "arrow.type"),
        (pa.field("diagnoses", pa.list_(pa.struct([("code", pa.null())]))), "diagnoses.code", "arrow.type"),
        (pa.field("notes", pa.binary()), "notes", "arrow.type"),
    ],
)  # fmt: skip
def test_columns_that_are_not_those_of_claims_are_named(field: pa.Field, path: str, code: str):
    """The stream is refused before any batch is read; types without bytes of their own are no exception."""
    (found,) = read(stream([], SCHEMA.append(field)))
    assert isinstance(found, readers.Refused)
    assert found.fault.reason == "arrow.columns"
    assert [(one.path, one.code) for one in found.fault.violations] == [(path, code)]


def test_batches_above_the_bound_are_passed_over():
    """An oversized batch is refused in its place, whatever the chunks, and the next ones are read."""
    huge = [record(number, claim_id="x" * 200) for number in range(arrow.MAX_ROWS + 1)]
    small = stream([record(1)])
    large = stream(huge, size=len(huge))
    end = len(b"\xff\xff\xff\xff\x00\x00\x00\x00")
    (schema,) = [len(stream([])) - end]
    for chunk in (1 << 16, 1 << 30):
        found = read(large[:-end] + small[schema:], chunk)
        assert reasons(found) == ["arrow.batch_too_large", ""]
        assert [one.position for one in found] == [1, arrow.MAX_ROWS + 2]


def test_compressed_buffers_are_refused():
    """What a few bytes would unpack to is not known beforehand."""
    found = read(stream([record(n) for n in range(50)], compression="zstd"))
    assert reasons(found) == ["arrow.compressed"]


def test_a_stream_that_breaks_off_says_so_after_what_was_whole():
    """Batches that came whole are read; the cut one is never guessed."""
    data = stream([record(number) for number in range(4)], size=2)
    found = read(data[:-300])
    assert reasons(found) == ["", "", "arrow.truncated"]
    assert read(b"") == []
    assert reasons(read(data[: len(data) - 8])) == ["", "", "", ""]  # without its end mark: all was whole


def test_an_instant_beyond_the_calendar_fails_its_row_alone():
    """What no date of ours can hold is refused where it stands."""
    rows = [record(1), record(2), record(3)]
    batch = pa.Table.from_pylist(rows, schema=SCHEMA).to_batches()[0]
    created = pa.array([0, 2**62, 0], pa.int64()).cast(pa.timestamp("ms", tz="UTC"))
    table = pa.table(batch.set_column(3, SCHEMA.field("created"), created))
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, SCHEMA) as writer:
        writer.write_table(table)
    assert reasons(read(sink.getvalue())) == ["", "arrow.value", ""]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_bytes_make_the_reader_fail(data: st.DataObject):
    """Damaged anywhere, a stream gives claims and refusals, never another error."""
    whole = bytearray(stream([record(1), record(2)]))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    for found in read(bytes(whole), 512):
        assert isinstance(found, readers.Read) or isinstance(found.fault, errors.Invalid)


def test_other_bytes_are_no_arrow():
    """JSON sent under Arrow's name is refused once."""
    assert reasons(read(formats_support.claim_json())) == ["arrow.malformed"]


def test_files_of_arrow_are_known_by_name_and_by_their_first_bytes():
    """The content has the last word."""
    assert media.detect("claims.bin", stream([record(1)])[:64]) == media.ARROW
    assert media.detect("claims.arrows", b"") == media.ARROW
