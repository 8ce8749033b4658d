"""One request and its answer over real sockets: both ways move at once, and every end of it is told."""

import asyncio
import contextlib
import itertools
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import errors
from ultrathink_cli.outbound import exchanges, gateway_client
from ultrathink_cli.usecases import submit

type Ways = tuple[asyncio.StreamReader, asyncio.StreamWriter]
type Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

SMALL = 4 * 1024  # what the sockets of a bounded gateway hold
ROW = b"C-%05d,claim,12.50\n"
DECISION = b'{"verdict":"accept","claim_id":"C-%05d","detail":"' + b"x" * 400 + b'"}\n'
HALT = 0.5  # so long does a sender wait who gets no further
PATIENCE = 20.0  # a halt would last for ever; whatever goes on is done long before


@contextlib.asynccontextmanager
async def _serving(serve: Serve, *, bounded: bool = False) -> AsyncIterator[str]:
    """Serve every connection by `serve`; yields the URL. A bounded server's sockets hold next to nothing."""
    listening = socket.create_server(("127.0.0.1", 0))
    if bounded:
        for way in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            listening.setsockopt(socket.SOL_SOCKET, way, SMALL)

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(served, sock=listening, limit=SMALL if bounded else 2**16)
    async with server:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


async def _head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield the pieces of a chunked body."""
    while size := int(await reader.readline(), 16):
        yield await reader.readexactly(size)
        await reader.readline()
    await reader.readline()


async def _piece(writer: asyncio.StreamWriter, piece: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
    await writer.drain()


def _bounded_gateway(rows: list[int]) -> Serve:
    """Answer each row at once and read no further until the answer is taken: what a full spool does."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=0)
        await _head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        rest = b""
        async for chunk in _chunks(reader):
            *lines, rest = (rest + chunk).split(b"\n")
            for _ in lines:
                await _piece(writer, DECISION % len(rows))
                rows.append(len(rows))
        await _piece(writer, b"")
        await writer.drain()

    return serve


async def test_a_gateway_that_holds_nothing_is_sent_a_whole_table(tmp_path: Path) -> None:
    """Answers of one request that nobody but the sender can hold: who read behind would wait for ever."""
    file = tmp_path / "claims.csv"
    count = 20_000  # eight megabytes of answers: no loopback socket holds them
    file.write_bytes(b"".join(ROW % number for number in range(count)))
    rows: list[int] = []
    async with _serving(_bounded_gateway(rows), bounded=True) as url, asyncio.timeout(PATIENCE):
        tally = await submit.submit(gateway_client.GatewayClient(url, "t"), file, "text/csv", lambda _: None)
    assert (len(rows), tally.accepted) == (count, count)
    kept = submit.receipts_path(file).read_bytes().splitlines()
    assert [msgspec.json.decode(line)["claim_id"] for line in kept[:: count // 10]] == [
        f"C-{number:05}" for number in range(0, count, count // 10)
    ]


async def test_a_sender_who_reads_behind_comes_to_a_halt() -> None:
    """The test above would see the halt: the same gateway stops reading from who does not read."""
    rows: list[int] = []
    async with _serving(_bounded_gateway(rows), bounded=True) as url:
        place = exchanges.Place.at(url)
        _, writer = await asyncio.open_connection(place.host, place.port)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_sent_blindly(writer), HALT)
        writer.transport.abort()


async def _sent_blindly(writer: asyncio.StreamWriter) -> None:
    writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
    for _ in range(2_000):  # as many rows as above a hundred times over
        await _piece(writer, ROW % 1 * 1_000)


async def test_a_refusal_before_the_end_of_the_file_is_told_as_it_is() -> None:
    """Who is refused at the head neither sends a gigabyte first nor sees a broken connection."""
    body = msgspec.json.encode({"type": "https://x/problems/upload.too_large", "detail": "Too large."})

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _head(reader)
        writer.write(b"HTTP/1.1 413 Too\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        await reader.read()

    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            yield bytes(64 * 1024)
            sent += 1

    async with _serving(serve) as url, asyncio.timeout(PATIENCE):
        with pytest.raises(errors.Invalid, match=r"upload\.too_large"):
            await _lines(url, endless())
    assert sent < 1_000


async def test_a_file_that_cannot_be_read_is_no_trouble_of_the_gateway() -> None:
    """What went wrong on the way out is raised as it was, and the gateway sees a broken request."""
    broken_off = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await _head(reader)
        try:
            [chunk async for chunk in _chunks(reader)]
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            broken_off.set()

    async def broken() -> AsyncIterator[bytes]:
        yield b"row\n"
        raise OSError(5, "Input/output error")

    async with _serving(serve) as url, asyncio.timeout(PATIENCE):
        with pytest.raises(OSError, match="Input/output error"):
            await _lines(url, broken())
        await broken_off.wait()


ONE = b'{"verdict":"accept"}\n'


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\n" + ONE,
        b"HTTP/1.1 200 OK\r\n\r\n" + ONE,  # ends with its connection
        b"HTTP/1.0 200 OK\r\nconnection: close\r\n\r\n" + ONE.rstrip(),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n15\r\n" + ONE + b"\r\n0\r\n\r\n",
    ],
)
async def test_every_way_to_frame_an_answer_is_understood(answer: bytes) -> None:
    """By length, in chunks, to the connection's end, behind an announcement."""
    async with _serving(_saying(answer)) as url, asyncio.timeout(PATIENCE):
        assert await _lines(url, _some()) == [ONE.rstrip()]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n" + ONE,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n15\r\n" + ONE,
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
)
async def test_an_answer_cut_short_is_no_end(answer: bytes) -> None:
    """Half an answer is never taken for a whole one."""
    async with _serving(_saying(answer)) as url, asyncio.timeout(PATIENCE):
        with pytest.raises(errors.Unavailable, match=r"gateway\.unreachable"):
            await _lines(url, _some())


async def test_silence_ends_but_not_while_the_request_moves() -> None:
    """A slow upload may take longer than a wait for an answer may."""
    read = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await _head(reader)
        assert [chunk async for chunk in _chunks(reader)] == [b"1", b"2", b"3"]
        read.set()
        await reader.read()

    async def slow() -> AsyncIterator[bytes]:
        for piece in (b"1", b"2", b"3"):
            yield piece
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(read.wait(), 0.06)

    async with _serving(serve) as url, asyncio.timeout(PATIENCE):
        with pytest.raises(exchanges.Unreached, match="too long"):
            async with exchanges.exchange(exchanges.Place.at(url), ("POST", "/"), {}, slow(), seconds=0.1):
                pass
    assert read.is_set()


@pytest.mark.parametrize(
    ("url", "authority", "prefix"),
    [
        ("http://host", "host:80", ""),
        ("https://host/claims/", "host:443", "/claims"),
        ("http://[::1]:8080", "[::1]:8080", ""),
        ("http://Klinik-München.test:1", "xn--klinik-mnchen-3ob.test:1", ""),
    ],
)
def test_a_place_is_what_its_url_says(url: str, authority: str, prefix: str) -> None:
    """Ports by scheme, a path to lie beneath, names of any letters."""
    place = exchanges.Place.at(url)
    assert (place.authority(), place.prefix) == (authority, prefix)


@given(pieces=st.lists(st.binary(max_size=12), max_size=6), cuts=st.lists(st.integers(0, 40), max_size=4))
def test_lines_do_not_depend_on_where_the_network_cuts_them(pieces: list[bytes], cuts: list[int]) -> None:
    """Whatever arrives in whatever pieces: the lines are those of the whole."""
    whole = b"\n".join(pieces)
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]

    async def cut() -> AsyncIterator[bytes]:
        for begin, end in itertools.pairwise(places):
            yield whole[begin:end]

    async def told() -> list[bytes]:
        return [line async for lines in gateway_client.lines_of(cut()) for line in lines]

    assert asyncio.run(told()) == [line for line in whole.split(b"\n") if line.strip()]


def _saying(answer: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _head(reader)
        assert [chunk async for chunk in _chunks(reader)]
        writer.write(answer)
        writer.write_eof()
        await writer.drain()
        await reader.read()

    return serve


async def _some() -> AsyncIterator[bytes]:
    yield b"{}\n"
    yield b""  # no chunk of ours ends the body


async def _lines(url: str, chunks: AsyncIterator[bytes]) -> list[bytes]:
    told = gateway_client.GatewayClient(url, "t").submit_stream(chunks, "application/x-ndjson")
    return [line async for lines in told for line in lines]
