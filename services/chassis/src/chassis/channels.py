"""Channels to other services: kept alive, spread over their copies, signed, and refusing in faults.

Generated stubs work on them as on gRPC's own. gRPC's client interceptors would cost a task and a queue per
stream, so the translation wraps the calls instead. Trace context is not added here: it travels per item.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Generator, Iterator
from types import TracebackType
from typing import Any, Protocol, Self

import grpc

from chassis import errors, faults, links, metrics
from chassis.http2 import asking, calls

MAX_MESSAGE_BYTES = 16 * 1024 * 1024  # A batch is bounded at 4 MiB or one item, whose body has at most 10 MB.
KEEPALIVE_MS = 30_000  # Below the idle limits of load balancers (60 s); a dead peer is noticed within 40 s.
KEEPALIVE_TIMEOUT_MS = 10_000  # A peer that cannot answer a ping for this long is dead or useless.

OPTIONS: tuple[tuple[str, int | str], ...] = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
    ("grpc.keepalive_permit_without_calls", 1),  # the next call should not be the one to find the peer dead
    ("grpc.lb_policy_name", "round_robin"),  # a headless service resolves to every copy
    ("grpc.service_config_disable_resolution", 1),  # behaviour is set here, not by whoever runs the DNS
    ("grpc.dns_min_time_between_resolutions_ms", 10_000),  # new copies are found soon, without a storm
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),  # a process that is back is found at once; trying costs nothing
    ("grpc.use_local_subchannel_pool", 1),  # a new channel never inherits another's back-off
    ("grpc.enable_http_proxy", 0),  # calls between rooms never leave through a proxy of the environment
)


class Credentials(Protocol):
    """Whoever can prove the caller: `identity.ServiceSigner`, `identity.Bearer`."""

    def metadata(self, method: str) -> tuple[str, str]:
        """Return the metadata entry that proves the caller to the service of this method."""
        ...


def open_channel(target: str, *, signer: Credentials | None, streams: str = "") -> grpc.aio.Channel:
    """Return a channel to `target` (host:port or a gRPC name) whose calls raise faults.

    Unary calls and batch streams go to the door at `streams` (see `chassis.http2`). Where there is none,
    unary calls are left to gRPC, and batch streams are sent to `target` in the same way, since any gRPC
    server understands them.

    Calls fail at once when the target cannot be reached (wait-for-ready is off): the caller knows whether
    to try again. It must be created inside the event loop that uses it, and closed.
    """
    inner = grpc.aio.insecure_channel(target, options=OPTIONS)
    return Channel(inner, signer, calls.Calls(streams or target), beside=bool(streams))


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise what gRPC refuses inside the block as a fault, chaining gRPC's exception."""
    try:
        yield
    except grpc.aio.AioRpcError as cause:
        raise faults.from_rpc(cause) from cause


class Call:
    """A call in flight; what gRPC offers on it, with faults in the place of its exceptions."""

    def __init__(self, inner: Any, method: str) -> None:
        self._inner = inner
        self._method = method
        self._began = time.monotonic()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __await__(self) -> Generator[Any, None, Any]:
        return self._response().__await__()

    async def _response(self) -> Any:
        with self._counted():
            return await self._inner

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            with self._counted():
                async for response in self._inner:
                    yield response
        except GeneratorExit:
            self._inner.cancel()  # whoever leaves the loop does not want the rest; gRPC would go on sending
            raise

    async def read(self) -> Any:
        """Return the next response, or grpc.aio.EOF after the last; raises a fault when the call failed."""
        with translated():
            return await self._inner.read()

    async def write(self, request: Any) -> None:
        """Send a request; raises the fault that ended the call, Unavailable `stream.closed` if none did."""
        try:
            with translated():
                await self._inner.write(request)
        except asyncio.InvalidStateError as cause:
            if not self._inner.done():
                raise
            raise await self._ending() from cause

    async def done_writing(self) -> None:
        """Half-close: no request follows."""
        with translated():
            await self._inner.done_writing()

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        """Count the call by its outcome when the block ends, which is the end of the call."""
        outcome = "cancelled"
        try:
            with translated():
                yield
            outcome = "ok"
        except errors.Fault as fault:
            outcome = fault.kind
            raise
        finally:
            metrics.observe_rpc(self._method, outcome, time.monotonic() - self._began, side="client")

    async def _ending(self) -> errors.Fault:
        code = await self._inner.code()
        if code is grpc.StatusCode.OK:
            return closed()
        return faults.from_status(code, await self._inner.trailing_metadata())


def closed() -> errors.Unavailable:
    """Return the fault of writing to a stream that the other side has ended."""
    return errors.Unavailable("stream.closed", "The other side has ended the stream.")


class _Method:
    """A method of a stub: adds the proof of who calls, wraps the call."""

    def __init__(self, inner: Any, method: str, channel: "Channel") -> None:
        self._inner = inner
        self._method = method
        self._channel = channel

    def __call__(
        self, request: Any = None, timeout: float | None = None, metadata: Any = None, **options: Any
    ) -> Call:
        metadata = (*(metadata or ()), *self.proof())
        return Call(self._inner(request, timeout=timeout, metadata=metadata, **options), self._method)

    def proof(self) -> tuple[tuple[str, str], ...]:
        """Return the metadata that proves who calls."""
        signer = self._channel.signer
        return () if signer is None else (signer.metadata(self._method),)


class _UnaryMethod(_Method):
    """A method of one request and one answer, asked at the second door; options of gRPC's own go to gRPC."""

    def __init__(self, inner: Any, channel: "Channel", shape: asking.Shape[Any, Any]) -> None:
        super().__init__(inner, shape.name, channel)
        self._shape = shape

    def __call__(
        self, request: Any = None, timeout: float | None = None, metadata: Any = None, **options: Any
    ) -> Any:
        if any(value is not None for value in options.values()):
            return super().__call__(request, timeout, metadata, **options)
        told = (*(metadata or ()), *self.proof())
        return self._channel.calls.ask(self._shape, request, told, timeout)


class _StreamMethod(_Method):
    """A method that streams both ways; a batch stream opens it as a line instead of calling it."""

    def __init__(self, inner: Any, channel: "Channel", shape: asking.Shape[Any, Any]) -> None:
        super().__init__(inner, shape.name, channel)
        self._shape = shape

    def dial(self, receiver: links.Receiver[Any]) -> links.Line[Any]:
        """Open a call on a connection of its own."""
        return self._channel.calls.dial(self._shape, self.proof(), receiver)


def _shape(name: str) -> Any:
    """Return the method of Channel by which generated stubs ask for callables of one shape."""

    def callable_of(channel: "Channel", method: str, *args: Any, **options: Any) -> _Method:
        return _Method(getattr(channel.inner, name)(method, *args, **options), method, channel)

    return callable_of


class Channel(grpc.aio.Channel):
    """A gRPC channel whose calls are signed and raise faults."""

    def __init__(
        self, inner: grpc.aio.Channel, signer: Credentials | None, dialled: calls.Calls, *, beside: bool
    ) -> None:
        self.inner = inner
        self.signer = signer
        self.calls = dialled
        self._beside = beside  # Whether there is a second door.

    def unary_unary(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, **options: Any
    ) -> Any:
        """Return the callable of a method of one request and one answer, as generated stubs ask for it."""
        inner = self.inner.unary_unary(method, request_serializer, response_deserializer, **options)
        if not self._beside:
            return _Method(inner, method, self)
        return _UnaryMethod(inner, self, asking.Shape(method, request_serializer, response_deserializer))

    unary_stream = _shape("unary_stream")
    stream_unary = _shape("stream_unary")

    def stream_stream(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, **options: Any
    ) -> Any:
        """Return the callable of a method that streams both ways, as generated stubs ask for it."""
        inner = self.inner.stream_stream(method, request_serializer, response_deserializer, **options)
        return _StreamMethod(inner, self, asking.Shape(method, request_serializer, response_deserializer))

    async def close(self, grace: float | None = None) -> None:
        """Close the channel; calls in flight have `grace` seconds to finish, none when it is None."""
        await self.inner.close(grace)
        await self.calls.aclose()

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: FBT001, FBT002 - gRPC's signature
        """Return whether the channel is connected."""
        return self.inner.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Return when the state is another than the one last observed."""
        await self.inner.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Return when the channel is connected."""
        await self.inner.channel_ready()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
