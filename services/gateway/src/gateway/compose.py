"""Puts the gateway together; the one module that sees every room of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import metadata
from pathlib import Path

import grpc

from chassis import apps as services
from chassis import channels, errors, identity, oidc, tokens
from chassis import clock as clocks
from gateway import ports
from gateway import settings as configuration
from gateway.inbound import apps, envelopes, limits, sockets
from gateway.outbound import bearers, claims, completions, neighbours, rulebooks
from gateway.usecases import judge_readiness

NAME = "gateway"
SCHEMA = Path("docs", "schemas", "claim.json")

type Ready = Callable[[], Awaitable[services.Readiness]]


@asynccontextmanager
async def compose(
    settings: configuration.Settings,
    *,
    claims_channel: grpc.aio.Channel | None = None,
    claims_ready: Ready | None = None,
    verifier: tokens.TokenVerifier | None = None,
    clock: clocks.Clock | None = None,
) -> AsyncIterator[envelopes.Envelope]:
    """Yield the ASGI application; leaving closes what was opened here.

    Without `claims_channel` a signed channel to `settings.claims_target` is opened. `claims_ready` is the
    word of a claims that was composed into this process; without it its health service is asked. Without
    `verifier` the settings must name an issuer: raises Invalid `issuer.missing`, before anything is opened.
    """
    clock = clock or clocks.SystemClock()
    authenticator = bearers.BearerAuthenticator(verifier or _verifier(settings, clock))
    async with AsyncExitStack() as stack:
        channel = claims_channel
        if channel is None:
            signer = identity.signer(NAME, settings.service_key_file, clock)
            channel = await stack.enter_async_context(
                channels.open_channel(settings.claims_target, signer=signer, streams=settings.claims_streams)
            )
        door = claims.ClaimsDoor(channel, clock)
        stack.push_async_callback(door.aclose)
        neighbour: ports.Neighbour = neighbours.GrpcNeighbour(channel)
        if claims_ready is not None:
            neighbour = neighbours.LocalNeighbour(claims_ready)
        yield apps.build(
            apps.Parts(
                door=door,
                desk=claims.ClaimsDesk(channel, clock),
                completer=completions.Completer(channel, clock),
                rulebook=rulebooks.RuleBook(channel, clock),
                authenticator=authenticator,
                readiness=judge_readiness.Readiness(neighbour, clock),
                clock=clock,
                bounds=_bounds(settings),
                version=metadata.version("ultrathink-gateway"),
                schema=_schema(settings),
                origins=settings.cors_origins,
            )
        )


@asynccontextmanager
async def serve(app: envelopes.Envelope, settings: configuration.Settings) -> AsyncIterator[int]:
    """Serve a composed gateway over HTTP inside the block; yields the bound port.

    At the end readiness says no, `settings.notice_seconds` later the door closes, and requests in flight have
    `settings.drain_seconds`. Raises Unavailable `server.bind_failed`.
    """
    host, _, port = settings.http_bind.rpartition(":")
    door = sockets.Door(
        host=host.strip("[]"),
        port=int(port),
        header_bytes=settings.header_bytes,
        header_seconds=settings.header_seconds,
        keepalive_seconds=settings.keepalive_seconds,
        backlog=settings.backlog,
        drain_seconds=settings.drain_seconds,
    )
    async with sockets.listening(app, door) as bound:
        try:
            yield bound
        finally:
            app.draining.set()
            await asyncio.sleep(settings.notice_seconds)


@asynccontextmanager
async def open_door(settings: configuration.Settings) -> AsyncIterator[str]:
    """Compose and serve inside the block, as a process of its own does; yields host:port."""
    host = settings.http_bind.rpartition(":")[0]
    async with compose(settings) as app, serve(app, settings) as port:
        yield f"{host}:{port}"


def _verifier(settings: configuration.Settings, clock: clocks.Clock) -> tokens.TokenVerifier:
    """Return the verifier of the configured issuer; there is no way to run without one."""
    if settings.development_keys_file is not None:
        return tokens.development_verifier(settings.development_keys_file, clock)
    if settings.oidc_issuer:
        return oidc.oidc_verifier(settings.oidc_issuer, settings.oidc_audience, clock)
    raise errors.Invalid(
        "issuer.missing", "Name an issuer: ULTRATHINK_DEVELOPMENT_KEYS_FILE or ULTRATHINK_OIDC_ISSUER."
    )


def _schema(settings: configuration.Settings) -> bytes | None:
    """Return the schema's bytes: of the file named, else of the checkout around this file, else none."""
    if settings.schema_file is not None:
        return settings.schema_file.read_bytes()
    found = (parent / SCHEMA for parent in Path(__file__).resolve().parents)
    return next((file.read_bytes() for file in found if file.is_file()), None)


def _bounds(settings: configuration.Settings) -> limits.Limits:
    return limits.Limits(**{name: getattr(settings, name) for name in limits.Limits.__struct_fields__})
