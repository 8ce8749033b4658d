"""Frames of HTTP/2: made and read again however the bytes are cut, bounded before they are kept."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.http2 import frames

NUMBERS = st.integers(0, frames.MOST_WINDOW)
FRAMES = st.builds(frames.Frame, st.integers(0, 255), st.integers(0, 255), NUMBERS, st.binary(max_size=300))


def told(found: list[frames.Frame]) -> bytes:
    """Return frames as a peer sends them."""
    return b"".join(frames.frame(*one) for one in found)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Return bytes in pieces that end at these places."""
    ends = sorted(place % (len(data) + 1) for place in places)
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


@given(st.lists(FRAMES, max_size=8), st.lists(st.integers(0, 5_000), max_size=12))
def test_any_cut_of_the_bytes_gives_the_same_frames(sent: list[frames.Frame], places: list[int]) -> None:
    """Each frame comes whole, once, and in order, whatever the socket delivers at a time."""
    reader = frames.Reader(300)
    assert [found for piece in cut(told(sent), places) for found in reader.feed(piece)] == sent


@given(st.lists(FRAMES, min_size=1, max_size=4))
def test_a_frame_is_handed_over_by_its_last_byte(sent: list[frames.Frame]) -> None:
    """Neither earlier nor later."""
    data = told(sent)
    reader = frames.Reader(300)
    arrived = [number for number in range(len(data)) for _ in reader.feed(data[number : number + 1])]
    ends = [len(told(sent[: count + 1])) - 1 for count in range(len(sent))]
    assert arrived == ends


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=6))
def test_bytes_that_are_no_frames_are_frames_or_break(data: bytes, places: list[int]) -> None:
    """Nothing but Broken is raised, and no payload exceeds the bound."""
    reader = frames.Reader(64)
    with contextlib.suppress(frames.Broken):
        for piece in cut(data, places):
            assert all(len(one.payload) <= 64 for one in reader.feed(piece))


def test_a_frame_too_large_breaks_before_its_payload_comes() -> None:
    """Its length is enough; one that just fits is read."""
    assert list(frames.Reader(100).feed(frames.frame(0, 0, 1, bytes(100))))
    with pytest.raises(frames.Broken) as cause:
        frames.Reader(100).feed(frames.head(0, 0, 1, 101))
    assert cause.value.code == frames.FRAME_SIZE_ERROR


def test_the_reserved_bit_of_a_stream_is_ignored() -> None:
    """RFC 9113, 4.1: it says nothing."""
    (found,) = frames.Reader(10).feed(frames.head(0, 0, frames.MOST_WINDOW + 1 + 5, 0))
    assert found.stream == 5


@given(st.binary(max_size=1_000), st.integers(1, 300), st.booleans())
def test_headers_are_split_and_come_together(block: bytes, most: int, ended: bool) -> None:  # noqa: FBT001
    """One HEADERS, then CONTINUATION; only the last ends the block, only the first ends the stream."""
    found = list(frames.Reader(300).feed(frames.headers(7, block, ended=ended, most=most)))
    assert b"".join(one.payload for one in found) == block
    assert [one.kind for one in found] == [frames.HEADERS] + [frames.CONTINUATION] * (len(found) - 1)
    assert [bool(one.flags & frames.END_HEADERS) for one in found] == [False] * (len(found) - 1) + [True]
    assert [bool(one.flags & frames.END_STREAM) for one in found] == [ended] + [False] * (len(found) - 1)
    assert all(len(one.payload) <= most and one.stream == 7 for one in found)


@given(st.dictionaries(st.integers(7, 0xFFFF), st.integers(0, 2**32 - 1), max_size=9))
def test_settings_are_read_as_they_were_announced(values: dict[int, int]) -> None:
    """Also those that nobody knows."""
    (found,) = frames.Reader(100).feed(frames.settings(values))
    assert (found.kind, found.stream, frames.read_settings(found.payload)) == (frames.SETTINGS, 0, values)


def test_the_last_of_a_setting_counts() -> None:
    """A frame with very many of them is one change."""
    payload = b"".join(struct.pack(">HL", frames.INITIAL_WINDOW, value) for value in range(10_000))
    assert frames.read_settings(payload) == {frames.INITIAL_WINDOW: 9_999}


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        (frames.INITIAL_WINDOW, 2**31, frames.FLOW_CONTROL_ERROR),
        (frames.MAX_FRAME, 16_383, frames.PROTOCOL_ERROR),
        (frames.MAX_FRAME, 2**24, frames.PROTOCOL_ERROR),
        (frames.ENABLE_PUSH, 2, frames.PROTOCOL_ERROR),
    ],
)
def test_a_setting_that_is_not_allowed_breaks(key: int, value: int, code: int) -> None:
    """Also when a later one would repair it."""
    with pytest.raises(frames.Broken) as cause:
        frames.read_settings(struct.pack(">HLHL", key, value, key, 0))
    assert cause.value.code == code


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (frames.INITIAL_WINDOW, 0),
        (frames.INITIAL_WINDOW, 2**31 - 1),
        (frames.MAX_FRAME, 16_384),
        (frames.MAX_FRAME, 2**24 - 1),
        (frames.ENABLE_PUSH, 1),
    ],
)
def test_a_setting_at_its_limit_is_taken(key: int, value: int) -> None:
    """The limits themselves are allowed."""
    assert frames.read_settings(struct.pack(">HL", key, value)) == {key: value}


@pytest.mark.parametrize("size", [1, 5, 7, 13])
def test_settings_of_odd_length_break(size: int) -> None:
    """Six bytes each."""
    with pytest.raises(frames.Broken) as cause:
        frames.read_settings(bytes(size))
    assert cause.value.code == frames.FRAME_SIZE_ERROR


@given(NUMBERS, NUMBERS)
def test_numbers_cross_the_wire(stream: int, number: int) -> None:
    """Window updates, resets and farewells are what they were."""
    update, reset, farewell = frames.Reader(100).feed(
        frames.window_update(stream, number) + frames.reset(stream, number) + frames.goaway(number, stream)
    )
    assert (update.kind, update.stream, frames.read_number(update.payload)) == (8, stream, number)
    assert (reset.kind, reset.stream, frames.read_number(reset.payload)) == (3, stream, number)
    assert (farewell.kind, farewell.stream, frames.read_goaway(farewell.payload)) == (7, 0, number)


@pytest.mark.parametrize("size", [0, 3, 5])
def test_a_number_of_another_length_breaks(size: int) -> None:
    """Four bytes; a farewell has eight or more."""
    for read in (frames.read_number, frames.read_goaway):
        with pytest.raises(frames.Broken) as cause:
            read(bytes(size))
        assert cause.value.code == frames.FRAME_SIZE_ERROR


@given(
    st.binary(max_size=50), st.integers(0, 255), st.sampled_from([frames.DATA, frames.HEADERS]), st.booleans()
)
def test_padding_and_priority_are_taken_off(payload: bytes, padding: int, kind: int, marked: bool) -> None:  # noqa: FBT001
    """Priority belongs to HEADERS alone."""
    flags = frames.PADDED | (frames.PRIORITISED if marked else 0)
    priority = bytes(5) if marked and kind == frames.HEADERS else b""
    whole = bytes([padding]) + priority + payload + bytes(padding)
    assert frames.unpadded(frames.Frame(kind, flags, 1, whole)) == payload


@pytest.mark.parametrize(
    ("kind", "flags", "payload"),
    [
        (frames.DATA, frames.PADDED, b""),
        (frames.DATA, frames.PADDED, b"\x01"),
        (frames.DATA, frames.PADDED, b"\xff" + bytes(254)),
        (frames.HEADERS, frames.PRIORITISED, bytes(4)),
        (frames.HEADERS, frames.PADDED | frames.PRIORITISED, b"\x03" + bytes(7)),
    ],
)
def test_more_padding_than_payload_breaks(kind: int, flags: int, payload: bytes) -> None:
    """The padding's own length counts."""
    with pytest.raises(frames.Broken) as cause:
        frames.unpadded(frames.Frame(kind, flags, 1, payload))
    assert cause.value.code == frames.PROTOCOL_ERROR
