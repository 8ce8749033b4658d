"""Framing: cutting streams into messages with bounded memory, whatever the chunks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import errors
from formats import frames, framing, jsontext, media

LIMIT = jsontext.MAX_BYTES


def cut(media_type: str, body: bytes, size: int | None = None) -> list[frames.Frame]:
    """Return the frames of a body fed in chunks of a size."""
    framer = framing.framer(media_type)
    size = size or max(1, len(body))
    found = [
        frame for start in range(0, len(body), size) for frame in framer.feed(body[start : start + size])
    ]
    return found + framer.close()


def test_each_line_of_ndjson_is_a_frame_with_its_line_number():
    """Blank lines are skipped and counted; the last line may lack its newline."""
    found = cut(media.NDJSON, b'{"a":1}\n\n  \r\n{"b":2}\r\n{"c":3}')
    assert [(frame.position, frame.body.strip()) for frame in found] == [
        (1, b'{"a":1}'), (4, b'{"b":2}'), (5, b'{"c":3}'),
    ]  # fmt: skip


@pytest.mark.parametrize("media_type", [media.NDJSON, media.FHIR_NDJSON, media.CSV, media.JSON, media.FHIR])
def test_an_empty_stream_has_no_frames(media_type: str):
    """Nothing in, nothing out."""
    assert cut(media_type, b"") == []


@pytest.mark.parametrize("media_type", [media.JSON, media.FHIR])
def test_a_document_is_one_frame(media_type: str):
    """A whole document is one message, whatever its newlines."""
    (frame,) = cut(media_type, b"{\n\n}", size=1)
    assert (frame.position, frame.body, frame.fault) == (1, b"{\n\n}", None)


def test_a_document_above_the_bound_is_refused_and_not_kept():
    """The frame carries the refusal, no bytes."""
    framer = frames.WholeFramer()
    for _ in range(12):
        framer.feed(b"x" * 1_000_000)
    assert framer._pieces == []
    (frame,) = framer.close()
    assert frame.body == b""
    assert frame.fault is not None
    assert frame.fault.reason == "claim.too_large"


def test_a_line_above_the_bound_is_refused_and_the_next_one_read():
    """One endless line does not stop the stream and does not fill the memory."""
    framer = frames.LineFramer()
    found = framer.feed(b'{"a":1}\n')
    for _ in range(12):
        found += framer.feed(b"x" * 1_000_000)
        assert sum(map(len, framer._pieces)) <= LIMIT
    found += framer.feed(b'\n{"b":2}\n') + framer.close()
    assert [(frame.position, frame.body) for frame in found] == [(1, b'{"a":1}'), (2, b""), (3, b'{"b":2}')]
    assert found[1].fault is not None
    assert found[1].fault.reason == "claim.too_large"


def test_an_endless_line_at_the_end_is_refused():
    """The bound also holds for a last line without newline."""
    framer = frames.LineFramer()
    framer.feed(b"x" * (LIMIT + 1))
    (frame,) = framer.close()
    assert frame.fault is not None


def test_rows_of_one_claim_are_one_frame_with_the_header():
    """Adjacent rows with the same claim_id belong together; the position is the first row's line."""
    body = b"claim_id,lines.code\nA,1\nA,2\nB,3\nA,4\n"
    found = cut(media.CSV, body)
    assert [(frame.position, frame.body) for frame in found] == [
        (2, b"claim_id,lines.code\nA,1\nA,2"),
        (4, b"claim_id,lines.code\nB,3"),
        (5, b"claim_id,lines.code\nA,4"),
    ]


def test_rows_without_a_claim_id_are_claims_of_their_own():
    """Without a key nothing says that two rows belong together."""
    assert len(cut(media.CSV, b"claim_id,lines.code\n,1\n,2\n")) == 2
    assert len(cut(media.CSV, b"type,lines.code\nx,1\nx,2\n")) == 2


def test_quoted_newlines_blank_lines_and_bom_are_understood():
    """A newline inside quotes belongs to its field; CRLF and a byte-order mark are taken off."""
    body = b'\xef\xbb\xbfclaim_id,notes\r\n"A","one\r\n\r\ntwo"\r\n\r\nB,x\r\n'
    found = cut(media.CSV, body)
    assert [frame.position for frame in found] == [2, 6]
    assert found[0].body == b'claim_id,notes\n"A","one\n\ntwo"'


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [("claim_id;a;b", ";"), ("claim_id\ta", "\t"), ("claim_id,a;b,c", ","), ("claim_id", ",")],
)
def test_the_delimiter_is_the_most_frequent_of_the_header(header: str, delimiter: str):
    """Comma, semicolon and tab are detected, so that the key is found."""
    width = header.count(delimiter)
    rows = "\n".join(delimiter.join(["K", *"x" * width]) for _ in range(2))
    assert len(cut(media.CSV, f"{header}\n{rows}\n".encode())) == 1


def test_a_quote_inside_an_unquoted_field_is_a_plain_character():
    """Inches do not swallow the rest of the file."""
    body = b'claim_id,lines.description\nA,5" pipe\nB,6" pipe\n'
    assert [frame.position for frame in cut(media.CSV, body)] == [2, 3]


def test_a_header_alone_holds_no_claim():
    """No rows, no frames."""
    assert cut(media.CSV, b"claim_id,type\n") == []


def test_the_rows_of_a_claim_are_kept_only_up_to_its_bound():
    """One row more than a claim may have is kept, for the refusal; the others are dropped."""
    body = b"claim_id,lines.code\n" + b"A,1\n" * 5000 + b"B,2\n"
    first, second = cut(media.CSV, body)
    assert first.body.count(b"\n") == 1001
    assert second.position == 5002


def test_a_claim_of_too_many_bytes_is_refused_and_the_next_one_read():
    """The bound of a message holds for the rows of one claim together."""
    row = b"A," + b"x" * 100_000 + b"\n"
    first, second = cut(media.CSV, b"claim_id,notes\n" + row * 120 + b"B,2\n", size=700_000)
    assert first.fault is not None
    assert first.fault.reason == "claim.too_large"
    assert second.fault is None


def test_an_unsupported_media_type_is_refused():
    """The refusal names what could be read, not what was sent."""
    with pytest.raises(errors.Invalid) as refused:
        framing.framer("application/pdf")
    assert refused.value.reason == "media_type.unsupported"
    assert media.NDJSON in refused.value.message
    assert "pdf" not in refused.value.message


CSV_BODY = b'claim_id,notes,lines.code\nA,"x, ""y""\nz",1\nA,,2\n\nB,w,3\n,,4\n'
NDJSON_BODY = b'{"a":1}\n\n{"b":"\xd8\xa7"}\r\n{"c":3}'


@given(st.integers(1, 80))
def test_the_size_of_chunks_does_not_matter(size: int):
    """Any cutting of the stream gives the same frames."""
    assert cut(media.CSV, CSV_BODY, size) == cut(media.CSV, CSV_BODY)
    assert cut(media.NDJSON, NDJSON_BODY, size) == cut(media.NDJSON, NDJSON_BODY)


@given(st.binary(max_size=120), st.integers(1, 16))
def test_any_bytes_in_any_chunks_give_the_same_frames(body: bytes, size: int):
    """No input breaks a framer, and chunks never change the outcome."""
    for media_type in (media.CSV, media.NDJSON, media.JSON):
        assert cut(media_type, body, size) == cut(media_type, body)


@given(st.lists(st.binary(min_size=1, max_size=20).filter(lambda line: line.strip() and b"\n" not in line)))
def test_every_line_that_is_not_blank_comes_out_once(body: list[bytes]):
    """Nothing is lost and nothing invented."""
    found = cut(media.NDJSON, b"\n".join(body))
    assert [frame.body for frame in found] == body
