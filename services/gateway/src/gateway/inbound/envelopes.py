"""What every request passes first and every answer last: ids, security headers, measures, refusals."""

import asyncio
from collections.abc import Callable, Mapping

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import errors, faults
from gateway.inbound import arrivals, bodies, express, meters, replies

UNMATCHED = "unmatched"


class Fastlane(msgspec.Struct, frozen=True):
    """An endpoint that is reached without the framework's routing; the framework knows it too.

    `short` answers the ordinary requests of the path that a server hands to it; the endpoint all others.
    """

    path: str
    endpoint: ASGIApp
    short: express.Express | None = None


class Envelope:
    """The outermost ASGI application.

    `fastlanes` are answered before the framework is asked, because its routing costs more than they do. When
    the meter is full a request is refused with 429. `opened` opens an application to other origins, and so
    every answer, refusals too. Whoever ends the process sets `draining` first: readiness then says no and
    event streams end.
    """

    def __init__(
        self,
        app: ASGIApp,
        fastlanes: tuple[Fastlane, ...],
        meter: meters.Meter,
        *,
        draining: asyncio.Event,
        opened: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    ) -> None:
        self._app, self._meter = app, meter
        self._inner = opened(self._serve)
        self.draining = draining
        self._fastlanes: Mapping[str, Fastlane] = {lane.path: lane for lane in fastlanes}

    def express(self) -> Mapping[bytes, express.Express]:
        """Return, by their path, the lanes that a server may hand whole requests to."""
        return {lane.path.encode(): lane.short for lane in self._fastlanes.values() if lane.short}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        letter = _Letter(send, arrivals.note(scope).request_id)
        scope["state"]["letter"] = letter
        began = self._meter.enter()
        try:
            await self._inner(scope, receive, letter.send)
        finally:
            self._meter.leave(str(scope["method"]), _route(scope), letter.status, began)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        letter: _Letter = scope["state"]["letter"]
        try:
            await self._answer(scope, receive, send)
        except bodies.Disconnected:
            return
        except Exception as cause:
            fault = faults.of_exception(cause, str(scope["method"]))
            if not letter.status:
                await replies.refusal(scope, fault)(scope, receive, send)
            elif not letter.ended:  # too late for another answer: a broken connection tells the caller
                raise

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._meter.over():
            raise errors.Exhausted("gateway.full", "Too many requests are being served.", retry_after_ms=1000)
        lane = self._fastlanes.get(scope["path"]) if scope["method"] == "POST" else None
        if lane is None:
            await self._app(scope, receive, send)
        else:
            scope["state"]["route"] = lane.path
            await lane.endpoint(scope, receive, send)


class _Letter:
    """Adds to an answer what every answer carries; remembers its status, 0 before there is one."""

    __slots__ = ("_headers", "_send", "ended", "status")

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._headers = ((b"x-request-id", request_id.encode()), *replies.SECURITY)
        self.status = 0
        self.ended = False

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            raw = [*message["headers"], *self._headers]
            if not any(name == replies.POLICY[0] for name, _ in message["headers"]):
                raw.append(replies.POLICY)
            message["headers"] = raw
        else:
            self.ended = not message.get("more_body", False)
        await self._send(message)


def _route(scope: Scope) -> str:
    """Return the route's pattern, never the path: a path names claims."""
    route = scope["state"].get("route")
    if route is None:
        route = getattr(scope.get("route"), "path", UNMATCHED)
    return str(route)
