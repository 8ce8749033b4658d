"""Both doors of one service, gRPC's own and ours, with gRPC's client and a peer that says what it likes."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

import chassis_support as support
import http2_support
from chassis import apps, identity, server, settings
from chassis import clock as clocks
from chassis.http2 import frames, streams

DOORS = ("grpc", "streams")
UNARY = support.method("Unary")
STATUS = {str(code.value[0]): code for code in grpc.StatusCode}


class Told(support.Echo):
    """Tells its caller what a handler sees of the call, and gives up in every way."""

    async def unary(self, request: Any, context: Any) -> Any:
        """Answer one word with one, or with what it asks about."""
        told: dict[str, Callable[[], object]] = {
            "metadata": lambda: sorted(
                tuple(pair) for pair in context.invocation_metadata() if pair[0].startswith("x-")
            ),
            "names": lambda: sorted({name for name, _ in context.invocation_metadata()}),
            "time": lambda: round(context.time_remaining()),
            "no time": context.time_remaining,
            "large": lambda: "x" * streams.MAX_MESSAGE_BYTES,
        }
        if request.value == "out of range":
            trailing = (("x-why", "so"), ("x-why-bin", b"\0\xff"))
            await context.abort(grpc.StatusCode.OUT_OF_RANGE, "Zu spät, 5 %", trailing)
        if request.value in told:
            return support.Word(value=str(told[request.value]()))
        return await super().unary(request, context)


class Doors:
    """A service that listens at both."""

    def __init__(self, echo: support.Echo, signer: identity.ServiceSigner) -> None:
        self.echo, self.signer = echo, signer
        self.proof = signer.metadata(UNARY)
        self.proofs = (self.proof,)
        self.ports: asyncio.Future[server.Ports] = asyncio.get_running_loop().create_future()
        self._leaving = asyncio.Event()
        self._life: asyncio.Task[None]

    def begin(self, serving: AbstractAsyncContextManager[server.Ports]) -> None:
        """Listen until `leave`."""
        self._life = asyncio.create_task(self._live(serving))

    async def _live(self, serving: AbstractAsyncContextManager[server.Ports]) -> None:
        async with serving as ports:
            self.ports.set_result(ports)
            await self._leaving.wait()

    async def leave(self) -> None:
        """Drain, and return when the service has gone."""
        self._leaving.set()
        await self._life

    def port(self, door: str) -> int:
        """Return where a door listens."""
        found: int = getattr(self.ports.result(), door)
        return found

    @asynccontextmanager
    async def caller(self, door: str) -> AsyncIterator["Caller"]:
        """Yield gRPC's client at a door."""
        options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.port(door)}", options=options) as channel:
            yield Caller(channel, self.proofs)

    async def raw(self, door: str, *data: bytes, **changed: str) -> tuple[grpc.StatusCode, list[bytes]]:
        """Return status and messages of a call of these headers and frames, half-closed by the last."""
        async with http2_support.peer(self.port(door)) as peer, asyncio.timeout(10):
            peer.ask(__path=UNARY, authorization=self.proof[1], **changed)
            for place, payload in enumerate(data, 1):
                ended = frames.END_STREAM if place == len(data) else 0
                peer.connection.write(frames.frame(frames.DATA, ended, peer.stream.number, payload))
            await peer.over.wait()
            return STATUS[peer.trailers["grpc-status"]], peer.messages


class Caller:
    """gRPC's client of the unary method, in bytes."""

    def __init__(self, channel: grpc.aio.Channel, proofs: tuple[tuple[str, str], ...]) -> None:
        self.channel, self._proofs = channel, proofs
        self._unary: Any = channel.unary_unary(UNARY)

    def ask(self, request: bytes | str, *metadata: tuple[str, str | bytes], **options: Any) -> Any:
        """Call with a word, or with bytes."""
        data = word(request) if isinstance(request, str) else request
        return self._unary(data, metadata=(*self._proofs, *metadata), **options)

    async def say(self, request: bytes | str, *metadata: tuple[str, str | bytes], **options: Any) -> str:
        """Return the answered word."""
        answer = await self.ask(request, *metadata, **options)
        value: str = support.Word.FromString(answer).value
        return value


def word(text: str) -> bytes:
    """Return a request."""
    data: bytes = support.Word(value=text).SerializeToString()
    return data


@asynccontextmanager
async def doors(
    echo: support.Echo | None = None, make: Callable[[support.Echo], apps.App] = support.app, **config: Any
) -> AsyncIterator[Doors]:
    """Yield a service that listens at both doors."""
    clock, told = clocks.SystemClock(), echo or Told()
    with tempfile.TemporaryDirectory() as directory:
        keys = identity.create_keys(Path(directory), [support.CALLER])
        signer = identity.signer(support.CALLER, keys.private[support.CALLER], clock)
        verifier = identity.verifier(keys.public, clock)
    assert signer is not None
    made = {"streams_bind": "127.0.0.1:0", "drain_seconds": 2, **config}
    served = Doors(told, signer)
    config_of = settings.ServiceSettings.model_validate(made)
    served.begin(server.serving(make(told), config_of, verifier=verifier))
    await served.ports
    try:
        yield served
    finally:
        await served.leave()
