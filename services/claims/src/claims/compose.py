"""The claims service put together: the one module that sees every room of it."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import grpc
import msgspec
from google.protobuf import descriptor

from chassis import apps, channels, errors, identity, oidc, tokens
from chassis import clock as clocks
from claims import ports
from claims import settings as configuration
from claims.domain import identities
from claims.domain.rules import catalogue, engines
from claims.inbound import batches, callers, completer, desk, files, intake, remittances, rulebook
from claims.outbound import archive, pack_files, probes, scorer, store, tenants
from claims.outbound import completer as completions
from claims.outbound import offline as lone
from claims.usecases import (
    adjudicate,
    assess,
    browse,
    check,
    complete,
    consult,
    decide,
    explain,
    read,
    recount,
    rescore,
    submit,
    watch,
)
from ultrathink.claims.v1 import (
    claims_pb2,
    claims_pb2_grpc,
    completions_pb2,
    completions_pb2_grpc,
    rules_pb2,
    rules_pb2_grpc,
)
from ultrathink.scoring.v1 import scoring_pb2_grpc
from ultrathink.storage.v1 import storage_pb2_grpc

NAME = "claims"
FILES_SHARE = 4  # Of the claims at work at most a quarter come from files: the rest is for those who wait.
CALLERS = frozenset({"gateway", "cli", identity.USER})

type Ready = Callable[[], Awaitable[apps.Readiness]]


class Rooms(msgspec.Struct, frozen=True, kw_only=True):
    """What the use cases reach through their ports, and the secret under which patients are hashed."""

    rules: ports.TenantRules
    tenants: ports.Tenants
    scorer: ports.Scorer
    store: ports.Store
    archive: ports.Archive
    patient_key: bytes
    completer: ports.Completer = msgspec.field(default_factory=lone.NoCompleter)
    book: catalogue.Catalogue = msgspec.field(default_factory=catalogue.empty)


@contextlib.asynccontextmanager
async def compose(
    settings: configuration.ClaimsSettings,
    *,
    scoring_channel: grpc.aio.Channel | None = None,
    storage_channel: grpc.aio.Channel | None = None,
    clock: clocks.Clock | None = None,
) -> AsyncIterator[apps.App]:
    """Yield the service; channels not given are opened to the settings' targets and closed at the end."""
    clock = clock or clocks.SystemClock()
    key = read_patient_key(settings.patient_key_file)
    library = pack_files.library(settings.packs_dir)
    async with contextlib.AsyncExitStack() as stack:
        signer = identity.signer(NAME, settings.service_key_file, clock)
        scoring = scoring_channel or await _opened(
            stack, settings.scoring_target, settings.scoring_streams, signer
        )
        storage = storage_channel or await _opened(
            stack, settings.storage_target, settings.storage_streams, signer
        )
        reader = storage_pb2_grpc.ClaimReaderStub(storage)
        scored = scorer.GrpcScorer(scoring_pb2_grpc.ScorerStub(scoring), clock, library.common.crosswalk)
        stack.push_async_callback(scored.aclose)
        stored = store.GrpcStore(storage_pb2_grpc.ClaimStoreStub(storage), clock)
        stack.push_async_callback(stored.aclose)
        rooms = Rooms(
            rules=engines.Engines(library.common, library.tenants),
            tenants=tenants.GrpcTenants(reader, clock),
            scorer=scored,
            completer=completions.GrpcCompleter(scoring_pb2_grpc.ScorerStub(scoring), clock),
            store=stored,
            archive=archive.GrpcArchive(reader, storage_pb2_grpc.AuditLogStub(storage), clock),
            patient_key=key,
            book=catalogue.Catalogue(library.common, library.tenants),
        )
        if settings.rescore:
            await stack.enter_async_context(_rescoring(rooms, clock))
        probe = probes.Probe(reader, scoring_pb2_grpc.ScorerStub(scoring), packs=len(library.common.packs))
        yield assemble(settings, rooms, clock, probe.ready)


@contextlib.asynccontextmanager
async def offline(
    packs_dir: Path,
    *,
    over: Sequence[Path] = (),
    scoring_channel: grpc.aio.Channel | None = None,
    clock: clocks.Clock | None = None,
) -> AsyncIterator[apps.App]:
    """Yield a service that checks without a platform: nothing is stored, history is said to be not checked.

    `over` are folders of tables and packs laid over the common ones.
    With `scoring_channel` claims are scored, without it they are said to be not scored. The day rules are
    judged on is the clock's.
    """
    clock = clock or clocks.SystemClock()
    common = pack_files.book(packs_dir, over)
    async with contextlib.AsyncExitStack() as stack:
        scored: ports.Scorer = lone.NoScorer()
        completing: ports.Completer = lone.NoCompleter()
        if scoring_channel is not None:
            served = scorer.GrpcScorer(scoring_pb2_grpc.ScorerStub(scoring_channel), clock, common.crosswalk)
            stack.push_async_callback(served.aclose)
            scored = served
            completing = completions.GrpcCompleter(scoring_pb2_grpc.ScorerStub(scoring_channel), clock)
        rooms = Rooms(
            rules=engines.Engines(common, {}),
            tenants=lone.OneTenant(),
            scorer=scored,
            completer=completing,
            store=lone.NoRecord(),
            archive=lone.NoArchive(),
            book=catalogue.Catalogue(common, {}),
            patient_key=secrets.token_bytes(identities.MIN_KEY_BYTES),  # nothing outlives this process
        )
        settings = configuration.ClaimsSettings(
            packs_dir=packs_dir, patient_key_file=packs_dir, rescore=False
        )

        async def ready() -> apps.Readiness:
            return apps.Readiness(ok=True, detail=f"{len(common.packs)} packs, offline")

        yield assemble(settings, rooms, clock, ready)


def assemble(
    settings: configuration.ClaimsSettings, rooms: Rooms, clock: clocks.Clock, ready: Ready
) -> apps.App:
    """Return the service over these rooms, real ones or twins."""
    who = callers.Callers(
        clock,
        default_seconds=settings.default_deadline_seconds,
        max_seconds=settings.max_deadline_seconds,
    )
    verbs = _verbs(rooms, clock, settings.support_seconds)
    carrying = batches.Batches(
        who, clock, max_items=settings.max_batch_items, max_in_flight=settings.max_in_flight
    )
    patient = _verbs(rooms, clock, settings.file_support_seconds)
    filing = files.Files(carrying, who, patient, _limits(settings))
    taking = intake.Intake(carrying, filing, verbs)
    joining = remittances.Remittances(
        adjudicate.Adjudicate(rooms.archive, rooms.store, clock), who, max_bytes=settings.max_file_bytes
    )
    showing = desk.Desk(_desk_verbs(rooms, clock), joining, who)
    suggesting = completer.Completer(complete.Complete(rooms.tenants, rooms.completer), who)
    telling = rulebook.RuleBook(consult.Consult(rooms.book, clock), who)

    def register(server: grpc.aio.Server) -> None:
        claims_pb2_grpc.add_ClaimIntakeServicer_to_server(taking, server)
        claims_pb2_grpc.add_ClaimDeskServicer_to_server(showing, server)
        rules_pb2_grpc.add_RuleBookServicer_to_server(telling, server)
        completions_pb2_grpc.add_CompleterServicer_to_server(suggesting, server)

    return apps.App(
        name=NAME,
        register=register,
        service_names=tuple(_services()),
        callers=dict.fromkeys(_methods(), CALLERS),
        ready=ready,
        tokens=_tokens(settings, clock),
    )


def read_patient_key(file: Path) -> bytes:
    """Return the secret of the keyed hash; raise Invalid `patient_key.unreadable` or `.too_short`."""
    try:
        key = file.read_bytes().strip()
    except OSError as cause:
        raise errors.Invalid("patient_key.unreadable", f"The key file {file} cannot be read.") from cause
    if len(key) < identities.MIN_KEY_BYTES:
        text = f"The key file must hold at least {identities.MIN_KEY_BYTES} bytes."
        raise errors.Invalid("patient_key.too_short", text)
    return key


async def _opened(
    stack: contextlib.AsyncExitStack, target: str, streams: str, signer: identity.ServiceSigner | None
) -> grpc.aio.Channel:
    channel = channels.open_channel(target, signer=signer, streams=streams)
    stack.push_async_callback(channel.close)
    return channel


def _verbs(rooms: Rooms, clock: clocks.Clock, support_seconds: float) -> tuple[batches.Verb, batches.Verb]:
    """Return what submits and what checks, both waiting so long for history and for the score."""
    assessing = assess.Assess(
        tenants=rooms.tenants,
        rules=rooms.rules,
        store=rooms.store,
        scorer=rooms.scorer,
        clock=clock,
        patient_key=rooms.patient_key,
        support_seconds=support_seconds,
    )
    return submit.Submit(assessing, rooms.store, clock), check.Check(assessing)


def _desk_verbs(rooms: Rooms, clock: clocks.Clock) -> desk.Verbs:
    return desk.Verbs(
        read=read.Read(rooms.archive),
        browse=browse.Browse(rooms.archive),
        recount=recount.Recount(rooms.archive),
        explain=explain.Explain(rooms.archive, rooms.store, rooms.scorer, patient_key=rooms.patient_key),
        decide=decide.Decide(rooms.archive, rooms.store, clock),
        watch=watch.Watch(rooms.archive),
    )


def _limits(settings: configuration.ClaimsSettings) -> files.Limits:
    return files.Limits(
        file_bytes=settings.max_file_bytes,
        groups=max(1, settings.max_in_flight // FILES_SHARE // files.GROUP_CLAIMS),
        spool_bytes=settings.spool_bytes,
        stall_seconds=settings.spool_stall_seconds,
        spool_directory=settings.spool_dir,
    )


def _services() -> list[str]:
    return [service.full_name for service in _served()]


def _methods() -> list[str]:
    return [f"/{service.full_name}/{method.name}" for service in _served() for method in service.methods]


def _served() -> list[descriptor.ServiceDescriptor]:
    contracts = (claims_pb2.DESCRIPTOR, rules_pb2.DESCRIPTOR, completions_pb2.DESCRIPTOR)
    return [service for contract in contracts for service in contract.services_by_name.values()]


def _tokens(settings: configuration.ClaimsSettings, clock: clocks.Clock) -> tokens.TokenVerifier | None:
    if settings.development_keys_file is not None:
        return tokens.development_verifier(settings.development_keys_file, clock)
    if settings.oidc_issuer:
        return oidc.oidc_verifier(settings.oidc_issuer, settings.oidc_audience, clock)
    return None


@contextlib.asynccontextmanager
async def _rescoring(rooms: Rooms, clock: clocks.Clock) -> AsyncIterator[None]:
    """Rescore in the background while it lasts."""
    late = rescore.Rescore(store=rooms.store, scorer=rooms.scorer, clock=clock, patient_key=rooms.patient_key)
    task = asyncio.create_task(late.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
