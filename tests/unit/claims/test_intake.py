"""The door for claims: batches through the whole service over twins."""

import asyncio
from typing import Any

import msgspec
import pytest

import claims_support as support
from chassis import errors
from chassis import testing as chassis_testing
from claims.domain import tenants
from ultrathink.claims.v1 import claims_pb2
from ultrathink.common.v1 import common_pb2


async def test_a_claim_is_decided_recorded_and_answered() -> None:
    """The answer is the canonical decision with the id under which storage has it."""
    async with support.world() as made:
        (result,) = await support.submit(made, support.batch([support.body()]))
        told = support.document(result)
        assert (result.item_id, result.verdict, result.replayed) == ("1", claims_pb2.VERDICT_ACCEPT, False)
        assert told["id"] == result.claim_id
        assert told["claim_id"] == "CLM-000001"
        assert told["revision"] == 1
        assert told["status"] == {"wire": "received", "business": "draft", "review": "none"}
        assert told["amounts"] == {
            "submitted": 150.0, "tax": 0.0, "patient_share": 30.0, "payer_share": 120.0,
        }  # fmt: skip
        assert told["risk"]["at_risk_minor"] == 1500
        assert told["risk"]["simulated"] is True
        assert told["thresholds"] == {"review": 0.5}
        assert told["as_of"] == "2026-08-01"
        assert told["rules"] == [{"pack": "fake", "revision": "1"}]
        stored = await made.store.claim(chassis_testing.context(), result.claim_id)
        assert b'"id":"' + result.claim_id.encode() + b'",' + stored.decision[1:] == result.rendered.body[1:]


async def test_answers_keep_the_order_and_ids_of_their_items() -> None:
    """A batch of good and bad claims answers each in its place; the bad ones change nothing."""
    bodies = [support.body(1), b"{", support.body(2), b'{"claim_id": "x"}', support.body(3)]
    async with support.world() as made:
        results = await support.submit(made, support.batch(bodies))
        assert [result.item_id for result in results] == ["1", "2", "3", "4", "5"]
        assert [result.HasField("error") for result in results] == [False, True, False, True, False]
        assert [result.error.reason for result in results if result.HasField("error")] == [
            "json.malformed", "claim.unreadable",
        ]  # fmt: skip
        assert len(made.store._entries) == 3


BAD: list[tuple[str, bytes, str, str]] = [
    ("not JSON", b"claim!", "json.malformed", ""),
    ("a list", b"[1]", "claim.unreadable", ""),
    ("wrong type", support.body(total={"a": 1}), "claim.unreadable", "total"),
    ("unknown field", support.body(colour="red"), "claim.unreadable", "colour"),
    ("broken UTF-8", b'{"claim_id": "\xff\xfe"}', "json.encoding", ""),
    ("deep nesting", b'{"a":' * 100 + b"1" + b"}" * 100, "json.too_deep", ""),
    ("1,001 lines", support.body(lines=[support.LINE] * 1001), "claim.unreadable", "lines"),
    (
        "three decimals of SAR",
        support.body(lines=[support.LINE | {"net": 150.001}]),
        "claim.unreadable",
        "lines[0].net",
    ),
    (
        "missing field",
        msgspec.json.encode({name: value for name, value in support.claim().items() if name != "patient"}),
        "claim.unreadable",
        "patient",
    ),
    ("empty", b"", "json.malformed", ""),
]


@pytest.mark.parametrize(("sent", "reason", "path"), [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD])
async def test_what_cannot_be_read_is_refused_with_its_place(sent: bytes, reason: str, path: str) -> None:
    """Each unreadable body has a stable reason, names the place where there is one, and changes nothing."""
    async with support.world() as made:
        error = await support.refused(made, sent)
        assert error.kind == common_pb2.ERROR_KIND_INVALID
        assert error.reason == reason
        assert not path or path in [found.path for found in error.violations]


async def test_a_refusal_quotes_no_patient() -> None:
    """Neither reason, message nor violation repeats what was sent."""
    async with support.world() as made:
        error = await support.refused(made, support.body(patient={"id": "Secret", "sex": "Secret"}))
        assert "Secret" not in str(error)


async def test_an_unknown_tenant_is_denied() -> None:
    """A tenant that does not exist and one that is closed are refused alike."""
    async with support.world() as made:
        made.tenants.known["closed"] = tenants.Tenant(name="closed", active=False)
        for name in ("nowhere", "closed", ""):
            error = await support.refused(made, support.body(), tenant=name)
            assert (error.kind, error.reason) == (common_pb2.ERROR_KIND_DENIED, "tenant.unknown")


@pytest.mark.parametrize("role", ["reviewer", "auditor", "scientist", "operator", "payer", "stranger"])
async def test_only_senders_may_submit(role: str) -> None:
    """A role that does not send claims is denied."""
    async with support.world() as made:
        error = await support.refused(made, support.body(), roles=[role])
        assert error.reason == "role.not_allowed"


async def test_the_same_claim_again_is_the_same_decision() -> None:
    """A repetition gives the original decision byte for byte, whatever the rules say by now."""
    async with support.world() as made:
        (first,) = await support.submit(made, support.batch([support.body()]))
        made.rules.judge = lambda _: [support.finding()]
        (again,) = await support.submit(made, support.batch([support.body()]))
        assert again.replayed
        assert again.rendered.body == first.rendered.body
        assert (again.claim_id, again.verdict) == (first.claim_id, claims_pb2.VERDICT_ACCEPT)


async def test_the_same_key_with_another_body_is_a_conflict() -> None:
    """A reused key is refused for the item alone, and the first claim stays."""
    async with support.world() as made:
        await support.submit(made, support.batch([support.body(1)], idempotency_key="key"))
        (result,) = await support.submit(made, support.batch([support.body(2)], idempotency_key="key"))
        assert (result.error.kind, result.error.reason) == (
            common_pb2.ERROR_KIND_CONFLICT, "idempotency.key_reused",
        )  # fmt: skip
        assert len(made.store._entries) == 1


async def test_a_key_of_the_sender_goes_before_the_claims_own() -> None:
    """Two keys make two records of the same claim; without a key there is one."""
    async with support.world() as made:
        for key in ("a", "b", "", ""):
            await support.submit(made, support.batch([support.body()], idempotency_key=key))
        assert len(made.store._entries) == 3


async def test_an_endless_key_is_refused() -> None:
    """A key of 256 characters is no key."""
    async with support.world() as made:
        error = await support.refused(made, support.body(), idempotency_key="k" * 256)
        assert error.reason == "idempotency.key_too_long"


async def test_a_check_stores_nothing_and_says_the_same() -> None:
    """Check and a dry run give the decision without an id."""
    async with support.world() as made:
        async with support.intake(made) as stub:
            (checked,) = (await stub.Check(support.batch([support.body()]))).results
            (dry,) = (await stub.SubmitClaim(support.batch([support.body()], dry_run=True))).results
        assert made.store._entries == {}
        assert checked.rendered.body == dry.rendered.body
        assert "id" not in support.document(checked)
        assert checked.claim_id == ""
        (real,) = await support.submit(made, support.batch([support.body()]))
        told = support.document(real)
        assert support.document(checked) == {name: told[name] for name in told if name != "id"}


async def test_a_sender_without_context_has_the_default_time() -> None:
    """A user's own client may leave the context out: the token says who it is."""
    who = support.user("biller")
    raw = claims_pb2.RawClaim(body=support.body())
    request = claims_pb2.SubmitRequest(items=[claims_pb2.SubmitItem(raw=raw)])
    async with support.world() as made, support.intake(made, principal=who) as stub:
        (result,) = (await stub.SubmitClaim(request)).results
        assert not result.HasField("error")
        assert made.store.audit[0]["subject"] == "user-9"


async def test_a_users_token_goes_before_the_context() -> None:
    """What a user's client claims about tenant and roles does not count."""
    who = support.user("auditor")
    request = support.batch([support.body()], tenant="other", roles=["manager"])
    async with support.world() as made, support.intake(made, principal=who) as stub:
        (result,) = (await stub.SubmitClaim(request)).results
        assert result.error.reason == "role.not_allowed"


async def test_a_token_that_ended_ends_its_stream() -> None:
    """A long stream does not outlive the proof it was opened with."""
    who = support.user("biller", years=0)
    async with support.world() as made, support.intake(made, principal=who) as stub:
        (result,) = (await stub.SubmitClaim(support.batch([support.body()]))).results
        assert (result.error.kind, result.error.reason) == (common_pb2.ERROR_KIND_DENIED, "token.expired")


async def test_other_services_may_not_call() -> None:
    """Scoring has no business here."""
    async with support.world() as made, support.intake(made, "scoring") as stub:
        with pytest.raises(errors.Denied, match=r"caller\.not_allowed"):
            await stub.SubmitClaim(support.batch([support.body()]))


async def test_batches_on_a_stream_are_answered_with_their_ids() -> None:
    """Each request on the stream has one response with its batch id."""

    async def requests() -> Any:
        for number in range(1, 6):
            request = support.batch([support.body(number)])
            request.batch_id = number
            yield request

    async with support.world() as made, support.intake(made) as stub:
        responses = [response async for response in stub.Submit(requests())]
        assert sorted(response.batch_id for response in responses) == [1, 2, 3, 4, 5]
        assert len(made.store._entries) == 5


async def test_a_batch_that_is_too_large_is_refused_item_by_item() -> None:
    """The stream lives on: the refusal is in the results."""
    async with support.world(max_batch_items=2) as made:
        results = await support.submit(made, support.batch([support.body(n) for n in range(3)]))
        assert [result.error.reason for result in results] == ["batch.too_large"] * 3


async def test_beyond_capacity_items_are_refused_with_a_time() -> None:
    """While too much is at work the answer is exhausted at once, and afterwards all is well."""
    async with support.world(max_in_flight=1) as made:
        entered, gate = asyncio.Event(), asyncio.Event()
        known = made.tenants.known["demo"]

        async def find(name: str) -> tenants.Tenant:
            del name
            entered.set()
            await gate.wait()
            return known

        made.tenants.find = find  # type: ignore[method-assign]
        first = asyncio.create_task(support.submit(made, support.batch([support.body(1)])))
        await entered.wait()
        (second,) = await support.submit(made, support.batch([support.body(2)]))
        assert second.error.kind == common_pb2.ERROR_KIND_EXHAUSTED
        assert second.error.retry_after_ms > 0
        gate.set()
        (done,) = await first
        assert not done.HasField("error")


async def test_an_empty_batch_is_an_empty_answer() -> None:
    """No items, no results, no calls."""
    async with support.world() as made:
        assert await support.submit(made, claims_pb2.SubmitRequest(batch_id=7)) == []
        assert made.scorer.asked == []
