"""What every request passes first and every answer last: ids, security headers, measures, refusals."""

import asyncio
from collections.abc import Callable, Mapping

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import clock as clocks
from chassis import errors, faults, telemetry
from gateway.inbound import arrivals, bodies, replies

# The API answers data, never a page that loads anything; the docs page brings its own stricter policy.
SECURITY: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"strict-transport-security", b"max-age=31536000"),  # ignored by browsers over plain HTTP
)
POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
UNMATCHED = "unmatched"
DEFECT = errors.Internal(faults.UNEXPECTED, "The service failed; the log of this request knows why.")


class Fastlane(msgspec.Struct, frozen=True):
    """An endpoint that is reached without the framework's routing; the framework knows it too."""

    path: str
    endpoint: ASGIApp


class Envelope:
    """The outermost ASGI application.

    `fastlanes` are answered before the framework is asked, because its routing costs more than they do. At
    most `limit` requests are served at once; one more is refused with 429. Whoever ends the process sets
    `draining` first: readiness then says no and event streams end.
    """

    def __init__(
        self,
        app: ASGIApp,
        fastlanes: tuple[Fastlane, ...],
        clock: clocks.Clock,
        *,
        limit: int,
        draining: asyncio.Event,
    ) -> None:
        self._app = app
        self.draining = draining
        self._fastlanes: Mapping[str, Fastlane] = {lane.path: lane for lane in fastlanes}
        self._now, self._limit = clock.monotonic, limit
        self._serving = 0
        self._seconds = telemetry.histogram(
            "http_request_seconds", "Seconds until an answer's end.", ("method", "route", "status")
        )
        self._observers: dict[tuple[str, str, int], Callable[[float], None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        letter = _Letter(send, arrivals.note(scope).request_id)
        began = self._now()
        self._serving += 1
        try:
            await self._serve(scope, receive, letter)
        finally:
            self._serving -= 1
            self._observe(scope, letter.status, self._now() - began)

    async def _serve(self, scope: Scope, receive: Receive, letter: "_Letter") -> None:
        try:
            await self._answer(scope, receive, letter.send)
        except bodies.Disconnected:
            return
        except Exception as cause:
            fault = faults.of_exception(cause, str(scope["method"]))
            if not letter.status:
                await replies.refusal(scope, fault)(scope, receive, letter.send)
            elif not letter.ended:  # too late for another answer: a broken connection tells the caller
                raise

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._serving > self._limit:
            raise errors.Exhausted("gateway.full", "Too many requests are being served.", retry_after_ms=1000)
        lane = self._fastlanes.get(scope["path"]) if scope["method"] == "POST" else None
        if lane is None:
            await self._app(scope, receive, send)
        else:
            scope["state"]["route"] = lane.path
            await lane.endpoint(scope, receive, send)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        key = (_method(scope), _route(scope), status)
        observe = self._observers.get(key)
        if observe is None:
            observe = self._observers[key] = self._seconds.labels(*map(str, key)).observe
        observe(seconds)


class _Letter:
    """Adds to an answer what every answer carries; remembers its status, 0 before there is one."""

    __slots__ = ("_headers", "_send", "ended", "status")

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._headers = ((b"x-request-id", request_id.encode()), *SECURITY)
        self.status = 0
        self.ended = False

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            raw = [*message["headers"], *self._headers]
            if not any(name == POLICY[0] for name, _ in message["headers"]):
                raw.append(POLICY)
            message["headers"] = raw
        else:
            self.ended = not message.get("more_body", False)
        await self._send(message)


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in {"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"} else "other"


def _route(scope: Scope) -> str:
    """Return the route's pattern, never the path: a path names claims."""
    route = scope["state"].get("route")
    if route is None:
        route = getattr(scope.get("route"), "path", UNMATCHED)
    return str(route)
