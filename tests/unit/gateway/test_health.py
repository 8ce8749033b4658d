"""Health tells the truth: of the process, of readiness, of what is known of the rooms behind."""

import asyncio

import gateway_support as support
from chassis import testing as plumbing
from gateway import testing
from gateway.domain import exchanges
from gateway.usecases import judge_readiness


async def test_a_living_process_says_so_even_when_claims_is_away() -> None:
    """Liveness is about this process: restarting it would not bring claims back."""
    stage = support.stage()
    stage.neighbour.now = exchanges.State(ok=False, detail="claims: call.unavailable")
    async with support.client(stage.app) as client:
        assert (await client.get("/healthz")).status_code == 200


async def test_readiness_follows_claims() -> None:
    """When claims cannot serve, neither can we, and the reason is told."""
    stage = support.stage(clock=(clock := plumbing.ManualClock()))
    async with support.client(stage.app) as client:
        assert (await client.get("/readyz")).status_code == 200
        stage.neighbour.now = exchanges.State(ok=False, detail="claims: not serving")
        clock.advance(judge_readiness.FRESH_SECONDS)
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "claims: not serving\n")


async def test_draining_is_not_ready_at_once() -> None:
    """A process that is about to go says no whatever claims says."""
    stage = support.stage()
    async with support.client(stage.app) as client:
        stage.app.draining.set()
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "draining\n")


async def test_many_probes_ask_once() -> None:
    """Probes of one second share one question, also when they come at the same time."""
    clock, neighbour = plumbing.ManualClock(), testing.MemoryNeighbour()
    readiness = judge_readiness.Readiness(neighbour, clock)
    await asyncio.gather(*(readiness.judge() for _ in range(20)))
    assert neighbour.asked == 1
    clock.advance(judge_readiness.FRESH_SECONDS)
    await readiness.judge()
    assert neighbour.asked == 2


async def test_the_report_names_each_room_as_far_as_it_is_known() -> None:
    """The room behind is up or down by its own word; what is seen only through it is unknown, not up."""
    stage = support.stage(clock=(clock := plumbing.ManualClock()))
    async with support.client(stage.app) as client:
        well = (await client.get("/api/health")).json()
        stage.neighbour.now = exchanges.State(ok=False, detail="claims: call.unavailable")
        clock.advance(judge_readiness.FRESH_SECONDS)
        ill = (await client.get("/api/health")).json()
    assert (well["status"], ill["status"]) == ("ready", "not ready")
    assert well["rooms"]["claims"] == {"state": "up", "detail": ""}
    assert ill["rooms"]["claims"] == {"state": "down", "detail": "claims: call.unavailable"}
    assert {well["rooms"][room]["state"] for room in ("scoring", "storage")} == {"unknown"}


async def test_metrics_count_requests_by_route_and_never_by_path() -> None:
    """A route's pattern is a label; the id in a path is not."""
    stage = support.stage()
    claim_id = "01990d5a-6b1e-7c3a-9f10-00000000beef"
    async with support.client(stage.app) as client:
        await client.get(f"/api/v1/claims/{claim_id}", headers=support.BILLER)
        await client.get("/nowhere/at/all")
        await client.get("/api/v1/events")
        await client.get("/openapi.json")
        answer = await client.get("/metrics")
    assert (
        'ultrathink_http_request_seconds_count{method="GET",route="/api/v1/claims/{id}",status="404"}'
        in answer.text
    )
    assert 'route="unmatched"' in answer.text
    for route in ("/api/v1/events", "/openapi.json"):
        assert f'route="{route}"' in answer.text
    assert claim_id not in answer.text
    assert "nowhere" not in answer.text
