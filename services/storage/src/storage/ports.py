"""What storage needs of the world, in its own words; PostgreSQL and obstore stand behind it, or the twin."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from storage.domain import chains, queries, records, views


class Ledger(Protocol):
    """Writes and what writing asks. Each method is one transaction."""

    async def record(self, batch: records.Batch) -> dict[int, records.Earlier]:
        """Write the batch durably; return, by place, what the keys known before stand for.

        Those items are not written. Raises Invalid `record.refused` when the batch holds something that
        cannot be stored (nothing of it is then), Unavailable when the database cannot take it now.
        """
        ...

    async def first_decisions(self, tenant: str, ids: Sequence[str]) -> dict[str, bytes]:
        """Return the decisions recorded first for these claims."""
        ...

    async def change(self, change: records.Change, entry: chains.Entry) -> int:
        """Append a revision and return its number.

        Raises NotFound `claim.unknown`, Conflict `revision.stale`.
        """
        ...

    async def lookup(self, questions: Sequence[records.Question], now_ms: int) -> list[records.Answer]:
        """Answer all questions in one statement."""
        ...

    async def unscored(self, tenant: str, limit: int) -> list[views.Unscored]:
        """Return claims of a tenant recorded without a score, oldest first."""
        ...

    async def prepare_month(self, month: tuple[int, int]) -> None:
        """Make sure that ids of this month have a place."""
        ...


class Reader(Protocol):
    """Reads, each within exactly one tenant."""

    async def tenants(self) -> Mapping[str, views.Tenant]:
        """Return all tenants by name."""
        ...

    async def claim(self, tenant: str, identifier: str) -> views.StoredClaim | None:
        """Return a claim with its documents."""
        ...

    async def listing(self, question: queries.Listing) -> list[views.ClaimRow]:
        """Return one page."""
        ...

    async def find(self, tenant: str, claim_ids: Sequence[str]) -> list[views.FoundClaim]:
        """Return the claims with one of these senders' ids, in the order of ids."""
        ...

    async def history(self, tenant: str, identifier: str) -> tuple[list[views.Transition], list[chains.Link]]:
        """Return a claim's transitions by revision and its audit entries by time; both empty when unknown."""
        ...

    async def events(self, tenant: str, after: str, limit: int) -> list[views.Event]:
        """Return published changes behind a position, in order; Invalid `position.invalid` for a bad one.

        Behind `latest` there is nothing yet: the last change is returned, as the place to go on from.
        """
        ...

    async def export(self, tenant: str, after: str, claims: int) -> tuple[list[views.ExportRow], str]:
        """Return the lines of up to `claims` claims behind an id, and the last claim's id ("" at the end)."""
        ...

    async def whole(self, question: queries.Walk, limit: int) -> list[views.StoredClaim]:
        """Return up to `limit` claims of a walk with their documents, in the order of ids."""
        ...


class Chains(Protocol):
    """The audit chains."""

    async def append(self, chain: str, entries: Sequence[chains.Entry]) -> None:
        """Append entries durably, in order."""
        ...

    async def heads(self, tenant: str) -> list[chains.Head]:
        """Return the recorded head of each chain of a tenant; sequence -1 when a chain has lost its head."""
        ...

    async def links(self, tenant: str, chain: str, after: int, limit: int) -> list[chains.Link]:
        """Return the links behind a sequence, in order."""
        ...

    async def evidence(self, tenant: str, links: Sequence[chains.Link]) -> dict[int, tuple[bytes, bytes]]:
        """Return by sequence (content hash, document hash) as the stored claims and documents have them now.

        Only for links that name documents; one whose documents are gone is missing in the answer.
        """
        ...


class ObjectStore(Protocol):
    """Bytes by their sha256, and small named records beside them."""

    async def put(self, sha256: bytes, kind: str, chunks: AsyncIterator[bytes]) -> int:
        """Store an object and return its size.

        Invalid `object.mismatch` or `object.too_large` stores nothing.
        """
        ...

    async def head(self, sha256: bytes) -> int:
        """Return an object's size; NotFound `object.unknown`."""
        ...

    def get(self, sha256: bytes) -> AsyncIterator[bytes]:
        """Stream an object's bytes; NotFound `object.unknown`."""
        ...

    async def keep_anchor(self, at_ms: int, document: bytes) -> None:
        """Store the anchor of an instant."""
        ...

    async def last_anchor(self) -> bytes | None:
        """Return the latest anchor."""
        ...


class Bell(Protocol):
    """Tells watchers that something was published, across processes where it can."""

    def ring(self) -> None:
        """Say that something was committed."""
        ...

    async def wait(self, seconds: float) -> None:
        """Return when the bell rings or after `seconds`."""
        ...


class Upkeep(Protocol):
    """What is thrown away when its time has come."""

    async def forget_keys(self, tenant: str, before_ms: int) -> int:
        """Delete idempotency and history keys of claims received before an instant; return how many."""
        ...

    async def trim_events(self, tenant: str, before_ms: int) -> int:
        """Delete published events older than an instant; return how many."""
        ...

    async def ready(self) -> str:
        """Return "" when the database answers and its schema is ours, else what is wrong."""
        ...
