"""The door for writes."""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import msgspec

from chassis import clock as clocks
from chassis import streams, telemetry
from storage import ports
from storage.inbound import converters
from storage.usecases import change, know_tenants, list_unscored, look_up, record
from ultrathink.storage.v1 import storage_pb2, storage_pb2_grpc


class Rooms(msgspec.Struct, frozen=True, kw_only=True):
    """What this door calls."""

    recorder: record.Recorder
    ledger: ports.Ledger
    tenants: know_tenants.Tenants
    bell: ports.Bell
    clock: clocks.Clock
    chain: str  # for changes


class ClaimStore(storage_pb2_grpc.ClaimStoreServicer):
    """Converts, calls, converts."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def Record(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[storage_pb2.RecordRequest], context: Any
    ) -> AsyncIterator[storage_pb2.RecordResponse]:
        """Record batches as they come; answers in the order they get durable."""
        del context
        return streams.serve_batches(request_iterator, self._record)

    async def RecordBatch(  # noqa: N802 - the contract's name
        self, request: storage_pb2.RecordRequest, context: Any
    ) -> storage_pb2.RecordResponse:
        """Record one batch."""
        del context
        return await self._record(request)

    async def _record(self, request: storage_pb2.RecordRequest) -> storage_pb2.RecordResponse:
        with telemetry.batch_span("storage.record", _followed(request.items), rows=len(request.items)):
            submission = converters.submission(request, self._rooms.clock)
            outcomes = await self._rooms.recorder.record(submission)
            return converters.record_response(request.batch_id, submission.items, outcomes)

    def Lookup(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[storage_pb2.LookupRequest], context: Any
    ) -> AsyncIterator[storage_pb2.LookupResponse]:
        """Answer batches of questions as they come."""
        del context
        return streams.serve_batches(request_iterator, self._lookup)

    async def LookupBatch(  # noqa: N802 - the contract's name
        self, request: storage_pb2.LookupRequest, context: Any
    ) -> storage_pb2.LookupResponse:
        """Answer one batch of questions."""
        del context
        return await self._lookup(request)

    async def _lookup(self, request: storage_pb2.LookupRequest) -> storage_pb2.LookupResponse:
        rooms = self._rooms
        questions = [converters.question(item) for item in request.items]
        with telemetry.batch_span("storage.lookup", _followed(request.items), rows=len(questions)):
            answers = await look_up.look_up(
                questions, ledger=rooms.ledger, tenants=rooms.tenants, clock=rooms.clock
            )
        return converters.lookup_response(request, answers)

    async def RecordChange(  # noqa: N802 - the contract's name
        self, request: storage_pb2.RecordChangeRequest, context: Any
    ) -> storage_pb2.RecordChangeResponse:
        """Append a revision."""
        del context
        rooms = self._rooms
        revision = await change.change(
            converters.change(request.change),
            ledger=rooms.ledger,
            tenants=rooms.tenants,
            bell=rooms.bell,
            clock=rooms.clock,
            chain=rooms.chain,
        )
        return storage_pb2.RecordChangeResponse(revision=revision)

    async def RecordOutcomes(  # noqa: N802 - the contract's name
        self, request: storage_pb2.RecordOutcomesRequest, context: Any
    ) -> storage_pb2.RecordOutcomesResponse:
        """Append the revisions that payers' answers bring; one that fails fails alone."""
        del context
        rooms = self._rooms
        outcomes = await change.change_each(
            [converters.change(one) for one in request.changes],
            ledger=rooms.ledger,
            tenants=rooms.tenants,
            bell=rooms.bell,
            clock=rooms.clock,
            chain=rooms.chain,
        )
        results = [
            converters.changed(one.context.item_id, outcome)
            for one, outcome in zip(request.changes, outcomes, strict=True)
        ]
        return storage_pb2.RecordOutcomesResponse(results=results)

    async def ListUnscored(  # noqa: N802 - the contract's name
        self, request: storage_pb2.ListUnscoredRequest, context: Any
    ) -> storage_pb2.ListUnscoredResponse:
        """List claims for rescoring."""
        del context
        found = await list_unscored.list_unscored(
            request.limit, ledger=self._rooms.ledger, tenants=self._rooms.tenants
        )
        return storage_pb2.ListUnscoredResponse(claims=[converters.unscored(claim) for claim in found])


def _followed(items: Iterable[storage_pb2.RecordItem | storage_pb2.LookupItem]) -> Iterator[str]:
    """Yield what the items are followed by; nobody reads it where nobody traces."""
    return (item.context.traceparent for item in items)
