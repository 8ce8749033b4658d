"""Two ends of HTTP/2 in memory: messages arrive whole, in order and within windows, until the end."""

import struct

import hpack
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.http2 import connections, frames, streams
from wire_support import ASK, TRAILERS, End, Ledger, Owner, Pipe, served, wired

SIZES = st.sampled_from([0, 1, 100, 16_378, 16_379, 16_380, 40_000, 70_000])


def message(size: int, number: int = 0) -> bytes:
    """Return a message that is told apart from its neighbours."""
    return bytes([number % 251]) * size


def echo(owner: Owner) -> None:
    """Send the message back."""
    owner.stream.send(owner.messages[-1])


def answering() -> Owner:
    """Return an owner that repeats each message and ends when the peer does."""
    owner = Owner()
    owner.when["message"] = echo
    owner.when["half_closed"] = lambda owner: owner.stream.finish(TRAILERS)
    return owner


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 2), SIZES), max_size=12),
    st.lists(st.integers(1, 50_000), max_size=6).map(lambda cuts: [*cuts, 20_000]),
    st.none() | st.integers(0, 20_000),
    st.booleans(),
)
def test_messages_go_and_come_back_whole_and_in_order(
    sent: list[tuple[int, int]],
    cuts: list[int],
    full_at: int | None,
    early: bool,  # noqa: FBT001
) -> None:
    """Whatever their sizes, the pieces of the socket and its buffers, before and after the ends met."""
    pipe = Pipe(owner=answering)
    pipe.client.transport.full_at = pipe.server.transport.full_at = full_at
    if not early:
        pipe.carry(cuts)
    callers = [pipe.client.open(Owner()) for _ in range(3)]
    for number, (place, size) in enumerate(sent):
        callers[place].stream.send(message(size, number))
    for caller in callers:
        caller.stream.finish()
    pipe.carry(cuts)
    for place, caller in enumerate(callers):
        assert caller.messages == [message(size, n) for n, (to, size) in enumerate(sent) if to == place]
        assert [event for event in caller.told if event not in {"drained", "message"}][-1] == "trailers"
    assert [owner.found for owner in pipe.server.owners] == [[ASK]] * 3
    assert not pipe.client.connection.streams
    assert not pipe.server.connection.streams


STEPS = st.one_of(
    st.tuples(
        st.just("send"), st.sampled_from([1, 3, 5]), st.sampled_from([0, 1, 100, 16_379, 16_380, 30_000])
    ),
    st.tuples(st.just("window"), st.sampled_from([0, 1, 3, 5]), st.integers(1, 40_000)),
    st.tuples(st.just("first"), st.just(0), st.integers(0, 70_000)),
    st.tuples(st.just("frame"), st.just(0), st.integers(frames.LEAST_FRAME, 40_000)),
    st.tuples(st.sampled_from(["pause", "resume"]), st.just(0), st.just(0)),
)


@settings(max_examples=150)
@given(st.integers(0, 2_000), st.lists(STEPS, max_size=25))
def test_no_more_is_sent_than_was_granted_and_all_of_it_in_the_end(
    first: int, steps: list[tuple[str, int, int]]
) -> None:
    """Windows may be widened, shrunk below nothing and closed by the transport in any order."""
    end, ledger = End(serving=False), Ledger()
    end.said()
    arrived: dict[int, bytes] = {1: b"", 3: b"", 5: b""}
    owners = {number: end.open() for number in arrived}
    sent: dict[int, list[bytes]] = {number: [] for number in arrived}
    paused = False

    def grant(told: bytes) -> None:
        for found in frames.Reader(100).feed(told):
            ledger.grant(found)
        end.hear(told)

    def step(kind: str, number: int, value: int) -> None:
        if kind == "send":
            sent[number].append(message(value, len(sent[number])))
            owners[number].stream.send(sent[number][-1])
        elif kind in {"pause", "resume"}:
            getattr(end.connection, f"{kind}_writing")()
        elif kind == "window":
            grant(frames.window_update(number, value))
        else:
            grant(frames.settings({frames.INITIAL_WINDOW if kind == "first" else frames.MAX_FRAME: value}))

    plenty = [("window", number, 1_000_000) for number in (0, 1, 3, 5)]
    for kind, number, value in [("first", 0, first), *steps, ("resume", 0, 0), *plenty]:
        paused = kind == "pause" or (paused and kind != "resume")
        step(kind, number, value)
        for found in end.said():
            ledger.count(found)
            if found.kind == frames.DATA:
                assert not paused
                arrived[found.stream] += found.payload
    assert arrived == {number: wired(*messages) for number, messages in sent.items()}


def test_a_message_with_room_is_one_frame() -> None:
    """Prefix and message together, handed over by the read that completes it."""
    pipe = Pipe()
    pipe.carry()
    caller = pipe.client.open()
    pipe.carry()
    caller.stream.send(message(1_000_000))
    (found,) = pipe.client.said()
    assert (found.kind, len(found.payload)) == (frames.DATA, 1_000_005)


def test_a_message_may_come_in_any_pieces_and_many_in_one() -> None:
    """Frames and messages know nothing of each other; padding is no part of either."""
    end = served()
    told = [message(10, 1), b"", message(300, 2)]
    flow = wired(*told)
    for byte in flow[:40]:
        end.hear(frames.frame(frames.DATA, frames.PADDED, 1, bytes([3, byte, 0, 0, 0])))
    end.hear(frames.frame(frames.DATA, frames.END_STREAM, 1, flow[40:]))
    (owner,) = end.owners
    assert owner.messages == told
    assert owner.told[-1] == "half_closed"


def test_the_largest_message_arrives_after_any_other() -> None:
    """What was consumed and not yet given back leaves room for it."""
    pipe = Pipe()
    pipe.carry()
    caller = pipe.client.open()
    sizes = [streams.UNTOLD - 100, streams.MAX_MESSAGE_BYTES]
    for size in sizes:
        caller.stream.send(message(size))
        pipe.carry([1 << 20])
    (owner,) = pipe.server.owners
    assert [len(found) for found in owner.messages] == sizes


def test_a_peer_sends_no_more_than_is_consumed() -> None:
    """What an owner holds is bounded by the stream's window; consuming it lets the rest come."""
    pipe = Pipe(owner=lambda: Owner(consuming=False))
    pipe.carry()
    caller = pipe.client.open()
    for number in range(8):
        caller.stream.send(message(4_000_000, number))
    pipe.carry([1 << 20])
    (owner,) = pipe.server.owners
    assert len(owner.messages) == streams.GRANTED // 4_000_005
    assert "drained" not in caller.told
    while len(owner.messages) < 8:
        owner.stream.consumed(4_000_000)
        pipe.carry([1 << 20])
    assert [found[0] for found in owner.messages] == list(range(8))
    assert caller.told == ["drained"]


def test_exactly_what_was_taken_is_given_back() -> None:
    """Padding as well as messages, in few frames, and neither more nor less."""
    end = served()
    piece = frames.frame(frames.DATA, frames.PADDED, 1, b"\xff" + wired(b"") + bytes(255))
    taken, given = 0, []
    for pieces in (9_000, 18_000, 27_000):
        end.hear(piece * pieces)
        taken += pieces * (len(piece) - frames.HEAD_BYTES)
        given += [frames.read_number(found.payload) for found in end.said()]
        assert len(given) <= taken // streams.UNTOLD
        assert 0 <= taken - sum(given) < streams.UNTOLD
    (owner,) = end.owners
    assert len(owner.messages) == 54_000


def test_the_connections_window_is_kept_open_by_what_was_received() -> None:
    """Also by data of streams that have ended, which nobody takes."""
    end = served()
    end.owners[0].stream.cancel()
    end.said()
    piece = frames.frame(frames.DATA, 0, 1, bytes(connections.FRAME_BYTES))
    half = connections.WIDENED // 2
    for _ in range(2 * half // connections.FRAME_BYTES):
        end.hear(piece)
    assert end.said() == [frames.Frame(frames.WINDOW_UPDATE, 0, 0, struct.pack(">L", half))] * 2


def test_streams_share_the_connections_window() -> None:
    """What one has used is gone for the others, however much each was granted."""
    end = End(serving=False).greeted(initial_window=1_000_000, max_frame=1_000_000)
    first, second, third = (end.open() for _ in range(3))
    end.said()
    for owner, size in ((first, 60_000), (second, 60_000), (third, 10)):
        owner.stream.send(message(size))
    assert [(found.stream, len(found.payload)) for found in end.said()] == [(1, 60_005), (3, 5_530)]
    end.hear(frames.window_update(0, 54_475 + 10))
    assert [(found.stream, len(found.payload)) for found in end.said()] == [(3, 54_475), (5, 10)]
    assert (second.told, third.told) == (["drained"], [])


def test_what_waits_for_the_transport_is_written_when_it_takes_more() -> None:
    """In order, its end last; the owner learns of room once, and not of what never waited."""
    end = served()
    (owner,) = end.owners
    owner.stream.send(b"first")
    end.connection.pause_writing()
    owner.stream.send(b"second")
    owner.stream.send(b"third")
    assert [found.payload for found in end.said()] == [wired(b"first")]
    end.connection.resume_writing()
    assert [found.payload for found in end.said()] == [wired(b"second"), wired(b"third")]
    assert owner.told == ["headers", "drained"]
    end.connection.pause_writing()
    owner.stream.send(b"fourth")
    owner.stream.finish(TRAILERS)
    owner.stream.send(b"too late")
    end.connection.resume_writing()
    fourth, trailers, reset = end.said()
    assert fourth.payload == wired(b"fourth")
    assert end.read(trailers) == TRAILERS
    assert reset[:3] == (frames.RST_STREAM, 0, 1)


def test_an_owner_that_sends_when_it_learns_of_room_is_not_called_within() -> None:
    """Ten thousand answers larger than a frame do not nest."""
    end = served()
    (owner,) = end.owners
    left = iter(range(10_000))
    depth, deepest = 0, 0

    def more(owner: Owner) -> None:
        nonlocal depth, deepest
        depth += 1
        deepest = max(deepest, depth)
        for number in left:
            owner.stream.send(message(20_000, number))
            if owner.stream.backlog:
                break
        depth -= 1

    owner.when["drained"] = more
    owner.stream.send(message(70_000))
    while owner.stream.backlog:
        end.hear(frames.window_update(0, 1 << 20), frames.window_update(1, 1 << 20))
        end.said()
    assert next(left, None) is None
    assert deepest == 1


def test_one_stream_too_many_is_refused_and_its_headers_are_read() -> None:
    """Both ends keep one table of headers: a block that nobody takes changes it as well."""
    end = End(serving=True).greeted()
    for number in range(1, 2 * connections.MAX_STREAMS + 20, 2):
        ask = [*ASK, ("number", f"{number - number % 20}")]
        end.hear(frames.headers(number, end._encoder.encode(ask), ended=False))
    assert len(end.owners) == connections.MAX_STREAMS
    assert {found.payload[-1] for found in end.said()} == {frames.REFUSED_STREAM}
    end.owners[0].stream.finish(TRAILERS)
    end.hear(end.asked(1_001))
    assert end.owners[-1].found == [ASK]


def test_nothing_is_put_into_the_peers_table() -> None:
    """One that keeps no table reads everything, whatever it announced before and after."""
    end = End(serving=False)
    decoder = hpack.Decoder()
    end.hear(*(frames.settings({frames.HEADER_TABLE_SIZE: size}) for size in (0, 4_096, 0, 0, 65_536, 0)))
    end.said()
    for _ in range(3):
        end.open()
        (found,) = end.said()
        assert [(str(name), str(value)) for name, value in decoder.decode(found.payload)] == ASK
        assert decoder.header_table_size == 0


def test_a_question_is_answered_and_what_is_unknown_is_passed_over() -> None:
    """PING and SETTINGS are acknowledged; acknowledgements, priorities and new kinds of frames are not."""
    end = served()
    end.hear(
        frames.frame(frames.PING, 0, 0, b"question"),
        frames.frame(frames.PING, frames.ACK, 0, b"question"),
        frames.settings({0x77: 5}),
        frames.frame(frames.SETTINGS, frames.ACK, 0),
        frames.frame(frames.PRIORITY, 0, 9, bytes(5)),
        frames.frame(0xFE, 0xFF, 8, b"whatever"),
    )
    assert end.said() == [
        frames.Frame(frames.PING, frames.ACK, 0, b"question"),
        frames.Frame(frames.SETTINGS, frames.ACK, 0, b""),
    ]
