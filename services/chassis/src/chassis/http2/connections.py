"""One HTTP/2 connection that carries gRPC messages, either end: streams, windows, pings; knows no method.

Why not gRPC's own: a message on its stream costs each end three times as much, because it crosses threads and
queues; here it is written by whoever has it and handed over by the read that completes it. The wire is gRPC's
(RFC 9113 and its mapping), so either end may be anybody's; compression is not offered. What a peer may make
this end keep is bounded: frames, headers, streams, and per stream the window it was granted.
"""

import asyncio
from collections.abc import Callable
from typing import Final, cast

import hpack

from chassis import timers
from chassis.http2 import blocks, frames, streams

WIDENED: Final = 2**30  # The connection's own window: streams bound what is kept, this one only counts.
FRAME_BYTES: Final = 4 * 1024 * 1024  # Most messages come in one frame.
BUFFER_BYTES: Final = 4 * 1024 * 1024  # Beyond this the transport is behind and answers wait for it.
MAX_UNREAD_BYTES: Final = 1024 * 1024  # Whoever asks on (pings, calls) without reading so much is cut off.
MAX_STREAMS: Final = 256  # A peer holds a few long-lived streams.
MAX_WASTE: Final = 1_000  # Whoever takes back more streams between two beats, or says nothing, means harm.
KEEPALIVE_SECONDS: Final = 30.0  # Below the idle limits of load balancers (60 s).
KEEPALIVE_TIMEOUT_SECONDS: Final = 10.0  # A peer that cannot answer a ping for this long is dead or useless.

type Accept = Callable[[streams.Stream, streams.Headers], streams.Owner]


class Connection(asyncio.Protocol):
    """The protocol of one socket. `accept` names the owner of a stream that the peer opens: a server's end.

    `closed` is told once, after every owner of an open stream was told `broken`; `going` when a server says
    that it answers what it has taken and takes no more.
    """

    def __init__(
        self,
        *,
        accept: Accept | None,
        closed: Callable[["Connection"], None],
        going: Callable[[], None] | None = None,
        wakes: timers.Timers | None = None,
    ) -> None:
        self._accept, self._closed, self._going, self._wakes = accept, closed, going, wakes
        self.streams: dict[int, streams.Stream] = {}
        self._reader = frames.Reader(FRAME_BYTES)
        self._blocks, self._untold = blocks.Reader(), blocks.NO_TABLE
        self._transport: asyncio.Transport
        self._preface = b"" if accept is None else frames.PREFACE  # what a server still expects
        self.window = frames.FIRST_WINDOW  # what may still be sent on all streams
        self._first_window = frames.FIRST_WINDOW
        self.frame = frames.LEAST_FRAME  # the largest that the peer takes
        self._most_streams = MAX_STREAMS  # that the peer takes at once
        self._received = 0  # bytes since the connection's window was last widened
        self._last_number = 0 if accept is not None else -1
        self._waste, self._unread = 0, 0
        self.paused = False  # The transport is behind: what is written waits.
        self._leaving = self._introduced = False
        self.gone = True  # Not made yet, closed or lost: nothing is read or written.
        self._heard = self._pinged = False
        self._beat: timers.Timer
        self._takers: dict[int, Callable[[frames.Frame], None]] = {
            frames.HEADERS: self._take_headers,
            frames.CONTINUATION: self._take_continuation,
            frames.RST_STREAM: self._take_reset,
            frames.SETTINGS: self._take_settings,
            frames.PUSH_PROMISE: self._take_promise,
            frames.PING: self._take_ping,
            frames.GOAWAY: self._take_goaway,
            frames.WINDOW_UPDATE: self._take_window,
        }  # PRIORITY says nothing to us

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Introduce this end."""
        self.gone = False
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=BUFFER_BYTES)
        ours = {
            frames.MAX_STREAMS: MAX_STREAMS if self._accept is not None else 0,
            frames.INITIAL_WINDOW: streams.GRANTED,
            frames.MAX_FRAME: FRAME_BYTES,
            frames.MAX_HEADER_LIST: frames.MAX_HEADER_BYTES,
        }
        if self._accept is None:
            ours[frames.ENABLE_PUSH] = 0
        hello = b"" if self._accept is not None else frames.PREFACE
        self.write(hello + frames.settings(ours) + frames.window_update(0, WIDENED - frames.FIRST_WINDOW))
        self._wakes = timers.running(self._wakes)
        self._beat = self._wakes.call_later(KEEPALIVE_SECONDS, self._keep_alive)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every owner."""
        del exc
        self.gone = True
        self._beat.cancel()
        for stream in tuple(self.streams.values()):
            if self.forget(stream):
                stream.owner.broken()
        self._closed(self)

    def takes(self) -> bool:
        """Return whether a client's end may open one more stream."""
        return not (self.gone or self._leaving) and len(self.streams) < self._most_streams

    def open(self, owner: streams.Owner) -> streams.Stream:
        """Return a new stream of a client's end."""
        self._last_number += 2
        stream = self.streams[self._last_number] = streams.Stream(self, self._last_number, self._first_window)
        stream.owner = owner
        return stream

    def leave(self) -> None:
        """Tell the peer that no further stream is served here; when those open have ended, close."""
        self._leaving = True
        self._say_goodbye(frames.NO_ERROR)
        self._leave_when_empty()

    def close(self) -> None:
        """Close the socket when what was written has left."""
        if not self.gone:
            self.gone = True
            self._transport.close()

    def abort(self) -> None:
        """Close the socket now, whatever waits to be written."""
        self.gone = True
        self._transport.abort()

    def headers(self, stream: streams.Stream, block: bytes, *, ended: bool) -> bytes:
        """Return a block of headers as frames; the first one tells the peer to keep no table for us."""
        block, self._untold = self._untold + block, b""
        return frames.headers(stream.number, block, ended=ended)

    def write(self, data: bytes) -> None:
        """Write whole frames."""
        if self.paused:
            self._unread += len(data)
        if not self.gone:
            self._transport.write(data)

    def forget(self, stream: streams.Stream) -> bool:
        """Drop a stream; return whether it was open."""
        stream.done = stream.remote_done = True
        stream.backlog.clear()
        known = self.streams.pop(stream.number, None) is not None
        self._leave_when_empty()
        return known

    def settle(self, stream: streams.Stream) -> None:
        """Drop a stream of which both halves have ended; a server that ends first takes no more of it."""
        if stream.done and not stream.remote_done and self._accept is not None:
            self.write(frames.reset(stream.number, frames.NO_ERROR))
            stream.remote_done = True
        if stream.done and stream.remote_done:
            self.forget(stream)

    def _leave_when_empty(self) -> None:
        if self._leaving and not self.streams and not self.gone:
            self.gone = True
            try:
                self._transport.write_eof()  # not close: what still comes would reset what was not read
            except OSError:  # the peer has gone
                self._transport.abort()

    def pause_writing(self) -> None:
        """Let data wait here: the transport is behind."""
        self.paused = True

    def resume_writing(self) -> None:
        """Write what waited."""
        self.paused, self._unread = False, 0
        self._flush()

    def eof_received(self) -> None:
        """Let the transport close: HTTP/2 knows no half-closed connection."""
        self.gone = True

    def data_received(self, data: bytes) -> None:
        """Read frames; one that breaks the protocol ends the connection."""
        self._heard = True
        if not (self.gone or self._reader.kept or self._blocks.first) and streams.alone(self.streams, data):
            self._count_received(len(data) - frames.HEAD_BYTES)
            return
        try:
            if self._preface:
                data = self._without_preface(data)
            for found in self._reader.feed(data):
                self._take(found)
        except frames.Broken as cause:
            self._break(cause.code)
        except hpack.HPACKError:
            self._break(frames.COMPRESSION_ERROR)

    def _without_preface(self, data: bytes) -> bytes:
        """Return what follows the preface, which every client's end begins with."""
        expected = self._preface[: len(data)]
        if data[: len(expected)] != expected:
            raise frames.Broken(frames.PROTOCOL_ERROR, "no HTTP/2")
        self._preface = self._preface[len(expected) :]
        return data[len(expected) :]

    def _break(self, code: int) -> None:
        if self.gone:
            return
        self._say_goodbye(code)
        self.gone = True
        self._transport.abort() if self.paused else self._transport.close()

    def _say_goodbye(self, code: int) -> None:
        self.write(frames.goaway(0 if self._accept is None else self._last_number, code))

    def _take(self, found: frames.Frame) -> None:
        if self.gone:
            return
        self._blocks.may_take(found)
        if found.kind == frames.DATA:
            self._take_data(found)
            return
        if found.stream and found.kind in {frames.SETTINGS, frames.PING, frames.GOAWAY}:
            raise frames.Broken(frames.PROTOCOL_ERROR, "a frame of the connection on a stream")
        if self._unread > MAX_UNREAD_BYTES:
            raise frames.Broken(frames.ENHANCE_YOUR_CALM, "answers are not read")
        taker = self._takers.get(found.kind)
        if taker is not None:
            taker(found)

    def _take_data(self, found: frames.Frame) -> None:
        size = len(found.payload)
        self._count_received(size)
        stream = self.streams.get(found.stream)
        if stream is None:
            self._must_be_known(found.stream)
            return  # of one that has ended here
        if stream.remote_done:
            raise frames.Broken(frames.STREAM_CLOSED, "data after the end")
        stream.granted -= size
        if stream.granted < 0:
            raise frames.Broken(frames.FLOW_CONTROL_ERROR, "more than was granted")
        payload = found.payload
        if found.flags & frames.PADDED:
            payload = frames.unpadded(found)
            stream.give_back(size - len(payload))
        if payload:
            stream.receive(payload)
        elif not found.flags & frames.END_STREAM:
            self._count_waste()
        if found.flags & frames.END_STREAM and not stream.remote_done:
            self._ended(stream)

    def _count_received(self, size: int) -> None:
        self._received += size
        if self._received >= WIDENED // 2:
            self.write(frames.window_update(0, self._received))
            self._received = 0

    def _must_be_known(self, number: int) -> None:
        if not 0 < number <= self._last_number:
            raise frames.Broken(frames.PROTOCOL_ERROR, "a frame of no stream")

    def _count_waste(self) -> None:
        self._waste += 1
        if self._waste > MAX_WASTE:
            raise frames.Broken(frames.ENHANCE_YOUR_CALM, "much work for nothing")

    def _ended(self, stream: streams.Stream) -> None:
        stream.remote_done = True
        if stream.cut_short():
            self.forget(stream)
            self.write(frames.reset(stream.number, frames.PROTOCOL_ERROR))
            stream.owner.broken()
            return
        stream.owner.half_closed()
        self.settle(stream)

    def _take_headers(self, found: frames.Frame) -> None:
        self._take_block(found, self._blocks.begin(found))

    def _take_continuation(self, found: frames.Frame) -> None:
        if not found.payload:
            self._count_waste()
        self._take_block(*self._blocks.go_on(found))

    def _take_block(self, first: frames.Frame, block: bytes | None) -> None:
        if block is None:
            return
        if not self._introduced:
            raise frames.Broken(frames.PROTOCOL_ERROR, "headers before settings")
        pairs = self._blocks.read(block)
        ended = bool(first.flags & frames.END_STREAM)
        stream = self.streams.get(first.stream) or self._opened(first.stream, pairs)
        if stream is None:
            return
        if stream.remote_done:
            raise frames.Broken(frames.STREAM_CLOSED, "headers after the end")
        if ended:
            stream.remote_done = True
        stream.owner.headers(pairs, ended=ended)
        self.settle(stream)

    def _opened(self, number: int, found: streams.Headers) -> streams.Stream | None:
        """Return the stream that the peer opens, None for one that has ended or is not taken any more."""
        if self._accept is None or number <= self._last_number:
            self._must_be_known(number)
            return None
        if number % 2 == 0:
            raise frames.Broken(frames.PROTOCOL_ERROR, "a client's streams are odd")
        self._last_number = number
        if self._leaving or len(self.streams) >= MAX_STREAMS:
            self.write(frames.reset(number, frames.REFUSED_STREAM))
            return None
        stream = self.streams[number] = streams.Stream(self, number, self._first_window)
        stream.owner = self._accept(stream, found)
        return stream

    def _take_reset(self, found: frames.Frame) -> None:
        code = frames.read_number(found.payload)
        self._must_be_known(found.stream)
        self._count_waste()
        stream = self.streams.get(found.stream)
        if stream is not None and self.forget(stream):
            stream.unseen = code == frames.REFUSED_STREAM
            stream.owner.broken()

    def _take_settings(self, found: frames.Frame) -> None:
        if found.flags & frames.ACK:
            if found.payload:
                raise frames.Broken(frames.FRAME_SIZE_ERROR, "an acknowledgement that says something")
            return
        told, self._introduced = frames.read_settings(found.payload), True
        self.frame = told.get(frames.MAX_FRAME, self.frame)
        self._most_streams = told.get(frames.MAX_STREAMS, self._most_streams)
        first, self._first_window = self._first_window, told.get(frames.INITIAL_WINDOW, self._first_window)
        for stream in self.streams.values():
            stream.window = frames.widened(stream.window, self._first_window - first)
        self.write(frames.frame(frames.SETTINGS, frames.ACK, 0))
        self._flush()

    def _take_promise(self, found: frames.Frame) -> None:
        raise frames.Broken(frames.PROTOCOL_ERROR, f"a push on {found.stream}, which nobody asked for")

    def _take_ping(self, found: frames.Frame) -> None:
        if len(found.payload) != 8:  # noqa: PLR2004 - RFC 9113, 6.7
            raise frames.Broken(frames.FRAME_SIZE_ERROR, "a ping of another length")
        if not found.flags & frames.ACK:
            self.write(frames.frame(frames.PING, frames.ACK, 0, found.payload))

    def _take_goaway(self, found: frames.Frame) -> None:
        """Give up the streams that the peer has not taken, and open no more; it answers the others."""
        last = frames.read_goaway(found.payload)
        if self._accept is not None:
            return
        self._leaving = True
        for stream in tuple(self.streams.values()):
            if stream.number > last and self.forget(stream):
                stream.unseen = True
                stream.owner.broken()
        if self._going is not None:
            self._going()
        self._leave_when_empty()

    def _take_window(self, found: frames.Frame) -> None:
        more = frames.read_number(found.payload)
        if more == 0:
            raise frames.Broken(frames.PROTOCOL_ERROR, "a window widened by nothing")
        if found.stream == 0:
            self.window = frames.widened(self.window, more)
            self._flush()
            return
        self._must_be_known(found.stream)
        stream = self.streams.get(found.stream)
        if stream is not None:
            stream.window = frames.widened(stream.window, more)
            stream.flush()

    def _flush(self) -> None:
        for stream in tuple(self.streams.values()):
            stream.flush()

    def _keep_alive(self) -> None:
        """Ask a silent peer whether it is there; give the connection up when it does not say so."""
        if self._pinged and not self._heard:  # closed and not yet lost: it does not take what was written
            self.gone = True
            self._transport.abort()
            return
        self._waste = 0
        self._pinged = not self._heard
        if self._pinged:
            self.write(frames.frame(frames.PING, 0, 0, bytes(8)))
        self._heard = False
        delay = KEEPALIVE_TIMEOUT_SECONDS if self._pinged else KEEPALIVE_SECONDS
        self._beat = timers.running(self._wakes).call_later(delay, self._keep_alive)
