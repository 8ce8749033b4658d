"""HTTP on a real socket: bounds that the server itself lacks, and refusals in our words even there."""

import asyncio
import socket

import msgspec
import pytest

import gateway_support as support
from chassis import contexts, errors
from gateway.domain import exchanges
from gateway.inbound import limits, sockets

POST = support.head("POST", "/api/v1/claims", support.BILLER | support.JSON | {"content-length": "100"})


async def _refused(wire: support.Wire, status: int, reason: str) -> None:
    told, headers = await wire.head()
    body = msgspec.json.decode(await wire.rest(), type=support.Problem)
    assert (told, body.status, body.type) == (status, status, f"/problems/{reason}")
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"


async def test_a_head_without_end_is_cut() -> None:
    """Headers beyond the bound get 431 and the connection ends, whether or not they ever end."""
    async with support.wire(support.stage().app, header_bytes=1024) as connect:
        wire = await connect()
        await wire.send(b"GET /healthz HTTP/1.1\r\n", *[b"x-%d: %s\r\n" % (n, b"a" * 100) for n in range(20)])
        await _refused(wire, 431, "headers.too_large")


async def test_a_long_target_is_cut() -> None:
    """The request line counts as head."""
    async with support.wire(support.stage().app, header_bytes=1024) as connect:
        wire = await connect()
        await wire.send(b"GET /", b"a" * 5000, b" HTTP/1.1\r\n\r\n")
        await _refused(wire, 431, "headers.too_large")


async def test_what_is_not_http_is_refused() -> None:
    """Garbage gets 400 as a problem."""
    async with support.wire(support.stage().app) as connect:
        wire = await connect()
        await wire.send(b"\x16\x03\x01 hello\r\n\r\n")
        await _refused(wire, 400, "headers.malformed")


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nhost: x\r\n"])
async def test_a_slow_head_is_given_up(sent: bytes) -> None:
    """A connection that never finishes its head is closed with 408."""
    async with support.wire(support.stage().app, header_seconds=0.01) as connect:
        wire = await connect()
        await wire.send(sent)
        await _refused(wire, 408, "body.too_slow")


async def test_a_slow_body_is_given_up() -> None:
    """A body that stops half-way gets 408 within its time."""
    stage = support.stage(bounds=limits.Limits(body_seconds=0.01))
    async with support.wire(stage.app) as connect:
        wire = await connect()
        await wire.send(POST, b"{")
        await _refused(wire, 408, "body.too_slow")
    assert stage.claims.submissions == []


async def test_a_body_larger_than_announced_by_nobody_is_cut() -> None:
    """Without a Content-Length the size is counted, and reading stops at the limit."""
    stage = support.stage(bounds=limits.Limits(message_bytes=1000))
    async with support.wire(stage.app) as connect:
        wire = await connect()
        chunked = {"transfer-encoding": "chunked"}
        await wire.send(support.head("POST", "/api/v1/claims", support.BILLER | support.JSON | chunked))
        await wire.chunk(b" " * 600)
        await wire.chunk(b" " * 600)
        await _refused(wire, 413, "body.too_large")


async def test_all_bodies_together_are_bounded() -> None:
    """When bodies being received hold all the memory there is for them, the next one gets 429."""
    stage = support.stage(bounds=limits.Limits(memory_bytes=1000))
    async with support.wire(stage.app) as connect:
        wire = await connect()
        head = {"content-length": "5000"}
        await wire.send(
            support.head("POST", "/api/v1/claims", support.BILLER | support.JSON | head), b" " * 500
        )
        await wire.send(b" " * 600)
        status, headers = await wire.head()
    assert (status, headers["retry-after"]) == (429, "1")


async def test_a_caller_who_leaves_in_the_middle_leaves_nothing() -> None:
    """Half a body is no claim."""
    stage = support.stage()
    async with support.wire(stage.app) as connect:
        wire = await connect()
        await wire.send(POST, b'{"claim_id":"A"}')
        wire.writer.close()
        await wire.writer.wait_closed()
        other = await connect()
        await other.send(support.head("GET", "/healthz", {}))
        assert (await other.head())[0] == 200
    assert stage.claims.submissions == []


async def test_a_connection_serves_many_requests() -> None:
    """Keep-alive works, and each head has its own bound."""
    async with support.wire(support.stage().app, header_bytes=200) as connect:
        wire = await connect()
        for _ in range(5):
            await wire.send(support.head("GET", "/healthz", {"x-fill": "a" * 100}))
            status, headers = await wire.head()
            await wire.reader.readexactly(int(headers["content-length"]))
            assert status == 200


@pytest.mark.parametrize("piece", [40, 90, 200])
@pytest.mark.parametrize(("fill", "status"), [(60, 200), (300, 431)])
async def test_a_later_head_is_counted_from_its_first_piece_on(piece: int, fill: int, status: int) -> None:
    """However it is cut: pieces that hold no head too long by themselves are counted when a head goes on."""
    async with support.wire(support.stage().app, header_bytes=250) as connect:
        wire = await connect()
        await wire.send(support.head("GET", "/healthz", {}))
        _, headers = await wire.head()
        await wire.reader.readexactly(int(headers["content-length"]))
        filled = {f"x-{number}": "a" * (fill // 3) for number in range(3)}
        sent = support.head("GET", "/healthz", filled)
        for start in range(0, len(sent), piece):
            await wire.send(sent[start : start + piece])
            await asyncio.sleep(0)
        assert (await wire.head())[0] == status


async def test_a_request_in_flight_is_finished_when_the_door_closes() -> None:
    """Draining answers what was begun before it leaves."""
    stage = support.stage()
    gate, begun = asyncio.Event(), asyncio.Event()
    submit = stage.claims.submit

    async def slow(submission: exchanges.Submission, context: contexts.CallContext) -> exchanges.Answer:
        begun.set()
        await gate.wait()
        return await submit(submission, context)

    stage.claims.submit = slow  # type: ignore[method-assign]
    opened = sockets.listening(stage.app, support.door())
    port = await opened.__aenter__()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    wire = support.Wire(reader, writer)
    body = b'{"claim_id":"A"}'
    length = {"content-length": str(len(body))}
    await wire.send(support.head("POST", "/api/v1/claims", support.BILLER | support.JSON | length), body)
    await asyncio.wait_for(begun.wait(), 5)
    closing = asyncio.create_task(opened.__aexit__(None, None, None))
    await asyncio.sleep(0)
    gate.set()
    assert (await wire.head())[0] == 201
    writer.close()
    await closing


async def test_a_port_in_use_is_said_so() -> None:
    """A second process on the same port does not start."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        door = support.door(port=taken.getsockname()[1])
        with pytest.raises(errors.Unavailable, match=r"server\.bind_failed"):
            await sockets.listening(support.stage().app, door).__aenter__()
