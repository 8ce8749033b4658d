"""HTTP/1.1 as clients really speak it: pipelines, HEAD, Expect, HTTP/1.0, many pieces, large answers."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import hypothesis
from hypothesis import strategies

import gateway_support as support
from gateway.inbound import sockets

URL = "/api/v1/claims"
CHUNKED = {"transfer-encoding": "chunked"}


async def _body(wire: support.Wire, headers: dict[str, str]) -> bytes:
    return await wire.reader.readexactly(int(headers["content-length"]))


async def test_pipelined_requests_are_answered_in_order() -> None:
    """Two requests in one packet get two answers, the first one first."""
    async with support.wire(support.stage().app) as connect:
        wire = await connect()
        await wire.send(support.head("GET", "/healthz", {}), support.head("GET", "/nowhere", {}))
        first, headers = await wire.head()
        await _body(wire, headers)
        second, _ = await wire.head()
    assert (first, second) == (200, 404)


async def test_a_head_request_to_the_stream_is_only_a_head() -> None:
    """HEAD of a route that has GET alone is told so, without a body."""
    async with support.wire(support.stage().app) as connect:
        wire = await connect()
        await wire.send(support.head("HEAD", "/healthz", {}), support.head("GET", "/healthz", {}))
        status, _ = await wire.head()
        again, headers = await wire.head()
        assert await _body(wire, headers) == b"ok\n"
    assert (status, again) == (405, 200)


async def test_a_client_that_waits_for_continue_is_let_on() -> None:
    """Expect: 100-continue gets its answer when the body is wanted."""
    body = b'{"claim_id":"A"}'
    wish = {"expect": "100-continue", "content-length": str(len(body))}
    async with support.wire(support.stage().app) as connect:
        wire = await connect()
        await wire.send(support.head("POST", URL, support.BILLER | support.JSON | wish))
        assert (await wire.head())[0] == 100
        await wire.send(body)
        assert (await wire.head())[0] == 201


async def test_a_client_that_waits_for_continue_is_spared_a_useless_body() -> None:
    """A stranger with Expect: 100-continue is refused before the body is sent."""
    wish = {"expect": "100-continue", "content-length": "9000000"}
    async with support.wire(support.stage().app) as connect:
        wire = await connect()
        await wire.send(support.head("POST", URL, support.JSON | wish))
        assert (await wire.head())[0] == 401


async def test_an_old_client_is_served_and_closed() -> None:
    """HTTP/1.0 has no keep-alive by default."""
    async with support.wire(support.stage().app) as connect:
        wire = await connect()
        await wire.send(b"GET /healthz HTTP/1.0\r\nhost: x\r\n\r\n")
        status, _ = await wire.head()
        assert (await wire.rest(), status) == (b"ok\n", 200)


async def test_a_request_in_single_bytes_is_the_same_request() -> None:
    """However a request is cut into packets, it is one request."""
    body = b'{"claim_id":"A"}'
    length = {"content-length": str(len(body))}
    async with support.wire(support.stage().app) as connect:
        wire = await connect()
        whole = support.head("POST", URL, support.BILLER | support.JSON | length) + body
        for place in range(len(whole)):
            await wire.send(whole[place : place + 1])
        assert (await wire.head())[0] == 201


async def test_two_lengths_are_not_smuggled() -> None:
    """Content-Length beside Transfer-Encoding, or twice, is no request that can be trusted."""
    head = support.BILLER | support.JSON | {"content-length": "4"}
    async with support.wire(support.stage().app) as connect:
        for extra in (b"transfer-encoding: chunked\r\n", b"content-length: 5\r\n"):
            wire = await connect()
            request = support.head("POST", URL, head)
            await wire.send(request[:-2], extra, b"\r\n", b"0\r\n\r\n")
            assert (await wire.head())[0] == 400


async def test_large_answers_arrive_whole() -> None:
    """What is larger than the cork and than the socket's buffers is not cut."""
    stage = support.stage()
    claim_id = "A" * (sockets.CORK_BYTES * 4)
    body = json.dumps({"claim_id": claim_id}).encode()
    length = {"content-length": str(len(body))}
    async with support.wire(stage.app) as connect:
        wire = await connect()
        await wire.send(support.head("POST", URL, support.BILLER | support.JSON | length), body)
        _, headers = await wire.head()
        assert json.loads(await _body(wire, headers))["claim_id"] == claim_id


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(strategies.lists(strategies.integers(1, 60), max_size=12))
def test_a_file_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    """Chunks may end anywhere, inside a line too: the answers are those of the whole file."""
    file = b"".join(b'{"claim_id":"%d"}\n' % number for number in range(12)) + b"broken\n"

    async def run() -> list[object]:
        async with support.wire(support.stage().app) as connect:
            wire = await connect()
            await wire.send(support.head("POST", URL, support.BILLER | support.NDJSON | CHUNKED))
            place = 0
            for cut in [*cuts, len(file)]:
                if piece := file[place : place + cut]:
                    await wire.chunk(piece)
                place += cut
            await wire.chunk(b"")
            await wire.head()
            answer = b""
            while piece := await wire.piece():
                answer += piece
        return [line.get("claim_id", line.get("position")) for line in support.lines(answer)]

    assert asyncio.run(run()) == [*(str(number) for number in range(12)), 13]


async def test_many_connections_at_once_are_all_answered() -> None:
    """Sixty-four callers get sixty-four answers, each its own."""
    stage = support.stage()

    async def one(connect: Callable[[], Awaitable[support.Wire]], number: int) -> str:
        wire = await connect()
        body = b'{"claim_id":"%d"}' % number
        length = {"content-length": str(len(body))}
        await wire.send(support.head("POST", URL, support.BILLER | support.JSON | length), body)
        _, headers = await wire.head()
        return str(json.loads(await _body(wire, headers))["claim_id"])

    async with support.wire(stage.app, backlog=128) as connect:
        answers = await asyncio.gather(*(one(connect, number) for number in range(64)))
    assert answers == [str(number) for number in range(64)]
