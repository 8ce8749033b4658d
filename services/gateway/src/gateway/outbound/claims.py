"""claims over gRPC: single claims share messages on one long-lived stream, files have a call of their own."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping

import grpc
import msgspec

from chassis import clock as clocks
from chassis import coalescing, contexts, deadlines, errors, metrics, outcomes, streams, telemetry
from gateway.domain import exchanges
from gateway.outbound import converters
from ultrathink.claims.v1 import claims_pb2, claims_pb2_grpc
from ultrathink.common.v1 import common_pb2

CHUNK_BYTES = 1024 * 1024  # of a file; a sixteenth of the largest message
MAX_ROWS = 256  # claims in one message: beyond it a message's own cost no longer counts
MAX_BYTES = 4 * 1024 * 1024  # of one message, or one claim alone
MAX_QUEUE = 4_096  # claims that wait; as many as requests are served at once
MAX_QUEUE_BYTES = 128 * 1024 * 1024
UNFOLLOWED: contextlib.nullcontext[Mapping[str, str]] = contextlib.nullcontext({})
MAX_WAIT_SECONDS = 0.5  # beyond it waiting helps nobody: the sender is told at once when to come back
type Stream = streams.BatchStream[claims_pb2.SubmitRequest, claims_pb2.SubmitResponse]


class Waiting(msgspec.Struct, frozen=True):
    """A claim that waits for its message."""

    submission: exchanges.Submission
    context: contexts.CallContext


class ClaimsDoor:
    """Implements `ports.ClaimsDoor` on claims' ClaimIntake, and ClaimDesk for payers' answers.

    What goes `apart` has a stream of its own: no message of a crowd has to come back before it leaves.
    """

    def __init__(self, channel: grpc.aio.Channel, clock: clocks.Clock) -> None:
        self._clock = clock
        self._stub = claims_pb2_grpc.ClaimIntakeStub(channel)
        self._desk = claims_pb2_grpc.ClaimDeskStub(channel)
        # A claim sent twice is recognised by its key and content, so a batch in doubt is sent again.
        self._streams = [streams.BatchStream(self._stub.Submit, clock=clock, resend=True) for _ in range(2)]
        crowd, apart = self._streams
        self._queues = {
            (False, False): self._coalescer("submit", crowd, dry_run=False),
            (True, False): self._coalescer("check", crowd, dry_run=True),
            (False, True): self._coalescer("submit_apart", apart, dry_run=False),
            (True, True): self._coalescer("check_apart", apart, dry_run=True),
        }

    def _coalescer(
        self, name: str, stream: Stream, *, dry_run: bool
    ) -> coalescing.Coalescer[Waiting, exchanges.Answer]:
        return coalescing.Coalescer(
            functools.partial(self._exchange, stream=stream, dry_run=dry_run),
            max_rows=MAX_ROWS,
            max_bytes=MAX_BYTES,
            max_queue=MAX_QUEUE,
            max_queue_bytes=MAX_QUEUE_BYTES,
            max_wait=MAX_WAIT_SECONDS,
            size_of=_size,
            clock=self._clock,
            observe=metrics.batches(name),
        )

    def submit(
        self, submission: exchanges.Submission, context: contexts.CallContext
    ) -> asyncio.Future[exchanges.Answer]:
        """Return what will be the decision on one claim; its Fault is the one that claims answered with."""
        answer: asyncio.Future[exchanges.Answer] = asyncio.get_running_loop().create_future()
        self.begin(submission, context, answer)
        return answer

    def begin(
        self,
        submission: exchanges.Submission,
        context: contexts.CallContext,
        promise: outcomes.Promise[exchanges.Answer],
    ) -> None:
        """Tell `promise` the decision on one claim; raises Exhausted where too much waits."""
        queue = self._queues[submission.dry_run, submission.apart]
        queue.begin(Waiting(submission, context), deadline=context.deadline, promise=promise)

    async def _exchange(
        self, waiting: list[Waiting], *, stream: Stream, dry_run: bool
    ) -> list[exchanges.Answer | errors.Fault]:
        """Send one batch and return one outcome per claim, in order."""
        followed = [one.context.traceparent for one in waiting if one.context.traceparent]
        with telemetry.batch_span("gateway.batch", followed) if followed else UNFOLLOWED as onward:
            request = claims_pb2.SubmitRequest(dry_run=dry_run)
            add = request.items.add
            for one in waiting:
                context = _onward(one.context, onward) if onward else one.context
                converters.write(one.submission, context, self._clock, add())
            try:
                response = await stream.exchange(
                    request, deadline=max([one.context.deadline for one in waiting])
                )
            except errors.Fault as fault:
                told = converters.of_call(fault)
                raise told from (fault.__cause__ if told is fault else fault)
        found = {result.item_id: result for result in response.results}
        return [_outcome(found.get(one.context.item_id)) for one in waiting]

    async def submit_file(
        self, upload: exchanges.Upload, chunks: AsyncIterator[bytes], context: contexts.CallContext
    ) -> AsyncIterator[list[exchanges.FileAnswer]]:
        """Yield an outcome per claim or payer's answer, in input order, several at a time, as they come."""
        source = _Source(chunks)
        head = claims_pb2.FileChunk(
            context=converters.context(context, self._clock),
            media_type=upload.media_type,
            accept=exchanges.JSON,
            dry_run=upload.dry_run,
        )
        seconds = deadlines.left_for_hop(context, self._clock)
        method = self._desk.Remit if upload.remittance else self._stub.StreamFile
        call = method(source.messages(head), timeout=seconds)
        try:
            with _told():
                async for message in call:
                    yield [converters.file_answer(result) for result in message.results]
        except (
            BaseException
        ):  # a cancelled call raises CancelledError: when the file broke, that is what happened
            if source.failure is not None:
                raise source.failure from None
            raise
        finally:
            call.cancel()
        if source.failure is not None:
            raise source.failure

    async def aclose(self) -> None:
        """Answer what was accepted, then end the streams."""
        for queue in self._queues.values():
            await queue.aclose()
        for stream in self._streams:
            await stream.aclose()


class ClaimsDesk:
    """Implements `ports.ClaimsDesk` on claims' ClaimDesk."""

    def __init__(self, channel: grpc.aio.Channel, clock: clocks.Clock) -> None:
        self._clock = clock
        self._stub = claims_pb2_grpc.ClaimDeskStub(channel)

    async def get(self, claim_id: str, context: contexts.CallContext) -> bytes:
        """Return one claim with its decision."""
        request = claims_pb2.GetClaimRequest(context=self._context(context), id=claim_id)
        return (await answered(self._stub.GetClaim(request, timeout=self._seconds(context)))).document

    async def select(self, selection: exchanges.Selection, context: contexts.CallContext) -> bytes:
        """Return a page of claims."""
        request = claims_pb2.ListClaimsRequest(
            context=self._context(context),
            limit=selection.limit,
            cursor=selection.cursor,
            filters=selection.filters,
            sort=selection.sort,
        )
        return (await answered(self._stub.ListClaims(request, timeout=self._seconds(context)))).document

    async def history(self, claim_id: str, context: contexts.CallContext) -> bytes:
        """Return the transitions and audit entries of one claim."""
        request = claims_pb2.GetHistoryRequest(context=self._context(context), id=claim_id)
        return (await answered(self._stub.GetHistory(request, timeout=self._seconds(context)))).document

    async def explain(self, claim_id: str, context: contexts.CallContext) -> bytes:
        """Return the reasons behind one claim's risk."""
        request = claims_pb2.ExplainRequest(context=self._context(context), id=claim_id)
        return (await answered(self._stub.Explain(request, timeout=self._seconds(context)))).document

    async def decide(self, review: exchanges.Review, context: contexts.CallContext) -> bytes:
        """Return the decision after a reviewer's word; Conflict when the revision is not the newest."""
        request = claims_pb2.DecideRequest(
            context=self._context(context),
            id=review.claim_id,
            verdict=converters.WIRE_VERDICTS[review.verdict],
            note=review.note,
            revision=review.revision,
        )
        return (await answered(self._stub.Decide(request, timeout=self._seconds(context)))).document

    async def watch(self, after: str, context: contexts.CallContext) -> AsyncIterator[exchanges.Change]:
        """Yield changes after `after` as they are recorded; closing the iterator ends the watch."""
        request = claims_pb2.WatchRequest(context=self._context(context), after=after)
        call = self._stub.Watch(request, timeout=self._seconds(context))
        try:
            with _told():
                async for change in call:
                    yield exchanges.Change(change.position, change.document)
        finally:
            call.cancel()

    def _context(self, context: contexts.CallContext) -> common_pb2.Context:
        return converters.context(context, self._clock)

    def _seconds(self, context: contexts.CallContext) -> float:
        return deadlines.left_for_hop(context, self._clock)


class _Source:
    """The chunks of a file as messages; remembers why they broke off, as gRPC only cancels the call then.

    An iterator that simply ended would be taken for the end of the file, and half a line for a claim.
    """

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self.failure: Exception | None = None

    async def messages(self, head: claims_pb2.FileChunk) -> AsyncIterator[claims_pb2.FileChunk]:
        """Yield the head, then data in pieces of at most `CHUNK_BYTES`."""
        yield head
        try:
            async for chunk in self._chunks:
                for start in range(0, len(chunk), CHUNK_BYTES):
                    yield claims_pb2.FileChunk(data=chunk[start : start + CHUNK_BYTES])
        except Exception as cause:
            self.failure = cause
            raise errors.Unavailable("upload.broken", "The upload broke off.") from cause


async def answered[Response](call: Awaitable[Response]) -> Response:
    """Return the answer of a call; raise its Fault as the gateway's caller may hear it."""
    with _told():
        return await call


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Raise the Fault of a call as the gateway's caller may hear it."""
    try:
        yield
    except errors.Fault as fault:
        told = converters.of_call(fault)
        if told is fault:
            raise
        raise told from fault


def _size(waiting: Waiting) -> int:
    return len(waiting.submission.body)


def _outcome(result: claims_pb2.SubmitResult | None) -> exchanges.Answer | errors.Fault:
    if result is None:
        return errors.Internal("claims.no_outcome", "The answer of a service behind cannot be read.")
    return converters.outcome(result)


def _onward(context: contexts.CallContext, onward: Mapping[str, str]) -> contexts.CallContext:
    """Return the context under the batch's span when the item is followed."""
    if context.traceparent not in onward:
        return context
    return msgspec.structs.replace(context, traceparent=onward[context.traceparent])
