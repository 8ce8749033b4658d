"""What every answer carries, and how everything that was raised leaves."""

import asyncio
import logging

import pytest
from starlette.types import Receive, Scope, Send

import gateway_support as support
from chassis import clock as clocks
from gateway.inbound import envelopes, limits, meters, replies


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/api/v1/claims", "/openapi.json"])
async def test_every_answer_has_an_id_and_security_headers(path: str) -> None:
    """Successes and refusals alike."""
    async with support.client(support.stage().app) as client:
        answer = await client.get(path)
    assert len(answer.headers["x-request-id"]) == 32
    for name, value in replies.SECURITY:
        assert answer.headers[name.decode()] == value.decode()
    assert "content-security-policy" in answer.headers
    assert "server" not in answer.headers


@pytest.mark.parametrize(("offered", "kept"), [("req-00001", True), ("short", False), ("a b c d e", False),
                                               ("x" * 65, False), ("ok\tok-12345", False)])  # fmt: skip
async def test_a_request_id_is_taken_only_when_well_formed(offered: str, *, kept: bool) -> None:
    """Anything that could break a log line is replaced."""
    async with support.client(support.stage().app) as client:
        answer = await client.get("/healthz", headers={"x-request-id": offered})
    assert (answer.headers["x-request-id"] == offered) == kept


async def test_the_request_id_reaches_claims() -> None:
    """What a person sees in an answer stands in the context behind."""
    stage = support.stage()
    headers = support.BILLER | support.JSON | {"x-request-id": "req-00001"}
    async with support.client(stage.app) as client:
        await client.post("/api/v1/claims", content=b"{}", headers=headers)
    assert stage.claims.submissions[0][1].request_id == "req-00001"


@pytest.mark.parametrize("path", ["/", "/nowhere", "/api/v1/claims/", "/api/v2/claims", "//api/v1/claims"])
async def test_an_unknown_route_is_a_problem(path: str) -> None:
    """404 has the same shape as everything else, and a trailing slash redirects nowhere."""
    async with support.client(support.stage().app) as client:
        answer = await client.get(f"http://gateway{path}", headers=support.BILLER)
    support.problem(answer, 404, "route.unknown")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/api/v1/claims", "GET, POST"),
        ("PUT", "/healthz", "GET"),
        ("POST", "/api/v1/events", "GET, HEAD"),
        ("GET", "/api/v1/claims/check", ""),
    ],
)
async def test_a_method_that_is_not_taken_is_a_problem(method: str, path: str, allow: str) -> None:
    """405 names every method of the path; a path that another route also matches is that route's."""
    async with support.client(support.stage().app) as client:
        answer = await client.request(method, path, headers=support.BILLER)
    if allow:
        support.problem(answer, 405, "route.method_not_allowed")
        assert answer.headers["allow"] == allow
    else:
        support.problem(answer, 404, "claim.unknown")


class _Broken:
    """A claims that fails in a way nobody foresaw."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError("patient 1012345678 broke it")


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/v1/claims"), ("GET", "/api/v1/claims")])
async def test_a_defect_is_500_and_tells_nothing(
    method: str, path: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The text of an exception is in no answer and in no log line."""
    stage = support.stage()
    stage.claims.stored = _Broken()  # type: ignore[assignment]  # what is behind breaks, not the gateway's own code
    stage.claims.selections = _Broken()  # type: ignore[assignment]
    with caplog.at_level(logging.DEBUG):
        async with support.client(stage.app) as client:
            answer = await client.request(
                method,
                path,
                content=b"{}" if method == "POST" else None,
                headers=support.BILLER | support.JSON,
            )
    support.problem(answer, 500, "internal.unexpected")
    assert "1012345678" not in answer.text + capsys.readouterr().err + caplog.text


async def test_more_requests_than_the_limit_are_refused() -> None:
    """Beyond its capacity the gateway says 429 at once instead of queueing without end."""
    stage = support.stage(bounds=limits.Limits(requests=0))
    async with support.client(stage.app) as client:
        answer = await client.get("/healthz")
    support.problem(answer, 429, "gateway.full")
    assert answer.headers["retry-after"] == "1"


async def test_an_answer_that_broke_midway_breaks_the_connection() -> None:
    """After the first byte there is no other answer: the exception goes on to the server, which closes."""

    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("midway")

    envelope = envelopes.Envelope(app, (), meters.Meter(clocks.SystemClock(), 1), draining=asyncio.Event())
    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    with pytest.raises(RuntimeError):
        await envelope(scope, None, send)  # type: ignore[arg-type]
    assert len(sent) == 1


async def test_other_origins_are_closed_unless_they_are_named() -> None:
    """Without a list no CORS header is sent; with one, the named origin and no other gets it."""
    ask = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    async with support.client(support.stage().app) as client:
        closed = await client.options("/api/v1/claims", headers=ask | {"origin": "https://desk.example"})
    async with support.client(support.stage(origins=("https://desk.example",)).app) as client:
        opened = await client.options("/api/v1/claims", headers=ask | {"origin": "https://desk.example"})
        foreign = await client.options("/api/v1/claims", headers=ask | {"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in closed.headers
    assert opened.headers["access-control-allow-origin"] == "https://desk.example"
    assert "access-control-allow-origin" not in foreign.headers
