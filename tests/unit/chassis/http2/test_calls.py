"""The calling end of batch streams, against gRPC's own server and against our door."""

import asyncio
import time
from collections.abc import Iterable

import grpc
import grpc.aio
import pytest

import http2_support as support
from chassis import channels, errors
from chassis.http2 import asking, calls
from streams_support import StreamServer, answer, echo, items, request, until, until_many
from ultrathink.scoring.v1 import scoring_pb2

SIZES = [0, 1, 16_000, 16_384, 70_000, 1_000_000, 3_000_000]


def patience() -> float:
    """Return a deadline that a healthy loopback never meets."""
    return time.monotonic() + 30


@pytest.mark.parametrize("size", SIZES)
async def test_a_grpc_server_answers_our_calls(size: int) -> None:
    """Requests of any size leave through the windows that gRPC's own server grants."""
    server = StreamServer(echo)
    await server.start()
    async with support.ours(f"127.0.0.1:{server.port}") as stream, asyncio.timeout(30):
        batches = [stream.exchange(support.large(size), deadline=patience()) for _ in range(3)]
        assert [items(reply) for reply in await asyncio.gather(*batches)] == [["x" * size]] * 3
    await server.kill()


async def test_a_hundred_batches_share_a_call() -> None:
    """A call is opened once."""
    async with support.door() as door, asyncio.timeout(30):
        async with support.ours(door.target) as stream:
            for number in range(100):
                assert items(await stream.exchange(request(f"{number}"), deadline=patience())) == [
                    f"{number}"
                ]
        assert len(door.gate.admitted) == 1


async def test_the_credential_of_the_caller_is_sent() -> None:
    """A channel signs the calls that it dials as it signs those of stubs."""
    seen: list[object] = []

    class Signer:
        def metadata(self, method: str) -> tuple[str, str]:
            return "authorization", f"Service {method}"

    async def admit(method: str, metadata: Iterable[tuple[str, str | bytes]] | None) -> None:
        del method
        seen.extend(metadata or ())

    async with support.door() as door, asyncio.timeout(30):
        door.gate.admit = admit  # type: ignore[method-assign]
        async with channels.open_channel(door.target, signer=Signer()) as channel:
            method = channel.stream_stream(
                support.METHOD,
                scoring_pb2.ScoreRequest.SerializeToString,
                scoring_pb2.ScoreResponse.FromString,
            )
            heard = support.Heard()
            line = method.dial(heard)  # type: ignore[attr-defined]
            line.send(request("a"))
            await until_many(heard.answers, 1)
            line.finish()
            await heard.over.wait()
    assert ("authorization", f"Service {support.METHOD}") in seen
    assert heard.ends == [None]


async def test_a_target_that_cannot_be_reached_breaks_the_call() -> None:
    """Whoever waits is told within its deadline; nothing is tried for ever."""
    async with support.door() as door:
        gone = door.target
    async with support.ours(gone, resend=False) as stream, asyncio.timeout(30):
        with pytest.raises(errors.Unavailable, match=r"stream\.broken"):
            await stream.exchange(request("a"), deadline=patience())


@pytest.mark.parametrize("target", ["", "nowhere", "host:port", ":1", "127.0.0.1:"])
def test_a_malformed_target_is_refused(target: str) -> None:
    """Before anything is called."""
    with pytest.raises(errors.Invalid, match=r"target\.malformed"):
        calls.Calls(target)


async def test_a_copy_that_does_not_answer_is_passed_over() -> None:
    """The next address is tried; a name that nobody knows is passed over too."""
    async with support.door() as door, asyncio.timeout(30):
        heard = support.Heard()
        target = f"nowhere.invalid:1,127.0.0.1:1, dns:///localhost:{door.port}"
        for turn in range(3):
            async with support.dialled("", heard, calls.Calls(target, turn=turn)) as line:
                line.send(request("a"))
                await until_many(heard.answers, turn + 1)


async def test_batches_at_work_spread_over_the_copies_of_a_service() -> None:
    """While one copy works the next batch goes to another; what comes alone stays where a call is open."""
    going = asyncio.Event()

    async def handle(batch: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        await going.wait()
        return answer(batch)

    async with support.door() as first, support.door() as second, asyncio.timeout(30):
        for door in (first, second):
            door.scorer.handle = handle
        async with support.ours(f"{first.target},{second.target}", lanes=4) as stream:
            asked = [
                asyncio.create_task(stream.exchange(request(name), deadline=patience())) for name in "abcd"
            ]
            await until(lambda: (len(first.gate.admitted), len(second.gate.admitted)) == (2, 2))
            going.set()
            assert [items(reply) for reply in await asyncio.gather(*asked)] == [["a"], ["b"], ["c"], ["d"]]
            assert items(await stream.exchange(request("e"), deadline=patience())) == ["e"]
            assert len(first.gate.admitted) + len(second.gate.admitted) == 4


async def test_one_copy_that_goes_leaves_its_batches_to_the_others() -> None:
    """A batch in doubt is sent again to the copy that is left."""
    began: list[str] = []

    async def hang(batch: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        began.append(batch.contexts[0].item_id)
        return await asyncio.Future()

    async with support.door() as kept, asyncio.timeout(30):
        going = support.Door()
        going.scorer.handle = hang
        going.port = await going.server.start("127.0.0.1:0")
        async with support.ours(f"{going.target},{kept.target}", lanes=2) as stream:
            asked = [
                asyncio.create_task(stream.exchange(request(name), deadline=patience())) for name in "ab"
            ]
            await until_many(began, 1)
            await going.server.stop(0)
            assert sorted(items(reply)[0] for reply in await asyncio.gather(*asked)) == ["a", "b"]


async def test_a_unix_socket_is_a_target(tmp_path: object) -> None:
    """What listens there does not speak gRPC and the call breaks; nothing hangs."""
    path = f"{tmp_path}/door"

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_unix_server(silent, path), asyncio.timeout(30):
        heard = support.Heard()
        async with support.dialled(f"unix:{path}", heard):
            await heard.over.wait()
    assert [type(fault) for fault in heard.ends] == [errors.Unavailable]


async def test_a_broken_connection_is_told_and_batches_are_sent_again() -> None:
    """The server is killed with a batch at work; the stream dials again and the batch is answered once."""
    server = StreamServer(echo)
    began: list[str] = []

    async def handle(batch: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        began.append(batch.contexts[0].item_id)
        if len(began) == 1:
            await asyncio.Event().wait()
        return answer(batch)

    server.handle = handle
    await server.start()
    async with support.ours(f"127.0.0.1:{server.port}") as stream, asyncio.timeout(30):
        asked = asyncio.create_task(stream.exchange(request("a"), deadline=patience()))
        await until_many(began, 1)
        await server.kill()
        await server.start()
        assert items(await asked) == ["a"]
    assert began == ["a", "a"]
    await server.kill()


async def test_a_batch_in_doubt_fails_where_it_may_not_be_sent_again() -> None:
    """Its caller decides."""
    server, began = StreamServer(echo), []

    async def handle(batch: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        began.append(batch)
        return await asyncio.Future()

    server.handle = handle
    await server.start()
    async with support.ours(f"127.0.0.1:{server.port}", resend=False) as stream, asyncio.timeout(30):
        asked = asyncio.create_task(stream.exchange(request("a"), deadline=patience()))
        await until_many(began, 1)
        await server.kill()
        with pytest.raises(errors.Unavailable, match=r"stream\.broken"):
            await asked


async def test_a_draining_door_is_left_without_a_batch_lost() -> None:
    """Batches go on while one server leaves and another takes its port."""
    async with support.door() as first, asyncio.timeout(30):
        port = first.port
        async with support.ours(f"127.0.0.1:{port}") as stream:
            assert items(await stream.exchange(request("a"), deadline=patience())) == ["a"]
            await first.server.stop(5)
            second = support.Door()
            await second.server.start(f"127.0.0.1:{port}")
            assert items(await stream.exchange(request("b"), deadline=patience())) == ["b"]
            assert len(second.gate.admitted) == 1
        await second.server.stop(0)


@pytest.mark.parametrize(
    "fault", [errors.Invalid("batch.shape", "Columns differ."), errors.Denied("x.y", "No.")]
)
async def test_a_fault_of_the_other_end_arrives_whole(fault: errors.Fault) -> None:
    """Kind, reason and text cross in the trailers."""

    async def handle(_: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
        raise fault

    async with support.door() as door, support.ours(door.target) as stream, asyncio.timeout(30):
        door.scorer.handle = handle
        with pytest.raises(type(fault)) as caught:
            await stream.exchange(request("a"), deadline=patience())
        assert (caught.value.reason, caught.value.message) == (fault.reason, fault.message)


async def test_an_answer_that_cannot_be_read_ends_the_call() -> None:
    """As our defect or theirs, not as a broken connection: it would come again."""
    heard = support.Heard()
    shape: support.Shape = asking.Shape(
        support.METHOD, scoring_pb2.ScoreRequest.SerializeToString, _unreadable
    )
    async with (
        support.door() as door,
        asyncio.timeout(30),
        support.dialled(door.target, heard, shape=shape) as line,
    ):
        line.send(request("a"))
        await heard.over.wait()
    assert [fault.reason for fault in heard.ends if fault] == ["call.unreadable"]


def _unreadable(data: bytes) -> scoring_pb2.ScoreResponse:
    return scoring_pb2.ScoreResponse.FromString(b"\xff" + data)


async def test_something_else_that_listens_there_is_told_apart() -> None:
    """A plain HTTP/1.1 server closes on us; the call breaks."""

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(other, "127.0.0.1", 0) as listening, asyncio.timeout(30):
        port = listening.sockets[0].getsockname()[1]
        heard = support.Heard()
        async with support.dialled(f"127.0.0.1:{port}", heard):
            await heard.over.wait()
    assert [type(fault) for fault in heard.ends] == [errors.Unavailable]


async def test_giving_up_a_call_before_it_is_open_leaves_nothing() -> None:
    """The receiver hears one end; the door sees no call."""
    heard = support.Heard()
    async with support.door() as door:
        async with support.dialled(door.target, heard) as line:
            line.send(request("a"))
            line.cancel()
            line.send(request("b"))
            await heard.over.wait()
            await until(line.connecting.done)
        assert not door.gate.admitted
    assert len(heard.ends) == 1


async def test_a_method_that_is_not_served_is_a_fault_and_not_a_broken_stream() -> None:
    """It would not be served the next time either."""
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with support.ours(f"127.0.0.1:{port}") as stream, asyncio.timeout(30):
        with pytest.raises(errors.Internal, match=r"call\.unimplemented"):
            await stream.exchange(request("a"), deadline=patience())
    await server.stop(None)
