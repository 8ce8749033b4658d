"""A file in chunks: framed, decided in groups, answered one claim at a time in the order of the file.

Memory stays flat: at most `GROUPS` groups are at work and what the client has not read waits in a spool. A
group is what one chunk completed, more while further chunks have already come: a client that sends one claim
and waits for its answer gets it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from pathlib import Path

import msgspec

from chassis import contexts, errors, identity
from claims import ports
from claims.inbound import batches, callers, converters, spools, turns
from claims.usecases import submit
from formats import frames, framing, media, readers
from ultrathink.claims.v1 import claims_pb2

GROUP_CLAIMS = 256  # So many are judged in columns at once; more saves nothing and takes longer turns.
LIVE_CLAIMS = 32  # Of a group, while single claims are waited for: they wait behind so many at each hop.
GROUP_BYTES = 2 * 1024 * 1024
ANSWER_BYTES = 1024 * 1024  # Of a message of answers, unless one alone is larger: findings may be many.
GROUPS = 4  # At work at once: two messages in flight at each hop, and two being decoded or answered.


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one file: bytes in, bytes of unread answers, seconds a client may leave them unread.

    `groups` are at work over all files of this process.
    """

    file_bytes: int
    groups: int = GROUPS
    spool_bytes: int
    stall_seconds: float
    spool_directory: Path | None = None


class _Entry(msgspec.Struct, frozen=True):
    """One claim of the file: where it stood, and how it arrived."""

    position: int
    arrival: ports.Arrival


class Files:
    """Takes one file per call."""

    def __init__(
        self,
        carrying: batches.Batches,
        who: callers.Callers,
        verbs: tuple[batches.Verb, batches.Verb],
        limits: Limits,
    ) -> None:
        self._batches, self._callers, self._limits = carrying, who, limits
        self._submit, self._check = verbs
        self._turns = turns.Turns(limits.groups, carrying.live)

    async def answer(
        self, chunks: AsyncIterator[claims_pb2.FileChunk], who: identity.Caller
    ) -> AsyncIterator[claims_pb2.SubmitResponse]:
        """Yield one result per claim in the order of the file, those of a group together.

        Raises Invalid `file.empty`, `media_type.unsupported`, `accept.unsupported`, Exhausted
        `file.too_large` or `file.answers_not_read`, Denied; always after the answers that were ready.
        """
        limits = self._limits
        spool = spools.Spool(
            max_bytes=limits.spool_bytes,
            stall_seconds=limits.stall_seconds,
            directory=limits.spool_directory,
        )
        worker = asyncio.create_task(self._work(chunks, who, spool))
        try:
            async for entry in spool.entries():
                yield claims_pb2.SubmitResponse.FromString(entry)
        finally:
            worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await worker
            spool.close()

    async def _work(
        self, chunks: AsyncIterator[claims_pb2.FileChunk], who: identity.Caller, spool: spools.Spool
    ) -> None:
        """Read, decide and spool; whatever ends it reaches the reader of the spool."""
        try:
            first = await _first(chunks)
            reading = _Reading(first, self._callers, who)
            await self._run(reading, chunks, spool, self._check if first.dry_run else self._submit)
        except asyncio.CancelledError:
            spool.end()
            raise
        except Exception as failure:  # noqa: BLE001 - raised again at the reader, who is the door
            spool.end(failure)
        else:
            spool.end()

    async def _run(
        self,
        reading: "_Reading",
        chunks: AsyncIterator[claims_pb2.FileChunk],
        spool: spools.Spool,
        verb: batches.Verb,
    ) -> None:
        """Decide groups side by side; their answers are spooled in order even when reading fails."""
        order: asyncio.Queue[asyncio.Task[list[bytes]] | None] = asyncio.Queue(GROUPS)
        teller = asyncio.create_task(_tell(order, spool))
        refusal: errors.Fault | None = None
        try:
            try:
                async for group in reading.groups(chunks, self._limits.file_bytes):
                    work = asyncio.create_task(self._decide(group, reading, verb))
                    await _either(order.put(work), teller)
            except errors.Fault as fault:
                refusal = fault
            await _either(order.put(None), teller)
            await teller
            if refusal is not None:
                raise refusal
        finally:
            teller.cancel()
            while not order.empty():
                left = order.get_nowait()
                if left is not None:
                    left.cancel()

    async def _decide(self, group: list[_Entry], reading: "_Reading", verb: batches.Verb) -> list[bytes]:
        arrivals = [entry.arrival for entry in group]
        answers: list[submit.Answer | errors.Fault] = []
        async with self._turns.turn(reading.tenant):
            while left := arrivals[len(answers) :]:
                most = LIVE_CLAIMS if self._batches.live() else GROUP_CLAIMS
                answers += await self._batches.carry(left[:most], verb)
        told = zip((entry.position for entry in group), answers, strict=True)
        return [message.SerializeToString() for message in messages(told, reading.item_id, reading.accept)]


class _Reading:
    """What the first chunk said about the file, and its frames as arrivals."""

    def __init__(self, first: claims_pb2.FileChunk, who: callers.Callers, caller: identity.Caller) -> None:
        self._first, self._callers, self._caller = first, who, caller
        self.item_id = first.context.item_id
        self.accept = converters.accepted(first.accept)
        self._media_type = media.essence(first.media_type)
        self._framer = framing.framer(self._media_type)
        self.tenant = self._context().tenant  # an unknown caller is refused before anything is read

    async def groups(
        self, chunks: AsyncIterator[claims_pb2.FileChunk], max_bytes: int
    ) -> AsyncIterator[list[_Entry]]:
        """Yield groups of claims as they are complete."""
        group: list[_Entry] = []
        size = seen = 0
        data: bytes | None = self._first.data
        coming = asyncio.ensure_future(_next(chunks))
        try:
            while data is not None:
                seen += len(data)
                if seen > max_bytes:
                    break
                context = self._context()
                for frame in self._framer.feed(data):
                    group += self._entries(frame, context)
                    size += len(frame.body)
                    if len(group) >= GROUP_CLAIMS or size >= GROUP_BYTES:
                        yield group
                        group, size = [], 0
                await asyncio.sleep(0)  # a chunk that has come joins the group; none is waited for
                if group and not coming.done():
                    yield group
                    group, size = [], 0
                data = await coming
                coming = asyncio.ensure_future(_next(chunks))
            for frame in self._framer.close() if data is None else ():
                group += self._entries(frame, self._context())
            if group:
                yield group
            if data is not None:
                raise errors.Exhausted("file.too_large", f"A file has at most {max_bytes:,} bytes.")
        finally:
            coming.cancel()

    def _entries(self, frame: frames.Frame, context: contexts.CallContext) -> list[_Entry]:
        return [
            _Entry(found.position, self._arrival(found, frame, context))
            for found in readers.read_frame(frame, self._media_type)
        ]

    def _arrival(
        self, found: readers.Read | readers.Refused, frame: frames.Frame, context: contexts.CallContext
    ) -> ports.Arrival:
        if isinstance(found, readers.Refused):
            return ports.Arrival(context=context, claim=found.fault)
        body = frame.body if frame.rows is None else b""  # a record among many has no bytes of its own
        return ports.Arrival(context=context, claim=found.claim, body=body, media_type=self._media_type)

    def _context(self) -> contexts.CallContext:
        """Return the context of claims framed now: the file's time is each chunk's own.

        A key names a single request, so claims of a file go by their own identity.
        """
        context = self._callers.context(
            self._first.context, self._caller, given=self._first.HasField("context")
        )
        return msgspec.structs.replace(context, idempotency_key="")


def messages(
    told: Iterable[tuple[int, submit.Answer | errors.Fault]], item_id: str, accept: str
) -> Iterator[claims_pb2.SubmitResponse]:
    """Yield answers, by the positions of their claims, in messages of at most `ANSWER_BYTES`.

    An answer that is larger stands alone.
    """
    message, size = claims_pb2.SubmitResponse(), 0
    for position, answer in told:
        result = converters.tell(message.results, item_id, answer, accept, position=position)
        more = result.ByteSize()
        if size and size + more > ANSWER_BYTES:
            following = claims_pb2.SubmitResponse(results=[result])
            del message.results[-1]
            yield message
            message, size = following, 0
        size += more
    yield message


async def _first(chunks: AsyncIterator[claims_pb2.FileChunk]) -> claims_pb2.FileChunk:
    first = await anext(chunks, None)
    if first is None:
        raise errors.Invalid("file.empty", "The first message names media type and context.")
    return first


async def _next(chunks: AsyncIterator[claims_pb2.FileChunk]) -> bytes | None:
    chunk = await anext(chunks, None)
    return None if chunk is None else chunk.data


async def _tell(order: asyncio.Queue[asyncio.Task[list[bytes]] | None], spool: spools.Spool) -> None:
    while (work := await order.get()) is not None:
        for told in await work:
            await spool.put(told)


async def _either(waiting: Coroutine[None, None, None], teller: asyncio.Task[None]) -> None:
    """Wait for a place in the queue, or for the one who empties it to fail."""
    put = asyncio.ensure_future(waiting)
    done, _ = await asyncio.wait({put, teller}, return_when=asyncio.FIRST_COMPLETED)
    if put not in done:
        put.cancel()
        await teller
