"""Who may force a trace, and that a followed request is followed through to claims."""

import msgspec
import pytest
from opentelemetry.sdk.trace.export import in_memory_span_exporter

import gateway_rooms as rooms
import gateway_support as support
from chassis import clock as clocks
from chassis import local, telemetry
from gateway import testing
from gateway.domain import exchanges
from gateway.outbound import claims as outbound

TRACE = "0af7651916cd43dd8448eb211c80319c"
FOLLOWED = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
CLAIM = b'{"claim_id":"A"}'
URL = "/api/v1/claims"


class Quiet(msgspec.Struct):
    """Settings under which nothing is followed by chance."""

    trace_ratio: float = 0.0


@pytest.fixture
def spans() -> in_memory_span_exporter.InMemorySpanExporter:
    """Return where spans end up."""
    return in_memory_span_exporter.InMemorySpanExporter()


async def test_a_known_caller_may_force_a_trace(spans: in_memory_span_exporter.InMemorySpanExporter) -> None:
    """A well-formed traceparent of an authenticated caller is followed, under one span per request."""
    stage = support.stage()
    with telemetry.configure("gateway", Quiet(), environ={}, exporters=[spans]):
        async with support.client(stage.app) as client:
            await client.post(URL, content=CLAIM, headers=support.BILLER | support.JSON | FOLLOWED)
    told = stage.claims.submissions[0][1].traceparent
    assert told.startswith(f"00-{TRACE}-")
    assert told != FOLLOWED["traceparent"]
    assert [span.name for span in spans.get_finished_spans()] == ["gateway.submit"]


async def test_a_stranger_may_not(spans: in_memory_span_exporter.InMemorySpanExporter) -> None:
    """Without a valid token no span is made, whatever the header says."""
    with telemetry.configure("gateway", Quiet(), environ={}, exporters=[spans]):
        async with support.client(support.stage().app) as client:
            await client.post(URL, content=CLAIM, headers=support.JSON | FOLLOWED)
    assert spans.get_finished_spans() == ()


@pytest.mark.parametrize(
    "offered", ["", "nonsense", f"00-{TRACE}-b7ad6b7169203331-00", f"00-{'0' * 32}-b7ad6b7169203331-01"]
)
async def test_an_odd_trace_context_is_ignored(
    offered: str, spans: in_memory_span_exporter.InMemorySpanExporter
) -> None:
    """Malformed or not sampled: the request is served and not followed."""
    stage = support.stage()
    headers = support.BILLER | support.JSON | {"traceparent": offered}
    with telemetry.configure("gateway", Quiet(), environ={}, exporters=[spans]):
        async with support.client(stage.app) as client:
            answer = await client.post(URL, content=CLAIM, headers=headers)
    assert answer.status_code == 201
    assert stage.claims.submissions[0][1].traceparent == ""
    assert spans.get_finished_spans() == ()


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", "/api/v1/claims/check", "gateway.check"),
        ("GET", "/api/v1/claims", "gateway.list_claims"),
        ("GET", "/api/v1/claims/01990d5a-6b1e-7c3a-9f10-2b7f6f1d2c11", "gateway.get_claim"),
        ("POST", "/api/fhir/Claim/$submit", "gateway.submit_fhir"),
        ("POST", "/api/fhir/$process-message", "gateway.process_message"),
    ],
)
async def test_every_door_has_its_span(
    method: str, path: str, name: str, spans: in_memory_span_exporter.InMemorySpanExporter
) -> None:
    """A trace names the door a request came through, never its path."""
    with telemetry.configure("gateway", Quiet(), environ={}, exporters=[spans]):
        async with support.client(support.stage().app) as client:
            body = CLAIM if method == "POST" else None
            await client.request(method, path, content=body, headers=support.BILLER | support.JSON | FOLLOWED)
    assert [span.name for span in spans.get_finished_spans()] == [name]


async def test_a_followed_claim_is_followed_into_its_batch(
    spans: in_memory_span_exporter.InMemorySpanExporter,
) -> None:
    """The message that carries a followed claim has a span in its trace, and claims is told of that one."""
    far, clock = testing.MemoryClaims(), clocks.SystemClock()
    with telemetry.configure("gateway", Quiet(), environ={}, exporters=[spans]):
        async with local.LocalChannel(rooms.room(far), caller="gateway") as channel:
            door = outbound.ClaimsDoor(channel, clock)
            followed = support.context(clock, traceparent=FOLLOWED["traceparent"])
            submission = exchanges.Submission(CLAIM, "application/json", "application/json", dry_run=False)
            await door.submit(submission, followed)
            await door.submit(submission, support.context(clock, item_id="2"))
            await door.aclose()
    first, second = (context.traceparent for _, context in far.submissions)
    batch = next(span for span in spans.get_finished_spans() if span.name == "gateway.batch")
    assert batch.context is not None
    assert first == f"00-{TRACE}-{batch.context.span_id:016x}-01"
    assert second == ""
