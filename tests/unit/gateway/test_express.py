"""The short way of ordinary claims: its answers are those of the long way, and it knows its limits."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import hypothesis
import msgspec
import pytest
from hypothesis import strategies
from opentelemetry.sdk.trace.export import in_memory_span_exporter

import gateway_support as support
from chassis import contexts, errors, telemetry
from chassis import testing as plumbing
from gateway.domain import exchanges
from gateway.inbound import limits, lobbies, sockets, turnstiles

URL = "/api/v1/claims"
CLAIM = b'{"claim_id":"A"}'
ORDINARY = support.BILLER | support.JSON | {"x-request-id": "req-00001"}

type Told = tuple[int, dict[str, str], bytes]


class Drawn(msgspec.Struct):
    """Settings under which every request is followed."""

    trace_ratio: float = 1.0


def _request(headers: dict[str, str], body: bytes, path: str = URL) -> bytes:
    return support.head("POST", path, headers | {"content-length": str(len(body))}) + body


def _nobody(_: bytes, __: bytes, /, *, close: bool) -> None:
    """Take an answer that nobody looks at."""
    assert not close


async def _answer(wire: support.Wire) -> Told:
    status, headers = await wire.head()
    assert headers.pop("date")  # it has a second's resolution
    return status, headers, await wire.reader.readexactly(int(headers["content-length"]))


async def _both(
    headers: dict[str, str],
    body: bytes = CLAIM,
    *,
    times: int = 1,
    path: str = URL,
    failure: errors.Fault | None = None,
) -> list[list[Told]]:
    """Return the answers to the same requests on the short way and, by one header more, on the long one."""
    told = []
    for way in ({}, {"origin": "https://desk.example"}):
        stage = support.stage()
        stage.claims.failure = failure
        async with support.wire(stage.app) as connect:
            wire = await connect()
            answers = []
            for _ in range(times):
                await wire.send(_request(headers | way, body, path))
                answers.append(await _answer(wire))
        told.append(answers)
    return told


def _short(stage: support.Stage, headers: dict[str, str], body: bytes = CLAIM) -> bool:
    """Return whether a request takes the short way."""
    lane = stage.app.express()[URL.encode()]
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return lane.take(raw, body, _nobody)


@pytest.mark.parametrize(
    "headers",
    [
        ORDINARY,
        ORDINARY | {"accept": "*/*"},
        ORDINARY | {"accept": "application/json"},
        ORDINARY | {"idempotency-key": "k-1"},
    ],
)
async def test_an_ordinary_claim_takes_the_short_way(headers: dict[str, str]) -> None:
    """What clients usually send needs no framework."""
    stage = support.stage()
    assert _short(stage, headers)
    await asyncio.sleep(0)
    assert len(stage.claims.submissions) == 1


@pytest.mark.parametrize(
    "headers",
    [
        support.JSON,
        ORDINARY | {"authorization": "Bearer stranger"},
        ORDINARY | support.REVIEWER,
        ORDINARY | {"content-type": "application/json; charset=utf-8"},
        ORDINARY | {"content-type": "application/fhir+json"},
        ORDINARY | {"content-type": "application/x-ndjson"},
        ORDINARY | {"accept": "application/fhir+json"},
        ORDINARY | {"content-encoding": "gzip"},
        ORDINARY | {"transfer-encoding": "chunked"},
        ORDINARY | {"expect": "100-continue"},
        ORDINARY | {"idempotency-key": ""},
        ORDINARY | {"idempotency-key": "not one"},
    ],
)
async def test_what_is_not_ordinary_is_left_untouched(headers: dict[str, str]) -> None:
    """The long way finds it as it came, and says what is wrong with it if anything is."""
    stage = support.stage()
    assert not _short(stage, headers)
    await asyncio.sleep(0)
    assert stage.claims.submissions == []


async def test_a_token_that_was_known_a_moment_ago_is_looked_up_again_after_it() -> None:
    """An expired one is not honoured for long."""
    clock = plumbing.ManualClock()
    stage = support.stage(clock=clock)
    assert _short(stage, ORDINARY)
    stage.authenticator.forget()
    assert _short(stage, ORDINARY)
    clock.advance(lobbies.FRESH_SECONDS)
    assert not _short(stage, ORDINARY)


async def test_a_token_known_for_one_action_is_not_for_another() -> None:
    """Who may only check is not remembered as one who may submit."""
    stage = support.stage()
    check = stage.app.express()[f"{URL}/check".encode()]
    reviewer = ORDINARY | support.REVIEWER
    assert check.take([(name.encode(), value.encode()) for name, value in reviewer.items()], CLAIM, _nobody)
    assert not _short(stage, reviewer)


async def test_a_header_sent_twice_is_left_to_the_long_way() -> None:
    """Which of two tokens counts is not decided in a hurry."""
    lane = support.stage().app.express()[URL.encode()]
    raw = [(name.encode(), value.encode()) for name, value in ORDINARY.items()]
    assert not lane.take([*raw, raw[0]], CLAIM, _nobody)


@pytest.mark.parametrize("bounds", [limits.Limits(requests=0), limits.Limits(message_bytes=len(CLAIM) - 1)])
async def test_limits_are_the_long_ways_to_tell(bounds: limits.Limits) -> None:
    """A full house and a large body are refused where the words for it are."""
    assert not _short(support.stage(bounds=bounds), ORDINARY)


@pytest.mark.parametrize("path", [URL, f"{URL}/check"])
@pytest.mark.parametrize("body", [CLAIM, b"", b"[]", b"{", b'{"claim_id":7}'])
async def test_both_ways_answer_alike(path: str, body: bytes) -> None:
    """Status, headers and body of a decision, of its repetition and of a refusal are the same."""
    short, long = await _both(ORDINARY, body, times=2, path=path)
    assert short == long


@pytest.mark.parametrize(
    "failure",
    [
        errors.Conflict("idempotency.key_reused", "Another body."),
        errors.Exhausted("queue.full", "Too much.", retry_after_ms=1500),
        errors.Unavailable("deadline.exceeded", "Late."),
        errors.Denied("token.expired", "Old."),
        errors.Internal("claims.no_outcome", "Nothing."),
        errors.Invalid("bad", "Bad.", violations=(errors.Violation("lines[0]", "bad", "Bad."),)),
    ],
)
async def test_both_ways_refuse_alike(failure: errors.Fault) -> None:
    """Each kind of Fault has the same status, headers and words."""
    short, long = await _both(ORDINARY, failure=failure)
    assert short == long
    assert short[0][0] >= 400


@pytest.mark.parametrize("request_id", ["req-00001", "r" * 32, ""])
@pytest.mark.parametrize("path", [URL, f"{URL}/check"])
async def test_both_ways_turn_away_alike(path: str, request_id: str) -> None:
    """One claim too many gets the same 429 on either way, with its own id; when others leave it is let in."""
    stage, told = support.stage(), []
    release = _filled(stage)
    headers = ORDINARY | {"x-request-id": request_id}
    async with support.wire(stage.app) as connect:
        wire = await connect()
        for way in ({}, {"origin": "https://desk.example"}):
            await wire.send(_request(headers | way, CLAIM, path))
            told.append(await _answer(wire))
        release.set()
        await support.until(_freed(stage), bool)
        await wire.send(_request(headers, CLAIM, path))
        assert (await _answer(wire))[0] in {200, 201}
    for status, answered, body in told:
        problem = msgspec.json.decode(body, type=support.Problem)
        assert (status, problem.type, answered["retry-after"]) == (429, "/problems/gateway.busy", "1")
        assert problem.request_id == answered["x-request-id"]
        assert problem.instance == path
    assert (told[0] == told[1]) == bool(request_id)


async def test_a_tenant_that_floods_does_not_turn_others_away() -> None:
    """While one tenant's claims are refused another's are answered."""
    stage = support.stage()
    release = _filled(stage)
    small = ORDINARY | support.OTHERS
    assert _short(stage, small)
    await asyncio.sleep(0)
    assert stage.claims.submissions[-1][1].tenant == "other"
    assert stage.claims.submissions[-1][0].apart
    release.set()


async def test_an_answer_that_cannot_be_written_is_told_to_the_loop_and_counted() -> None:
    """It keeps no place, and nobody behind it from an answer."""
    stage, told = support.stage(), list[object]()
    lane = stage.app.express()[URL.encode()]
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))

    def broken(_: bytes, __: bytes, /, *, close: bool) -> None:
        raise OSError(f"close={close}")

    raw = [(name.encode(), value.encode()) for name, value in ORDINARY.items()]
    for _ in range(turnstiles.FIRST + 1):
        assert lane.take(raw, CLAIM, broken)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert len(told) == len(stage.claims.submissions) == turnstiles.FIRST + 1


def _filled(stage: support.Stage) -> asyncio.Event:
    """Let one tenant have all the claims under way that it may; they end when the event is set."""
    gate, submit = asyncio.Event(), stage.claims.submit

    async def held(submission: exchanges.Submission, context: contexts.CallContext) -> exchanges.Answer:
        await gate.wait()
        return await submit(submission, context)

    stage.claims.submit = held  # type: ignore[method-assign]
    for _ in range(turnstiles.FIRST):
        assert _short(stage, ORDINARY)
    stage.claims.submit = submit  # type: ignore[method-assign]
    return gate


def _freed(stage: support.Stage) -> Callable[[], Awaitable[bool]]:
    """Return what tells whether the claims that were under way have left."""

    async def freed() -> bool:
        await asyncio.sleep(0)
        return len(stage.claims.submissions) >= turnstiles.FIRST

    return freed


@pytest.mark.parametrize("failure", [None, errors.Exhausted("queue.full", "Too much.")])
@pytest.mark.parametrize(
    "origin", [{}, {"origin": "https://desk.example"}, {"origin": "https://evil.example"}]
)
async def test_both_ways_tell_other_origins_alike(
    origin: dict[str, str], failure: errors.Fault | None
) -> None:
    """Where origins are named, answers say to whom they are open and that this varies, refusals as well."""
    stage = support.stage(origins=("https://desk.example",))
    stage.claims.failure = failure
    async with support.wire(stage.app) as connect:
        wire = await connect()
        told = []
        for way in ({}, {"accept": "application/json, */*"}):
            await wire.send(_request(ORDINARY | origin | way, CLAIM))
            told.append((await _answer(wire))[1])
    assert told[0].keys() - {"idempotent-replayed"} == told[1].keys() - {"idempotent-replayed"}
    for headers in told:
        assert headers["vary"] == "origin"
        opened = {"access-control-allow-origin": "https://desk.example"} if "desk" in str(origin) else {}
        assert headers.items() >= opened.items()
        assert ("access-control-allow-origin" in headers) == bool(opened)


async def test_a_refusal_that_ends_the_connection_ends_it() -> None:
    """After 413 nothing more is read on either way."""
    stage = support.stage()
    stage.claims.failure = errors.Invalid("claim.too_large", "Large.")
    async with support.wire(stage.app) as connect:
        wire = await connect()
        await wire.send(_request(ORDINARY, CLAIM))
        status, headers, _ = await _answer(wire)
        assert (status, headers["connection"], await wire.rest()) == (413, "close", b"")


async def test_a_defect_on_the_short_way_is_500_and_counted_out() -> None:
    """An answer that cannot be written is a defect that the caller hears of; the place is free again."""
    stage = support.stage(bounds=limits.Limits(requests=1))

    async def odd(submission: exchanges.Submission, context: object) -> exchanges.Answer:
        del submission, context
        return exchanges.Answer(b"{}", exchanges.JSON, claim_id="a\r\nx-evil: 1", verdict="accept")

    stage.claims.submit = odd  # type: ignore[method-assign]  # a room behind that lost its mind
    async with support.wire(stage.app) as connect:
        wire = await connect()
        for _ in range(2):
            await wire.send(_request(ORDINARY, CLAIM))
            status, headers, _ = await _answer(wire)
            assert status == 500
            assert "x-evil" not in headers


@hypothesis.settings(max_examples=20, deadline=None)
@hypothesis.given(
    strategies.lists(strategies.sampled_from(["short", "long", "other"]), min_size=1, max_size=8)
)
def test_pipelined_ways_are_answered_in_order(ways: list[str]) -> None:
    """However short, long and other requests are mixed in one packet, answers come in the order asked."""
    stage = support.stage()
    bodies = [b'{"claim_id":"%d"}' % number for number in range(len(ways))]
    packet = b"".join(
        support.head("GET", "/healthz", {})
        if way == "other"
        else _request(ORDINARY | ({"origin": "https://desk.example"} if way == "long" else {}), body)
        for way, body in zip(ways, bodies, strict=True)
    )

    async def run() -> list[bytes]:
        async with support.wire(stage.app) as connect:
            wire = await connect()
            await wire.send(packet)
            return [(await _answer(wire))[2] for _ in ways]

    for way, number, told in zip(ways, itertools.count(), asyncio.run(run()), strict=False):
        assert told == b"ok\n" if way == "other" else b'"claim_id":"%d"' % number in told


async def test_the_short_way_is_followed_too() -> None:
    """A drawn request has its span on either way, and claims is told of it."""
    spans = in_memory_span_exporter.InMemorySpanExporter()
    stage = support.stage()
    with telemetry.configure("gateway", Drawn(), environ={}, exporters=[spans]):
        async with support.wire(stage.app) as connect:
            wire = await connect()
            await wire.send(_request(ORDINARY, CLAIM))
            await _answer(wire)
    assert [span.name for span in spans.get_finished_spans()] == ["gateway.submit"]
    assert stage.claims.submissions[0][1].traceparent.startswith("00-")


async def test_an_idle_connection_is_closed_after_its_time() -> None:
    """The lazy timer closes a connection that nobody uses, after an answer on the short way."""
    async with support.wire(support.stage().app, keepalive_seconds=0.01) as connect:
        wire = await connect()
        await wire.send(_request(ORDINARY, CLAIM))
        assert (await _answer(wire))[0] == 201
        assert await wire.rest() == b""


async def test_a_short_request_in_flight_is_finished_and_its_connection_closed() -> None:
    """When the process is about to end, the answer says that the connection ends with it."""
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
    wire = support.Wire(*await asyncio.open_connection("127.0.0.1", port))
    await wire.send(_request(ORDINARY, CLAIM))
    await asyncio.wait_for(begun.wait(), 5)
    closing = asyncio.create_task(opened.__aexit__(None, None, None))
    await support.until(_closed_to(port), bool)
    gate.set()
    status, headers, _ = await _answer(wire)
    assert (status, headers["connection"]) == (201, "close")
    wire.writer.close()
    await closing


def _closed_to(port: int) -> Callable[[], Awaitable[bool]]:
    async def closed() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return True
        writer.close()
        return False

    return closed
