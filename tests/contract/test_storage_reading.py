"""What reading promises, whether PostgreSQL or the twin stands behind it."""

import asyncio
import datetime as dt
import math
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

import storage_support as support
from chassis import testing as chassis_testing
from ultrathink.storage.v1 import storage_pb2

type Make = Callable[..., AbstractAsyncContextManager[support.Stubs]]

UNKNOWN = "01900000-0000-7000-8000-000000000000"


async def listed(storage: support.Stubs, tenant: str = "demo", **fields: Any) -> list[storage_pb2.ClaimRow]:
    """Return one page."""
    request = storage_pb2.ListClaimsRequest(context=support.context(tenant=tenant), **fields)
    return list((await storage.reader.ListClaims(request)).rows)


async def refusal(call: Awaitable[object]) -> str:
    """Return the reason a call is refused with."""
    with pytest.raises(Exception, match=r".") as refused:
        await call
    return support.reason_of(refused.value)


async def test_a_tenants_defaults_are_told(storage: support.Stubs):
    """A tenant is found by name with its defaults; an inactive one says so; an unknown one is not found."""
    demo = await storage.reader.GetTenant(storage_pb2.GetTenantRequest(tenant="demo"))
    assert (demo.tenant, demo.review_threshold, demo.default_regime, demo.active) == (
        "demo",
        0.5,
        "base",
        True,
    )
    other = await storage.reader.GetTenant(storage_pb2.GetTenantRequest(tenant="other"))
    assert other.default_regime == "nphies"
    assert not (await storage.reader.GetTenant(storage_pb2.GetTenantRequest(tenant="idle"))).active
    unknown = storage.reader.GetTenant(storage_pb2.GetTenantRequest(tenant="nobody"))
    assert await refusal(unknown) == "tenant.unknown"


async def test_another_tenant_finds_nothing(storage: support.Stubs):
    """A claim is not there for another tenant: not by id, not in lists, history, events or exports."""
    [mine] = await support.recorded(storage, "C-1")
    other = support.context(tenant="other")
    assert (
        await refusal(storage.reader.GetClaim(storage_pb2.GetClaimRequest(context=other, id=mine)))
        == "claim.unknown"
    )
    history = storage.reader.GetHistory(storage_pb2.GetHistoryRequest(context=other, id=mine))
    assert await refusal(history) == "claim.unknown"
    assert await listed(storage, "other") == []
    assert [rows async for rows in storage.reader.Export(storage_pb2.ExportRequest(context=other))] == []
    change = support.changed(mine, context=other)
    assert await refusal(storage.store.RecordChange(change)) == "claim.unknown"


@pytest.mark.parametrize("tenant", ["nobody", "idle", "", "demo,other", "demo' OR 'a'='a"])
async def test_an_unknown_or_inactive_tenant_is_denied(storage: support.Stubs, tenant: str):
    """Nothing is read for a tenant that is not an active one."""
    context = support.context(tenant=tenant)
    get = storage.reader.GetClaim(storage_pb2.GetClaimRequest(context=context, id=UNKNOWN))
    assert await refusal(get) in {"tenant.unknown", "tenant.inactive"}
    listing = storage.reader.ListClaims(storage_pb2.ListClaimsRequest(context=context))
    assert await refusal(listing) in {"tenant.unknown", "tenant.inactive"}


async def test_an_id_must_be_a_uuid_and_known(storage: support.Stubs):
    """A malformed id is invalid, an unknown one not found."""
    context = support.context()
    bad = storage.reader.GetClaim(storage_pb2.GetClaimRequest(context=context, id="1 OR 1=1"))
    assert await refusal(bad) == "id.invalid"
    unknown = storage.reader.GetClaim(storage_pb2.GetClaimRequest(context=context, id=UNKNOWN))
    assert await refusal(unknown) == "claim.unknown"


async def test_a_list_shows_the_newest_first_page_by_page(storage: support.Stubs):
    """Cursors walk a list without repeating or missing a claim."""
    ids = await support.recorded(storage, *(f"C-{number}" for number in range(7)))
    request = storage_pb2.ListClaimsRequest(context=support.context(), limit=3)
    seen = []
    while True:
        page = await storage.reader.ListClaims(request)
        seen += [row.id for row in page.rows]
        if not page.next_cursor:
            break
        request.cursor = page.next_cursor
    assert seen == ids[::-1]


@pytest.mark.parametrize(
    "sort",
    ["at_risk_minor", "-at_risk_minor", "probability", "-probability", "submitted_minor", "received_at"],
)
async def test_every_sort_walks_the_whole_list(storage: support.Stubs, sort: str):
    """Any sort, any direction: pages follow each other, equal and missing values included."""
    batch = support.Batch()
    for number in range(9):
        value = support.NO_INT if number % 4 == 3 else number % 3
        probability = math.nan if number % 4 == 3 else (number % 3) / 4
        batch.add(f"C-{number}", at_risk_minor=value, submitted_minor=value, probability=probability)
    await support.record(storage, batch)
    whole = [row.id for row in await listed(storage, sort=sort)]
    request = storage_pb2.ListClaimsRequest(context=support.context(), limit=2, sort=sort)
    seen = []
    while True:
        page = await storage.reader.ListClaims(request)
        seen += [row.id for row in page.rows]
        request.cursor = page.next_cursor
        if not page.next_cursor:
            break
    assert seen == whole
    assert len(set(seen)) == 9


async def test_missing_values_come_last_in_both_directions(storage: support.Stubs):
    """A claim without a value never heads a list."""
    batch = support.Batch()
    batch.add("none", at_risk_minor=support.NO_INT).add("low", at_risk_minor=1).add("high", at_risk_minor=9)
    await support.record(storage, batch)
    assert [row.claim_id for row in await listed(storage, sort="-at_risk")] == ["high", "low", "none"]
    assert [row.claim_id for row in await listed(storage, sort="at_risk")] == ["low", "high", "none"]
    [none] = [row for row in await listed(storage) if row.claim_id == "none"]
    assert none.at_risk_minor == support.NO_INT


@pytest.mark.parametrize("sort", ["-submitted", "submitted", "-at_risk", "probability"])
@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"verdict": "accept"},
        {"review": "open"},
        {"verdict": "reject", "review": "none"},
        {"provider": "P1"},
    ],
)
async def test_a_sorted_list_mixes_verdicts_and_reviews(
    storage: support.Stubs, sort: str, filters: dict[str, str]
):
    """Pages of any sort hold what the filters leave, whatever lies between, none twice."""
    batch = support.Batch()
    kinds = (
        ("accept", "none"),
        ("review", "open"),
        ("reject", "none"),
        ("review", "decided"),
        ("held", "odd"),
    )
    for number in range(15):
        verdict, review = kinds[number % 5]
        value = support.NO_INT if number % 7 == 6 else number * 7 % 11
        probability = math.nan if number % 7 == 6 else value / 11
        columns: dict[str, Any] = {"verdict": verdict, "review_status": review, "probability": probability}
        batch.add(f"C-{number}", at_risk_minor=value, submitted_minor=value, **columns)
    await support.record(storage, batch)
    left = [
        row
        for row in await listed(storage)
        if filters.get("verdict", row.verdict) == row.verdict
        and filters.get("review", row.review_status) == row.review_status
    ]
    sign = -1 if sort.startswith("-") else 1
    left.sort(key=lambda row: row.id, reverse=sign < 0)
    left.sort(
        key=lambda row: math.inf if row.submitted_minor == support.NO_INT else sign * row.submitted_minor
    )
    seen: list[str] = []
    request = storage_pb2.ListClaimsRequest(context=support.context(), limit=2, sort=sort)
    request.filters.update(filters)
    while not seen or request.cursor:
        page = await storage.reader.ListClaims(request)
        seen += [row.claim_id for row in page.rows]
        request.cursor = page.next_cursor
    assert seen == [row.claim_id for row in left]


async def test_filters_narrow_a_list(storage: support.Stubs):
    """Each filter is an equality on its column; several hold together."""
    batch = support.Batch()
    batch.add("A", verdict="reject", provider_id="P9").add("B", payer_id="Y").add("C", review_status="open")
    await support.record(storage, batch)

    async def found(**filters: str) -> list[str]:
        return sorted(row.claim_id for row in await listed(storage, filters=filters))

    assert await found(verdict="reject") == ["A"]
    assert await found(provider="P9", verdict="accept") == []
    assert await found(payer="Y") == ["B"]
    assert await found(review="open") == ["C"]
    assert await found(claim_id="B") == ["B"]
    assert await found(status="draft") == ["A", "B", "C"]
    assert await found(verdict="'; DROP TABLE claims; --") == []


async def test_days_bound_a_list(make_storage: Make):
    """From is inclusive, to includes its whole day; both look at the day of receipt."""
    clock = chassis_testing.ManualClock(dt.datetime(2026, 11, 10, 12, tzinfo=dt.UTC))
    async with make_storage(clock) as storage:
        for number in range(3):
            await support.recorded(storage, f"C-{number}")
            clock.advance(86_400)

        async def found(**filters: str) -> list[str]:
            return [row.claim_id for row in await listed(storage, filters=filters, sort="received_at")]

        assert await found(**{"from": "2026-11-11"}) == ["C-1", "C-2"]
        assert await found(to="2026-11-11") == ["C-0", "C-1"]
        assert await found(**{"from": "2026-11-11", "to": "2026-11-11"}) == ["C-1"]
        assert await found(**{"from": "2026-11-11T13:00:00+00:00"}) == ["C-2"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"filters": {"patient": "x"}}, "filter.unknown"),
        ({"filters": {"from": "yesterday"}}, "filter.date"),
        ({"sort": "claim_json"}, "sort.unknown"),
        ({"cursor": "bm9uc2Vuc2U="}, "cursor.invalid"),
        ({"cursor": "\u0661"}, "cursor.invalid"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(
    storage: support.Stubs, fields: dict[str, Any], reason: str
):
    """Unknown filters, sorts, days and cursors are told, not guessed."""
    request = storage_pb2.ListClaimsRequest(context=support.context(), **fields)
    assert await refusal(storage.reader.ListClaims(request)) == reason


async def test_a_cursor_belongs_to_its_sort(storage: support.Stubs):
    """A cursor of one sort is refused under another."""
    await support.recorded(storage, "A", "B")
    page = await storage.reader.ListClaims(storage_pb2.ListClaimsRequest(context=support.context(), limit=1))
    request = storage_pb2.ListClaimsRequest(
        context=support.context(), sort="at_risk", cursor=page.next_cursor
    )
    assert await refusal(storage.reader.ListClaims(request)) == "cursor.invalid"


async def test_a_change_appends_a_revision(storage: support.Stubs):
    """A decision moves the statuses it names, keeps the others, and both revisions stay readable."""
    [claim] = await support.recorded(storage, "C-1", review_status="open")
    answer = await storage.store.RecordChange(support.changed(claim, note="checked by phone"))
    assert answer.revision == 2
    now = (
        await storage.reader.GetClaim(storage_pb2.GetClaimRequest(context=support.context(), id=claim))
    ).claim
    assert (now.revision, now.review_status, now.business_status) == (2, "decided", "draft")
    assert now.decision_json == b'{"verdict":"reject"}'
    history = await storage.reader.GetHistory(
        storage_pb2.GetHistoryRequest(context=support.context(), id=claim)
    )
    assert [(found.revision, found.event, found.review_status) for found in history.transitions] == [
        (1, "claim.recorded", "open"),
        (2, "review.decided", "decided"),
    ]
    assert history.transitions[0].decision_json != history.transitions[1].decision_json
    assert {found.subject for found in history.transitions} == {"biller@example.org"}
    assert [entry.event for entry in history.audit] == ["claim.recorded", "review.decided"]
    assert (await support.verified(storage)).merkle_root


async def test_a_stale_revision_conflicts(storage: support.Stubs):
    """Of two reviewers who saw the same revision one wins, the other is told."""
    [claim] = await support.recorded(storage, "C-1")
    results = await asyncio.gather(
        *(storage.store.RecordChange(support.changed(claim)) for _ in range(2)), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, BaseException)]
    assert [support.reason_of(fault) for fault in refused] == ["revision.stale"]


@pytest.mark.parametrize(
    "fields",
    [{"event": "Review Decided"}, {"expected_revision": 0}, {"note": "x" * 20_000}, {"verdict": "a\0"}],
)
async def test_a_malformed_change_is_refused(storage: support.Stubs, fields: dict[str, object]):
    """A change that cannot be recorded is invalid and changes nothing."""
    [claim] = await support.recorded(storage, "C-1")
    assert await refusal(storage.store.RecordChange(support.changed(claim, **fields))) == "change.invalid"


async def test_a_change_of_an_unknown_claim_is_not_found(storage: support.Stubs):
    """Nothing is appended to what is not there."""
    assert await refusal(storage.store.RecordChange(support.changed(UNKNOWN))) == "claim.unknown"


async def test_unscored_claims_are_listed_until_they_are_scored(storage: support.Stubs):
    """A claim recorded without a score waits, oldest first, until a score is appended."""
    ids = await support.recorded(storage, "A", "B", score_state="not_scored", probability=math.nan)
    await support.recorded(storage, "C")
    request = storage_pb2.ListUnscoredRequest(limit=10)
    waiting = (await storage.store.ListUnscored(request)).claims
    assert [claim.id for claim in waiting] == ids
    assert waiting[0].claim_json == support.claim_document("A")
    scored = support.changed(
        ids[0], event="score.appended", score_state="scored", probability=0.75, verdict=""
    )
    await storage.store.RecordChange(scored)
    assert [claim.id for claim in (await storage.store.ListUnscored(request)).claims] == ids[1:]


async def test_watching_tells_every_change_in_order(storage: support.Stubs):
    """Past changes come first, then live ones; from a position, only what lies behind it."""
    ids = await support.recorded(storage, "A", "B")
    stream = storage.reader.Watch(storage_pb2.WatchRequest(context=support.context()))
    events = aiter(stream)
    first = [await asyncio.wait_for(anext(events), 10) for _ in range(2)]
    assert sorted(event.id for event in first) == sorted(ids)
    await storage.store.RecordChange(support.changed(ids[0]))
    live = await asyncio.wait_for(anext(events), 10)
    assert (live.id, live.event, live.review_status, live.claim_id) == (
        ids[0],
        "review.decided",
        "decided",
        "A",
    )
    again = storage.reader.Watch(
        storage_pb2.WatchRequest(context=support.context(), after=first[-1].position)
    )
    assert (await asyncio.wait_for(anext(aiter(again)), 10)).position == live.position
    latest = storage.reader.Watch(storage_pb2.WatchRequest(context=support.context(), after="latest"))
    waiting = asyncio.ensure_future(anext(aiter(latest)))
    await asyncio.sleep(0)
    for opened in (stream, again):
        opened.cancel()
    waiting.cancel()


@pytest.mark.parametrize("after", ["x", "1-2", "1-2-3-4", "1--2-3", "9" * 40 + "-1-1"])
async def test_a_foreign_position_is_refused(storage: support.Stubs, after: str):
    """A position that is not one of ours is told."""
    stream = storage.reader.Watch(storage_pb2.WatchRequest(context=support.context(), after=after))
    assert await refusal(anext(aiter(stream))) == "position.invalid"


async def test_an_export_has_every_line_once(storage: support.Stubs):
    """Lines come in the order of their claims, without documents or patients; a claim's id continues it."""
    ids = await support.recorded(storage, *(f"C-{number}" for number in range(20)))

    async def exported(after: str) -> list[tuple[str, int]]:
        request = storage_pb2.ExportRequest(context=support.context(), after=after)
        return [(row.id, row.line) async for page in storage.reader.Export(request) for row in page.rows]

    assert await exported("") == [(identifier, line) for identifier in ids for line in (1, 2, 3)]
    assert await exported(ids[17]) == [(identifier, line) for identifier in ids[18:] for line in (1, 2, 3)]


async def test_history_answers_what_rules_ask(storage: support.Stubs):
    """Duplicates are lines of other claims with the same service; aggregates count claims of 90 days."""
    await support.record(storage, support.Batch().add("OLD", service_keys=("s1", "s2"), provider_id="P7"))
    await support.recorded(storage, "PRE", use="preauthorization", provider_id="P7")
    [denied] = await support.recorded(storage, "BAD", provider_id="P7", patient_key="someone")
    await storage.store.RecordChange(support.changed(denied, business_status="rejected"))

    def item(claim_id: str, use: str = "claim", tenant: str = "demo") -> storage_pb2.LookupItem:
        return storage_pb2.LookupItem(
            context=support.context(claim_id, tenant),
            provider_id="P7",
            patient_key="a2b4c6d8e0f2",
            use=use,
            claim_id=claim_id,
            service_keys=["s9", "", "s2"],
        )

    items = [item("NEW"), item("OLD"), item("NEW2", use="predetermination"), item("X", tenant="other")]
    items.append(item("Y", tenant="nobody"))
    new, same, estimate, other, unknown = (
        await storage.store.LookupBatch(storage_pb2.LookupRequest(items=items))
    ).results
    assert [(hit.index, hit.claim_id, hit.line) for hit in new.duplicates] == [(2, "OLD", 2)]
    assert not same.duplicates
    assert not estimate.duplicates
    assert (new.provider.claims, new.provider.denied, new.provider.net_minor) == (2, 1, 30_000)
    assert (new.patient.claims, new.patient.denied) == (1, 0)
    assert (other.provider.claims, len(other.duplicates)) == (0, 0)
    assert unknown.error.reason == "tenant.unknown"


async def test_aggregates_forget_after_ninety_days(make_storage: Make):
    """A claim counts on its ninetieth day and no more a week later."""
    clock = chassis_testing.ManualClock(dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC))
    async with make_storage(clock) as storage:
        await support.recorded(storage, "OLD")
        item = storage_pb2.LookupItem(
            context=support.context(), provider_id="P1", patient_key="a2b4c6d8e0f2", use="claim", claim_id="N"
        )
        for days, count in ((89, 1), (7, 0)):
            clock.advance(days * 86_400)
            [found] = (await storage.store.LookupBatch(storage_pb2.LookupRequest(items=[item]))).results
            assert (found.provider.claims, found.patient.claims) == (count, count)
