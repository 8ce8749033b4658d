"""What storage remembers of services, whether PostgreSQL or the twin stands behind it."""

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

import storage_support as support
from chassis import testing as chassis_testing
from storage.domain import records
from ultrathink.common.v1 import common_pb2
from ultrathink.storage.v1 import storage_pb2

type Make = Callable[..., AbstractAsyncContextManager[support.Stubs]]

KEY, OTHER_KEY = b"k" * 12, b"o" * 12
MARK = b"m" * 12
DAY = 20_666
ONE, TWO = 10_000, 20_000


def question(
    *past: storage_pb2.PastQuestion, claim_id: str = "NEW", tenant: str = "demo", **fields: Any
) -> storage_pb2.LookupItem:
    """Return what a claim of provider P1 asks."""
    values: dict[str, Any] = {
        "context": support.context(tenant=tenant),
        "provider_id": "P1",
        "use": "claim",
    }
    return storage_pb2.LookupItem(claim_id=claim_id, past=past, **(values | fields))


def rows_of(
    key: bytes = KEY, first: int = DAY, last: int | None = None, most: int = 9
) -> storage_pb2.PastQuestion:
    """Return a question about a key on a day, or from one day to another."""
    return storage_pb2.PastQuestion(
        key=key, from_day=first, to_day=first if last is None else last, most=most
    )


async def recall(storage: support.Stubs, *items: storage_pb2.LookupItem) -> list[storage_pb2.LookupResult]:
    """Return the answers to questions."""
    return list((await storage.store.LookupBatch(storage_pb2.LookupRequest(items=items))).results)


async def ask(
    storage: support.Stubs, *past: storage_pb2.PastQuestion, **fields: Any
) -> list[storage_pb2.PastAnswer]:
    """Return the answers to one claim's questions about keys."""
    [result] = await recall(storage, question(*past, **fields))
    return list(result.past)


async def test_a_row_is_remembered_as_it_was_given(storage: support.Stubs):
    """Claim, line, day, quantity, mark, provider and payer come back with the sum."""
    batch = support.Batch().add("C-1", history=((KEY, DAY, ONE, b""), (KEY, DAY, TWO, MARK)))
    [made] = await support.record(storage, batch)
    [answer] = await ask(storage, rows_of())
    marked, plain = answer.lines
    assert (marked.id, marked.claim_id, marked.line) == (made.recorded.id, "C-1", 2)
    assert (marked.day, marked.quantity_e4, marked.mark) == (DAY, TWO, MARK)
    assert (marked.provider_id, marked.payer_id) == ("P1", "7001571327")
    assert (plain.line, plain.mark) == (1, b"")
    assert answer.quantity_e4 == ONE + TWO


async def test_answers_stand_in_the_order_of_their_questions(storage: support.Stubs):
    """Every question has an answer, empty where nothing is known."""
    await support.recorded(storage, "C-1", history=((OTHER_KEY, DAY, ONE, MARK),))
    answers = await ask(storage, rows_of(), rows_of(OTHER_KEY), rows_of(b"x" * 12))
    assert [[line.claim_id for line in answer.lines] for answer in answers] == [[], ["C-1"], []]
    assert [answer.quantity_e4 for answer in answers] == [0, ONE, 0]


async def test_only_days_of_the_range_are_told_newest_first(storage: support.Stubs):
    """Both ends belong to the range; the sum covers all of it, the rows only as many as are wanted."""
    for back in range(6):
        await support.recorded(storage, f"C-{back}", history=((KEY, DAY - back, ONE, MARK),))
    whole, cut, none = await ask(
        storage, rows_of(KEY, DAY - 4, DAY - 1), rows_of(KEY, DAY - 4, DAY, 2), rows_of(KEY, DAY - 4, DAY, 0)
    )
    assert [line.claim_id for line in whole.lines] == ["C-1", "C-2", "C-3", "C-4"]
    assert whole.quantity_e4 == 4 * ONE
    assert [line.claim_id for line in cut.lines] == ["C-0", "C-1"]
    assert cut.quantity_e4 == 5 * ONE
    assert (list(none.lines), none.quantity_e4) == ([], 5 * ONE)


async def test_of_one_day_the_latest_claim_comes_first(storage: support.Stubs):
    """Rows of a day are ordered by receipt."""
    for number in range(3):
        await support.recorded(storage, f"C-{number}", history=((KEY, DAY, ONE, MARK),))
    [answer] = await ask(storage, rows_of())
    assert [line.claim_id for line in answer.lines] == ["C-2", "C-1", "C-0"]


async def test_rows_are_told_up_to_a_bound(storage: support.Stubs):
    """However many are wanted, no more than PAST_MOST come."""
    history = tuple((KEY, DAY, ONE, MARK) for _ in range(records.PAST_MOST + 5))
    await support.recorded(storage, "C-1", history=history, lines=1)
    [answer] = await ask(storage, rows_of(most=10_000))
    assert len(answer.lines) == records.PAST_MOST
    assert answer.quantity_e4 == len(history) * ONE


async def test_a_claim_is_not_part_of_its_own_past(storage: support.Stubs):
    """The sender's id of the same provider is the claim itself; another provider's is a coincidence."""
    await support.recorded(storage, "C-1", history=((KEY, DAY, ONE, MARK),))
    await support.recorded(storage, "C-2", provider_id="P2", history=((KEY, DAY, ONE, MARK),))
    [own] = await ask(storage, rows_of(), claim_id="C-1")
    assert [line.claim_id for line in own.lines] == ["C-2"]
    [foreign] = await ask(storage, rows_of(), claim_id="C-2")
    assert [line.claim_id for line in foreign.lines] == ["C-2", "C-1"]
    [nobody] = await ask(storage, rows_of(), claim_id="C-1", provider_id="")
    assert len(nobody.lines) == 2


@pytest.mark.parametrize(
    "withdrawn", [{"wire_status": "refused"}, {"business_status": "cancelled"}, {"verdict": "reject",
    "wire_status": "refused"}],
)  # fmt: skip
async def test_a_claim_that_does_not_stand_claimed_nothing(storage: support.Stubs, withdrawn: dict[str, str]):
    """Refused and cancelled claims are neither told nor summed, from the moment they are so."""
    await support.recorded(storage, "GONE", history=((KEY, DAY, ONE, MARK),), **withdrawn)
    [later] = await support.recorded(storage, "LATER", history=((KEY, DAY, ONE, MARK),))
    [before] = await ask(storage, rows_of())
    assert [line.claim_id for line in before.lines] == ["LATER"]
    await storage.store.RecordChange(support.changed(later, **({"verdict": ""} | withdrawn)))
    [after] = await ask(storage, rows_of())
    assert (list(after.lines), after.quantity_e4) == ([], 0)


async def test_a_denied_claim_is_told_but_not_summed(storage: support.Stubs):
    """What the payer denied was claimed, and used nothing up."""
    [denied] = await support.recorded(storage, "C-1", history=((KEY, DAY, ONE, MARK),))
    await storage.store.RecordChange(
        support.changed(denied, verdict="", review_status="", business_status="rejected")
    )
    [answer] = await ask(storage, rows_of())
    assert ([line.claim_id for line in answer.lines], answer.quantity_e4) == (["C-1"], 0)


async def test_a_missing_quantity_counts_nothing(storage: support.Stubs):
    """A row without a quantity is told as such and adds nothing."""
    batch = support.Batch().add("C-1", history=((KEY, DAY, support.NO_INT, MARK), (KEY, DAY, TWO, MARK)))
    await support.record(storage, batch)
    [answer] = await ask(storage, rows_of())
    assert [line.quantity_e4 for line in answer.lines] == [TWO, support.NO_INT]
    assert answer.quantity_e4 == TWO


async def test_the_past_ends_where_the_question_says(make_storage: Make):
    """Claims recorded from an id on are unknown: rows, sums, duplicates and counts are those of that time."""
    clock = chassis_testing.ManualClock(dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC))
    async with make_storage(clock) as storage:
        made = []
        for number in range(4):
            batch = support.Batch().add(f"C-{number}", history=((KEY, DAY, ONE, MARK),))
            made += [result.recorded.id for result in await support.record(storage, batch)]
            clock.advance(86_400)
        clock.advance(400 * 86_400)
        item = question(rows_of(), before=made[2], patient_key="a2b4c6d8e0f2")
        [then] = await recall(storage, item)
        assert [line.claim_id for line in then.past[0].lines] == ["C-1", "C-0"]
        assert then.past[0].quantity_e4 == 2 * ONE
        assert then.patient.claims == 2
        assert then.provider.claims == 3  # counted by day: the day of the id belongs to it
        [now] = await ask(storage, rows_of())
        assert len(now.lines) == 4


async def test_questions_with_different_ends_share_a_batch(storage: support.Stubs):
    """Each question has its own end, also among questions about the same patient and provider."""
    made = await support.recorded(storage, "C-0", "C-1", "C-2", history=((KEY, DAY, ONE, MARK),))
    items = [question(rows_of(), before=one, patient_key="a2b4c6d8e0f2") for one in (*made, "")]
    results = await recall(storage, *items)
    assert [len(result.past[0].lines) for result in results] == [0, 1, 2, 3]
    assert [result.patient.claims for result in results] == [0, 1, 2, 3]
    assert [result.provider.claims for result in results] == [3, 3, 3, 3]


async def test_service_keys_of_callers_without_history_are_still_found(storage: support.Stubs):
    """A caller of before sends service keys; as of an earlier id they are as unknown as everything else."""
    batch = support.Batch().add("OLD", service_keys=("s1",)).add("LATER", service_keys=("s1",))
    made = [result.recorded.id for result in await support.record(storage, batch)]
    now, then, gone = await recall(
        storage,
        question(service_keys=["s1"]),
        question(service_keys=["s1"], before=made[1]),
        question(service_keys=["s1"], before=made[0]),
    )
    assert [[hit.claim_id for hit in one.duplicates] for one in (now, then, gone)] == [
        ["LATER", "OLD"], ["OLD"], [],
    ]  # fmt: skip


async def test_history_stands_in_the_place_of_service_keys(storage: support.Stubs):
    """A caller that sends history is remembered by it alone, even for a claim without rows."""
    batch = support.Batch().add("C-1", service_keys=("s1",)).add("C-2", history=((KEY, DAY, ONE, MARK),))
    await support.record(storage, batch)
    [result] = await recall(storage, question(rows_of(), service_keys=["s1"]))
    assert not result.duplicates
    assert [line.claim_id for line in result.past[0].lines] == ["C-2"]


async def test_a_repeated_claim_leaves_its_rows_once(storage: support.Stubs):
    """A submission sent again adds no row, beside a new one in its batch."""
    history = ((KEY, DAY, ONE, MARK),)
    await support.record(storage, support.Batch().add("C-1", history=history))
    batch = support.Batch().add("C-1", history=history).add("C-2", history=history)
    await support.record(storage, batch)
    [answer] = await ask(storage, rows_of())
    assert sorted(line.claim_id for line in answer.lines) == ["C-1", "C-2"]


async def test_one_tenants_past_is_unknown_to_another(two_tenants: support.Stubs):
    """The same keys under two tenants never meet, in recording and in asking, within one batch too."""
    history = ((KEY, DAY, ONE, MARK),)
    batch = support.Batch().add("MINE", history=history).add("THEIRS", tenant="other", history=history)
    await support.record(two_tenants, batch)
    mine, theirs = await recall(two_tenants, question(rows_of()), question(rows_of(), tenant="other"))
    assert [line.claim_id for line in mine.past[0].lines] == ["MINE"]
    assert [line.claim_id for line in theirs.past[0].lines] == ["THEIRS"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("key", b"short"),
        ("key", b""),
        ("mark", b"m"),
        ("day", support.NO_INT),
        ("day", 2**40),
        ("line", 2**32 - 1),
        ("quantity_e4", 2**62),
    ],
)
async def test_a_bad_row_fails_its_claim_alone(storage: support.Stubs, column: str, value: int | bytes):
    """A history row that cannot be kept refuses its claim, and its neighbours are recorded."""
    batch = support.Batch()
    for number in range(3):
        batch.add(f"C-{number}", history=((KEY, DAY, ONE, MARK),))
    getattr(batch.request.history, column)[1] = value
    first, bad, last = await support.record(storage, batch)
    assert (bad.error.kind, bad.error.reason) == (common_pb2.ERROR_KIND_INVALID, "column.unstorable")
    assert first.recorded.id
    assert last.recorded.id


async def test_rows_that_fit_no_item_refuse_the_batch(storage: support.Stubs):
    """A history whose columns disagree, or that points beyond the items, belongs to nobody."""
    batch = support.Batch().add("C-1", history=((KEY, DAY, ONE, MARK),))
    batch.request.history.item[0] = 4
    with pytest.raises(Exception, match="columns") as refused:
        await support.record(storage, batch)
    assert support.reason_of(refused.value) == "batch.columns"


@pytest.mark.parametrize(
    ("spoiled", "reason"),
    [
        (question(rows_of(b"short")), "lookup.past"),
        (question(rows_of(first=2**40)), "lookup.past"),
        (question(*[rows_of()] * 3_001), "lookup.too_many"),
        (question(before="yesterday"), "id.invalid"),
        (question(before="01890000-0000-7000-8000-00000000BEEF"), "id.invalid"),
    ],
)
async def test_a_bad_question_fails_alone(
    storage: support.Stubs, spoiled: storage_pb2.LookupItem, reason: str
):
    """A question that cannot be answered names its reason; its neighbours are answered."""
    before, bad, after = await recall(storage, question(rows_of()), spoiled, question(rows_of()))
    assert bad.error.reason == reason
    assert len(before.past) == len(after.past) == 1


async def test_a_service_is_remembered_past_the_window_of_aggregates(make_storage: Make):
    """After three hundred days, when the counts know nothing any more, the row is still told."""
    clock = chassis_testing.ManualClock(dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC))
    async with make_storage(clock) as storage:
        await support.recorded(storage, "OLD", history=((KEY, DAY, ONE, MARK),))
        clock.advance(300 * 86_400)
        [kept] = await recall(storage, question(rows_of()))
        assert [line.claim_id for line in kept.past[0].lines] == ["OLD"]
        assert kept.provider.claims == 0
