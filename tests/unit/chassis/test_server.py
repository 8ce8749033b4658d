"""The server over a real socket: who gets in, health that is true, bounds, a drain that loses nothing."""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

import chassis_support as support
from chassis import (
    apps,
    channels,
    errors,
    healths,
    identity,
    metrics,
    server,
    settings,
    streams,
    testing,
    tokens,
)

WORD = support.Word
STATUS = health_pb2.HealthCheckResponse


class Readiness:
    """A readiness that tests turn on and off."""

    def __init__(self, *, ok: bool = True) -> None:
        self.ok = ok
        self.error: Exception | None = None

    async def __call__(self) -> apps.Readiness:
        """Say what was set."""
        if self.error is not None:
            raise self.error
        return apps.Readiness(ok=self.ok, detail="" if self.ok else "database")


async def statuses(channel: grpc.aio.Channel, service: str = "") -> AsyncGenerator[int]:
    """Yield the health of a service whenever it changes."""
    stub = health_pb2_grpc.HealthStub(channel)
    async for response in stub.Watch(health_pb2.HealthCheckRequest(service=service)):
        yield response.status


@pytest.fixture
def echo() -> support.Echo:
    """The service behind the server."""
    return support.Echo()


async def reason_of(call: Any) -> str:
    """Return the reason for which a call is refused."""
    with pytest.raises(errors.Denied) as caught:
        await call
    return caught.value.reason


@pytest.mark.parametrize("shape", support.METHODS)
async def test_a_service_that_is_not_named_is_refused(echo: support.Echo, shape: str) -> None:
    """A service with a true key gets in only where the table names it, whatever the shape of the call."""
    async with testing.serve(support.app(echo), caller="stranger") as channel:
        assert await reason_of(support.say(support.EchoStub(channel), shape, "a")) == "caller.not_allowed"
    assert echo.callers == []


async def test_a_call_without_a_credential_is_refused(echo: support.Echo) -> None:
    """Nobody gets in without saying who they are; foreign clients read UNAUTHENTICATED."""
    async with server.serving(support.app(echo), settings.ServiceSettings()) as ports:
        async with channels.open_channel(f"127.0.0.1:{ports.grpc}", signer=None) as channel:
            assert await reason_of(support.EchoStub(channel).Unary(WORD())) == "token.missing"
        async with grpc.aio.insecure_channel(f"127.0.0.1:{ports.grpc}") as plain:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await support.EchoStub(plain).Unary(WORD())
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_refused_call_is_not_read(echo: support.Echo) -> None:
    """A call is refused before its request arrives: a stranger cannot make the server take 16 MiB."""
    requested = asyncio.Event()

    async def never() -> AsyncIterator[Any]:
        requested.set()
        await asyncio.Event().wait()
        yield WORD()

    async with testing.serve(support.app(echo), caller="stranger") as channel:
        call = support.EchoStub(channel).Up(never())
        assert await asyncio.wait_for(reason_of(call), 5) == "caller.not_allowed"
    assert requested.is_set()


async def test_a_users_token_opens_what_the_table_opens_to_users(echo: support.Echo, tmp_path: Path) -> None:
    """A user calls the method opened to users and no other; the handler sees the principal."""
    clock = testing.ManualClock()
    issuer = tokens.DevelopmentIssuer(tmp_path / "issuer.pem", clock)
    table = {
        support.method("Unary"): frozenset({"user"}),
        support.method("Down"): frozenset({support.CALLER}),
    }
    app = support.app(echo, callers=table, verifier=tokens.development_verifier(issuer.public_file, clock))
    token = issuer.issue(tenant="demo", subject="sara", roles=["biller"])
    async with testing.serve(app, token=token, clock=clock) as channel:
        stub = support.EchoStub(channel)
        assert await support.say(stub, "Unary", "a") == ["A"]
        assert await reason_of(support.say(stub, "Down", "a")) == "caller.not_allowed"
    (caller,) = echo.callers
    assert caller.service is None
    assert caller.principal is not None
    assert (caller.principal.tenant, caller.principal.roles) == ("demo", ("biller",))


async def test_keys_come_from_the_settings(echo: support.Echo, tmp_path: Path) -> None:
    """Without a verifier given, the server reads the file its settings name."""
    clock = testing.ManualClock()
    keys = identity.create_keys(tmp_path, [support.CALLER])
    config = settings.ServiceSettings(service_keys_file=keys.public)
    signer = identity.signer(support.CALLER, keys.private[support.CALLER], clock)
    async with (
        server.serving(support.app(echo), config, clock=clock) as ports,
        channels.open_channel(f"127.0.0.1:{ports.grpc}", signer=signer) as channel,
    ):
        assert await support.say(support.EchoStub(channel), "Unary", "a") == ["A"]


async def test_health_follows_readiness(echo: support.Echo) -> None:
    """Health says what the app says, for the server and each service, to anyone who asks."""
    ready = Readiness()
    app = support.app(echo, ready=ready)
    async with (
        server.serving(app, settings.ServiceSettings(), health_seconds=testing.HEALTH_SECONDS) as ports,
        grpc.aio.insecure_channel(f"127.0.0.1:{ports.grpc}") as channel,
    ):
        async with asyncio.timeout(5):
            whole, service = statuses(channel), statuses(channel, support.SERVICE)
            assert [await anext(whole), await anext(service)] == [STATUS.SERVING] * 2
            ready.ok = False
            assert [await anext(whole), await anext(service)] == [STATUS.NOT_SERVING] * 2
            ready.ok = True
            assert await anext(whole) == STATUS.SERVING
            ready.error = RuntimeError("secret")
            assert await anext(whole) == STATUS.NOT_SERVING
            await whole.aclose()
            await service.aclose()


async def test_what_is_not_ready_is_not_serving_from_the_start(echo: support.Echo) -> None:
    """There is no moment in which health is invented."""
    app = support.app(echo, ready=Readiness(ok=False))
    async with testing.serve(app) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        response = await stub.Check(health_pb2.HealthCheckRequest())
        assert response.status == STATUS.NOT_SERVING
        with pytest.raises(errors.NotFound):
            await stub.Check(health_pb2.HealthCheckRequest(service="unknown"))


async def test_a_readiness_that_hangs_is_not_ready(echo: support.Echo) -> None:
    """A service that cannot say whether it is ready is not; the question is given up."""

    async def hang() -> apps.Readiness:
        await asyncio.Event().wait()
        return apps.Readiness(ok=True)

    health = healths.Health(support.app(echo, ready=hang), patience_seconds=0.01)
    assert await health.readiness() == apps.Readiness(ok=False, detail="readiness.failed")


async def test_reflection_lists_the_services(echo: support.Echo) -> None:
    """A person with grpcurl sees what is served."""
    async with testing.serve(support.app(echo)) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
        response = await call.read()
    names = {service.name for service in response.list_services_response.service}
    assert names >= {support.SERVICE, "grpc.health.v1.Health"}


class Service:
    """A server that a test starts and stops, with a signer that may call it."""

    def __init__(self, app: apps.App, directory: Path, **config: Any) -> None:
        self._app = app
        self._config = settings.ServiceSettings.model_validate(config)
        clock = testing.ManualClock()
        keys = identity.create_keys(directory, [support.CALLER])
        self.signer = identity.signer(support.CALLER, keys.private[support.CALLER], clock)
        self._verifier = identity.verifier(keys.public, clock)
        self._clock = clock
        self._leave = asyncio.Event()
        self._port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._serve())

    async def _serve(self) -> None:
        async with server.serving(
            self._app, self._config, verifier=self._verifier, clock=self._clock, health_seconds=60
        ) as ports:
            self._port.set_result(ports.grpc)
            await self._leave.wait()

    async def channel(self) -> grpc.aio.Channel:
        """Return a new connection to it."""
        return channels.open_channel(f"127.0.0.1:{await self._port}", signer=self.signer)

    def leave(self) -> asyncio.Task[None]:
        """Begin to drain; return what ends with it."""
        self._leave.set()
        return self._task


async def test_a_call_in_flight_is_finished_and_a_new_one_refused(echo: support.Echo, tmp_path: Path) -> None:
    """Draining: health turns first, calls in flight get their answers, new ones are turned away."""
    service = Service(support.app(echo), tmp_path)
    async with await service.channel() as first, await service.channel() as second, asyncio.timeout(10):
        health = statuses(first)
        assert await anext(health) == STATUS.SERVING
        held = asyncio.ensure_future(support.say(support.EchoStub(first), "Unary", "hold"))
        await echo.began.wait()
        leaving = service.leave()
        assert await anext(health) == STATUS.NOT_SERVING
        await health.aclose()
        with pytest.raises(errors.Unavailable):
            await support.say(support.EchoStub(second), "Unary", "a")
        assert not held.done()
        echo.held.set()
        assert await held == ["HOLD"]
        await leaving


async def test_a_call_that_does_not_end_is_cut_after_the_drain(echo: support.Echo, tmp_path: Path) -> None:
    """A handler that never ends does not keep the process: its caller is told Unavailable."""
    service = Service(support.app(echo), tmp_path, drain_seconds=0.05)
    async with await service.channel() as channel, asyncio.timeout(10):
        held = asyncio.ensure_future(support.say(support.EchoStub(channel), "Unary", "hold"))
        await echo.began.wait()
        await service.leave()
        with pytest.raises(errors.Unavailable):
            await held
        await echo.cancelled.wait()


async def test_batch_streams_are_asked_to_finish(tmp_path: Path) -> None:
    """Handlers see the drain begin through `streams.draining`, so that long streams can end."""
    echo = Ending()
    service = Service(support.app(echo), tmp_path, drain_seconds=60)
    async with await service.channel() as channel, asyncio.timeout(10):
        call = support.EchoStub(channel).Both()
        await call.write(WORD(value="a"))
        assert (await call.read()).value == "A"
        leaving = service.leave()
        assert await call.read() is grpc.aio.EOF
        await leaving


class Ending(support.Echo):
    """Ends its streams when the server drains."""

    async def _each(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        draining = streams.draining.get()
        assert draining is not None
        yield await self._reply((await anext(requests)).value)
        await draining.wait()


async def test_a_taken_port_is_told(echo: support.Echo) -> None:
    """A second server on a port fails at once instead of sharing its calls."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(errors.Unavailable) as caught:
            async with server.serving(support.app(echo), settings.ServiceSettings(grpc_bind=bind)):
                pytest.fail("It listens on a taken port.")
    assert caught.value.reason == "server.bind_failed"


async def test_calls_in_flight_are_bounded(echo: support.Echo, tmp_path: Path) -> None:
    """One call more than the settings allow is refused as exhausted, and room is made when one ends."""
    service = Service(support.app(echo), tmp_path, max_concurrent_calls=1)
    async with await service.channel() as channel, asyncio.timeout(10):
        stub = support.EchoStub(channel)
        held = asyncio.ensure_future(support.say(stub, "Unary", "hold"))
        await echo.began.wait()
        with pytest.raises(errors.Exhausted):
            await support.say(stub, "Unary", "a")
        echo.held.set()
        assert await held == ["HOLD"]
        await service.leave()


async def test_a_large_message_passes_and_a_larger_does_not(echo: support.Echo) -> None:
    """Messages up to 16 MiB pass; the default of gRPC would stop at 4."""
    async with testing.serve(support.app(echo), caller=support.CALLER) as channel:
        stub = support.EchoStub(channel)
        fits = "A" * (channels.MAX_MESSAGE_BYTES - 1_024)
        assert await support.say(stub, "Unary", fits) == [fits]
        with pytest.raises(errors.Exhausted):
            await support.say(stub, "Unary", "A" * (channels.MAX_MESSAGE_BYTES + 1))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            channels.OPTIONS,
            {
                "grpc.keepalive_time_ms": 30_000,
                "grpc.keepalive_timeout_ms": 10_000,
                "grpc.lb_policy_name": "round_robin",
                "grpc.max_receive_message_length": 16_777_216,
                "grpc.enable_http_proxy": 0,
            },
        ),
        (
            server.OPTIONS,
            {
                "grpc.keepalive_time_ms": 30_000,
                "grpc.max_connection_age_ms": 300_000,
                "grpc.max_connection_age_grace_ms": 600_000,
                "grpc.max_receive_message_length": 16_777_216,
                "grpc.so_reuseport": 0,
            },
        ),
    ],
)
def test_connections_are_kept_alive(options: Any, expected: Mapping[str, Any]) -> None:
    """The tables of options say what was decided, once per option."""
    assert len(dict(options)) == len(options)
    assert dict(options).items() >= expected.items()


def test_our_pings_are_allowed_by_our_servers() -> None:
    """A client that pings more often than its server permits would be cut off."""
    assert channels.KEEPALIVE_MS > 2 * server.MIN_PING_INTERVAL_MS


async def test_calls_are_counted_on_both_sides(echo: support.Echo) -> None:
    """Each call is one observation with its method and outcome, at the server and at the client."""
    async with testing.serve(support.app(echo), caller=support.CALLER) as channel:
        stub = support.EchoStub(channel)
        before = counts("ok"), counts("conflict")
        await support.say(stub, "Unary", "a")
        with pytest.raises(errors.Conflict):
            await support.say(stub, "Unary", "fault:conflict")
        after = counts("ok"), counts("conflict")
    for old, new in zip(before, after, strict=True):
        assert {side: new[side] - old[side] for side in new} == {"server": 1, "client": 1}


def counts(kind: str) -> dict[str, float]:
    """Return how many calls of `Unary` ended in this kind, by side."""
    labels = {"rpc_method": support.method("Unary"), "kind": kind}
    return {
        side: metrics.registry().get_sample_value(f"rpc_{side}_duration_seconds_count", labels) or 0
        for side in ("server", "client")
    }


async def test_an_unreachable_service_is_unavailable_at_once() -> None:
    """Nobody listens: the call fails with Unavailable instead of waiting."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{unused.getsockname()[1]}"
        async with channels.open_channel(target, signer=None) as channel, asyncio.timeout(5):
            with pytest.raises(errors.Unavailable) as caught:
                await support.EchoStub(channel).Unary(WORD())
    assert caught.value.reason == "call.unavailable"
    assert isinstance(caught.value.__cause__, grpc.aio.AioRpcError)


async def test_a_channel_tells_its_state(echo: support.Echo) -> None:
    """What gRPC's channel tells of its connection, ours tells too."""
    async with testing.serve(support.app(echo), caller=support.CALLER) as channel, asyncio.timeout(5):
        state = channel.get_state(try_to_connect=True)
        if state is not grpc.ChannelConnectivity.READY:
            await channel.wait_for_state_change(state)
        await channel.channel_ready()
        assert channel.get_state() is grpc.ChannelConnectivity.READY


def test_a_slow_protobuf_stops_the_start() -> None:
    """The pure Python fallback would show as a loss of speed and nothing else."""
    server.require_fast_protobuf("upb")
    with pytest.raises(errors.Internal) as caught:
        server.require_fast_protobuf("python")
    assert caught.value.reason == "protobuf.slow"
