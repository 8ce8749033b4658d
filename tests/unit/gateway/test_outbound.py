"""The way to claims: what its refusals become, and answers that cannot be read."""

import asyncio

import msgspec
import pytest

import gateway_rooms as rooms
from chassis import apps, channels, contexts, errors, local
from chassis import clock as clocks
from chassis import testing as plumbing
from gateway import testing
from gateway.domain import exchanges
from gateway.outbound import claims as outbound
from gateway.outbound import converters, neighbours
from ultrathink.claims.v1 import claims_pb2

SUBMISSION = exchanges.Submission(b"{}", "application/json", "application/json", dry_run=False)


def _context() -> contexts.CallContext:
    return plumbing.context(deadline=clocks.SystemClock().monotonic() + 10)


@pytest.mark.parametrize(
    "reason", ["token.expired", "caller.not_allowed", "caller.not_trusted", "stream.refused"]
)
def test_a_refusal_of_the_gateway_passes_and_is_not_its_callers(reason: str) -> None:
    """When claims does not accept the gateway, its caller is told to come back, not to log in again."""
    told = converters.of_call(errors.Denied(reason, "No."))
    assert isinstance(told, errors.Unavailable)
    assert told.reason == "claims.refused_gateway"


@pytest.mark.parametrize("reason", ["call.internal", "call.unknown"])
def test_a_call_that_broke_in_its_midst_passes(reason: str) -> None:
    """What gRPC itself says of a dying connection is no defect of the room behind."""
    told = converters.of_call(errors.Internal(reason, "Stream removed."))
    assert isinstance(told, errors.Unavailable)
    assert told.reason == "claims.broken_off"


def test_a_refusal_of_the_caller_stays_one() -> None:
    """Denied for want of a role is the caller's."""
    fault = errors.Denied("role.not_allowed", "No.")
    assert converters.of_call(fault) is fault


async def test_claims_that_refuse_the_gateway() -> None:
    """Every way of asking becomes Unavailable when the gateway may not call."""
    far = testing.MemoryClaims()
    async with local.LocalChannel(rooms.room(far, caller="somebody"), caller="gateway") as channel:
        door = outbound.ClaimsDoor(channel, clocks.SystemClock())
        desk = outbound.ClaimsDesk(channel, clocks.SystemClock())
        with pytest.raises(errors.Unavailable, match=r"claims\.refused_gateway"):
            await desk.get("x", _context())
        with pytest.raises(errors.Unavailable, match=r"claims\.refused_gateway"):
            await anext(desk.watch("", _context()))
        with pytest.raises(errors.Unavailable):
            await door.submit(SUBMISSION, _context())
        await door.aclose()


async def test_a_claim_apart_does_not_wait_for_a_crowd() -> None:
    """While two messages of a crowd are out and a third has to wait, one that goes apart is answered."""
    far, gate = testing.MemoryClaims(), asyncio.Event()
    submit = far.submit

    async def held(submission: exchanges.Submission, context: contexts.CallContext) -> exchanges.Answer:
        if submission.body != SUBMISSION.body:
            crowd.release()
            await gate.wait()
        return await submit(submission, context)

    far.submit = held  # type: ignore[method-assign]
    crowd = asyncio.Semaphore(0)
    async with local.LocalChannel(rooms.room(far), caller="gateway") as channel:
        door = outbound.ClaimsDoor(channel, clocks.SystemClock())
        waiting = []
        for number in range(1, 3):
            claim = exchanges.Submission(
                b'{"claim_id":"%d"}' % number, "application/json", "application/json", False
            )
            waiting.append(door.submit(claim, _context()))
            await asyncio.wait_for(crowd.acquire(), 5)
        waiting.append(door.submit(SUBMISSION, _context()))
        apart = msgspec.structs.replace(SUBMISSION, apart=True)
        await asyncio.wait_for(door.submit(apart, _context()), 5)
        assert not any(one.done() for one in waiting)
        gate.set()
        await asyncio.gather(*waiting)
        await door.aclose()


async def test_a_fault_of_a_whole_batch_is_not_its_own_cause() -> None:
    """What passes unchanged keeps the cause it had: whoever follows causes comes to an end."""

    class Busy(rooms.Intake):
        async def _batch(self, request: claims_pb2.SubmitRequest) -> claims_pb2.SubmitResponse:
            raise errors.Exhausted("claims.busy", f"{len(request.items)} claims too many.")

    far = testing.MemoryClaims()
    async with local.LocalChannel(rooms.room(far, Busy(far)), caller="gateway") as channel:
        door = outbound.ClaimsDoor(channel, clocks.SystemClock())
        with pytest.raises(errors.Exhausted, match=r"claims\.busy") as refusal:
            await door.submit(SUBMISSION, _context())
        await door.aclose()
    seen: list[BaseException | None] = [refusal.value]
    while seen[-1] is not None:
        assert seen[-1].__cause__ not in seen
        seen.append(seen[-1].__cause__)


async def test_a_claim_without_a_result_is_an_error_and_not_a_wait() -> None:
    """A batch that comes back without one of its items fails that item alone."""
    far = testing.MemoryClaims()
    intake = rooms.Intake(far)
    intake.mute.add(b"{}")
    async with local.LocalChannel(rooms.room(far, intake), caller="gateway") as channel:
        door = outbound.ClaimsDoor(channel, clocks.SystemClock())
        with pytest.raises(errors.Internal, match=r"claims\.no_outcome"):
            await door.submit(SUBMISSION, _context())
        await door.aclose()


def test_a_result_without_an_outcome_is_a_defect() -> None:
    """An empty oneof is no decision."""
    outcome = converters.outcome(claims_pb2.SubmitResult(item_id="1"))
    assert isinstance(outcome, errors.Internal)


@pytest.mark.parametrize("accept", sorted(converters.WIRE_VERDICTS))
def test_verdicts_keep_their_names(accept: str) -> None:
    """The wire's verdicts and ours are the same three."""
    rendered = claims_pb2.Rendered(body=b"{}", media_type="application/json")
    result = claims_pb2.SubmitResult(rendered=rendered, verdict=converters.WIRE_VERDICTS[accept])
    outcome = converters.outcome(result)
    assert isinstance(outcome, exchanges.Answer)
    assert outcome.verdict == accept


async def test_a_late_answer_is_told_at_the_deadline() -> None:
    """A claims that does not answer in time raises deadline.exceeded, and nothing hangs."""
    far = testing.MemoryClaims()
    begun = asyncio.Event()

    async def never(submission: exchanges.Submission, context: contexts.CallContext) -> exchanges.Answer:
        del submission, context
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    far.submit = never  # type: ignore[method-assign]
    async with local.LocalChannel(rooms.room(far), caller="gateway") as channel:
        door = outbound.ClaimsDoor(channel, clocks.SystemClock())
        soon = plumbing.context(deadline=clocks.SystemClock().monotonic() + 0.05)
        with pytest.raises(errors.Unavailable, match=r"deadline\.exceeded"):
            await door.submit(SUBMISSION, soon)
    assert begun.is_set()


async def test_health_is_asked_of_claims_itself() -> None:
    """A serving room is up, one that is not ready is down, a missing one is down with the reason."""
    far = testing.MemoryClaims()
    async with plumbing.serve(rooms.room(far), caller="gateway") as channel:
        neighbour = neighbours.GrpcNeighbour(channel)
        assert await neighbour.state() == exchanges.State(ok=True, detail="")
        far.failure = errors.Unavailable("storage.away", "Away.")
        async with asyncio.timeout(5):
            while (await neighbour.state()).ok:  # the room asks itself again every few milliseconds
                pass
        assert (await neighbour.state()).detail == "claims: not serving"
    async with channels.open_channel("127.0.0.1:9", signer=None) as nowhere:
        gone = await neighbours.GrpcNeighbour(nowhere).state()
    assert gone == exchanges.State(ok=False, detail="claims: call.unavailable")


async def test_a_room_in_this_process_speaks_for_itself() -> None:
    """Without a socket between them, readiness is claims' own word."""

    async def ready() -> apps.Readiness:
        return apps.Readiness(ok=False, detail="storage is away")

    assert await neighbours.LocalNeighbour(ready).state() == exchanges.State(
        ok=False, detail="storage is away"
    )
