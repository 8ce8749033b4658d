"""Server-sent events: changes as they come, resumed where a client left off, alive while nothing happens."""

import json

import gateway_support as support
from chassis import errors
from gateway.domain import exchanges
from gateway.inbound import events, limits

URL = "/api/v1/events"


def watch(**headers: str) -> bytes:
    """Return the request of a watch."""
    return support.head(
        "GET", URL, support.BILLER | {name.replace("_", "-"): value for name, value in headers.items()}
    )


async def event(wire: support.Wire) -> bytes:
    """Return the next event that is no heartbeat."""
    while (piece := await wire.piece()) in {events.HEARTBEAT, events.RETRY}:
        pass
    return piece


async def test_a_change_reaches_a_watcher() -> None:
    """A watcher without a position gets the next change with the id to go on from."""
    stage = support.stage()
    await stage.claims.change(b'{"id":"old"}')
    async with support.wire(stage.app) as connect:
        wire = await connect()
        await wire.send(watch())
        status, headers = await wire.head()
        assert (status, headers["content-type"]) == (200, "text/event-stream")
        assert await wire.piece() == events.RETRY
        await stage.claims.change(b'{"id":"new"}')
        assert await event(wire) == b'id: 2\ndata: {"id":"new"}\n\n'


async def test_a_client_goes_on_where_it_left_off() -> None:
    """Last-Event-ID brings every change after it, in order."""
    stage = support.stage()
    for number in range(3):
        await stage.claims.change(b'{"n":%d}' % number)
    async with support.wire(stage.app) as connect:
        wire = await connect()
        await wire.send(watch(last_event_id="1"))
        await wire.head()
        seen = [await event(wire), await event(wire)]
    assert seen == [b'id: 2\ndata: {"n":1}\n\n', b'id: 3\ndata: {"n":2}\n\n']


async def test_a_quiet_stream_shows_that_it_lives() -> None:
    """While nothing happens, comments keep the connection open."""
    stage = support.stage(bounds=limits.Limits(heartbeat_seconds=0.01))
    async with support.wire(stage.app) as connect:
        wire = await connect()
        await wire.send(watch())
        await wire.head()
        assert await wire.piece() == events.RETRY
        assert await wire.piece() == events.HEARTBEAT
        assert await wire.piece() == events.HEARTBEAT


async def test_draining_ends_the_streams_in_order() -> None:
    """A process that is about to go ends its event streams, so that clients reconnect elsewhere."""
    stage = support.stage()
    async with support.wire(stage.app) as connect:
        wire = await connect()
        await wire.send(watch())
        await wire.head()
        await wire.piece()
        stage.app.draining.set()
        while await wire.piece():
            pass


async def test_an_old_stream_ends_so_that_a_token_is_shown_again() -> None:
    """A watch lives no longer than its age allows."""
    stage = support.stage(bounds=limits.Limits(watch_seconds=0.01))
    async with support.client(stage.app) as client:
        answer = await client.get(URL, headers=support.BILLER)
    assert answer.status_code == 200
    assert answer.content.startswith(events.RETRY)


async def test_a_watch_that_is_refused_has_a_status() -> None:
    """When claims cannot watch, the answer is a problem and no stream."""
    stage = support.stage()
    stage.claims.failure = errors.Unavailable("call.unavailable", "Away.")
    async with support.client(stage.app) as client:
        answer = await client.get(URL, headers=support.BILLER)
    support.problem(answer, 503, "call.unavailable")


async def test_a_watch_that_breaks_says_why() -> None:
    """A failure in the middle is an event of its own, then the stream ends."""
    stage = support.stage()
    await stage.claims.change(b"{}")
    async with support.wire(stage.app) as connect:
        wire = await connect()
        await wire.send(watch(last_event_id="0"))
        await wire.head()
        assert b"id: 1" in await event(wire)
        stage.claims.failure = errors.Unavailable("call.unavailable", "Away.")
        await stage.claims.change(b"{}")
        told = await event(wire)
        assert await wire.piece() == b""
    assert told.startswith(b"event: problem\ndata: ")
    assert json.loads(told.split(b"data: ")[1])["type"] == "/problems/call.unavailable"


async def test_a_position_that_cannot_be_one_is_refused() -> None:
    """Blanks and control characters never reach claims."""
    async with support.client(support.stage().app) as client:
        answer = await client.get(URL, headers=support.BILLER | {"last-event-id": "a b"})
    support.problem(answer, 422, "events.position_malformed")


async def test_only_so_many_watchers() -> None:
    """One watcher more than the limit is refused with 429."""
    stage = support.stage(bounds=limits.Limits(watches=0))
    async with support.client(stage.app) as client:
        answer = await client.get(URL, headers=support.BILLER)
    support.problem(answer, 429, "events.too_many")


def test_a_document_of_several_lines_stays_one_event() -> None:
    """Every line of a document gets its own data field, as the format asks."""
    assert events.event(exchanges.Change("7", b"{\n}")) == b"id: 7\ndata: {\ndata: }\n\n"
