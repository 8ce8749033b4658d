"""Doors outwards: what travels, what is kept for a while, and what a broken other side becomes."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from typing import Any

import grpc
import msgspec
import pytest

import claims_support as support
import partial_servicers
from chassis import apps, contexts, errors, local, streams
from chassis import clock as clocks
from chassis import testing as chassis_testing
from claims import ports
from claims.domain import histories, tenants
from claims.outbound import calls, offline, probes, store, stored
from claims.outbound import tenants as tenants_room
from formats import canonical
from ultrathink.scoring.v1 import scoring_pb2, scoring_pb2_grpc
from ultrathink.storage.v1 import storage_pb2, storage_pb2_grpc

READER = "/ultrathink.storage.v1.ClaimReader"
STORE = "/ultrathink.storage.v1.ClaimStore"
TRACED = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


class Reader(partial_servicers.Reader):
    """Knows one tenant and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fault: errors.Fault | None = None
        self.active = True

    async def GetTenant(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        """Answer about the tenant demo."""
        del context
        self.asked.append(request.tenant)
        if self.fault is not None:
            raise self.fault
        if request.tenant != "demo":
            raise errors.NotFound("tenant.unknown", "x")
        return storage_pb2.GetTenantResponse(tenant="demo", review_threshold=0.25, active=self.active)


class Writer(partial_servicers.Store):
    """Answers what a test wants and keeps what came."""

    def __init__(self) -> None:
        self.records: list[storage_pb2.RecordRequest] = []
        self.lookups: list[storage_pb2.LookupRequest] = []
        self.short = 0  # results left out of an answer
        self.fault: errors.Fault | None = None

    def Record(self, request_iterator: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        """Record nothing and say it was done."""
        del context
        return streams.serve_batches(request_iterator, self._record)

    def Lookup(self, request_iterator: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        """Remember nothing; answer nobody when a test wants silence."""
        del context
        return streams.serve_batches(request_iterator, self._lookup)

    async def _record(self, request: storage_pb2.RecordRequest) -> storage_pb2.RecordResponse:
        self.records.append(request)
        if self.fault is not None:
            raise self.fault
        made = [
            storage_pb2.RecordResult(recorded=storage_pb2.Recorded(id=f"id-{place}"))
            for place in range(len(request.items) - self.short)
        ]
        return storage_pb2.RecordResponse(results=made)

    async def _lookup(self, request: storage_pb2.LookupRequest) -> storage_pb2.LookupResponse:
        self.lookups.append(request)
        await asyncio.get_running_loop().create_future()
        raise AssertionError


def app(*, reader: Reader | None = None, writer: Writer | None = None) -> apps.App:
    """Return a storage of these doors."""

    def register(server: grpc.aio.Server) -> None:
        storage_pb2_grpc.add_ClaimReaderServicer_to_server(reader or Reader(), server)
        storage_pb2_grpc.add_ClaimStoreServicer_to_server(writer or Writer(), server)

    async def ready() -> apps.Readiness:
        return apps.Readiness(ok=True)

    methods = (f"{READER}/GetTenant", f"{STORE}/Record", f"{STORE}/Lookup")
    callers = dict.fromkeys(methods, frozenset({"claims"}))
    return apps.App(name="storage", register=register, service_names=(), callers=callers, ready=ready)


@contextlib.asynccontextmanager
async def writing(writer: Writer) -> AsyncIterator[store.GrpcStore]:
    """Yield the outbound store on this writer."""
    channel = local.LocalChannel(app(writer=writer), caller="claims")
    made = store.GrpcStore(storage_pb2_grpc.ClaimStoreStub(channel), clocks.SystemClock())
    try:
        yield made
    finally:
        await made.aclose()
        await channel.close()


@contextlib.asynccontextmanager
async def knowing(reader: Reader, clock: clocks.Clock) -> AsyncIterator[tenants_room.GrpcTenants]:
    """Yield the outbound tenants on this reader."""
    channel = local.LocalChannel(app(reader=reader), caller="claims")
    try:
        yield tenants_room.GrpcTenants(storage_pb2_grpc.ClaimReaderStub(channel), clock)
    finally:
        await channel.close()


async def test_a_tenant_is_asked_for_once_in_a_while() -> None:
    """Settings are kept for half a minute and asked for again afterwards."""
    reader, clock = Reader(), chassis_testing.ManualClock()
    async with knowing(reader, clock) as known:
        for _ in range(3):
            assert (await known.find("demo")).review_threshold == 0.25
        clock.advance(tenants_room.KEPT_SECONDS + 1)
        reader.active = False
        with pytest.raises(errors.Denied):
            await known.find("demo")
    assert reader.asked == ["demo", "demo"]


async def test_an_unknown_name_is_remembered_for_a_shorter_while() -> None:
    """A flood of one made-up name costs one question per few seconds, an empty name none."""
    reader, clock = Reader(), chassis_testing.ManualClock()
    async with knowing(reader, clock) as known:
        for name in ("nowhere", "nowhere", ""):
            with pytest.raises(errors.Denied, match=r"tenant\.unknown"):
                await known.find(name)
        clock.advance(tenants_room.REFUSED_SECONDS + 1)
        with pytest.raises(errors.Denied):
            await known.find("nowhere")
    assert reader.asked == ["nowhere", "nowhere"]


async def test_kept_names_are_bounded() -> None:
    """Made-up names push out the oldest, not the memory."""
    async with knowing(Reader(), chassis_testing.ManualClock()) as known:
        for number in range(tenants_room.MAX_KEPT):
            known._kept[str(number)] = (1e9, None)
        await known.find("demo")
        assert len(known._kept) == tenants_room.MAX_KEPT
        assert "0" not in known._kept


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (errors.Unavailable("db.away", "x"), "db.away"),
        (errors.Denied("caller.not_allowed", "x"), "claims.refused"),
        (errors.Denied("token.expired", "x"), "claims.refused"),
    ],
)
async def test_a_storage_in_trouble_is_no_unknown_tenant(fault: errors.Fault, reason: str) -> None:
    """Only storage's own refusal of the name denies a tenant; trouble passes and is not kept.

    A storage that does not accept claims is trouble too: whoever sent the claim has nothing to log in for.
    """
    reader = Reader()
    reader.fault = fault
    async with knowing(reader, chassis_testing.ManualClock()) as known:
        with pytest.raises(errors.Unavailable) as caught:
            await known.find("demo")
        assert caught.value.reason == reason
        reader.fault = None
        assert (await known.find("demo")).name == "demo"


def submission(number: int = 1, **context: Any) -> ports.Submission:
    """Return a decided claim with time left on the system's clock."""
    sent = support.body(number)
    arrival = chassis_testing.context(deadline=clocks.SystemClock().monotonic() + 10, **context)
    return support.decided(canonical.decode(sent), context=arrival, body=sent)


async def test_claims_laid_out_beforehand_are_recorded_as_others_are() -> None:
    """The whole sheet, a part of it, one that was sent already and none: the message is the same."""
    writer = Writer()
    items = [submission(number) for number in (1, 2, 3)]
    async with writing(writer) as made:
        sheet = made.lay_out(items)
        laid = [msgspec.structs.replace(one, sheet=sheet) for one in items]
        for asked, same in (
            (items[:2], laid[:2]),
            (items, laid),
            (items, laid),
            (items, [*laid[:2], items[2]]),
        ):
            await made.record(asked)
            await made.record(same)
    for plain, filled in itertools.batched(writer.records, 2):
        assert plain.HasField("findings")
        for one in (*plain.items, *filled.items):
            one.context.ClearField("remaining_ms")
        filled.batch_id = plain.batch_id
        assert filled == plain


async def test_a_record_carries_each_claim_once_with_its_own_context() -> None:
    """Items are numbered within the message, keep tenant, key and request, and have less time than before."""
    writer = Writer()
    async with writing(writer) as made:
        results = await made.record(
            [
                submission(1, item_id="same", idempotency_key="k"),
                submission(2, item_id="same", tenant="other"),
            ]
        )
    told = [result.id if isinstance(result, ports.Recorded) else result for result in results]
    assert told == ["id-0", "id-1"]
    (request,) = writer.records
    first, second = request.items
    assert [first.context.item_id, second.context.item_id] == ["0", "1"]
    assert (first.context.tenant, second.context.tenant) == ("demo", "other")
    assert (first.context.idempotency_key, first.context.request_id) == ("k", "request-1")
    assert 9_000 < first.context.remaining_ms < 10_000
    assert first.natural_key == '["10000000000101","claim","CLM-000001"]'
    assert first.claim_json == support.body(1)
    assert len(first.content_hash) == 32


async def test_a_body_equal_to_its_canonical_form_is_not_sent_twice() -> None:
    """What storage has already as the claim is not stored again as received."""
    equal = submission()
    other = msgspec.structs.replace(equal, body=b" " + equal.body)
    writer = Writer()
    async with writing(writer) as made:
        await made.record([equal, other])
    first, second = writer.records[0].items
    assert (first.received_body, first.received_media_type) == (b"", "")
    assert first.claim_json == second.claim_json == equal.body
    assert (second.received_body, second.received_media_type) == (b" " + equal.body, "application/json")


async def test_answers_that_do_not_fit_are_used_for_nobody() -> None:
    """One result too few, and every claim of the message is told a fault instead of a neighbour's id."""
    writer = Writer()
    writer.short = 1
    async with writing(writer) as made:
        results = await made.record([submission(1), submission(2)])
    assert all(isinstance(result, errors.Internal) for result in results)


async def test_a_fault_of_the_stream_is_a_fault_of_each_claim() -> None:
    """When the whole message is refused, each of its claims is."""
    writer = Writer()
    writer.fault = errors.Exhausted("queue.full", "x")
    async with writing(writer) as made:
        results = await made.record([submission(1), submission(2)])
    assert all(isinstance(result, errors.Fault) for result in results)


async def test_what_cannot_be_written_is_a_fault_of_each_claim() -> None:
    """An exchange that breaks on our own side is told as ours, and nothing of it to the sender."""
    writer = Writer()
    async with writing(writer) as made:
        unwritable = submission(1, request_id="\ud800")  # half a character has no UTF-8
        answers = await made.record([unwritable, submission(2)])
    told = [answer.reason if isinstance(answer, errors.Fault) else answer for answer in answers]
    assert told == ["exchange.failed"] * 2


async def test_a_silent_history_costs_only_its_own_time() -> None:
    """Look-ups have a deadline of their own, far before the claims' deadline."""
    writer = Writer()
    channel = local.LocalChannel(app(writer=writer), caller="claims")
    clock = clocks.SystemClock()
    made = store.GrpcStore(storage_pb2_grpc.ClaimStoreStub(channel), clock)
    question = histories.Question(provider_id="p", payer_id="", patient_key="", use="claim", claim_id="c")
    context = chassis_testing.context(deadline=clock.monotonic() + 60)
    (answer,) = await made.lookup([(context, question)], deadline=clock.monotonic() + 0.05)
    assert isinstance(answer, errors.Unavailable)
    assert answer.reason == "deadline.exceeded"
    await channel.close()
    await made.aclose()


def test_a_followed_item_names_its_new_parent_and_others_none() -> None:
    """Only what a span of ours follows is followed on; everything else travels without a trace."""
    clock = chassis_testing.ManualClock()
    items = [chassis_testing.context(traceparent=TRACED), chassis_testing.context()]
    sent = calls.wire(items, {TRACED: "next"}, clock)
    assert [one.traceparent for one in sent] == ["next", ""]
    assert [one.traceparent for one in calls.wire(items, {}, clock)] == ["", ""]


def test_time_never_becomes_negative_on_the_wire() -> None:
    """An item whose time is over says zero."""
    clock = chassis_testing.ManualClock()
    clock.advance(120)
    assert calls.wire([chassis_testing.context()], {}, clock)[0].remaining_ms == 0


def test_rows_leave_out_what_is_missing() -> None:
    """NULLs of the contract are absent in a list's row, and amounts are exact decimals."""
    told = storage_pb2.ClaimRow(
        id="i", claim_id="c", currency="KWD", submitted_minor=1_234, at_risk_minor=calls.MISSING,
        probability=float("nan"), verdict="review", score_state="not_scored", received_at_ms=1_000,
    )  # fmt: skip
    row = stored.row(told)
    assert str(row["submitted"]) == "1.234"
    assert row["received_at"] == "1970-01-01T00:00:01.000Z"
    assert "probability" not in row
    assert "at_risk_minor" not in row
    assert "payer" not in row
    full = stored.row(storage_pb2.ClaimRow(probability=0.0, at_risk_minor=0, submitted_minor=0))
    assert (full["probability"], full["at_risk_minor"], str(full["submitted"])) == (0.0, 0, "0.00")


class Model(partial_servicers.Scorer):
    """A scoring room that is there."""

    async def GetModel(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        """Answer."""
        del request, context
        return scoring_pb2.GetModelResponse()


@pytest.mark.parametrize(
    ("fault", "packs", "ok"),
    [
        (None, 1, True),
        (None, 0, False),
        (errors.Unavailable("db.away", "x"), 1, False),
        (errors.Denied("caller.not_allowed", "x"), 1, False),
        (errors.Denied("tenant.unknown", "x"), 1, True),
    ],
)
async def test_readiness_follows_what_is_needed(fault: errors.Fault | None, packs: int, ok: bool) -> None:  # noqa: FBT001 - a table's column
    """Packs and a storage that looks up are needed; a refusal of the made-up tenant proves that it looks."""
    reader = Reader()
    reader.fault = fault

    def register(server: grpc.aio.Server) -> None:
        scoring_pb2_grpc.add_ScorerServicer_to_server(Model(), server)

    async def ready() -> apps.Readiness:
        return apps.Readiness(ok=True)

    callers = {"/ultrathink.scoring.v1.Scorer/GetModel": frozenset({"claims"})}
    scoring = apps.App(name="scoring", register=register, service_names=(), callers=callers, ready=ready)
    storage_channel = local.LocalChannel(app(reader=reader), caller="claims")
    scoring_channel = local.LocalChannel(scoring, caller="claims")
    probe = probes.Probe(
        storage_pb2_grpc.ClaimReaderStub(storage_channel),
        scoring_pb2_grpc.ScorerStub(scoring_channel),
        packs=packs,
    )
    told = await probe.ready()
    assert told.ok is ok
    assert ("storage" in told.detail) == (not ok and packs > 0)
    await storage_channel.close()
    await scoring_channel.close()


async def test_a_service_alone_refuses_what_it_cannot_do() -> None:
    """Without a platform there is no record, no history and no score, and nothing pretends otherwise."""
    context: contexts.CallContext = chassis_testing.context()
    assert await offline.OneTenant().find("any") == tenants.Tenant(name="any")
    scorer, record, archive = offline.NoScorer(), offline.NoRecord(), offline.NoArchive()
    case = ports.Case(context=context, claim=canonical.decode(support.body()))
    for call in (
        scorer.score([case], deadline=1.0),
        scorer.explain(case),
        record.record([]),
        record.lookup([], deadline=1.0),
        record.unscored(1),
        archive.claim(context, "x"),
        archive.note_read(context, "x", "claim.read"),
    ):
        with pytest.raises(errors.Unavailable, match=r"\.offline"):
            await call
    with pytest.raises(errors.Unavailable):
        archive.watch(context, "")
