"""GET /api/v1/events: changes of claims as server-sent events (WHATWG HTML, section 9.2)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from starlette.types import Receive, Scope, Send

from chassis import errors
from gateway import ports
from gateway.domain import exchanges
from gateway.domain import headers as names
from gateway.inbound import arrivals, limits, lobbies, problems, replies

ROUTE = "/api/v1/events"
MEDIA_TYPE = "text/event-stream"
RETRY = b"retry: 3000\n\n"  # a client that lost us comes back after 3 s, at the change it saw last
HEARTBEAT = b": still here\n\n"  # a comment; keeps proxies from closing a quiet connection
SETTLE_SECONDS = 0.2  # a refusal within this time still gets a status of its own


class Events:
    """The endpoint; ends its streams when draining begins, so that clients go elsewhere in order."""

    def __init__(
        self, desk: ports.ClaimsDesk, lobby: lobbies.Lobby, bounds: limits.Limits, draining: asyncio.Event
    ) -> None:
        self._desk, self._lobby, self._bounds, self._draining = desk, lobby, bounds, draining
        self._watching = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one watch until its caller goes away, we drain, or the watch fails."""
        scope["state"]["route"] = ROUTE  # a plain endpoint tells the measures itself which route it is
        caller = await self._lobby.admit(scope, "watch")
        offered = arrivals.of(scope).headers.get("last-event-id", "")
        context = self._lobby.context(scope, caller, seconds=self._bounds.watch_seconds)
        changes = self._desk.watch(names.event_position(offered), context)
        if self._watching >= self._bounds.watches:
            raise errors.Exhausted("events.too_many", "Too many clients are watching.", retry_after_ms=5000)
        self._watching += 1
        try:
            await self._serve(scope, receive, send, changes)
        finally:
            self._watching -= 1

    async def _serve(
        self, scope: Scope, receive: Receive, send: Send, changes: AsyncIterator[exchanges.Change]
    ) -> None:
        leave = asyncio.create_task(self._leave(receive))
        follower = _Follower(changes)
        try:
            await follower.wait(leave, SETTLE_SECONDS)
            follower.refuse()
            await replies.start(send, MEDIA_TYPE)
            await replies.more(send, RETRY)
            while not leave.done() and not follower.ended:
                await follower.wait(leave, self._bounds.heartbeat_seconds)
                await replies.more(send, follower.told(scope))
            await replies.end(send)
        finally:
            leave.cancel()
            await asyncio.gather(leave, return_exceptions=True)
            await follower.aclose()

    async def _leave(self, receive: Receive) -> None:
        """Return when the caller has gone, we drain, or the watch is old enough to show its token again."""
        gone = asyncio.create_task(_gone(receive))
        drained = asyncio.create_task(self._draining.wait())
        try:
            await asyncio.wait(
                {gone, drained}, timeout=self._bounds.watch_seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            gone.cancel()
            drained.cancel()


class _Follower:
    """Waits for the next change without losing it when the wait is cut short for a heartbeat."""

    def __init__(self, changes: AsyncIterator[exchanges.Change]) -> None:
        self._changes = changes
        self._next = asyncio.create_task(_first(changes))
        self.ended = False

    async def wait(self, leave: asyncio.Task[None], seconds: float) -> None:
        """Return when there is a change or an end to tell, `leave` is done, or time has passed."""
        await asyncio.wait({self._next, leave}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    def refuse(self) -> None:
        """Raise the Fault that the watch began with, if it did."""
        if self._next.done() and self._next.exception() is not None:
            self._next.result()

    def told(self, scope: Scope) -> bytes:
        """Return the event to send now: a change, why there will be no more, or a heartbeat."""
        if not self._next.done():
            return HEARTBEAT
        try:
            change = self._next.result()
        except errors.Fault as fault:
            self.ended = True
            arrival = arrivals.of(scope)
            body = problems.body(fault, instance=scope["path"], request_id=arrival.request_id)
            return b"event: problem\ndata: " + body + b"\n\n"
        if change is None:
            self.ended = True
            return b""
        self._next = asyncio.create_task(_first(self._changes))
        return event(change)

    async def aclose(self) -> None:
        """Give the watch up."""
        self._next.cancel()
        await asyncio.gather(self._next, return_exceptions=True)
        if isinstance(self._changes, AsyncGenerator):
            await self._changes.aclose()


def event(change: exchanges.Change) -> bytes:
    """Return one change as an event whose id is the position to go on from."""
    lines = b"".join(b"data: " + line + b"\n" for line in change.document.splitlines())
    return b"id: " + change.position.encode() + b"\n" + lines + b"\n"


async def _first(changes: AsyncIterator[exchanges.Change]) -> exchanges.Change | None:
    async for change in changes:
        return change
    return None


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
