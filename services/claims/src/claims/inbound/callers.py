"""Who stands behind an item: a trusted service says so in its context, a user's token says it itself."""

from collections.abc import Mapping

from chassis import clock as clocks
from chassis import contexts, errors, identity
from ultrathink.common.v1 import common_pb2

TRUSTED = frozenset({"gateway", "cli"})  # They verified the person themselves.


class Callers:
    """Turns contexts of the wire into contexts of calls, their deadlines within bounds in seconds."""

    def __init__(self, clock: clocks.Clock, *, default_seconds: float, max_seconds: float) -> None:
        self._clock, self._default, self._max = clock, default_seconds, max_seconds

    def context(
        self,
        wire: common_pb2.Context,
        who: identity.Caller,
        *,
        given: bool = True,
        onward: Mapping[str, str] | None = None,
    ) -> contexts.CallContext:
        """Return the context of an item.

        `given` is false when the sender sent no context at all: then there is the default time. A service
        is believed about tenant, subject, roles and branch; of a user's call the token alone counts. Raises
        Denied `caller.not_trusted` or `token.expired`.
        """
        if who.principal is None and who.service not in TRUSTED:
            raise errors.Denied("caller.not_trusted", "The caller may not speak for others.")
        if who.principal is not None and who.principal.expires_at <= self._clock.now():
            raise errors.Denied("token.expired", "The token has expired.")
        teller = wire if who.principal is None else who.principal
        seconds = min(wire.remaining_ms / 1000, self._max) if given else self._default
        traceparent = wire.traceparent
        return contexts.CallContext(
            item_id=wire.item_id,
            tenant=teller.tenant,
            subject=teller.subject,
            roles=tuple(teller.roles),
            branch=teller.branch,
            deadline=self._clock.monotonic() + seconds,
            traceparent=onward.get(traceparent, "") if onward is not None else traceparent,
            idempotency_key=wire.idempotency_key,
            request_id=wire.request_id,
        )
