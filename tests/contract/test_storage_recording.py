"""What recording promises, whether PostgreSQL or the twin stands behind it."""

import asyncio
import datetime as dt
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

import storage_support as support
from chassis import testing as chassis_testing
from storage.domain import ids
from ultrathink.common.v1 import common_pb2
from ultrathink.storage.v1 import storage_pb2

type Make = Callable[..., AbstractAsyncContextManager[support.Stubs]]
type Spoil = Callable[[storage_pb2.RecordItem], object]

CONFLICT = common_pb2.ERROR_KIND_CONFLICT
INVALID = common_pb2.ERROR_KIND_INVALID
DENIED = common_pb2.ERROR_KIND_DENIED


async def stored(storage: support.Stubs) -> int:
    """Return how many claims of the demo tenant are there."""
    request = storage_pb2.ListClaimsRequest(context=support.context(), limit=1_000)
    return len((await storage.reader.ListClaims(request)).rows)


async def test_a_claim_comes_back_byte_for_byte(storage: support.Stubs):
    """What was recorded is read again unchanged, under the id that was answered."""
    batch = support.Batch().add("C-1", received=b"<Claim/>")
    [result] = await support.record(storage, batch)
    request = storage_pb2.GetClaimRequest(context=support.context(), id=result.recorded.id)
    claim = (await storage.reader.GetClaim(request)).claim
    item = batch.request.items[0]
    assert (claim.claim_json, claim.decision_json) == (item.claim_json, item.decision_json)
    assert (claim.claim_id, claim.revision, claim.content_hash) == ("C-1", 1, item.content_hash)
    assert claim.received_at_ms == result.recorded.recorded_at_ms == ids.ms_of(result.recorded.id)
    assert (claim.wire_status, claim.business_status, claim.review_status) == ("received", "draft", "none")


async def test_results_keep_the_order_and_names_of_the_items(storage: support.Stubs):
    """Every item is answered in its place under its own item id."""
    batch = support.Batch()
    for number in range(40):
        batch.add(f"C-{number}", item_id=f"item-{number}")
    results = await support.record(storage, batch)
    assert [result.item_id for result in results] == [f"item-{number}" for number in range(40)]
    recorded = [result.recorded.id for result in results]
    assert recorded == sorted(set(recorded))


async def test_an_empty_batch_has_an_empty_answer(storage: support.Stubs):
    """Nothing to record is nothing refused."""
    assert await support.record(storage, support.Batch()) == []


async def test_the_same_key_and_content_give_the_first_decision(storage: support.Stubs):
    """A repetition is answered with the first decision, byte for byte, and nothing is written again."""
    first = support.Batch().add("C-1", key="key-1")
    again = support.Batch().add("C-1", key="key-1")
    [original] = await support.record(storage, first)
    [repeated] = await support.record(storage, again)
    assert repeated.recorded.replayed
    assert repeated.recorded.id == original.recorded.id
    assert repeated.recorded.recorded_at_ms == original.recorded.recorded_at_ms
    assert repeated.recorded.decision_json == first.request.items[0].decision_json
    assert repeated.recorded.decision_json != again.request.items[0].decision_json
    assert await stored(storage) == 1


async def test_the_same_key_with_another_content_conflicts(storage: support.Stubs):
    """A key is never reused for another claim."""
    await support.record(storage, support.Batch().add("C-1", key="key-1"))
    [refused] = await support.record(storage, support.Batch().add("C-2", key="key-1"))
    assert (refused.error.kind, refused.error.reason) == (CONFLICT, "idempotency.key_reused")
    assert await stored(storage) == 1


async def test_without_a_key_the_claims_own_identity_decides(storage: support.Stubs):
    """The natural key stands in, and never meets a chosen key of the same text."""
    [original] = await support.record(storage, support.Batch().add("C-1"))
    [repeated] = await support.record(storage, support.Batch().add("C-1"))
    assert repeated.recorded.id == original.recorded.id
    chosen = support.Batch().add("C-1", key="P1|claim|C-1")
    [apart] = await support.record(storage, chosen)
    assert not apart.recorded.replayed


async def test_keys_of_one_tenant_are_nothing_to_another(two_tenants: support.Stubs):
    """The same key and claim under two tenants are two claims, in one batch too."""
    batch = support.Batch().add("C-1", key="key").add("C-1", key="key", tenant="other").add("C-2")
    results = await support.record(two_tenants, batch)
    assert not any(result.recorded.replayed for result in results)
    assert len({result.recorded.id for result in results}) == 3


async def test_repetitions_inside_one_batch_are_found(storage: support.Stubs):
    """The first of equal items is recorded; equal ones repeat it, another content conflicts."""
    batch = support.Batch().add("C-1", key="k").add("C-1", key="k").add("C-2", key="k").add("C-3")
    first, same, other, free = await support.record(storage, batch)
    assert same.recorded.replayed
    assert same.recorded.id == first.recorded.id
    assert same.recorded.decision_json == batch.request.items[0].decision_json
    assert other.error.reason == "idempotency.key_reused"
    assert free.recorded.id
    assert await stored(storage) == 2


async def test_two_writers_with_one_key_have_one_winner(storage: support.Stubs):
    """Concurrent submissions of one key record one claim; the others repeat it or conflict."""
    batches = [support.Batch().add(f"C-{number % 2}", key="k") for number in range(8)]
    answers = [
        results[0] for results in await asyncio.gather(*(support.record(storage, batch) for batch in batches))
    ]
    won = [answer for answer in answers if answer.HasField("recorded") and not answer.recorded.replayed]
    assert len(won) == 1
    assert {answer.recorded.id for answer in answers if answer.HasField("recorded")} == {won[0].recorded.id}
    assert sum(answer.error.reason == "idempotency.key_reused" for answer in answers) == 4
    assert await stored(storage) == 1


@pytest.mark.parametrize(
    ("spoil", "kind", "reason"),
    [
        (lambda item: item.context.ClearField("tenant"), DENIED, "tenant.unknown"),
        (lambda item: setattr(item.context, "tenant", "nobody"), DENIED, "tenant.unknown"),
        (lambda item: setattr(item.context, "tenant", "a,demo"), DENIED, "tenant.unknown"),
        (lambda item: setattr(item, "content_hash", b"short"), INVALID, "content_hash.length"),
        (lambda item: item.ClearField("natural_key"), INVALID, "key.missing"),
        (lambda item: item.ClearField("claim_json"), INVALID, "document.missing"),
        (lambda item: item.ClearField("decision_json"), INVALID, "document.missing"),
        (lambda item: setattr(item.context, "subject", "a\0b"), INVALID, "text.unstorable"),
        (lambda item: setattr(item.context, "subject", "x" * 300), INVALID, "text.unstorable"),
        (
            lambda item: setattr(item.context, "remaining_ms", 0),
            common_pb2.ERROR_KIND_UNAVAILABLE,
            "deadline.exceeded",
        ),
    ],
)
async def test_a_bad_item_fails_alone(storage: support.Stubs, spoil: Spoil, kind: int, reason: str):
    """An item that cannot be recorded names its reason; its neighbours are recorded."""
    batch = support.Batch().add("C-1").add("C-2").add("C-3")
    spoil(batch.request.items[1])
    before, bad, after = await support.record(storage, batch)
    assert (bad.error.kind, bad.error.reason) == (kind, reason)
    assert before.recorded.id
    assert after.recorded.id
    assert await stored(storage) == 2


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("claim_id", ""),
        ("claim_id", "x" * 300),
        ("provider_id", "a\0b"),
        ("verdict", ""),
        ("service_from_day", 2**40),
    ],
)
async def test_a_bad_column_fails_its_item_alone(storage: support.Stubs, column: str, value: str | int):
    """A value that cannot be stored refuses its item, not the batch."""
    batch = support.Batch().add("C-1").add("C-2").add("C-3")
    getattr(batch.request.claims, column)[1] = value
    before, bad, after = await support.record(storage, batch)
    assert (bad.error.kind, bad.error.reason) == (INVALID, "column.unstorable")
    assert before.recorded.id
    assert after.recorded.id


@pytest.mark.parametrize("column", ["code", "system", "service_key"])
async def test_a_bad_line_fails_its_claim_alone(storage: support.Stubs, column: str):
    """A line that cannot be stored refuses its claim and no other."""
    batch = support.Batch().add("C-1").add("C-2").add("C-3")
    getattr(batch.request.lines, column)[4] = "a\0b"  # the second claim's second line
    results = await support.record(storage, batch)
    assert [result.error.reason for result in results] == ["", "column.unstorable", ""]


async def test_columns_that_do_not_fit_refuse_the_batch(storage: support.Stubs):
    """A batch whose columns disagree is refused as a whole: nobody could tell whose values they are."""
    batch = support.Batch().add("C-1").add("C-2")
    batch.request.claims.verdict.pop()
    with pytest.raises(Exception, match="columns") as refused:
        await support.record(storage, batch)
    assert support.reason_of(refused.value) == "batch.columns"
    pointing = support.Batch().add("C-1")
    pointing.request.lines.item[0] = 7
    with pytest.raises(Exception, match="columns") as refused:
        await support.record(storage, pointing)
    assert support.reason_of(refused.value) == "batch.columns"
    assert await stored(storage) == 0


async def test_a_thousand_claims_are_one_batch(storage: support.Stubs):
    """A batch of a thousand is recorded and read like a batch of one."""
    batch = support.Batch()
    for number in range(1_000):
        batch.add(f"C-{number}", lines=2)
    results = await support.record(storage, batch)
    assert len({result.recorded.id for result in results}) == 1_000
    request = storage_pb2.GetClaimRequest(context=support.context(), id=results[999].recorded.id)
    claim = (await storage.reader.GetClaim(request)).claim
    assert claim.claim_json == batch.request.items[999].claim_json


async def test_a_large_claim_lies_apart_and_reads_the_same(storage: support.Stubs):
    """Documents over a megabyte go to the object store; nobody reading can tell."""
    large = b"".join(hashlib.sha256(bytes([i % 256, i // 256])).digest() for i in range(40_000))
    batch = support.Batch().add("C-1", received=large).add("C-2")
    results = await support.record(storage, batch)
    for result, item in zip(results, batch.request.items, strict=True):
        request = storage_pb2.GetClaimRequest(context=support.context(), id=result.recorded.id)
        assert (await storage.reader.GetClaim(request)).claim.claim_json == item.claim_json


async def test_the_stream_answers_every_batch_by_its_number(storage: support.Stubs):
    """Batches on one stream are answered under their own batch ids."""
    requests = [support.Batch().add(f"C-{number}").request for number in range(5)]
    for number, request in enumerate(requests, start=1):
        request.batch_id = number

    async def sent() -> AsyncIterator[storage_pb2.RecordRequest]:
        for request in requests:
            yield request

    answers = {answer.batch_id: answer async for answer in storage.store.Record(sent())}
    assert sorted(answers) == [1, 2, 3, 4, 5]
    assert all(len(answer.results) == 1 for answer in answers.values())


async def test_ids_stay_unique_and_sorted_when_the_clock_runs_back(make_storage: Make):
    """A clock set back by an hour neither repeats an id nor breaks their order."""
    clock = chassis_testing.ManualClock(dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC))
    async with make_storage(clock) as storage:
        minted = []
        for number in range(6):
            [result] = await support.record(storage, support.Batch().add(f"C-{number}"))
            minted.append(result.recorded.id)
            clock._now -= dt.timedelta(hours=1)
        assert minted == sorted(set(minted))


async def test_a_repetition_is_found_across_months(make_storage: Make):
    """A key recorded in one month is known in the next, and both months are listed."""
    clock = chassis_testing.ManualClock(dt.datetime(2026, 11, 30, 23, 59, 59, tzinfo=dt.UTC))
    async with make_storage(clock) as storage:
        [first] = await support.record(storage, support.Batch().add("C-1", key="k"))
        clock.advance(40 * 86_400)
        [again] = await support.record(storage, support.Batch().add("C-1", key="k"))
        [later] = await support.record(storage, support.Batch().add("C-2"))
        assert again.recorded.replayed
        assert again.recorded.id == first.recorded.id
        listed = await storage.reader.ListClaims(storage_pb2.ListClaimsRequest(context=support.context()))
        assert [row.id for row in listed.rows] == [later.recorded.id, first.recorded.id]
