"""How streams and connections of HTTP/2 end: given up, left, lost, silent; each owner is told once."""

import struct
from collections.abc import Callable

import pytest

import http2_support
from chassis.http2 import calls, connections, frames, streams
from wire_support import ASK, TRAILERS, End, Owner, Transport, data, served


def test_a_server_that_ends_first_takes_no_more_of_the_stream() -> None:
    """Status, then a reset without an error; what the peer still sends is ignored and counted."""
    end = served()
    (owner,) = end.owners
    owner.stream.finish(TRAILERS)
    assert [found[:3] for found in end.said()] == [(frames.HEADERS, 5, 1), (frames.RST_STREAM, 0, 1)]
    end.hear(data(1, b"late"), frames.window_update(1, 5), frames.reset(1, 8), data(1, ended=True))
    assert (owner.told, owner.messages) == (["headers"], [])
    assert not end.transport.closing


def test_a_stream_that_is_given_up_says_and_hears_nothing_more() -> None:
    """Also within a frame that carries more of it, and whatever its owner tries."""
    end = served()
    (owner,) = end.owners
    owner.when["message"] = lambda owner: owner.stream.cancel()
    end.hear(data(1, b"one", b"two", ended=True))
    assert owner.messages == [b"one"]
    owner.stream.send(b"more")
    owner.stream.send_headers(TRAILERS)
    owner.stream.finish(TRAILERS)
    owner.stream.cancel()
    owner.stream.consumed(streams.GRANTED)
    assert [found[:3] for found in end.said()] == [(frames.RST_STREAM, 0, 1)]


@pytest.mark.parametrize("size", [0, 20])
@pytest.mark.parametrize(
    "acting", [lambda o: o.stream.connection.close(), lambda o: o.stream.connection.abort()]
)
def test_a_connection_closed_by_an_owner_reads_nothing_more(
    acting: Callable[[Owner], None], size: int
) -> None:
    """Not even what came with the same read, and it writes nothing."""
    end = served()
    (owner,) = end.owners
    owner.when["message"] = acting
    end.hear(data(1, bytes(size)), data(1, b"more"), frames.frame(frames.PING, 0, 0, bytes(8)))
    owner.stream.send(b"answer")
    assert len(owner.messages) == 1
    assert end.said() == []
    end.connection.connection_lost(None)
    assert owner.told[-1] == "broken"


def test_a_loss_is_told_to_every_owner_once_and_then_to_the_connections() -> None:
    """Whatever they do about it: end, send, or give a neighbour up."""
    end = End(serving=False).greeted(max_streams=100)
    owners = [end.open() for _ in range(4)]
    end.said()
    order: list[int] = []
    owners[0].when["broken"] = lambda _: owners[1].stream.cancel()
    owners[2].when["broken"] = lambda owner: owner.stream.finish()
    owners[3].when["broken"] = lambda _: order.append(end.lost)
    end.connection.connection_lost(ConnectionResetError())
    assert [owner.told for owner in owners] == [["broken"], [], ["broken"], ["broken"]]
    assert (order, end.lost) == ([0], 1)
    assert end.said() == []
    end.time.advance(1_000)


def test_a_peer_that_goes_away_breaks_only_what_it_has_not_taken() -> None:
    """GOAWAY names the last stream that it answers."""
    end = End(serving=False).greeted()
    first, second, third = (end.open() for _ in range(3))
    end.said()
    end.hear(frames.goaway(3, frames.NO_ERROR), end.asked(1), data(1, b"answer"))
    assert (first.told, second.told, third.told) == (["headers", "message"], [], ["broken"])
    end.hear(frames.goaway(1, frames.NO_ERROR), frames.goaway(1, frames.NO_ERROR))
    assert (first.told[-1], second.told) == ("message", ["broken"])


def test_an_end_that_leaves_refuses_what_is_new_and_goes_on_with_what_is_open() -> None:
    """Also when the new one's messages came with it."""
    end = served()
    end.connection.leave()
    assert end.said()[0].payload == struct.pack(">LL", 1, frames.NO_ERROR)
    end.hear(end.asked(3), data(3, b"refused", ended=True), data(1, b"served"))
    (owner,) = end.owners
    assert owner.messages == [b"served"]
    assert [(found.kind, found.stream, found.payload[-1]) for found in end.said()] == [
        (frames.RST_STREAM, 3, frames.REFUSED_STREAM)
    ]


def test_a_silent_peer_is_asked_and_one_that_stays_silent_is_given_up() -> None:
    """Half a minute without a byte, then ten seconds for an answer."""
    end = served()
    end.time.advance(connections.KEEPALIVE_SECONDS)
    assert end.said() == []
    for _ in range(3):
        end.time.advance(connections.KEEPALIVE_SECONDS)
        (ping,) = end.said()
        end.hear(frames.frame(frames.PING, frames.ACK, 0, ping.payload))
        end.time.advance(connections.KEEPALIVE_TIMEOUT_SECONDS)
        assert not end.transport.closing
    end.time.advance(connections.KEEPALIVE_SECONDS)
    end.said()
    end.time.advance(connections.KEEPALIVE_TIMEOUT_SECONDS - 1)
    assert not end.transport.aborted
    end.time.advance(1)
    assert end.transport.aborted


def test_a_peer_that_speaks_is_never_asked() -> None:
    """Any byte counts."""
    end = served()
    for _ in range(20):
        end.hear(frames.frame(frames.PING, frames.ACK, 0, bytes(8)))
        end.time.advance(connections.KEEPALIVE_SECONDS)
    assert end.said() == []


def test_a_closed_connection_is_not_held_by_a_peer_that_does_not_read() -> None:
    """What was written has a minute to leave; a connection that is lost has no timer."""
    end = served()
    end.connection.close()
    end.time.advance(connections.KEEPALIVE_SECONDS - 1)
    assert not end.transport.aborted
    end.time.advance(100)
    assert bool(end.transport.aborted)
    lost = served()
    lost.connection.connection_lost(None)
    lost.time.advance(1_000)
    assert not lost.transport.aborted


def test_a_peer_that_sends_no_more_bytes_gets_no_more() -> None:
    """HTTP/2 knows no half-closed connection."""
    end = served()
    end.connection.eof_received()
    end.owners[0].stream.send(b"answer")
    assert end.said() == []


async def test_a_servers_farewell_moves_a_batch_stream_elsewhere() -> None:
    """A foreign server says GOAWAY and answers what it took: the call is told as our servers tell it."""
    heard = http2_support.Heard()
    end = End(serving=False).greeted()
    line = calls.Line(http2_support.SHAPE, heard)
    end.connection = connections.Connection(
        accept=None, closed=lambda _: None, going=line.going, wakes=end.time
    )
    end.transport = Transport(end.connection)
    end.connection.connection_made(end.transport)
    end.greeted()
    line.begin(end.connection, ASK)
    end.hear(frames.goaway(1, frames.NO_ERROR))
    assert [answer.batch_id for answer in heard.answers] == [0]
    assert heard.ends == []
    assert not end.connection.takes()
