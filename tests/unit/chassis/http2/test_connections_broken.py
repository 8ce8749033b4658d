"""Peers that break HTTP/2, by accident or to do harm: the connection ends with the code, and keeps little."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.http2 import connections, frames, streams
from wire_support import ASK, TRAILERS, End, Owner, data, served, wired

PING = frames.frame(frames.PING, 0, 0, bytes(8))
ENDED = frames.frame(frames.DATA, frames.END_STREAM, 1)
BLOCK = frames.END_HEADERS
# One header of 3,000 bytes, named nine times more.
BOMB = b"\x40\x01a\x7f\xb9\x16" + bytes(3_000) + b"\xbe" * 9


def only(kind: int, stream: int, payload: bytes = b"", flags: int = 0) -> bytes:
    """Return one frame."""
    return frames.frame(kind, flags, stream, payload)


def settled(key: int, value: int) -> bytes:
    """Return a frame with one setting."""
    return frames.settings({key: value})


def farewell(end: End) -> int | None:
    """Return the code that the connection ended with, None when it goes on."""
    codes = [struct.unpack(">LL", found.payload)[1] for found in end.said() if found.kind == frames.GOAWAY]
    assert bool(codes) is end.transport.closing
    return codes[0] if codes else None


EITHER = {
    "a frame larger than announced": (frames.head(0, 0, 1, connections.FRAME_BYTES + 1), 6),
    "data of the connection": (only(frames.DATA, 0, b"x"), 1),
    "data of a stream that nobody opened": (only(frames.DATA, 3, b"x"), 1),
    "data after the end": (ENDED + only(frames.DATA, 1, b"x"), 5),
    "data with more padding than payload": (only(frames.DATA, 1, b"\x05xx", frames.PADDED), 1),
    "headers of the connection": (only(frames.HEADERS, 0, b"\x88", BLOCK), 1),
    "headers of a stream of the other end": (only(frames.HEADERS, 4, b"\x88", BLOCK), 1),
    "headers after the end": (ENDED + only(frames.HEADERS, 1, b"\x88", BLOCK), 5),
    "headers that another frame interrupts": (only(frames.HEADERS, 1, b"\x88") + PING, 1),
    "headers that another stream interrupts": (
        only(frames.HEADERS, 1, b"\x88") + only(frames.CONTINUATION, 3, b"", BLOCK), 1,
    ),
    "a continuation of nothing": (only(frames.CONTINUATION, 1, b"\x88", BLOCK), 1),
    "a second continuation after the end": (
        only(frames.HEADERS, 1, b"\x88") + only(frames.CONTINUATION, 1, b"", BLOCK) * 2, 1,
    ),
    "headers cut short": (only(frames.HEADERS, 1, b"\x40\x05ab", BLOCK), 9),
    "headers beyond the table": (only(frames.HEADERS, 1, b"\xff\x99\x99\x99\x01", BLOCK), 9),
    "headers with an endless number": (only(frames.HEADERS, 1, b"\x7f" + b"\xff" * 9_000, BLOCK), 9),
    "headers that are no text": (only(frames.HEADERS, 1, b"\x00\x01a\x01\xff", BLOCK), 9),
    "a table of headers larger than allowed": (only(frames.HEADERS, 1, b"\x3f\xe2\x1f", BLOCK), 9),
    "headers that grow when read": (only(frames.HEADERS, 1, BOMB, BLOCK), 9),
    "headers too large": (only(frames.HEADERS, 1, bytes(frames.MAX_HEADER_BYTES + 1), BLOCK), 11),
    "headers too large together": (
        only(frames.HEADERS, 1, bytes(9_000)) + only(frames.CONTINUATION, 1, bytes(9_000)), 11,
    ),
    "a reset of the connection": (only(frames.RST_STREAM, 0, bytes(4)), 1),
    "a reset of a stream that nobody opened": (frames.reset(3, 8), 1),
    "a reset of another length": (only(frames.RST_STREAM, 1, bytes(5)), 6),
    "settings of a stream": (only(frames.SETTINGS, 1), 1),
    "settings of odd length": (only(frames.SETTINGS, 0, bytes(5)), 6),
    "an acknowledgement with settings": (only(frames.SETTINGS, 0, bytes(6), frames.ACK), 6),
    "a window setting beyond the most": (settled(frames.INITIAL_WINDOW, 2**31), 3),
    "a window setting that widens one beyond": (
        frames.window_update(1, 2**31 - 65_536) + settled(frames.INITIAL_WINDOW, 65_536), 3,
    ),
    "a frame setting that is too small": (settled(frames.MAX_FRAME, 1_000), 1),
    "a push": (only(frames.PUSH_PROMISE, 1, bytes(4) + b"\x82", BLOCK), 1),
    "a ping of another length": (only(frames.PING, 0, bytes(7)), 6),
    "a ping on a stream": (only(frames.PING, 1, bytes(8)), 1),
    "a farewell on a stream": (only(frames.GOAWAY, 1, bytes(8)), 1),
    "a farewell that says too little": (only(frames.GOAWAY, 0, bytes(7)), 6),
    "a stream's window widened by nothing": (frames.window_update(1, 0), 1),
    "the window widened by nothing": (frames.window_update(0, 0), 1),
    "a stream's window beyond the most": (frames.window_update(1, 2**31 - 65_535), 3),
    "the window beyond the most": (frames.window_update(0, 2**31 - 65_535), 3),
    "a window of a stream that nobody opened": (frames.window_update(3, 1), 1),
    "a window of another length": (only(frames.WINDOW_UPDATE, 1, bytes(3)), 6),
}  # fmt: skip


def asking() -> End:
    """Return a client's end that has opened stream 1 and has no answer."""
    end = End(serving=False).greeted()
    end.open()
    end.said()
    return end


@pytest.mark.parametrize("made", [served, asking])
@pytest.mark.parametrize(("told", "code"), EITHER.values(), ids=EITHER.keys())
def test_a_violation_ends_the_connection_with_its_code(
    made: Callable[[], End], told: bytes, code: int
) -> None:
    """The owner learns of it once, when the socket is gone; nothing more is read."""
    end = made()
    (owner,) = end.owners
    end.hear(told)
    assert farewell(end) == code
    before = list(owner.told)
    end.hear(data(1, b"more"), PING, told)
    assert (owner.told, end.said()) == (before, [])
    end.connection.connection_lost(None)
    assert owner.told == [*before, "broken"]
    assert end.lost == 1


@pytest.mark.parametrize(
    "told", [b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nXX", b"\x16\x03\x01\x02"]
)
def test_whoever_does_not_speak_http2_is_cut_off(told: bytes) -> None:
    """As soon as it shows, also byte by byte."""
    for pieces in ([told], [told[place : place + 1] for place in range(len(told))]):
        end = End(serving=True)
        end.said()
        for piece in pieces:
            end.hear(piece)
        assert farewell(end) == frames.PROTOCOL_ERROR


@pytest.mark.parametrize("serving", [True, False])
def test_settings_come_first(serving: bool) -> None:  # noqa: FBT001
    """Headers of whoever has not introduced itself are not read."""
    end = End(serving=serving)
    if not serving:
        end.open()
    end.said()
    end.hear(frames.PREFACE if serving else b"", end.asked(1))
    assert farewell(end) == frames.PROTOCOL_ERROR


def test_more_than_was_granted_ends_the_connection() -> None:
    """To the byte: the window is what this end may be made to keep."""
    end = served()
    end.owners[0].consuming = False
    pieces = [connections.FRAME_BYTES] * (streams.GRANTED // connections.FRAME_BYTES)
    for size in [*pieces, streams.GRANTED - sum(pieces)]:
        end.hear(frames.frame(frames.DATA, 0, 1, wired(bytes(size - streams.PREFIX.size))))
    assert farewell(end) is None
    end.hear(frames.frame(frames.DATA, 0, 1, b"x"))
    assert farewell(end) == frames.FLOW_CONTROL_ERROR


def test_a_stream_that_ends_within_a_message_is_broken_and_no_other() -> None:
    """Half a message is none."""
    end = served()
    end.hear(
        end.asked(3),
        frames.frame(frames.DATA, frames.END_STREAM, 1, wired(b"message")[:-1]),
        data(3, b"whole"),
    )
    first, second = end.owners
    assert first.told == ["headers", "broken"]
    assert second.messages == [b"whole"]
    assert [(found.kind, found.stream, found.payload[-1]) for found in end.said()] == [
        (frames.RST_STREAM, 1, frames.PROTOCOL_ERROR)
    ]


@pytest.mark.parametrize("prefix", [b"\x01\0\0\0\x05", b"\0\x01\0\0\x01", b"\xff\xff\xff\xff\xff"])
def test_a_message_too_large_or_compressed_is_told_once_and_never_kept(prefix: bytes) -> None:
    """The owner may take its time to end the stream: what follows is thrown away, and no more is let in."""
    end = served()
    (owner,) = end.owners
    end.hear(data(1, b"before"))
    for piece in (prefix[:2], prefix[2:], b"hello", *[bytes(1_000_000)] * 8):
        end.hear(frames.frame(frames.DATA, 0, 1, piece))
    assert owner.told == ["headers", "message", "refused"]
    assert end.said() == []
    owner.stream.finish(TRAILERS)
    assert end.read(end.said()[0]) == TRAILERS


def test_what_an_owner_answers_when_half_a_refused_message_ends_is_sent() -> None:
    """The status says why; a reset would not."""
    end = served()
    (owner,) = end.owners
    owner.when["half_closed"] = lambda owner: owner.stream.finish(TRAILERS)
    end.hear(frames.frame(frames.DATA, frames.END_STREAM, 1, b"\x01\0\0\0\x05half"))
    assert owner.told == ["headers", "refused", "half_closed"]
    assert end.read(end.said()[0]) == TRAILERS


def opened_and_reset(end: End, number: int) -> bytes:
    """Return a stream that is taken back at once."""
    return end.asked(2 * number + 3) + frames.reset(2 * number + 3, frames.CANCEL)


FLOODS: dict[str, Callable[[End, int], bytes]] = {
    "streams taken back": opened_and_reset,
    "empty data": lambda *_: only(frames.DATA, 1),
    "padding alone": lambda *_: only(frames.DATA, 1, b"\x02\0\0", frames.PADDED),
    "empty continuations": lambda _, number: only(frames.CONTINUATION if number else frames.HEADERS, 1),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
def test_work_for_nothing_has_a_limit(flood: Callable[[End, int], bytes]) -> None:
    """A client does so now and then; one that does nothing else is cut off."""
    end = served()
    end.hear(*(flood(end, number) for number in range(connections.MAX_WASTE)))
    assert farewell(end) is None
    end.hear(*(flood(end, number) for number in range(connections.MAX_WASTE, connections.MAX_WASTE + 3)))
    assert farewell(end) == frames.ENHANCE_YOUR_CALM


@pytest.mark.parametrize("flood", [opened_and_reset, FLOODS["empty data"]])
def test_what_is_taken_back_now_and_then_is_forgiven(flood: Callable[[End, int], bytes]) -> None:
    """Calls are given up on a connection that lives for hours; the count begins anew with each beat."""
    end = served()
    for beat in range(3):
        start = beat * connections.MAX_WASTE
        end.hear(*(flood(end, number) for number in range(start, start + connections.MAX_WASTE)))
        end.time.advance(connections.KEEPALIVE_SECONDS + 1)
    assert farewell(end) is None


UNREAD: dict[str, Callable[[End, int], bytes]] = {
    "pings": lambda *_: PING,
    "settings": lambda *_: frames.settings({}),
    "calls": lambda end, number: end.asked(2 * number + 3, ended=True),
}


@pytest.mark.parametrize("asked", UNREAD.values(), ids=UNREAD.keys())
def test_a_peer_that_asks_and_does_not_read_is_cut_off(asked: Callable[[End, int], bytes]) -> None:
    """What waits for it stays within twice the buffer, whatever it asks for."""
    end = served()
    end.connection.pause_writing()
    number = 0
    while not end.transport.closing and number < 1_000_000:
        end.hear(*(asked(end, number + place) for place in range(1_000)))
        number += 1_000
    assert end.transport.aborted
    assert connections.MAX_UNREAD_BYTES < len(end.transport.written) < 2 * connections.MAX_UNREAD_BYTES


def test_a_peer_that_reads_may_ask_on() -> None:
    """The count begins anew whenever the transport has taken what was written."""
    end = served()
    for _ in range(4):
        end.connection.pause_writing()
        end.hear(PING * 40_000)
        end.connection.resume_writing()
    assert farewell(end) is None


def whimsical() -> Owner:
    """Return an owner that acts on everything it is told, as rooms do."""
    owner = Owner()
    owner.when = {
        "headers": lambda owner: owner.stream.send_headers(ASK),
        "message": lambda owner: (
            owner.stream.send(owner.messages[-1]) if owner.messages[-1] else owner.stream.cancel()
        ),
        "trailers": lambda owner: owner.stream.finish(TRAILERS),
        "half_closed": lambda owner: owner.stream.finish(TRAILERS),
        "refused": lambda owner: owner.stream.finish(TRAILERS),
        "drained": lambda owner: owner.stream.send(b"more") if len(owner.told) < 20 else None,
    }
    return owner


NUMBERS = st.sampled_from([0, 1, 2, 3, 5, 7])
SCRAPS = st.one_of(
    st.binary(max_size=40),
    st.builds(frames.frame, st.integers(0, 12), st.integers(0, 255), NUMBERS, st.binary(max_size=40)),
    st.builds(
        lambda number, flags, block: frames.frame(frames.HEADERS, flags, number, block),
        NUMBERS, st.sampled_from([4, 5, 0]), st.sampled_from([b"\x83\x84", b"\x88", b"\x40\x01a\x01b\xbe"]),
    ),
    st.builds(
        lambda number, flags, sizes: frames.frame(frames.DATA, flags, number, wired(*map(bytes, sizes))),
        NUMBERS, st.sampled_from([0, 1]), st.lists(st.integers(0, 300), max_size=4),
    ),
    st.builds(frames.window_update, NUMBERS, st.integers(0, 2**31 - 1)),
    st.builds(settled, st.integers(1, 7), st.sampled_from([0, 1, 10, 16_384, 65_535, 2**31 - 1])),
    st.builds(frames.reset, NUMBERS, st.integers(0, 14)),
    st.sampled_from(["pause", "resume", "wait"]),
)  # fmt: skip


@settings(max_examples=300)
@given(st.booleans(), st.lists(SCRAPS, max_size=20), st.integers(1, 200))
def test_garbage_never_raises_and_every_owner_is_told_of_the_loss_once(
    serving: bool,  # noqa: FBT001
    scraps: list[bytes | str],
    cut: int,
) -> None:
    """Bytes of any kind, frames in any order, in pieces, while the transport comes and goes."""
    end = End(serving=serving, owner=whimsical).greeted()
    opened = [] if serving else [end.open(), end.open()]
    end.said()
    for scrap in scraps:
        if scrap == "wait":
            end.time.advance(25)
        elif isinstance(scrap, str):
            getattr(end.connection, f"{scrap}_writing")()
        else:
            for start in range(0, len(scrap), cut):
                end.hear(scrap[start : start + cut])
    still = [stream.owner for stream in end.connection.streams.values()]
    end.connection.connection_lost(None)
    assert end.connection.streams == {}
    assert end.lost == 1
    assert all(owner.told.count("broken") <= 1 for owner in [*end.owners, *opened])
    assert all(isinstance(owner, Owner) and owner.told[-1] == "broken" for owner in still)
