"""The door for files: framed, decided in groups, answered in order, memory flat."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import claims_support as support
from chassis import errors
from chassis import testing as chassis_testing
from claims.domain import tenants
from claims.inbound import files, spools
from claims.usecases import submit
from formats import canonical
from ultrathink.claims.v1 import claims_pb2
from ultrathink.common.v1 import common_pb2

NDJSON = "application/x-ndjson"


async def chunks(data: bytes, size: int = 64, **first: Any) -> AsyncIterator[claims_pb2.FileChunk]:
    """Yield a file in chunks; the first one says what it is."""
    told: dict[str, Any] = {"context": support.wire(item_id="file"), "media_type": NDJSON} | first
    yield claims_pb2.FileChunk(**told, data=data[:size])
    for start in range(size, len(data), size):
        yield claims_pb2.FileChunk(data=data[start : start + size])


async def send(made: support.World, data: bytes, size: int = 64, **first: Any) -> list[Any]:
    """Return the results of a file."""
    async with support.intake(made) as stub:
        return [
            result async for told in stub.StreamFile(chunks(data, size, **first)) for result in told.results
        ]


def lines(*bodies: bytes) -> bytes:
    """Return NDJSON."""
    return b"".join(body + b"\n" for body in bodies)


@pytest.mark.parametrize("size", [1, 7, 1_000, 1_000_000])
async def test_each_line_is_answered_in_order_with_its_position(size: int) -> None:
    """Whatever the chunks: one result per claim, in the order of the file, blank lines counted."""
    data = support.body(1) + b"\n\n" + lines(support.body(2), support.body(3))
    async with support.world() as made:
        results = await send(made, data, size)
        assert [result.position for result in results] == [1, 3, 4]
        assert [result.item_id for result in results] == ["file"] * 3
        assert [support.document(result)["claim_id"] for result in results] == [
            "CLM-000001", "CLM-000002", "CLM-000003",
        ]  # fmt: skip


async def test_results_may_be_asked_for_one_by_one() -> None:
    """The door that was there first gives the same results, each in a message of its own."""
    data = lines(support.body(1), b"{broken", support.body(2))
    async with support.world() as made, support.intake(made) as stub:
        results = [result async for result in stub.SubmitFile(chunks(data))]
    assert [result.position for result in results] == [1, 2, 3]
    assert [result.error.reason for result in results] == ["", "json.malformed", ""]


async def test_a_bad_line_fails_alone() -> None:
    """A broken line, broken UTF-8 and a truncated end are refused in their places; the rest is recorded."""
    data = lines(support.body(1), b"{broken", b'{"a":"\xff"}', support.body(2)) + support.body(3)[:-20]
    async with support.world() as made:
        results = await send(made, data)
        assert [result.error.reason for result in results] == [
            "", "json.malformed", "json.encoding", "", "json.malformed",
        ]  # fmt: skip
        assert [result.position for result in results] == [1, 2, 3, 4, 5]
        assert len(made.store._entries) == 2


async def test_a_last_line_without_newline_is_a_line() -> None:
    """The end of the stream ends the line."""
    async with support.world() as made:
        assert len(await send(made, support.body(1))) == 1


async def test_a_file_is_never_one_request() -> None:
    """Claims of a file go by their own identity: one key cannot stand for all of them."""
    data = lines(support.body(1), support.body(2))
    async with support.world() as made:
        context = support.wire(item_id="file", idempotency_key="key")
        results = await send(made, data, context=context)
        assert not any(result.HasField("error") for result in results)
        again = await send(made, data, context=context)
        assert [result.replayed for result in again] == [True, True]
        assert [result.claim_id for result in again] == [result.claim_id for result in results]


async def test_a_dry_run_of_a_file_stores_nothing() -> None:
    """Checking a file gives decisions without ids."""
    async with support.world() as made:
        (result,) = await send(made, support.body(1), dry_run=True)
        assert "id" not in support.document(result)
        assert made.store._entries == {}


async def test_several_claims_of_a_bundle_go_through_this_door() -> None:
    """A FHIR bundle with two claims gives two results, by entry; as one item it is refused and sent here."""
    bundle = msgspec.json.encode(
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": fhir(n)} for n in (1, 2)]}
    )
    async with support.world() as made:
        results = await send(made, bundle, media_type="application/fhir+json")
        assert len(results) == 2
        assert [result.position for result in results] == [1, 2]
        request = claims_pb2.SubmitRequest(items=[support.item(bundle, media_type="application/fhir+json")])
        (alone,) = await support.submit(made, request)
        assert alone.error.reason == "claim.not_one"
        assert [found.code for found in alone.error.violations] == ["bundle.not_one_claim"]


def fhir(number: int) -> dict[str, Any]:
    """Return a small FHIR claim."""
    return {
        "resourceType": "Claim",
        "id": f"c{number}",
        "identifier": [{"system": "urn:x", "value": f"F-{number}"}],
        "status": "active",
        "type": {"coding": [{"code": "professional"}]},
        "use": "claim",
        "patient": {"identifier": {"value": f"P{number}"}},
        "created": "2026-08-01",
        "provider": {"identifier": {"value": "PR1"}},
        "priority": {"coding": [{"code": "normal"}]},
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"identifier": {"value": "C1"}}}],
        "item": [{"sequence": 1, "productOrService": {"coding": [{"code": "G0103"}]}}],
    }


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ({"media_type": "image/png"}, "media_type.unsupported"),
        ({"accept": "text/plain"}, "accept.unsupported"),
    ],
)
async def test_a_file_of_unknown_form_ends_the_call(first: dict[str, Any], reason: str) -> None:
    """Nobody needs a refusal per claim of a file that cannot be read at all."""
    async with support.world() as made:
        with pytest.raises(errors.Invalid) as caught:
            await send(made, support.body(1), **first)
        assert caught.value.reason == reason


async def test_an_empty_call_is_told() -> None:
    """Without a first message there is no file."""

    async def nothing() -> AsyncIterator[claims_pb2.FileChunk]:
        return
        yield

    async with support.world() as made, support.intake(made) as stub:
        with pytest.raises(errors.Invalid, match=r"file\.empty"):
            _ = [result async for result in stub.StreamFile(nothing())]


async def test_a_file_beyond_its_quota_ends_after_its_answers() -> None:
    """What was framed before the quota is answered, then the call is refused."""
    data = lines(*(support.body(n) for n in range(20)))
    async with support.world(max_file_bytes=len(data) // 2) as made, support.intake(made) as stub:
        results = []
        with pytest.raises(errors.Exhausted, match=r"file\.too_large"):  # noqa: PT012 - what came before counts
            async for told in stub.StreamFile(chunks(data, 512)):
                results += told.results
        assert results
        assert not any(result.HasField("error") for result in results)


@given(st.lists(st.integers(0, 3 * files.ANSWER_BYTES // 2), max_size=8))
@settings(max_examples=20, deadline=None)
def test_answers_are_told_in_messages_of_bounded_size(sizes: list[int]) -> None:
    """However large answers grow: all of them, in order, and a message above the bound holds one answer."""
    claim = canonical.decode(support.body())
    answers = [submit.Answer(claim=claim, document=b"x" * size, verdict="accept") for size in sizes]
    told = list(files.messages(enumerate(answers), "file", "application/json"))
    assert [result.position for message in told for result in message.results] == list(range(len(sizes)))
    for message in told:
        size = sum(result.ByteSize() for result in message.results)
        assert size <= files.ANSWER_BYTES or len(message.results) == 1


async def test_an_unknown_tenant_is_told_per_claim() -> None:
    """A file is no way around the tenant."""
    async with support.world() as made:
        results = await send(made, lines(support.body(1)), context=support.wire(tenant="nowhere"))
        assert [result.error.reason for result in results] == ["tenant.unknown"]


async def test_one_claim_is_answered_before_the_next_is_sent() -> None:
    """A client that waits for each answer before it sends more is served, not left waiting."""
    answered = asyncio.Event()

    async def one_by_one() -> AsyncIterator[claims_pb2.FileChunk]:
        for number in range(1, 4):
            chunk = claims_pb2.FileChunk(data=lines(support.body(number)))
            if number == 1:
                chunk.MergeFrom(claims_pb2.FileChunk(context=support.wire(), media_type=NDJSON))
            yield chunk
            await answered.wait()
            answered.clear()

    async with support.world() as made, support.intake(made) as stub:
        async with asyncio.timeout(20):
            seen = 0
            async for _ in stub.StreamFile(one_by_one()):
                seen += 1
                answered.set()
        assert seen == 3


async def test_a_client_that_reads_late_gets_everything() -> None:
    """Answers nobody reads while the file is sent wait in the spool, all of them and in order."""
    count = spools.IN_MEMORY * files.GROUP_CLAIMS + 1
    data = lines(*(support.body(n) for n in range(1, count + 1)))
    sent = asyncio.Event()

    async def file() -> AsyncIterator[claims_pb2.FileChunk]:
        async for chunk in chunks(data, 64 * 1024):
            yield chunk
        sent.set()

    async with support.world() as made, support.intake(made) as stub:
        call = stub.StreamFile(file())
        async with asyncio.timeout(60):
            await sent.wait()
            results = [result async for told in call for result in told.results]
        assert [result.position for result in results] == list(range(1, count + 1))


async def test_at_most_a_few_groups_are_at_work() -> None:
    """However long the file: claims at the use case at once stay within the groups' bound."""
    data = lines(*(support.body(n) for n in range(1_000)))
    async with support.world() as made:
        at_once: list[int] = []
        known = made.tenants.known["demo"]
        working = 0

        async def find(name: str) -> tenants.Tenant:
            del name
            nonlocal working
            working += 1
            at_once.append(working)
            for _turn in range(5):
                await asyncio.sleep(0)
            working -= 1
            return known

        made.tenants.find = find  # type: ignore[method-assign]
        assert len(await send(made, data, 1 << 20)) == 1_000
        assert max(at_once) <= files.GROUPS + 2  # queued, one being put, one being told


async def test_a_client_that_leaves_stops_the_work() -> None:
    """When the call is cancelled nothing of it goes on, and the spool is closed."""
    data = lines(*(support.body(n) for n in range(2_000)))
    async with support.world() as made, support.intake(made) as stub:
        call = stub.StreamFile(chunks(data, 4_096))
        async for _ in call:
            break
        call.cancel()
        for _turn in range(50):
            await asyncio.sleep(0)
        before = len(made.store._entries)
        for _turn in range(50):
            await asyncio.sleep(0)
        assert len(made.store._entries) == before < 2_000


async def test_a_defect_of_ours_ends_the_call() -> None:
    """An unexpected failure is not swallowed: it reaches the caller as an internal fault."""
    async with support.world() as made:

        async def broken(name: str) -> tenants.Tenant:
            del name
            raise ZeroDivisionError

        made.tenants.find = broken  # type: ignore[method-assign]
        with pytest.raises(errors.Internal):
            await send(made, lines(support.body(1)))


async def test_deadlines_of_a_file_are_each_claims_own() -> None:
    """A file may take longer than any one of its claims."""
    async with support.world() as made:
        clock = made.clock
        assert isinstance(clock, chassis_testing.ManualClock)

        def slow(_: Any) -> float:
            clock.advance(6)
            return 0.1

        made.scorer.chance = slow
        sent = asyncio.Event()

        async def file() -> AsyncIterator[claims_pb2.FileChunk]:
            yield claims_pb2.FileChunk(context=support.wire(), media_type=NDJSON, data=lines(support.body(1)))
            await sent.wait()
            yield claims_pb2.FileChunk(data=lines(support.body(2)))

        results = []
        async with support.intake(made) as stub:
            async for told in stub.StreamFile(file()):
                results += told.results
                sent.set()
        assert [result.HasField("error") for result in results] == [False, False]


def test_positions_are_counted_in_the_contract_from_one() -> None:
    """Zero means that an answer stands in no file."""
    assert claims_pb2.SubmitResult().position == 0
    assert common_pb2.Context().remaining_ms == 0


async def test_claims_of_a_file_wait_longer_for_their_scores_than_a_live_one() -> None:
    """A busy model makes a live claim wait half a second at most; nobody waits for one claim of a file."""
    until: list[float] = []
    async with support.world() as made:
        asked = made.scorer.score

        async def score(cases: Any, *, deadline: float) -> Any:
            until.append(deadline - made.clock.monotonic())
            return await asked(cases, deadline=deadline)

        made.scorer.score = score  # type: ignore[method-assign]
        await support.submit(made, support.batch([support.body(1)]))
        await send(made, lines(support.body(2)))
    live, filed = until
    assert live == pytest.approx(made.settings.support_seconds)
    assert filed > 5 * live
