"""The gateway's ports for claims: one suite for the twin, for claims in this process and over a socket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing
from typing import Any

import msgspec
import pytest

import gateway_rooms as rooms
from chassis import clock as clocks
from chassis import contexts, errors, local
from chassis import testing as plumbing
from gateway import testing
from gateway.domain import exchanges
from gateway.outbound import claims as outbound

FILE = exchanges.Upload("application/x-ndjson", dry_run=False)


class Subject(msgspec.Struct):
    """Door and desk under test, the twin at the far end, and the servicer between them if there is one."""

    door: Any
    desk: Any
    far: testing.MemoryClaims
    intake: rooms.Intake | None = None


@pytest.fixture(params=["twin", "local", "socket"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    """Yield the ports over each way to claims."""
    far = testing.MemoryClaims()
    if request.param == "twin":
        yield Subject(far, far, far)
        return
    intake = rooms.Intake(far)
    app, clock = rooms.room(far, intake), clocks.SystemClock()
    async with AsyncExitStack() as stack:
        if request.param == "local":
            channel: Any = await stack.enter_async_context(local.LocalChannel(app, caller="gateway"))
        else:
            channel = await stack.enter_async_context(plumbing.serve(app, caller="gateway"))
        door = outbound.ClaimsDoor(channel, clock)
        stack.push_async_callback(door.aclose)
        yield Subject(door, outbound.ClaimsDesk(channel, clock), far, intake)


def context(**overrides: Any) -> contexts.CallContext:
    """Return the context of an item with ten seconds left."""
    deadline = clocks.SystemClock().monotonic() + 10
    return plumbing.context(**({"deadline": deadline} | overrides))


def submission(body: bytes = b'{"claim_id":"A"}', *, dry_run: bool = False) -> exchanges.Submission:
    """Return a claim in JSON."""
    return exchanges.Submission(body, "application/json", "application/json", dry_run)


async def chunked(*chunks: bytes) -> AsyncIterator[bytes]:
    """Yield chunks."""
    for chunk in chunks:
        yield chunk


async def test_a_claim_is_answered(subject: Subject) -> None:
    """The decision comes back in the accepted form with our id."""
    answer = await subject.door.submit(submission(), context())
    assert answer.media_type == "application/json"
    assert msgspec.json.decode(answer.body)["claim_id"] == "A"
    assert answer.claim_id in subject.far.stored
    assert (answer.verdict, answer.replayed) == ("accept", False)


async def test_what_is_sent_arrives_whole(subject: Subject) -> None:
    """Body, forms, identity, key and request id are at the far end what they were here."""
    sent = context(idempotency_key="key-1", branch="riyadh", roles=("biller", "manager"))
    await subject.door.submit(submission(b'{"n":1}'), sent)
    arrived, told = subject.far.submissions[0]
    assert arrived == submission(b'{"n":1}')
    for name in ("tenant", "subject", "roles", "branch", "idempotency_key", "request_id"):
        assert getattr(told, name) == getattr(sent, name)


async def test_a_repetition_is_marked(subject: Subject) -> None:
    """The same key and body are told as replayed, with the same id."""
    first = await subject.door.submit(submission(), context(item_id="1", idempotency_key="k"))
    again = await subject.door.submit(submission(), context(item_id="2", idempotency_key="k"))
    assert (again.replayed, again.claim_id) == (True, first.claim_id)


async def test_a_refused_item_raises_its_fault(subject: Subject) -> None:
    """Kind and reason of a refusal arrive as they were, and only for that item."""
    with pytest.raises(errors.Invalid) as refusal:
        await subject.door.submit(submission(b"{"), context())
    assert refusal.value.reason == "json.malformed"
    assert (await subject.door.submit(submission(), context(item_id="2"))).claim_id


async def test_a_check_stores_nothing(subject: Subject) -> None:
    """A dry run is answered and leaves nothing."""
    answer = await subject.door.submit(submission(dry_run=True), context())
    assert (answer.claim_id, subject.far.stored) == ("", {})


async def test_many_at_once_each_get_their_own_answer(subject: Subject) -> None:
    """Answers are not mixed up, and callers that are in flight together share messages."""

    async def one(number: int) -> bytes:
        body = b'{"claim_id":"%d"}' % number
        return bytes((await subject.door.submit(submission(body), context(item_id=str(number)))).body)

    answers = await asyncio.gather(*(one(number) for number in range(64)))
    assert [msgspec.json.decode(answer)["claim_id"] for answer in answers] == [str(n) for n in range(64)]
    if subject.intake is not None:
        assert len(subject.intake.batches) < 16


async def test_a_file_is_answered_in_order(subject: Subject) -> None:
    """Positions count from 1; a bad line is a Fault among answers."""
    chunks = chunked(b'{"claim_id":"A"}\n{', b'\n{"claim_id"', b':"B"}')
    async with aclosing(subject.door.submit_file(FILE, chunks, context())) as answers:
        found = [answer async for several in answers for answer in several]
    assert [answer.position for answer in found] == [1, 2, 3]
    assert isinstance(found[1].outcome, errors.Invalid)
    assert msgspec.json.decode(found[2].outcome.body)["claim_id"] == "B"


async def test_a_file_is_answered_while_it_is_sent(subject: Subject) -> None:
    """The first answer comes before the second chunk exists."""
    more: asyncio.Queue[bytes] = asyncio.Queue()

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"claim_id":"A"}\n'
        yield await more.get()

    async with aclosing(subject.door.submit_file(FILE, slowly(), context())) as answers:
        first = await asyncio.wait_for(anext(answers), 5)
        more.put_nowait(b'{"claim_id":"B"}\n')
        second = await asyncio.wait_for(anext(answers), 5)
    assert [msgspec.json.decode(one.outcome.body)["claim_id"] for one in (*first, *second)] == ["A", "B"]


@pytest.mark.parametrize(
    "failure", [errors.Invalid("upload.too_large", "Too large."), ConnectionError("gone")]
)
async def test_a_file_that_breaks_off_is_no_whole_file(subject: Subject, failure: Exception) -> None:
    """What the chunks raise is raised, and the half line before it never becomes a claim."""
    answered = asyncio.Event()

    async def breaking() -> AsyncIterator[bytes]:
        yield b'{"claim_id":"A"}\n'
        await answered.wait()  # the far side is at work by now, so that it has something to close
        yield b'{"claim_id":"B'
        raise failure

    async with aclosing(subject.door.submit_file(FILE, breaking(), context())) as answers:
        await asyncio.wait_for(anext(answers), 5)
        answered.set()
        with pytest.raises(type(failure)) as raised:
            await asyncio.wait_for(anext(answers), 5)
    assert raised.value is failure
    await asyncio.wait_for(subject.far.uploads_closed.wait(), 5)
    assert len(subject.far.stored) == 1


REMITTANCE = exchanges.Upload("application/x-ndjson", remittance=True)


async def test_payers_answers_go_another_way_and_come_back_alike(subject: Subject) -> None:
    """In order, with positions, a bad line alone; the door for claims sees nothing of them."""
    chunks = chunked(b'{"claim_id":"A"}\n{\n{"claim', b'_id":"B"}\n')
    async with aclosing(subject.door.submit_file(REMITTANCE, chunks, context())) as answers:
        found = [answer async for several in answers for answer in several]
    assert [answer.position for answer in found] == [1, 2, 3]
    assert isinstance(found[1].outcome, errors.Invalid)
    assert msgspec.json.decode(found[2].outcome.body)["claim_id"] == "B"
    if subject.intake is not None:
        assert subject.intake.chunks == []


async def test_answers_that_break_off_are_no_whole_file(subject: Subject) -> None:
    """Half a line at the end of a broken upload is no answer of a payer."""
    answered = asyncio.Event()

    async def breaking() -> AsyncIterator[bytes]:
        yield b'{"claim_id":"A"}\n'
        await answered.wait()
        yield b'{"claim_id":"B'
        raise ConnectionError

    async with aclosing(subject.door.submit_file(REMITTANCE, breaking(), context())) as answers:
        await asyncio.wait_for(anext(answers), 5)
        answered.set()
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(anext(answers), 5)
    assert len(subject.far.stored) == 1


async def test_closing_an_upload_cancels_it(subject: Subject) -> None:
    """Whoever stops listening ends the work behind."""

    async def endless() -> AsyncIterator[bytes]:
        yield b'{"claim_id":"A"}\n'
        await asyncio.Event().wait()

    async with aclosing(subject.door.submit_file(FILE, endless(), context())) as answers:
        await asyncio.wait_for(anext(answers), 5)
    await asyncio.wait_for(subject.far.uploads_closed.wait(), 5)


async def test_large_chunks_travel_in_pieces(subject: Subject) -> None:
    """No message is larger than a chunk may be, whatever the sender's pieces were."""
    body = b'{"claim_id":"' + b"x" * 3_000_000 + b'"}\n'
    async with aclosing(subject.door.submit_file(FILE, chunked(body), context())) as answers:
        assert sum([len(several) async for several in answers]) == 1
    if subject.intake is not None:
        assert [len(chunk.data) <= outbound.CHUNK_BYTES for chunk in subject.intake.chunks] == [True] * 3


@pytest.mark.parametrize("name", ["get", "history", "explain"])
async def test_documents_of_a_claim(subject: Subject, name: str) -> None:
    """Known claims have documents, unknown ones raise NotFound."""
    claim_id = (await subject.door.submit(submission(), context())).claim_id
    read: Callable[..., Any] = getattr(subject.desk, name)
    assert msgspec.json.decode(await read(claim_id, context()))["id"] == claim_id
    with pytest.raises(errors.NotFound) as refusal:
        await read("01990d5a-6b1e-7c3a-9f10-ffffffffffff", context())
    assert refusal.value.reason == "claim.unknown"


async def test_a_list_keeps_its_wishes(subject: Subject) -> None:
    """Limit, cursor, filters and sort arrive as they were."""
    wish = exchanges.Selection(5, "abc", {"verdict": "review"}, "-received_at")
    assert "items" in msgspec.json.decode(await subject.desk.select(wish, context()))
    assert subject.far.selections == [wish]


@pytest.mark.parametrize("verdict", ["accept", "reject"])
async def test_a_review_arrives(subject: Subject, verdict: str) -> None:
    """The reviewer's word, note and revision arrive; a stale revision is a Conflict."""
    claim_id = (await subject.door.submit(submission(), context())).claim_id
    review = exchanges.Review(claim_id, verdict, "seen", 1)
    await subject.desk.decide(review, context(roles=("reviewer",)))
    assert subject.far.reviews == [review]
    with pytest.raises(errors.Conflict):
        await subject.desk.decide(exchanges.Review(claim_id, verdict, "", 9), context(item_id="2"))


async def test_a_watch_tells_of_changes(subject: Subject) -> None:
    """Changes after a position come in order, new ones as they are recorded."""
    await subject.far.change(b'{"n":1}')
    await subject.far.change(b'{"n":2}')
    async with aclosing(subject.desk.watch("1", context())) as changes:
        assert await asyncio.wait_for(anext(changes), 5) == exchanges.Change("2", b'{"n":2}')
        await subject.far.change(b'{"n":3}')
        assert await asyncio.wait_for(anext(changes), 5) == exchanges.Change("3", b'{"n":3}')


async def test_a_failing_room_fails_every_call(subject: Subject) -> None:
    """Reads, lists, watches and files raise the kind and reason that the far end has."""
    subject.far.failure = errors.Unavailable("storage.away", "Away.", retry_after_ms=700)
    with pytest.raises(errors.Unavailable, match=r"storage\.away"):
        await subject.desk.get("01990d5a-6b1e-7c3a-9f10-ffffffffffff", context())
    with pytest.raises(errors.Unavailable, match=r"storage\.away"):
        await anext(subject.desk.watch("", context()))
    with pytest.raises(errors.Unavailable, match=r"storage\.away"):
        await anext(subject.door.submit_file(FILE, chunked(b"{}\n"), context()))
