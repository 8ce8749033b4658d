"""What a person's commands make of the gateway's answers, over real HTTP."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cli_support
from chassis import errors
from ultrathink_cli.outbound import gateway_client, loopback
from ultrathink_cli.usecases import submit

PROBLEM = {
    "type": "https://example.test/problems/claim.unreadable",
    "title": "Unreadable",
    "detail": "The claim cannot be read.",
    "errors": [{"path": "lines[0].net", "code": "field.type", "message": "not a number"}],
}


def _answering(status: int, body: bytes) -> AbstractContextManager[tuple[str, list[cli_support.Asked]]]:
    """Serve one answer to everything; yields the URL and what was asked."""
    return cli_support.gateway(lambda _: (status, body))


async def _chunks() -> AsyncIterator[bytes]:
    yield b'{"a":1}\n'
    yield b'{"a":2}\n'


async def _streamed(url: str) -> list[dict[str, object]]:
    gateway = gateway_client.GatewayClient(url, "t")
    told = gateway.submit_stream(_chunks(), "application/x-ndjson")
    return [msgspec.json.decode(line) async for lines in told for line in lines]


async def test_a_decision_comes_back_and_the_token_went_along() -> None:
    """One message, one decision, under the person's name."""
    with _answering(200, b'{"verdict":"accept"}') as (url, asked):
        gateway = gateway_client.GatewayClient(url, "secret")
        answer = await gateway.submit(b"{}", "application/json", {"accept": "application/json"})
    (sent,) = asked
    assert answer == {"verdict": "accept"}
    assert (sent.path, sent.body) == ("/api/v1/claims", b"{}")
    assert sent.headers["authorization"] == "Bearer secret"
    assert sent.headers["content-type"] == sent.headers["accept"] == "application/json"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.Invalid),
        (401, errors.Denied),
        (403, errors.Denied),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (422, errors.Invalid),
        (429, errors.Exhausted),
        (500, errors.Internal),
        (503, errors.Unavailable),
        (504, errors.Unavailable),
    ],
)
async def test_a_problem_becomes_the_fault_it_tells_of(status: int, kind: type[errors.Fault]) -> None:
    """Kind by status; reason, words and fields as the gateway put them; alike for message and file."""
    with _answering(status, msgspec.json.encode(PROBLEM)) as (url, _):
        with pytest.raises(kind) as single:
            await gateway_client.GatewayClient(url, "t").submit(b"{}", "application/json")
        with pytest.raises(kind) as streamed:
            await _streamed(url)
    for fault in (single.value, streamed.value):
        assert (fault.reason, fault.message) == ("claim.unreadable", "The claim cannot be read.")
        assert fault.violations == (errors.Violation("lines[0].net", "field.type", "not a number"),)


async def test_an_error_of_somebody_else_is_told_by_its_status() -> None:
    """A proxy's HTML page is neither shown nor fatal."""
    with (
        _answering(502, b"<html>Bad Gateway</html>") as (url, _),
        pytest.raises(errors.Internal, match=r"gateway\.answer") as refused,
    ):
        await _streamed(url)
    assert "502" in refused.value.message
    assert "html" not in refused.value.message


async def test_an_answer_that_is_no_decision_is_a_fault(tmp_path: Path) -> None:
    """--url at a web site by mistake gives words, not a stack trace."""
    file = tmp_path / "claims.ndjson"
    file.write_bytes(b'{"a":1}\n')
    with _answering(200, b"<html>Welcome</html>") as (url, _):
        gateway = gateway_client.GatewayClient(url, "t")
        with pytest.raises(errors.Unavailable, match=r"gateway\.answer"):
            await submit.submit(gateway, file, submit.LINES, lambda _: None)
        with pytest.raises(errors.Unavailable, match=r"gateway\.answer"):
            await gateway.submit(b"{}", "application/json")


async def test_a_file_goes_out_in_chunks_and_answers_come_line_by_line() -> None:
    """Order is kept, blank lines are nothing."""
    with _answering(200, b'{"verdict":"accept"}\n\n{"status":422}\n') as (url, asked):
        assert await _streamed(url) == [{"verdict": "accept"}, {"status": 422}]
    (sent,) = asked
    assert sent.body == b'{"a":1}\n{"a":2}\n'
    assert sent.headers["accept"] == "application/x-ndjson"


async def test_nobody_there_is_unavailable_with_a_remedy() -> None:
    """The person learns which address was tried."""
    url = f"http://127.0.0.1:{loopback.free(1)[0]}"
    gateway = gateway_client.GatewayClient(url, "t")
    with pytest.raises(errors.Unavailable, match=r"gateway\.unreachable") as refused:
        await gateway.submit(b"{}", "application/json")
    assert not await gateway.ready()
    assert url in refused.value.message
    with pytest.raises(errors.Unavailable, match=r"gateway\.unreachable"):
        await _streamed(url)


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False)])
async def test_ready_is_what_the_gateway_says(status: int, ready: bool) -> None:  # noqa: FBT001
    """Only a plain yes counts, and no token is needed to ask."""
    with _answering(status, b"{}") as (url, asked):
        assert await gateway_client.GatewayClient(url, "").ready() is ready
    assert asked[0].path == "/readyz"


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://host:port", "localhost:8080", "ftp://host", "http://"]
)
def test_what_is_no_url_is_invalid(url: str) -> None:
    """A slip in --url is told as such."""
    with pytest.raises(errors.Invalid, match=r"url\.invalid"):
        gateway_client.GatewayClient(url, "t")


@pytest.mark.parametrize("token", ["“quoted”", "two\r\nlines"])
def test_a_token_of_other_letters_is_denied(token: str) -> None:
    """A token pasted with a typographic quote or a line's end gives words, not a stack trace."""
    with pytest.raises(errors.Denied, match=r"token\.invalid"):
        gateway_client.GatewayClient("http://127.0.0.1:1", token)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    status=st.integers(400, 599),
    body=st.binary(max_size=40)
    | JSON.map(msgspec.json.encode)
    | st.fixed_dictionaries({}, optional=dict.fromkeys(("type", "title", "detail", "errors"), JSON)).map(
        msgspec.json.encode
    ),
)
def test_no_error_body_ever_breaks_the_command(status: int, body: bytes) -> None:
    """Whatever an error answer holds, a fault with a reason and words comes of it."""
    fault = gateway_client._fault(status, body)
    assert isinstance(fault, errors.Fault)
    assert fault.reason
    assert fault.message
