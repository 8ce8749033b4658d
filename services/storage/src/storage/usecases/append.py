"""Append audit entries about reads; those in flight at the same time share a transaction."""

import re

from chassis import clock as clocks
from chassis import coalescing, errors
from storage import ports
from storage.domain import admission, chains, queries
from storage.usecases import know_tenants

EVENT = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)+")
RESERVED = "claim.recorded"  # written by recording alone
GROUP = 1_000  # entries of one transaction
QUEUE = 10_000


class Journal:
    """Appends entries on one chain of this process."""

    def __init__(
        self, *, store: ports.Chains, tenants: know_tenants.Tenants, clock: clocks.Clock, chain: str
    ) -> None:
        self._store, self._tenants, self._clock, self._chain = store, tenants, clock, chain
        self._gather = coalescing.Coalescer[chains.Entry, None](
            self._exchange,
            max_rows=GROUP,
            max_bytes=GROUP,
            max_queue=QUEUE,
            size_of=lambda _entry: 1,
            in_flight=1,  # one chain has one head
            clock=clock,
        )

    async def append(
        self, *, tenant: str, subject: str, event: str, identifier: str, deadline: float
    ) -> None:
        """Return when the entry is durable.

        Denied `tenant.unknown`, Invalid `event.invalid` or `id.invalid`.
        """
        await self._tenants.active(tenant)
        malformed = len(event) > admission.SUBJECT_MAX or not EVENT.fullmatch(event) or event == RESERVED
        if malformed or len(subject) > admission.SUBJECT_MAX or "\0" in subject:
            raise errors.Invalid("event.invalid", "The event or its subject is not one to be recorded here.")
        entry = chains.Entry(
            tenant=tenant,
            chain=self._chain,
            event=event,
            subject=subject,
            id=queries.identifier_of(identifier),
            at_ms=int(self._clock.now().timestamp() * 1000),
        )
        await self._gather.submit(entry, deadline=deadline)

    async def aclose(self) -> None:
        """Refuse new entries and finish those accepted."""
        await self._gather.aclose()

    async def _exchange(self, entries: list[chains.Entry]) -> list[None]:
        await self._store.append(self._chain, entries)
        return [None] * len(entries)
