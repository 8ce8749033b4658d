"""The system of record for writing: batches of claims and questions over two streams of storage."""

from collections.abc import Sequence
from decimal import Decimal

from chassis import clock as clocks
from chassis import contexts, errors, faults, streams, telemetry
from claims import ports
from claims.domain import histories
from claims.outbound import calls, columns, sheets, stored
from ultrathink.storage.v1 import storage_pb2, storage_pb2_grpc

ITEM_BYTES = 1_024  # Columns, context and keys of one claim beside its documents.
QUESTION_BYTES = 256
KEY_BYTES = 40
PAST_BYTES = 40  # A key with its days.
SYSTEM_SECONDS = 5.0  # For what the room asks on its own behalf.

type Asked = tuple[contexts.CallContext, histories.Question]


class GrpcStore:
    """Implements the port Store; Record may be repeated, because storage knows what it has seen."""

    def __init__(self, stub: "storage_pb2_grpc.ClaimStoreAsyncStub", clock: clocks.Clock) -> None:
        self._stub, self._clock = stub, clock
        self._recording: streams.BatchStream[storage_pb2.RecordRequest, storage_pb2.RecordResponse] = (
            streams.BatchStream(stub.Record, clock=clock, resend=True)
        )
        self._asking: streams.BatchStream[storage_pb2.LookupRequest, storage_pb2.LookupResponse] = (
            streams.BatchStream(stub.Lookup, clock=clock, resend=True)
        )
        self._records: calls.Groups[ports.Submission, ports.Recorded] = calls.Groups(
            self._record, name="record", size_of=_record_size, deadline_of=_record_deadline, clock=clock
        )
        self._questions: calls.Groups[Asked, histories.Known] = calls.Groups(
            self._lookup, name="lookup", size_of=_question_size, deadline_of=_patience, clock=clock
        )

    def lay_out(self, drafts: Sequence[ports.Draft]) -> sheets.Sheet:
        """Return what a request to record these claims can hold before they are decided."""
        return sheets.Sheet(drafts)

    async def record(
        self, submissions: Sequence[ports.Submission]
    ) -> Sequence[ports.Recorded | errors.Fault]:
        """Return one record or fault per submission; a record is durable."""
        return await self._records.send(submissions)

    async def lookup(
        self, questions: Sequence[Asked], *, deadline: float
    ) -> Sequence[histories.Known | errors.Fault]:
        """Return one memory or fault per question, by `deadline`."""
        return await self._questions.send(questions, deadline=deadline)

    async def append(self, change: ports.Change) -> int:
        """Return the new revision."""
        request = storage_pb2.RecordChangeRequest(change=self._change(change))
        answer = await calls.unary(self._stub.RecordChange, request, change.context, self._clock)
        return answer.revision

    async def append_each(self, changes: Sequence[ports.Change]) -> list[int | errors.Fault]:
        """Return new revisions, or why there is none, in one call of the first change's patience."""
        request = storage_pb2.RecordOutcomesRequest(changes=[self._change(change) for change in changes])
        answer = await calls.unary(self._stub.RecordOutcomes, request, changes[0].context, self._clock)
        if len(answer.results) != len(changes):
            raise errors.Internal("storage.mismatched", "Storage answered another number of changes.")
        return [
            faults.from_wire(one.error) if one.HasField("error") else one.revision for one in answer.results
        ]

    async def unscored(self, limit: int) -> Sequence[ports.Stored]:
        """Return claims recorded without a score, oldest first."""
        request = storage_pb2.ListUnscoredRequest(limit=limit)
        context = contexts.CallContext(
            item_id="", tenant="", subject="", deadline=self._clock.monotonic() + SYSTEM_SECONDS
        )
        answer = await calls.unary(self._stub.ListUnscored, request, context, self._clock)
        return [stored.unscored(claim) for claim in answer.claims]

    async def aclose(self) -> None:
        """Wait for what is in flight and end the streams."""
        await self._records.aclose()
        await self._questions.aclose()
        await self._recording.aclose()
        await self._asking.aclose()

    async def _record(
        self, items: list[ports.Submission], deadline: float
    ) -> list[ports.Recorded | errors.Fault]:
        senders = [item.context for item in items]
        with telemetry.batch_span(
            "claims.record_batch", (sender.traceparent for sender in senders), rows=len(items)
        ) as onward:
            sheet = calls.laid(items, sheets.Sheet) or sheets.Sheet(items)
            request = sheet.fill(items)
            calls.fill([item.context for item in request.items], senders, onward, self._clock)
            answer = await self._recording.exchange(request, deadline=deadline)
        return [_recorded(result) for result in answer.results]

    async def _lookup(self, asked: list[Asked], deadline: float) -> list[histories.Known | errors.Fault]:
        senders = [context for context, _ in asked]
        with telemetry.batch_span(
            "claims.lookup_batch", (sender.traceparent for sender in senders), rows=len(asked)
        ) as onward:
            request = storage_pb2.LookupRequest()
            wired = [_put(question, request).context for _, question in asked]
            calls.fill(wired, senders, onward, self._clock)
            answer = await self._asking.exchange(request, deadline=deadline)
        return [_known(result) for result in answer.results]

    def _change(self, change: ports.Change) -> storage_pb2.Change:
        risk = change.risk
        return storage_pb2.Change(
            context=calls.wire([change.context], {}, self._clock)[0],
            id=change.id,
            expected_revision=change.revision,
            event=change.event,
            decision_json=change.document,
            verdict=change.verdict,
            wire_status=change.status.wire,
            business_status=change.status.business,
            review_status=change.status.review,
            score_state=risk.state,
            probability=columns.real(risk.probability),
            at_risk_minor=columns.integer(risk.at_risk_minor),
            model_revision=risk.model.revision if risk.model else "",
            note=change.note,
            inputs=columns.inputs(change.inputs) if change.inputs else None,
            outcomes=columns.outcomes(change.outcomes) if change.outcomes else None,
        )


def _record_size(item: ports.Submission) -> int:
    return ITEM_BYTES + len(item.claim_json) + len(item.document) + len(item.body)


def _record_deadline(item: ports.Submission) -> float:
    return item.context.deadline


def _question_size(asked: Asked) -> int:
    question = asked[1]
    return QUESTION_BYTES + KEY_BYTES * len(question.service_keys) + PAST_BYTES * len(question.keys)


def _patience(asked: Asked) -> float:
    return asked[0].deadline


def _recorded(result: storage_pb2.RecordResult) -> ports.Recorded | errors.Fault:
    if result.HasField("recorded"):
        made = result.recorded
        return ports.Recorded(id=made.id, replayed=made.replayed, document=made.decision_json)
    return faults.from_wire(result.error)


def _put(question: histories.Question, request: storage_pb2.LookupRequest) -> storage_pb2.LookupItem:
    item = request.items.add(
        provider_id=question.provider_id,
        payer_id=question.payer_id,
        patient_key=question.patient_key,
        use=question.use,
        claim_id=question.claim_id,
        service_keys=question.service_keys,
        before=question.before,
    )
    for key in question.keys:
        item.past.add(key=key.key, from_day=key.from_day, to_day=key.to_day, most=key.most, party=key.party)
    return item


def _known(result: storage_pb2.LookupResult) -> histories.Known | errors.Fault:
    if result.HasField("error"):
        return faults.from_wire(result.error)
    provider, patient = result.provider, result.patient
    return histories.Known(
        matches=[
            histories.Match(index=one.index, id=one.id, claim_id=one.claim_id, line=one.line)
            for one in result.duplicates
        ],
        provider_claims=provider.claims,
        provider_denied=provider.denied,
        provider_net_minor=provider.net_minor,
        patient_claims=patient.claims,
        patient_denied=patient.denied,
        patient_net_minor=patient.net_minor,
        past=[_told(answer) if answer.ByteSize() else histories.SILENCE for answer in result.past],
    )


def _told(answer: storage_pb2.PastAnswer) -> histories.Told:
    return histories.Told(
        rows=[
            histories.Row(
                id=line.id,
                claim_id=line.claim_id,
                line=line.line,
                day=line.day,
                mark=line.mark,
                provider_id=line.provider_id,
                payer_id=line.payer_id,
            )
            for line in answer.lines
        ],
        quantity=Decimal(answer.quantity_e4).scaleb(-columns.QUANTITY_SCALE),
    )
