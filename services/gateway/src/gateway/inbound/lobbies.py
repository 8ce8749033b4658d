"""Where every request of a person or system passes: who is it, and how long may the answer take."""

import itertools
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.types import Scope

from chassis import clock as clocks
from chassis import contexts, telemetry
from gateway import ports
from gateway.domain import callers
from gateway.domain import headers as names
from gateway.inbound import arrivals, limits, turnstiles
from gateway.usecases import admit

FRESH_SECONDS = 1.0  # beside the half minute that clocks of two machines may differ by
MANY = 4_096  # headers remembered for that moment; as many as requests are served at once

type Entrance = Callable[[Request], Awaitable[callers.Caller]]


class Lobby:
    """Admits callers and gives each item its context; item ids are unique in this process.

    Its `turnstile` is where single claims pass once they are all there.
    """

    def __init__(
        self, authenticator: ports.Authenticator, clock: clocks.Clock, bounds: limits.Limits
    ) -> None:
        self._authenticator, self._clock = authenticator, clock
        self._deadline_seconds = bounds.deadline_seconds
        self.turnstile = turnstiles.Turnstile(clock, bounds)
        self._ids = itertools.count(1)
        self._fresh: dict[tuple[bytes, str], callers.Caller] = {}
        self._stale = clock.monotonic()

    async def admit(self, scope: Scope, action: str) -> callers.Caller:
        """Return the verified caller, allowed to do `action`; raises Denied, Unavailable."""
        headers = arrivals.of(scope).headers
        return await admit.admit(headers, action, authenticator=self._authenticator)

    def known(self, credential: bytes, action: str) -> callers.Caller | None:
        """Return the caller of an Authorization header that needs no new look; None when `admit` has to.

        Who was known a moment ago is not looked up again: a token holds up to `FRESH_SECONDS` too long.
        """
        now = self._clock.monotonic()
        if now >= self._stale or len(self._fresh) >= MANY:
            self._fresh.clear()
            self._stale = now + FRESH_SECONDS
        caller = self._fresh.get((credential, action))
        if caller is None:
            caller = self._authenticator.known(credential.decode("latin-1"))
            if caller is None or not callers.may(caller, action):
                return None
            self._fresh[credential, action] = caller
        return caller

    def enter(self, action: str) -> Entrance:
        """Return `admit` for the framework, which asks it before it looks at anything else of a request."""

        async def entrance(request: Request) -> callers.Caller:
            return await self.admit(request.scope, action)

        return entrance

    def follow(self, scope: Scope, name: str) -> telemetry.Nothing:
        """Return the span of a request whose caller is known: only such a one may force a trace."""
        return telemetry.root_span(name, names.traceparent(arrivals.of(scope).headers.get("traceparent", "")))

    def context(
        self, scope: Scope, caller: callers.Caller, *, key: str = "", seconds: float | None = None
    ) -> contexts.CallContext:
        """Return the context of an item whose time begins now."""
        return self.give(
            caller,
            key=key,
            seconds=seconds,
            traceparent=telemetry.current_traceparent(),
            request_id=arrivals.of(scope).request_id,
        )

    def give(
        self,
        caller: callers.Caller,
        *,
        key: str,
        traceparent: str,
        request_id: str,
        seconds: float | None = None,
    ) -> contexts.CallContext:
        """Return the context of an item of this request whose time begins now."""
        return contexts.CallContext(
            item_id=str(next(self._ids)),
            tenant=caller.tenant,
            subject=caller.subject,
            roles=caller.roles,
            branch=caller.branch,
            deadline=self._clock.monotonic() + (self._deadline_seconds if seconds is None else seconds),
            traceparent=traceparent,
            idempotency_key=key,
            request_id=request_id,
        )
