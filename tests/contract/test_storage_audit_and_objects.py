"""What the audit chains and the object store promise, whether PostgreSQL or the twin stands behind them."""

import hashlib
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest

import storage_support as support
from ultrathink.storage.v1 import storage_pb2


async def put(
    storage: support.Stubs, data: bytes, *, name: str = "", kind: str = "bundle", pieces: int = 3
) -> storage_pb2.PutResponse:
    """Store an object sent in pieces."""
    step = max(1, len(data) // pieces)

    async def sent() -> AsyncIterator[storage_pb2.PutRequest]:
        yield storage_pb2.PutRequest(sha256=name or hashlib.sha256(data).hexdigest(), kind=kind)
        for start in range(0, len(data), step):
            yield storage_pb2.PutRequest(data=data[start : start + step])

    return await storage.objects.Put(sent())


async def refusal(call: Awaitable[object]) -> str:
    """Return the reason a call is refused with."""
    with pytest.raises(Exception, match=r".") as refused:
        await call
    return support.reason_of(refused.value)


async def test_an_empty_platform_verifies(storage: support.Stubs):
    """No entry is no break; the root of nothing is the hash of nothing."""
    last = await support.verified(storage)
    assert (last.done, last.checked, last.total) == (True, 0, 0)
    assert last.merkle_root == hashlib.sha256(b"").digest()


async def test_every_recorded_claim_is_one_entry(storage: support.Stubs):
    """Chains hold an entry per recorded claim and none for repetitions and refusals."""
    await support.recorded(storage, "A", "B", "C")
    await support.recorded(storage, "A")
    await support.record(storage, support.Batch().add("D", tenant="nobody").add("E", tenant="other"))
    last = await support.verified(storage)
    assert (last.checked, last.total) == (4, 4)
    assert {head.tenant: head.entries for head in last.heads} == {"demo": 3, "other": 1}
    mine = await support.verified(storage, "demo")
    assert [head.entries for head in mine.heads] == [3]
    assert mine.merkle_root != last.merkle_root


async def test_reads_are_entries_too(storage: support.Stubs):
    """A read lands in the claim's history, told by whom."""
    [claim] = await support.recorded(storage, "A")
    request = storage_pb2.AppendRequest(
        context=support.context(subject="reviewer@example.org"), event="claim.read", id=claim
    )
    await storage.audit.Append(request)
    history = await storage.reader.GetHistory(
        storage_pb2.GetHistoryRequest(context=support.context(), id=claim)
    )
    assert [(entry.event, entry.subject) for entry in history.audit] == [
        ("claim.recorded", "biller@example.org"),
        ("claim.read", "reviewer@example.org"),
    ]
    assert len(history.transitions) == 1
    assert (await support.verified(storage)).checked == 2


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"event": "claim.recorded"}, "event.invalid"),
        ({"event": "no dots"}, "event.invalid"),
        ({"id": "7"}, "id.invalid"),
        ({"context": support.context(tenant="nobody")}, "tenant.unknown"),
        ({"context": support.context(subject="a\0b")}, "event.invalid"),
        ({"context": support.context(remaining_ms=0)}, "deadline.exceeded"),
    ],
)
async def test_an_entry_that_cannot_be_is_refused(
    storage: support.Stubs, fields: dict[str, Any], reason: str
):
    """Only recording writes claim.recorded; malformed entries are told."""
    values: dict[str, Any] = {
        "context": support.context(),
        "event": "claim.read",
        "id": "01900000-0000-7000-8000-000000000000",
    }
    assert await refusal(storage.audit.Append(storage_pb2.AppendRequest(**(values | fields)))) == reason


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
async def test_an_object_comes_back_byte_for_byte(storage: support.Stubs, size: int):
    """Bytes are stored under their hash and streamed back."""
    data = bytes(number % 251 for number in range(size))
    answer = await put(storage, data)
    assert (answer.size, answer.sha256) == (size, hashlib.sha256(data).hexdigest())
    assert (await storage.objects.Head(storage_pb2.HeadRequest(sha256=answer.sha256))).size == size
    chunks = [chunk.data async for chunk in storage.objects.Get(storage_pb2.GetRequest(sha256=answer.sha256))]
    assert b"".join(chunks) == data
    assert await put(storage, data) == answer


async def test_a_wrong_hash_stores_nothing(storage: support.Stubs):
    """Bytes that do not hash to their name are refused and are not there."""
    name = hashlib.sha256(b"promised").hexdigest()
    assert await refusal(put(storage, b"delivered", name=name)) == "object.mismatch"
    assert await refusal(storage.objects.Head(storage_pb2.HeadRequest(sha256=name))) == "object.unknown"
    stream = storage.objects.Get(storage_pb2.GetRequest(sha256=name))
    assert await refusal(anext(aiter(stream))) == "object.unknown"


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "ab" * 31, "zz" * 32])
async def test_an_object_has_no_other_name(storage: support.Stubs, name: str):
    """Only 64 hexadecimal digits name an object: no path can be smuggled in."""
    assert await refusal(storage.objects.Head(storage_pb2.HeadRequest(sha256=name))) == "object.name"


async def test_a_kind_is_a_short_word(storage: support.Stubs):
    """A kind that is none is refused."""
    assert await refusal(put(storage, b"x", kind="A Kind")) == "object.name"


async def test_a_put_without_messages_is_refused(storage: support.Stubs):
    """A call that ends before it named anything is invalid."""

    async def nothing() -> AsyncIterator[storage_pb2.PutRequest]:
        none: tuple[storage_pb2.PutRequest, ...] = ()
        for message in none:
            yield message

    assert await refusal(storage.objects.Put(nothing())) == "object.name"


async def test_an_object_may_not_be_too_large(storage: support.Stubs):
    """More bytes than the bound are refused before they are held."""
    piece = bytes(1024 * 1024)

    async def sent() -> AsyncIterator[storage_pb2.PutRequest]:
        yield storage_pb2.PutRequest(sha256="00" * 32, kind="bundle")
        for _ in range(65):
            yield storage_pb2.PutRequest(data=piece)

    assert await refusal(storage.objects.Put(sent())) == "object.too_large"
