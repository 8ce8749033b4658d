"""The short way of a claim that came whole in one piece: no task, no framework, the same answer.

What is not ordinary about a request is declined before anything was done for it, and `intake` answers it: a
caller who is not known yet, another media type, a header that changes how a body is read. Answers must be
those of `intake`; a test sends the same requests both ways.
"""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from chassis import errors, faults, telemetry
from gateway import ports
from gateway.domain import exchanges
from gateway.domain import headers as names
from gateway.inbound import intake, lobbies, meters, problems, replies, turnstiles

JSON = exchanges.JSON.encode()
ANY = frozenset({b"*/*", JSON})  # what leaves the choice of a media type to us, or makes ours
MARK = "@" * 32  # where the request's id goes in an answer made beforehand; as long as those we give
CHANGING = frozenset({b"content-encoding", b"transfer-encoding", b"expect", b"origin"})


class Reply(Protocol):
    """Takes the one answer of a request, head (`replies.head`) and body; `close` ends the connection."""

    def __call__(self, head: bytes, body: bytes, /, *, close: bool) -> None:
        """Send it."""
        ...


class Express:
    """Takes the ordinary requests of one path."""

    def __init__(
        self,
        door: ports.ClaimsDoor,
        lobby: lobbies.Lobby,
        meter: meters.Meter,
        *,
        path: str,
        dry_run: bool,
        limit: int,
        fixed: Mapping[str, str] = replies.NONE,
    ) -> None:
        self._door, self._lobby, self._meter = door, lobby, meter
        self._turnstile = lobby.turnstile
        self._path, self._dry_run, self._limit, self._fixed = path, dry_run, limit, fixed
        self._busy = self._refused(turnstiles.BUSY, MARK)
        self._action = "check" if dry_run else "submit"
        self._span = f"gateway.{self._action}"

    def take(self, headers: list[tuple[bytes, bytes]], body: bytes, reply: Reply) -> bool:
        """Answer a request whole, later, through `reply`; return False when it needs the long way.

        `headers` have lower-case names. Nothing has happened for a request that is declined.
        """
        found = dict(headers)
        if self._unusual(found, len(headers), len(body)):
            return False
        caller = self._lobby.known(found.get(b"authorization", b""), self._action)
        key = _text(found, b"idempotency-key") if b"idempotency-key" in found else ""
        if caller is None or (key and not names.IDEMPOTENCY_KEY.fullmatch(key)):
            return False
        request_id = names.request_id(_text(found, b"x-request-id") if b"x-request-id" in found else "")
        began = self._meter.enter()
        if not self._turnstile.enter(caller.tenant):
            self._turn_away(request_id, began, reply)
            return True
        parent = names.traceparent(_text(found, b"traceparent")) if b"traceparent" in found else ""
        span = telemetry.root_span(self._span, parent)
        context = self._lobby.give(caller, key=key, traceparent=span.traceparent, request_id=request_id)
        apart = self._turnstile.apart(caller.tenant)
        submission = exchanges.Submission(body, exchanges.JSON, exchanges.JSON, self._dry_run, apart)
        trip = _Trip(self, caller.tenant, request_id, span=span, began=began, reply=reply)
        try:
            self._door.begin(submission, context, trip)
        except errors.Fault as fault:
            trip.set_exception(fault)
        return True

    def _unusual(self, found: Mapping[bytes, bytes], headers: int, size: int) -> bool:
        return (
            len(found) < headers  # one was sent twice
            or found.get(b"content-type") != JSON
            or found.get(b"accept", JSON) not in ANY
            or not CHANGING.isdisjoint(found)
            or found.get(b"idempotency-key") == b""
            or size > self._limit
            or self._meter.full()
        )

    def _turn_away(self, request_id: str, began: float, reply: Reply) -> None:
        """Answer 429 for next to nothing: the fewer there are to answer, the more claims are."""
        if len(request_id) == len(MARK):
            mark, given = MARK.encode(), request_id.encode()
            head, body = (part.replace(mark, given) for part in (self._busy.head, self._busy.body))
        else:
            told = self._refused(turnstiles.BUSY, request_id)
            head, body = told.head, told.body
        self._meter.leave("POST", self._path, self._busy.status, began)
        reply(head, body, close=False)

    def answer(self, trip: "_Trip", outcome: exchanges.Answer | Exception) -> None:
        """Write the answer, and count it then: whoever waits needs no figures. Raises nothing."""
        try:
            told = self._told(outcome, trip.request_id)
        except Exception as cause:  # noqa: BLE001 - the last door of this way
            told = self._refused(cause, trip.request_id)
        try:
            trip.reply(told.head, told.body, close=told.close)
        except Exception as cause:  # noqa: BLE001 - others of the same batch wait behind this one
            asyncio.get_running_loop().call_exception_handler({"message": "not written", "exception": cause})
        failure = outcome if isinstance(outcome, Exception) else None
        trip.span.__exit__(None if failure is None else type(failure), failure, None)
        self._turnstile.leave(trip.tenant, answered=told.answers)
        self._meter.leave("POST", self._path, told.status, trip.began)

    def _told(self, decision: exchanges.Answer | Exception, request_id: str) -> "_Told":
        if isinstance(decision, Exception):
            return self._refused(decision, request_id)
        status, extra = intake.told(decision, dry_run=self._dry_run)
        extra = {**extra, **self._fixed} if self._fixed else extra
        body = decision.body
        return _Told(status, replies.head(status, decision.media_type, len(body), extra, request_id), body)

    def _refused(self, cause: Exception, request_id: str) -> "_Told":
        fault = faults.of_exception(cause, "POST")
        status, extra = problems.status(fault), {**problems.headers(fault), **self._fixed}
        body = problems.body(fault, instance=self._path, request_id=request_id)
        head = replies.head(status, problems.MEDIA_TYPE, len(body), extra, request_id)
        return _Told(status, head, body, close="connection" in extra, answers=turnstiles.tells(fault))


class _Trip:
    """A request on its way, and the promise of its answer: that is written in the turn that knows it."""

    __slots__ = ("_express", "_over", "began", "reply", "request_id", "span", "tenant")

    def __init__(
        self,
        express: Express,
        tenant: str,
        request_id: str,
        *,
        span: telemetry.Nothing,
        began: float,
        reply: Reply,
    ) -> None:
        self._express, self._over = express, False
        self.tenant, self.request_id, self.span = tenant, request_id, span
        self.began, self.reply = began, reply

    def done(self) -> bool:
        """Return whether it was answered."""
        return self._over

    def set_result(self, result: exchanges.Answer, /) -> None:
        """Answer with a decision."""
        self._over = True
        self._express.answer(self, result)

    def set_exception(self, fault: errors.Fault, /) -> None:
        """Answer with a refusal."""
        self._over = True
        self._express.answer(self, fault)


class _Told(NamedTuple):
    """An answer as it goes out."""

    status: int
    head: bytes
    body: bytes
    close: bool = False
    answers: bool = True


def _text(found: Mapping[bytes, bytes], name: bytes) -> str:
    return found.get(name, b"").decode("latin-1")
