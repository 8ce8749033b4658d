"""POST /api/v1/claims and /check: one claim answered whole, a file answered as it streams; the hot path.

Plain ASGI, because everything a framework does per request costs more here than the hop behind it.
"""

from collections.abc import Mapping

from starlette.types import Receive, Scope, Send

from gateway import ports
from gateway.domain import callers, exchanges
from gateway.domain import headers as names
from gateway.inbound import arrivals, bodies, limits, lobbies, replies, uploads

SINGLE = frozenset({exchanges.JSON, exchanges.FHIR})
FILES = frozenset({exchanges.NDJSON, exchanges.CSV, exchanges.ARROW})
ALLOWED = SINGLE | FILES


class Reader:
    """Reads whole bodies of one message within the limits."""

    def __init__(self, bounds: limits.Limits) -> None:
        self._bounds = bounds
        self._memory = bodies.Memory(bounds.memory_bytes)

    async def read(self, scope: Scope, receive: Receive, limit: int | None = None) -> bytes:
        """Return the body; raises what `bodies.read` raises, and Invalid for a compressed one."""
        headers = arrivals.of(scope).headers
        arrivals.refuse_repeated(scope)
        bodies.refuse_encoding(headers)
        return await bodies.read(
            receive,
            headers,
            limit=self._bounds.message_bytes if limit is None else limit,
            seconds=self._bounds.body_seconds,
            memory=self._memory,
        )


class Intake:
    """The endpoint; `dry_run` makes it the check, where nothing is stored and no key is needed."""

    def __init__(
        self,
        door: ports.ClaimsDoor,
        lobby: lobbies.Lobby,
        reader: Reader,
        files: uploads.Uploads,
        *,
        dry_run: bool,
    ) -> None:
        self._door, self._lobby, self._reader, self._files = door, lobby, reader, files
        self._dry_run = dry_run
        self._action = "check" if dry_run else "submit"
        self._span = f"gateway.{self._action}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; refusals leave as Faults."""
        caller = await self._lobby.admit(scope, self._action)
        headers = arrivals.of(scope).headers
        media_type = names.media_type(headers.get("content-type", ""), ALLOWED)
        with self._lobby.follow(scope, self._span):
            if media_type in FILES:
                upload = exchanges.Upload(media_type, dry_run=self._dry_run)
                await self._files.answer(scope, receive, send, caller, upload)
            else:
                await self._one(scope, receive, send, caller, media_type)

    async def _one(
        self, scope: Scope, receive: Receive, send: Send, caller: callers.Caller, media_type: str
    ) -> None:
        headers = arrivals.of(scope).headers
        key = names.idempotency_key(headers.get("idempotency-key"))
        accept = names.preferred(headers.get("accept", ""), (exchanges.JSON, exchanges.FHIR))
        body = await self._reader.read(scope, receive)
        with self._lobby.turnstile.inside(caller.tenant) as apart:
            submission = exchanges.Submission(body, media_type, accept, self._dry_run, apart)
            answer = await self._door.submit(submission, self._lobby.context(scope, caller, key=key))
        status, extra = told(answer, dry_run=self._dry_run)
        await replies.send(send, status, answer.media_type, answer.body, extra)


def told(answer: exchanges.Answer, *, dry_run: bool) -> tuple[int, Mapping[str, str]]:
    """Return status and headers of a decision: 201 created, 200 repeated or only checked."""
    if dry_run:
        return 200, replies.PRIVATE
    location = {**replies.PRIVATE, "location": f"/api/v1/claims/{answer.claim_id}"}
    if answer.replayed:
        return 200, {**location, "idempotent-replayed": "true"}
    return 201, location
