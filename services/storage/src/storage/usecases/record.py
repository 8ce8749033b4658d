"""Record claims: judge each item, gather what is in flight, write it in one transaction, then answer."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence

from chassis import clock as clocks
from chassis import coalescing, errors
from storage import ports
from storage.domain import admission, chains, ids, months, records
from storage.usecases import know_tenants

BODY_BYTES = 512 * 1024  # a body holds about this much, so that reading one claim opens little more
LARGE_BYTES = 1024 * 1024  # documents of one claim beyond this lie in the object store
QUEUE_ROWS = 20_000  # claims that may wait: two seconds of work


class Recorder:
    """Writes submissions in transactions; at most one per writer is under way.

    What comes while a writer is free is written at once; what comes while none is waits, and shares the next
    transaction. Each writer has its own audit chain, so that writers never wait for each other's head.
    """

    def __init__(
        self,
        *,
        ledger: ports.Ledger,
        objects: ports.ObjectStore,
        pack: Callable[[Sequence[bytes]], bytes],
        tenants: know_tenants.Tenants,
        bell: ports.Bell,
        mint: ids.Mint,
        clock: clocks.Clock,
        shard: str,
        writers: int,
        group_bytes: int,
    ) -> None:
        self._ledger, self._objects, self._pack, self._tenants = ledger, objects, pack, tenants
        self._bell, self._mint, self._clock = bell, mint, clock
        self._free = [f"{shard}.{number}" for number in reversed(range(writers))]  # chains nobody writes to
        self._freed = asyncio.Event()
        self._gathered = 0  # submissions that wait for others, or with them
        self._writers, self._closed = writers, False
        self._prepared: set[tuple[int, int]] = set()
        self._prepared_from = self._prepared_until = 0  # ids minted between have their months ready
        self._gather = coalescing.Coalescer[records.Submission, list[records.Outcome]](
            self._exchange,
            max_rows=QUEUE_ROWS,
            max_bytes=group_bytes,
            max_queue=QUEUE_ROWS,
            size_of=lambda submission: sum(item.size for item in submission.items),
            in_flight=writers,
            clock=clock,
        )

    async def record(self, submission: records.Submission) -> list[records.Outcome]:
        """Return one outcome per item, in order, once everything accepted is durable.

        An item's fault is in its place: Invalid (`admission`), Denied `tenant.unknown`, Conflict
        `idempotency.key_reused`, Unavailable. Columns of unequal length are Invalid for the whole batch.
        """
        admission.check_shape(submission)
        if not submission.items:
            return []
        try:
            known = await self._tenants.among({item.tenant for item in submission.items})
        except errors.Unavailable as fault:
            return [fault] * len(submission.items)
        now = self._clock.monotonic()
        judged = admission.judge(submission, known, now)
        if not any(judged):
            return await self._submit(submission)
        outcomes: list[records.Outcome | None] = list(judged)
        rows = [row for row, outcome in enumerate(outcomes) if outcome is None]
        if rows:
            for row, outcome in zip(rows, await self._submit(submission.pick(rows)), strict=True):
                outcomes[row] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    async def aclose(self) -> None:
        """Refuse new submissions and finish those accepted."""
        self._closed = True
        await self._gather.aclose()
        while len(self._free) < self._writers:
            await self._free_again()

    async def _submit(self, accepted: records.Submission) -> list[records.Outcome]:
        latest = max([item.deadline for item in accepted.items])
        try:
            if self._free and not self._gathered and not self._closed:
                return await self._written(accepted, latest)
            self._gathered += 1
            try:
                return await self._gather.submit(accepted, deadline=latest)
            finally:
                self._gathered -= 1
        except errors.Fault as fault:
            return [fault] * len(accepted.items)

    async def _exchange(self, group: list[records.Submission]) -> list[list[records.Outcome]]:
        joined = records.join(group)
        outcomes = await self._written(joined, max([item.deadline for item in joined.items]))
        answers, start = [], 0
        for submission in group:
            end = start + len(submission.items)
            answers.append(outcomes[start:end])
            start = end
        return answers

    async def _written(self, submission: records.Submission, latest: float) -> list[records.Outcome]:
        """Write a submission on a chain of its own, waiting for one; nobody waits for it beyond `latest`."""
        while not self._free:
            await self._free_again()
        chain = self._free.pop()
        try:
            outcomes = await self._write(submission, chain, latest)
        finally:
            self._free.append(chain)
            self._freed.set()
        self._bell.ring()
        return outcomes

    async def _free_again(self) -> None:
        """Return when a writer has ended."""
        self._freed.clear()
        await self._freed.wait()

    async def _write(
        self, submission: records.Submission, chain: str, latest: float
    ) -> list[records.Outcome]:
        """Write a submission.

        Where the database refuses its data, it is halved until the bad item stands alone.
        """
        try:
            batch = await self._batch(submission, chain, latest)
            earlier = await self._ledger.record(batch)
        except errors.Invalid as fault:
            count = len(submission.items)
            if count == 1:
                return [fault]
            halves = (submission.pick(range(count // 2)), submission.pick(range(count // 2, count)))
            return [outcome for half in halves for outcome in await self._write(half, chain, latest)]
        return await self._outcomes(batch, earlier)

    async def _batch(self, submission: records.Submission, chain: str, latest: float) -> records.Batch:
        minted = self._mint.mint(len(submission.items))
        at_ms = [ids.ms_of(identifier) for identifier in minted]
        if not self._prepared_from <= at_ms[0] <= at_ms[-1] < self._prepared_until:
            await self._prepare({months.month_of(at_ms[0]), months.month_of(at_ms[-1])})
        hashes = [
            chains.document_hash(item.claim_json, item.decision_json, item.received_body)
            for item in submission.items
        ]
        places, bodies = await self._place(submission.items)
        return records.Batch(
            chain=chain,
            ids=minted,
            at_ms=at_ms,
            submission=submission,
            document_hashes=hashes,
            entries=[
                chains.canonical(_entry(item, chain, identifier, moment, digest))
                for item, identifier, moment, digest in zip(
                    submission.items, minted, at_ms, hashes, strict=True
                )
            ],
            places=places,
            bodies=bodies,
            seconds=latest - self._clock.monotonic(),
        )

    async def _prepare(self, needed: set[tuple[int, int]]) -> None:
        """Have the months of a batch ready, and the next: a body's id may be minted a moment later."""
        for month in (needed | {months.following(month) for month in needed}) - self._prepared:
            await self._ledger.prepare_month(month)
            self._prepared.add(month)
        self._prepared_from = months.start_ms(min(needed))
        self._prepared_until = months.start_ms(months.following(max(needed)))

    async def _place(self, items: Sequence[records.Item]) -> tuple[list[records.Place], list[records.Body]]:
        """Return where each item's documents go, and the bodies they go to; large ones are stored here."""
        bodies: list[records.Body] = []
        filling: dict[str, tuple[records.Body, int]] = {}
        places = []
        for item in items:
            if item.size > LARGE_BYTES:
                places.append(await self._place_apart(item))
                continue
            body, start = filling.get(item.tenant, (None, BODY_BYTES))
            if body is None or start + item.size > BODY_BYTES:
                body, start = records.Body(self._mint.mint(1)[0], item.tenant, []), 0
                bodies.append(body)
            body.parts.extend((item.claim_json, item.decision_json, item.received_body))
            filling[item.tenant] = (body, start + item.size)
            places.append(_place_of(item, body.id, None, start))
        return places, bodies

    async def _place_apart(self, item: records.Item) -> records.Place:
        packed = await asyncio.to_thread(
            self._pack, (item.claim_json, item.decision_json, item.received_body)
        )
        digest = hashlib.sha256(packed).digest()
        await self._objects.put(digest, "body", _once(packed))
        return _place_of(item, None, digest, 0)

    async def _outcomes(
        self, batch: records.Batch, earlier: dict[int, records.Earlier]
    ) -> list[records.Outcome]:
        decisions = await self._replays(batch, earlier) if earlier else {}
        outcomes: list[records.Outcome] = []
        for row, identifier in enumerate(batch.ids):
            known = earlier.get(row)
            if known is None:
                outcomes.append(records.Recorded(identifier, batch.at_ms[row]))
            elif known.content_hash != batch.submission.items[row].content_hash:
                outcomes.append(
                    errors.Conflict("idempotency.key_reused", "The same key came before with another claim.")
                )
            else:
                outcomes.append(
                    records.Recorded(
                        known.id, ids.ms_of(known.id), replayed=True, decision_json=decisions[known.id]
                    )
                )
        return outcomes

    async def _replays(self, batch: records.Batch, earlier: dict[int, records.Earlier]) -> dict[str, bytes]:
        """Return the first decisions of the items that were recorded before with the same content."""
        items = batch.submission.items
        wanted: dict[str, list[str]] = defaultdict(list)
        for row, known in earlier.items():
            if known.content_hash == items[row].content_hash:
                wanted[items[row].tenant].append(known.id)
        found: dict[str, bytes] = {}
        for tenant, identifiers in wanted.items():
            found |= await self._ledger.first_decisions(tenant, identifiers)
        return found


def _entry(item: records.Item, chain: str, identifier: str, at_ms: int, digest: bytes) -> chains.Entry:
    return chains.Entry(
        tenant=item.tenant,
        chain=chain,
        event="claim.recorded",
        subject=item.subject,
        id=identifier,
        revision=1,
        at_ms=at_ms,
        content_hash=item.content_hash,
        document_hash=digest,
    )


def _place_of(item: records.Item, body: str | None, apart: bytes | None, start: int) -> records.Place:
    sizes = (len(item.claim_json), len(item.decision_json), len(item.received_body))
    return records.Place(body, apart, start, *sizes, item.received_media_type)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
